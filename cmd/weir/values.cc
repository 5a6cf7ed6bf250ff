#include "cmd/weir/values.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>

#include <arpa/inet.h>

#include "weir/limit/subject_template.h"
#include "weir/users/password.h"

namespace weir::cmd {
namespace {

constexpr uint64_t kNumberMax = std::numeric_limits<int64_t>::max();
constexpr Duration kRatePeriodMax = std::chrono::hours(24 * 365);

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 9> kSizeUnits{{{"b", 1},
                                          {"kb", uint64_t{1} << 10},
                                          {"kib", uint64_t{1} << 10},
                                          {"mb", uint64_t{1} << 20},
                                          {"mib", uint64_t{1} << 20},
                                          {"gb", uint64_t{1} << 30},
                                          {"gib", uint64_t{1} << 30},
                                          {"tb", uint64_t{1} << 40},
                                          {"tib", uint64_t{1} << 40}}};
constexpr std::array<Unit, 5> kDurationUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

struct Measure {
  uint64_t number = 0;
  std::string unit;  // In lower case.
};

// Splits "12mb" into 12 and "mb"; nullopt unless the text is digits and then letters.
std::optional<Measure> SplitMeasure(std::string_view text) {
  Measure measure;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), measure.number);
  if (error != std::errc()) return std::nullopt;
  for (const char letter : text.substr(static_cast<size_t>(end - text.data()))) {
    if (std::isalpha(static_cast<unsigned char>(letter)) == 0) return std::nullopt;
    measure.unit.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(letter))));
  }
  return measure;
}

// Returns the measure in the smallest unit; nullopt when the unit is unknown or the product is over
// kNumberMax.
template <size_t N>
std::optional<uint64_t> Scale(const Measure& measure, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (unit.name != measure.unit) continue;
    if (measure.number > kNumberMax / unit.factor) return std::nullopt;
    return measure.number * unit.factor;
  }
  return std::nullopt;
}

std::string Quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

// An address in its binary form: 4 or 16 bytes.
std::optional<std::string> ParseIp(const std::string& text) {
  std::array<char, 16> bytes;
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 4);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 16);
  return std::nullopt;
}

std::string FormatIp(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text;
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return "string";
    case ValueType::kEndpoint:
      return "address:port";
    case ValueType::kNetwork:
      return "network";
    case ValueType::kSize:
      return "size";
    case ValueType::kAmount:
      return "amount";
    case ValueType::kRate:
      return "rate";
    case ValueType::kDuration:
      return "duration";
    case ValueType::kInteger:
      return "integer";
    case ValueType::kBoolean:
      return "boolean";
    case ValueType::kChoice:
      return "choice";
    case ValueType::kSubject:
      return "choice or text";
    case ValueType::kPassword:
      return "password hash";
  }
  assert(false);
  return "";
}

bool IsWrittenAsString(ValueType type) {
  return type != ValueType::kInteger && type != ValueType::kBoolean;
}

bool IsWrittenAsInteger(ValueType type) {
  return type == ValueType::kInteger || type == ValueType::kSize || type == ValueType::kAmount ||
         type == ValueType::kDuration;
}

ValueType TypeOf(const std::string&) {
  return ValueType::kString;
}
ValueType TypeOf(const LimitSubject&) {
  return ValueType::kSubject;
}
ValueType TypeOf(const PasswordHash&) {
  return ValueType::kPassword;
}
ValueType TypeOf(const Endpoint&) {
  return ValueType::kEndpoint;
}
ValueType TypeOf(const Network&) {
  return ValueType::kNetwork;
}
ValueType TypeOf(const ByteSize&) {
  return ValueType::kSize;
}
ValueType TypeOf(const Amount&) {
  return ValueType::kAmount;
}
ValueType TypeOf(const Rate&) {
  return ValueType::kRate;
}
ValueType TypeOf(const Duration&) {
  return ValueType::kDuration;
}
ValueType TypeOf(const int64_t&) {
  return ValueType::kInteger;
}
ValueType TypeOf(const bool&) {
  return ValueType::kBoolean;
}

std::string ReadValue(std::string_view text, std::string& value) {
  value = text;
  return "";
}

std::string ReadValue(std::string_view text, Endpoint& value) {
  const std::string fix =
      Quoted(text) + " is not an address and a port; write it as 127.0.0.1:6390 or [::1]:6390";
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return fix;
  std::string host(text.substr(0, colon));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const std::optional<std::string> ip = ParseIp(host);
  const std::optional<uint16_t> port = ParseNumber<uint16_t>(text.substr(colon + 1));
  if (!ip || !port || bracketed != (ip->size() == 16)) return fix;
  value = {FormatIp(*ip), *port};
  return "";
}

std::string ReadValue(std::string_view text, Network& value) {
  const std::string fix =
      Quoted(text) + " is not a network; write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32";
  const size_t slash = text.find('/');
  std::optional<std::string> ip = ParseIp(std::string(text.substr(0, slash)));
  if (!ip) return fix;
  const unsigned bits_max = static_cast<unsigned>(ip->size()) * 8;
  unsigned bits = bits_max;
  if (slash != text.npos) {
    const std::optional<unsigned> written = ParseNumber<unsigned>(text.substr(slash + 1));
    if (!written || *written > bits_max) return fix;
    bits = *written;
  }
  std::string masked = *ip;
  for (unsigned i = 0; i < masked.size(); ++i) {
    const unsigned kept = std::clamp<int>(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
    masked[i] = static_cast<char>(static_cast<unsigned char>(masked[i]) & (0xFF00 >> kept));
  }
  if (masked != *ip) {
    return Quoted(text) + " has address bits past its prefix; write " + FormatIp(masked) + "/" +
           std::to_string(bits) + " for the network";
  }
  value = {FormatIp(*ip), bits};
  return "";
}

std::string ReadValue(std::string_view text, ByteSize& value) {
  std::optional<Measure> measure = SplitMeasure(text);
  if (measure && measure->unit.empty()) measure->unit = "b";
  const std::optional<uint64_t> bytes = measure ? Scale(*measure, kSizeUnits) : std::nullopt;
  if (!bytes) {
    return Quoted(text) + " is not a size; write bytes, or a number and a unit of kb, mb, gb, tb";
  }
  value.bytes = *bytes;
  return "";
}

std::string ReadValue(std::string_view text, Amount& value) {
  ByteSize size;
  std::string problem = ReadValue(text, size);
  if (!problem.empty()) return Quoted(text) + " is not an amount; write 100, or 1mb for bytes";
  value = {size.bytes, std::isalpha(static_cast<unsigned char>(text.back())) != 0};
  return "";
}

std::string ReadValue(std::string_view text, Rate& value) {
  const std::string fix =
      Quoted(text) + " is not a rate; write it as 1000/s, 60/m, 500/10s or, for bytes, 10mb/s";
  const size_t slash = text.find('/');
  Rate rate;
  if (slash == text.npos || !ReadValue(text.substr(0, slash), rate.amount).empty()) return fix;
  std::string period(text.substr(slash + 1));
  if (!period.empty() && std::isalpha(static_cast<unsigned char>(period[0])) != 0) {
    period.insert(0, "1");
  }
  if (!ReadValue(period, rate.period).empty() || rate.period == kUnbounded) return fix;
  if (rate.period > kRatePeriodMax) return Quoted(text) + " has a period over 365d";
  if (rate.amount.count == 0 || rate.period.count() == 0) {
    return Quoted(text) + " lets nothing pass; a rate and its period start at 1";
  }
  value = rate;
  return "";
}

std::string ReadValue(std::string_view text, Duration& value) {
  if (text == "none") {
    value = kUnbounded;
    return "";
  }
  const std::optional<Measure> measure = SplitMeasure(text);
  uint64_t ms = kNumberMax;
  if (measure) ms = Scale(*measure, kDurationUnits).value_or(kNumberMax);
  if (text == "0") ms = 0;
  if (ms == kNumberMax) {
    return Quoted(text) +
           " is not a duration; write a number and a unit of ms, s, m, h, d, such as \"5s\"";
  }
  value = Duration(static_cast<int64_t>(ms));
  return "";
}

std::string ReadValue(std::string_view text, int64_t& value) {
  const std::optional<int64_t> number = ParseNumber<int64_t>(text);
  if (!number) return Quoted(text) + " is not a whole number";
  value = *number;
  return "";
}

std::string ReadValue(std::string_view text, bool& value) {
  if (text != "true" && text != "false") return Quoted(text) + " is neither true nor false";
  value = text == "true";
  return "";
}

std::string ShowValue(const std::string& value) {
  return value;
}

std::string ShowValue(const Endpoint& value) {
  const bool v6 = value.ip.find(':') != value.ip.npos;
  return (v6 ? "[" + value.ip + "]" : value.ip) + ":" + std::to_string(value.port);
}

std::string ShowValue(const Network& value) {
  return value.ip + "/" + std::to_string(value.prefix_bits);
}

std::string ShowValue(const ByteSize& value) {
  constexpr std::array<Unit, 4> kShown{{{"TiB", uint64_t{1} << 40},
                                        {"GiB", uint64_t{1} << 30},
                                        {"MiB", uint64_t{1} << 20},
                                        {"KiB", uint64_t{1} << 10}}};
  for (const Unit& unit : kShown) {
    if (value.bytes != 0 && value.bytes % unit.factor == 0) {
      return std::to_string(value.bytes / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value.bytes) + "b";
}

std::string ShowValue(const Amount& value) {
  return value.sized ? ShowValue(ByteSize{value.count}) : std::to_string(value.count);
}

std::string ShowValue(const Rate& value) {
  std::string period = ShowValue(value.period);
  const bool one = period[0] == '1' && std::isalpha(static_cast<unsigned char>(period[1])) != 0;
  if (one) period.erase(0, 1);
  return ShowValue(value.amount) + "/" + period;
}

std::string ShowValue(const Duration& value) {
  if (value == kUnbounded) return "none";
  const auto ms = static_cast<uint64_t>(value.count());
  if (ms == 0) return "0";
  const Unit* shown = &kDurationUnits[0];
  for (const Unit& unit : kDurationUnits) {
    if (ms % unit.factor == 0) shown = &unit;
  }
  return std::to_string(ms / shown->factor) + std::string(shown->name);
}

std::string ShowValue(const int64_t& value) {
  return std::to_string(value);
}

std::string ReadValue(std::string_view text, LimitSubject& value) {
  if (text.find_first_of("{}") != text.npos) {
    const auto parsed = limit::SubjectTemplate::Parse(text);
    if (!parsed.ok()) return Quoted(text) + " makes no text: " + parsed.error().message;
    value = {.text = std::string(text)};
    return "";
  }
  const std::vector<std::string_view> words = WordsOf<LimitScope>();
  const auto word = std::find(words.begin(), words.end(), text);
  if (word == words.end()) {
    return Quoted(text) +
           " is not known here; write \"all\", \"client\", \"key\", \"user\" or a text such as "
           "\"{user}/{key.1}\"";
  }
  value = {.scope = static_cast<LimitScope>(word - words.begin())};
  return "";
}

std::string ShowValue(const LimitSubject& value) {
  if (!value.text.empty()) return value.text;
  return std::string(WordsOf<LimitScope>()[static_cast<size_t>(value.scope)]);
}

// What was read is not repeated: it may be a password.
std::string ReadValue(std::string_view text, PasswordHash& value) {
  const Result<users::PasswordCost> cost = users::HashCost(text);
  if (!cost.ok()) return cost.error().message;
  value.text = text;
  return "";
}

std::string ShowValue(const PasswordHash& value) {
  return value.text;
}
std::string ShowValue(const bool& value) {
  return value ? "true" : "false";
}

template <>
std::vector<std::string_view> WordsOf<Durability>() {
  return {"fsync", "os"};
}
template <>
std::vector<std::string_view> WordsOf<CacheObjective>() {
  return {"hits", "bytes"};
}
template <>
std::vector<std::string_view> WordsOf<LimitsCrowded>() {
  return {"share", "deny", "allow"};
}
template <>
std::vector<std::string_view> WordsOf<StoreKind>() {
  return {"rocksdb", "memory"};
}
template <>
std::vector<std::string_view> WordsOf<Redirect>() {
  return {"auto", "always", "never"};
}
template <>
std::vector<std::string_view> WordsOf<ClientCertificates>() {
  return {"none", "optional", "required"};
}
template <>
std::vector<std::string_view> WordsOf<LogLevel>() {
  return {"debug", "info", "warn", "error"};
}
template <>
std::vector<std::string_view> WordsOf<UserRight>() {
  return {"read", "write", "admin"};
}
template <>
std::vector<std::string_view> WordsOf<LimitCommands>() {
  return {"all", "read", "write", "admin", "none"};
}
template <>
std::vector<std::string_view> WordsOf<LimitScope>() {
  return {"all", "client", "key", "user"};
}
template <>
std::vector<std::string_view> WordsOf<LimitUnit>() {
  return {"requests", "bytes", "database_ms"};
}

std::string IpBytes(const std::string& ip) {
  const std::optional<std::string> bytes = ParseIp(ip);
  assert(bytes);
  return *bytes;
}

bool IsLoopback(const Endpoint& endpoint) {
  return endpoint.ip.starts_with("127.") || endpoint.ip == "::1";
}

bool IsEveryAddress(const Endpoint& endpoint) {
  return endpoint.ip == "0.0.0.0" || endpoint.ip == "::";
}

bool ListensAt(const Endpoint& listened, const Endpoint& address) {
  if (listened.port != address.port) return false;
  const auto is_v6 = [](const Endpoint& endpoint) {
    return endpoint.ip.find(':') != std::string::npos;
  };
  const bool every = IsEveryAddress(listened) && is_v6(listened) == is_v6(address);
  return every || listened.ip == address.ip;
}

std::string Quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted += {'\\', letter};
    } else if (code < 0x20 || code == 0x7F) {
      quoted += "\\u00";
      quoted += {kHex[code >> 4], kHex[code & 15]};
    } else {
      quoted += letter;
    }
  }
  return quoted + "\"";
}

std::string_view NearestWord(std::string_view word, const std::vector<std::string_view>& words) {
  std::string_view nearest;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : words) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= std::min(least, candidate.size())) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace weir::cmd
