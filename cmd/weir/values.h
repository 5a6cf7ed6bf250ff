// How one value is written in a configuration: reading and showing it, by type.
//
// ReadValue takes the text of a flag or of a TOML value and returns what is wrong and how to write
// it, or "" when `value` has been set. ShowValue returns the canonical text, without quotes:
// reading it gives the same value again.
//
// Threads: pure functions. Source: sizes as in redis.conf (1mb = 1 MiB), CIDR as in RFC 4632.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/weir/config.h"

namespace weir::cmd {

enum class ValueType {
  kString,    // "text"
  kEndpoint,  // "127.0.0.1:6390", "[::1]:6390", "localhost:6390"
  kNetwork,   // "10.0.0.0/8", "::1"
  kSize,      // "256mb" = "256MiB" = 268435456; units are binary
  kAmount,    // 100, or "1mb" where bytes are counted
  kRate,      // "1000/s", "500/10s", "60/m", "10mb/s"
  kDuration,  // "500ms", "5s", "10m", "1h", "7d", 0, "none"
  kInteger,   // 100
  kBoolean,   // true
  kChoice,    // one word of a list
  kSubject,   // one word of a list, or "{user}/{key.1}"
  kPassword,  // "$argon2id$v=19$m=...$...$..."
};

// Returns what the documentation calls the type.
std::string_view TypeName(ValueType type);

// Returns true when the type is written as a TOML string; some accept an integer too.
bool IsWrittenAsString(ValueType type);
bool IsWrittenAsInteger(ValueType type);

ValueType TypeOf(const std::string&);
ValueType TypeOf(const Endpoint&);
ValueType TypeOf(const Network&);
ValueType TypeOf(const ByteSize&);
ValueType TypeOf(const Amount&);
ValueType TypeOf(const Rate&);
ValueType TypeOf(const Duration&);
ValueType TypeOf(const int64_t&);
ValueType TypeOf(const bool&);
ValueType TypeOf(const LimitSubject&);
ValueType TypeOf(const PasswordHash&);

std::string ReadValue(std::string_view text, std::string& value);
std::string ReadValue(std::string_view text, Endpoint& value);
std::string ReadValue(std::string_view text, Network& value);
std::string ReadValue(std::string_view text, ByteSize& value);
std::string ReadValue(std::string_view text, Amount& value);
std::string ReadValue(std::string_view text, Rate& value);
std::string ReadValue(std::string_view text, Duration& value);
std::string ReadValue(std::string_view text, int64_t& value);
std::string ReadValue(std::string_view text, bool& value);
std::string ReadValue(std::string_view text, LimitSubject& value);
std::string ReadValue(std::string_view text, PasswordHash& value);

std::string ShowValue(const std::string& value);
std::string ShowValue(const Endpoint& value);
std::string ShowValue(const Network& value);
std::string ShowValue(const ByteSize& value);
std::string ShowValue(const Amount& value);
std::string ShowValue(const Rate& value);
std::string ShowValue(const Duration& value);
std::string ShowValue(const int64_t& value);
std::string ShowValue(const bool& value);
std::string ShowValue(const LimitSubject& value);
std::string ShowValue(const PasswordHash& value);

// The words of an enumeration, in the order of its values from 0.
template <typename Enum>
std::vector<std::string_view> WordsOf();

template <>
std::vector<std::string_view> WordsOf<Durability>();
template <>
std::vector<std::string_view> WordsOf<CacheObjective>();
template <>
std::vector<std::string_view> WordsOf<LimitsCrowded>();
template <>
std::vector<std::string_view> WordsOf<StoreKind>();
template <>
std::vector<std::string_view> WordsOf<Redirect>();
template <>
std::vector<std::string_view> WordsOf<ClientCertificates>();
template <>
std::vector<std::string_view> WordsOf<LogLevel>();
template <>
std::vector<std::string_view> WordsOf<UserRight>();
template <>
std::vector<std::string_view> WordsOf<LimitCommands>();
template <>
std::vector<std::string_view> WordsOf<LimitScope>();
template <>
std::vector<std::string_view> WordsOf<LimitUnit>();

// Returns an address literal in network order: 4 bytes, or 16. Requires: one that ReadValue gave.
std::string IpBytes(const std::string& ip);

// Returns true for 127.0.0.0/8 and ::1.
bool IsLoopback(const Endpoint& endpoint);
// Returns true for 0.0.0.0 and ::, on which a listener hears all addresses of its machine, and
// which lead nobody to it.
bool IsEveryAddress(const Endpoint& endpoint);
// Whether a listener on `listened` takes connections to `address`, where it is one of its machine.
bool ListensAt(const Endpoint& listened, const Endpoint& address);

// Returns `text` as a TOML basic string, with its quotes.
std::string Quote(std::string_view text);

// Returns the word of `words` nearest to `word` when it is near enough to be a slip of the fingers
// (a third of its letters, or two, may be wrong), else "".
std::string_view NearestWord(std::string_view word, const std::vector<std::string_view>& words);

}  // namespace weir::cmd
