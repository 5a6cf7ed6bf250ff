#include "weir/resp/reader.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <optional>
#include <utility>

namespace weir::resp {
namespace {

template <typename Number>
std::optional<Number> Parse(std::string_view text) {
  Number number{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsInteger(std::string_view text) {
  const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return text.size() > sign && text.find_first_not_of("0123456789", sign) == text.npos;
}

}  // namespace

ReadResult Reader::Next(std::string_view* input, Value* value) {
  if (!error_.empty()) return ReadResult::kError;
  while (!input->empty()) {
    const Step step = body_left_ > 0 ? ReadBody(input) : ReadLine(input);
    if (step == Step::kError) return ReadResult::kError;
    if (step == Step::kNeedMore) break;
    if (root_placed_ && open_.empty()) {
      *value = std::exchange(root_, Value());
      root_placed_ = false;
      values_ = 0;
      bytes_ = 0;
      return ReadResult::kValue;
    }
  }
  return ReadResult::kNeedMore;
}

Reader::Step Reader::ReadLine(std::string_view* input) {
  const size_t end = input->find('\n');
  const size_t size = end == input->npos ? input->size() : end + 1;
  // Exactly the bytes up to the limit are kept, so the error does not depend on the chunks.
  const size_t taken = std::min(size, limits_.line_bytes_max + 2 - line_.size());
  line_.append(input->substr(0, taken));
  input->remove_prefix(taken);
  if (line_.ends_with('\n')) {
    if (!line_.ends_with("\r\n")) return Fail("a line does not end in CRLF");
    line_.resize(line_.size() - 2);
    const Step step = TakeLine();
    line_.clear();
    return step;
  }
  if (line_.size() == limits_.line_bytes_max + 2) return Fail("a line is too long");
  return Step::kNeedMore;
}

Reader::Step Reader::ReadBody(std::string_view* input) {
  const size_t taken = std::min(input->size(), body_left_);
  body_.text.append(input->substr(0, taken));
  input->remove_prefix(taken);
  body_left_ -= taken;
  if (body_left_ > 0) return Step::kNeedMore;
  if (!body_.text.ends_with("\r\n")) return Fail("a bulk string does not end in CRLF");
  body_.text.resize(body_.text.size() - 2);
  return Place(std::exchange(body_, Value()), 0);
}

Reader::Step Reader::TakeLine() {
  if (line_.empty()) return Fail("an empty line");
  const char marker = line_[0];
  const std::string_view text = std::string_view(line_).substr(1);
  switch (marker) {
    case '$':
      return StartBody(Value::Kind::kBulk, text);
    case '=':
      return StartBody(Value::Kind::kVerbatim, text);
    case '!':
      return StartBody(Value::Kind::kError, text);
    case '*':
    case '%':
    case '~':
    case '>':
      return StartAggregate(marker, text);
    default:
      break;
  }
  Value value;
  const Step step = TakeScalar(marker, text, &value);
  return step == Step::kDone ? Place(std::move(value), 0) : step;
}

Reader::Step Reader::TakeScalar(char marker, std::string_view text, Value* value) {
  if (marker == '+' || marker == '-') {
    value->kind = marker == '+' ? Value::Kind::kSimple : Value::Kind::kError;
    value->text = text;
  } else if (marker == ':') {
    const std::optional<int64_t> integer = Parse<int64_t>(text);
    if (!integer) return Fail("an integer is not one");
    value->kind = Value::Kind::kInteger;
    value->integer = *integer;
  } else if (marker == ',') {
    const std::optional<double> number = Parse<double>(text);
    if (!number) return Fail("a double is not one");
    value->kind = Value::Kind::kDouble;
    value->number = *number;
  } else if (marker == '#') {
    if (text != "t" && text != "f") return Fail("a boolean is neither t nor f");
    value->kind = Value::Kind::kBoolean;
    value->integer = text == "t" ? 1 : 0;
  } else if (marker == '(') {
    if (!IsInteger(text)) return Fail("a big number is not one");
    value->kind = Value::Kind::kBigNumber;
    value->text = text;
  } else if (marker != '_' || !text.empty()) {
    return Fail("an unknown type of reply");
  }
  return Step::kDone;
}

Reader::Step Reader::StartBody(Value::Kind kind, std::string_view text) {
  const std::optional<int64_t> size = Parse<int64_t>(text);
  if (size == -1 && kind == Value::Kind::kBulk) return Place(Value(), 0);
  if (!size || *size < 0) return Fail("a bulk length is not one");
  if (static_cast<uint64_t>(*size) > limits_.bytes_max - bytes_) return Fail("too many bytes");
  bytes_ += static_cast<size_t>(*size);
  body_left_ = static_cast<size_t>(*size) + 2;
  body_.kind = kind;
  return Step::kDone;
}

Reader::Step Reader::StartAggregate(char marker, std::string_view text) {
  const std::optional<int64_t> count = Parse<int64_t>(text);
  if (count == -1 && marker == '*') return Place(Value(), 0);
  if (!count || *count < 0) return Fail("a count is not one");
  if (static_cast<uint64_t>(*count) > limits_.values_max) return Fail("too many values");
  Value value;
  value.kind = marker == '*'   ? Value::Kind::kArray
               : marker == '%' ? Value::Kind::kMap
               : marker == '~' ? Value::Kind::kSet
                               : Value::Kind::kPush;
  const size_t items = static_cast<size_t>(*count) * (marker == '%' ? 2 : 1);
  if (open_.size() >= limits_.depth_max) return Fail("aggregates are nested too deeply");
  return Place(std::move(value), items);
}

// A child is appended only while its parent is the innermost open aggregate, so no pointer in
// open_ ever points into a vector that grows.
Reader::Step Reader::Place(Value value, size_t items_to_come) {
  if (++values_ > limits_.values_max) return Fail("too many values");
  Value* placed = &root_;
  if (open_.empty()) {
    assert(!root_placed_);
    root_ = std::move(value);
    root_placed_ = true;
  } else {
    placed = &open_.back().aggregate->items.emplace_back(std::move(value));
    --open_.back().left;
  }
  if (items_to_come > 0) open_.push_back({placed, items_to_come});
  while (!open_.empty() && open_.back().left == 0) open_.pop_back();
  return Step::kDone;
}

Reader::Step Reader::Fail(std::string_view text) {
  error_ = text;
  return Step::kError;
}

}  // namespace weir::resp
