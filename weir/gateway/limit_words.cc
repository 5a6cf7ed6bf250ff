#include "weir/gateway/limit_words.h"

#include <charconv>
#include <string>

#include "weir/gateway/errors.h"

namespace weir::gateway {
namespace {

struct Period {
  std::string_view unit;
  std::chrono::nanoseconds length;
};
constexpr Period kPeriods[] = {{"ms", std::chrono::milliseconds(1)},
                               {"s", std::chrono::seconds(1)},
                               {"m", std::chrono::minutes(1)},
                               {"h", std::chrono::hours(1)},
                               {"d", std::chrono::hours(24)}};

Error Fault(std::string text) {
  return Error{ErrorCode::kInvalid, std::move(text)};
}

// Reads the digits that `text` begins with and takes them away.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc()) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(at - text->data()));
  return number;
}

// One request's words, read from front to back.
class LimitReader {
 public:
  LimitReader(Args args, size_t begin) : args_(args), at_(begin) {}

  Result<NamedLimitWords> Read() {
    for (;;) {
      if (at_ == args_.size()) return Fault(std::string(errors::kLimitKey));
      key_ = args_[at_++];
      window_ = 0;
      const size_t before = words_.count;
      while (at_ < args_.size() && (Is("RATE") || Is("POLICY"))) {
        if (const Result<Ok> read = ReadLimit(); !read.ok()) return read.error();
      }
      if (words_.count == before) {
        return Fault(errors::NoLimitOfKey(at_ < args_.size() ? args_[at_] : ""));
      }
      if (at_ == args_.size() || !Is("AND")) break;
      ++at_;
    }
    words_.end = at_;
    return words_;
  }

 private:
  bool Is(std::string_view word) const { return SameWord(args_[at_], word); }

  // Requires: RATE or POLICY is the next word.
  Result<Ok> ReadLimit() {
    if (words_.count == words_.limits.size()) return Fault(std::string(errors::kTooManyLimits));
    limit::NamedLimit& limit = words_.limits[words_.count++];
    limit.key = key_;
    const bool own = Is("RATE");
    if (++at_ == args_.size()) return Fault(std::string(errors::kSyntax));
    if (own) {
      const std::optional<limit::Rate> rate = ReadRate(args_[at_]);
      if (!rate.has_value()) return Fault(errors::NotRate(args_[at_]));
      limit.rate = *rate;
      limit.window = window_++;
    } else {
      if (args_[at_].empty()) return Fault(std::string(errors::kSyntax));
      limit.policy = args_[at_];
    }
    ++at_;
    while (at_ < args_.size() && (Is("COST") || (own && Is("BURST")))) {
      uint64_t& number = Is("COST") ? limit.cost : limit.rate.burst;
      if (++at_ == args_.size()) return Fault(std::string(errors::kSyntax));
      int64_t given = 0;
      if (!ParseInteger(args_[at_], &given)) return Fault(std::string(errors::kNotInteger));
      if (given < 0) return Fault(std::string(errors::kNegativeTokens));
      number = static_cast<uint64_t>(given);
      ++at_;
    }
    return Ok();
  }

  Args args_;
  size_t at_;
  std::string_view key_;
  size_t window_ = 0;
  NamedLimitWords words_;
};

limit::CommandClass ClassOf(const CommandSpec& spec) {
  if ((spec.flags & kFlagAdmin) != 0) return limit::CommandClass::kAdmin;
  return (spec.flags & kFlagWrite) != 0 ? limit::CommandClass::kWrite : limit::CommandClass::kRead;
}

}  // namespace

Result<NamedLimitWords> ReadNamedLimits(Args args, size_t begin) {
  return LimitReader(args, begin).Read();
}

std::optional<limit::Rate> ReadRate(std::string_view text) {
  const std::optional<uint64_t> count = TakeNumber(&text);
  if (!count.has_value() || text.empty() || text[0] != '/') return std::nullopt;
  text.remove_prefix(1);
  const std::optional<uint64_t> periods = TakeNumber(&text);
  for (const Period& period : kPeriods) {
    if (text != period.unit) continue;
    const uint64_t many = periods.value_or(1);
    if (many > static_cast<uint64_t>(limit::kPeriodMax / period.length)) return std::nullopt;
    const auto length = period.length * static_cast<int64_t>(many);
    return limit::Rate{.count = *count, .period = length, .burst = *count};
  }
  return std::nullopt;
}

limit::Request LimitRequest(const CommandSpec& spec, Args args, const Session& session) {
  limit::Request request;
  request.user = session.user_name();
  request.client = session.client;
  if (spec.keys.first != 0) request.key = args[static_cast<size_t>(spec.keys.first)];
  request.command = ClassOf(spec);
  for (const std::string_view arg : args) request.bytes += arg.size();
  return request;
}

}  // namespace weir::gateway
