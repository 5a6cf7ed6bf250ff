#include "weir/resp/writer.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

namespace weir::resp {
namespace {

// A marker, the longest integer and CRLF.
constexpr size_t kHeaderBytesMax = 1 + 20 + 2;
// The longest shortest-form double, -2.2250738585072014e-308, with its marker and CRLF.
constexpr size_t kDoubleBytesMax = 32;
// Values up to this, in a reply of one piece, take the short way.
constexpr size_t kShortBulkBytesMax = kOutputReserveBytesMax - kHeaderBytesMax - 2;

static_assert(kDoubleBytesMax <= kOutputReserveBytesMax);

char* PutCrlf(char* at) {
  std::memcpy(at, "\r\n", 2);
  return at + 2;
}

template <typename Number>
char* PutHeader(char* at, char marker, Number number) {
  *at++ = marker;
  at = std::to_chars(at, at + kHeaderBytesMax - 3, number).ptr;
  return PutCrlf(at);
}

std::string_view DoubleText(double value, std::span<char> room) {
  if (std::isnan(value)) return "nan";  // Without the sign that to_chars would show.
  const auto end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
  return {room.data(), static_cast<size_t>(end - room.data())};
}

}  // namespace

void Writer::SimpleString(std::string_view text) {
  Line('+', text, {});
}

void Writer::Error(std::string_view code, std::string_view text) {
  if (error_code_size_ == 0) {
    error_code_size_ = static_cast<uint8_t>(std::min(code.size(), kErrorCodeBytesMax));
    std::copy_n(code.data(), error_code_size_, error_code_.data());
  }
  Line('-', code, text);
}

void Writer::Integer(int64_t value) {
  char* const at = output_.Reserve(kHeaderBytesMax);
  output_.Advance(PutHeader(at, ':', value));
}

void Writer::Bulk(std::string_view value) {
  if (value.size() <= kShortBulkBytesMax) {
    char* at = output_.Reserve(kHeaderBytesMax + value.size() + 2);
    at = PutHeader(at, '$', value.size());
    if (!value.empty()) std::memcpy(at, value.data(), value.size());
    output_.Advance(PutCrlf(at + value.size()));
    return;
  }
  Header('$', value.size());
  output_.Append(value);
  output_.Append("\r\n");
}

void Writer::BulkPart(const Bytes& value, std::string_view part) {
  if (part.size() <= kSharedValueBytes) return Bulk(part);
  Header('$', part.size());
  output_.AppendShared(value, part);
  output_.Append("\r\n");
}

void Writer::Encoded(const Bytes& values) {
  if (values.size() > kSharedValueBytes) {
    output_.AppendShared(values, values.view());
  } else {
    output_.Append(values.view());
  }
}

void Writer::Null() {
  output_.Append(protocol_ == Protocol::kResp3 ? "_\r\n" : "$-1\r\n");
}

void Writer::NullArray() {
  output_.Append(protocol_ == Protocol::kResp3 ? "_\r\n" : "*-1\r\n");
}

void Writer::ArrayHeader(uint64_t count) {
  Header('*', count);
}

void Writer::MapHeader(uint64_t pairs) {
  assert(pairs <= UINT64_MAX / 2);
  if (protocol_ == Protocol::kResp3) return Header('%', pairs);
  Header('*', 2 * pairs);
}

void Writer::SetHeader(uint64_t count) {
  Header(protocol_ == Protocol::kResp3 ? '~' : '*', count);
}

void Writer::PushHeader(uint64_t count) {
  Header(protocol_ == Protocol::kResp3 ? '>' : '*', count);
}

void Writer::Double(double value) {
  char room[kDoubleBytesMax];
  DoubleAs(DoubleText(value, room));
}

void Writer::DoubleAs(std::string_view text) {
  if (protocol_ == Protocol::kResp2) return Bulk(text);
  Line(',', text, {});
}

void Writer::Boolean(bool value) {
  if (protocol_ == Protocol::kResp2) return Integer(value ? 1 : 0);
  output_.Append(value ? "#t\r\n" : "#f\r\n");
}

void Writer::Verbatim(std::string_view format, std::string_view text) {
  assert(format.size() == 3);
  if (protocol_ == Protocol::kResp2) return Bulk(text);
  Header('=', format.size() + 1 + text.size());
  output_.Append(format);
  output_.Append(":");
  output_.Append(text);
  output_.Append("\r\n");
}

void Writer::BigNumber(std::string_view digits) {
  if (protocol_ == Protocol::kResp2) return Bulk(digits);
  Line('(', digits, {});
}

void Writer::Header(char marker, uint64_t number) {
  char* const at = output_.Reserve(kHeaderBytesMax);
  output_.Advance(PutHeader(at, marker, number));
}

void Writer::Line(char marker, std::string_view first, std::string_view rest) {
  output_.Append({&marker, 1});
  AppendText(first);
  if (!rest.empty()) {
    output_.Append(" ");
    AppendText(rest);
  }
  output_.Append("\r\n");
}

void Writer::AppendText(std::string_view text) {
  while (!text.empty()) {
    const size_t size = std::min(text.size(), kOutputReserveBytesMax);
    char* const at = output_.Reserve(size);
    output_.Advance(std::transform(text.begin(), text.begin() + size, at,
                                   [](char c) { return c == '\r' || c == '\n' ? ' ' : c; }));
    text.remove_prefix(size);
  }
}

}  // namespace weir::resp
