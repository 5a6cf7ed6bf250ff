// The command table. To add a command: one row here, one small function in commands_*.cc.
#include <algorithm>
#include <array>
#include <charconv>

#include "weir/gateway/command.h"
#include "weir/gateway/commands.h"

namespace weir::gateway {
namespace {

using enum CommandKind;
namespace c = commands;

constexpr uint16_t kRo = kFlagReadOnly;
constexpr uint16_t kWr = kFlagWrite;
constexpr uint16_t kFast = kFlagFast;
constexpr uint16_t kOom = kFlagDenyOom;
constexpr uint16_t kConn = kFlagFast | kFlagLoading | kFlagStale;
constexpr uint16_t kAdm = kFlagAdmin | kFlagLoading | kFlagStale;

// In order of name. Columns: name, arity, kind, flags, keys, group, since, summary, then functions.
constexpr auto kTable = std::to_array<CommandSpec>({
    {"append",
     3,
     kWrite,
     kWr | kOom | kFast,
     {1, 1, 1},
     "string",
     "2.0.0",
     "Appends a string to the value of a key. Creates the key if it doesn't exist.",
     nullptr,
     nullptr,
     c::Append},
    {"client",
     -2,
     kLocal,
     kConn | kFlagNoAuth,
     {},
     "connection",
     "2.4.0",
     "A container for client connection commands.",
     c::Client},
    {"command",
     -1,
     kLocal,
     kFlagLoading | kFlagStale,
     {},
     "server",
     "2.8.13",
     "Returns detailed information about all commands.",
     c::Command},
    {"config",
     -2,
     kLocal,
     kAdm,
     {},
     "server",
     "2.0.0",
     "A container for server configuration commands.",
     c::Config},
    {"dbsize",
     1,
     kCount,
     kRo | kFast,
     {},
     "server",
     "1.0.0",
     "Returns the number of keys in the database."},
    {"decr",
     2,
     kWrite,
     kWr | kOom | kFast,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't "
     "exist.",
     nullptr,
     nullptr,
     c::Decr},
    {"decrby",
     3,
     kWrite,
     kWr | kOom | kFast,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Decrements a number from the integer value of a key. Uses 0 as initial value if the key "
     "doesn't exist.",
     nullptr,
     nullptr,
     c::Incrby},
    {"del",
     -2,
     kWrite,
     kWr,
     {1, -1, 1},
     "generic",
     "1.0.0",
     "Deletes one or more keys.",
     nullptr,
     nullptr,
     c::Del,
     c::Always},
    {"echo", 2, kLocal, kConn, {}, "connection", "1.0.0", "Returns the given string.", c::Echo},
    {"exists",
     -2,
     kRead,
     kRo | kFast,
     {1, -1, 1},
     "generic",
     "1.0.0",
     "Determines whether one or more keys exist.",
     nullptr,
     c::Exists},
    {"expire",
     -3,
     kWrite,
     kWr | kFast,
     {1, 1, 1},
     "generic",
     "1.0.0",
     "Sets the expiration time of a key in seconds.",
     nullptr,
     nullptr,
     c::Expire},
    {"flushall", -1, kClear, kWr, {}, "server", "1.0.0", "Removes all keys."},
    {"get",
     2,
     kRead,
     kRo | kFast,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Returns the string value of a key.",
     nullptr,
     c::Get},
    {"hello",
     -1,
     kLocal,
     kConn | kFlagNoAuth,
     {},
     "connection",
     "6.0.0",
     "Handshakes with the server.",
     c::Hello},
    {"incr",
     2,
     kWrite,
     kWr | kOom | kFast,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't "
     "exist.",
     nullptr,
     nullptr,
     c::Incr},
    {"incrby",
     3,
     kWrite,
     kWr | kOom | kFast,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Increments the integer value of a key by a number. Uses 0 as initial value if the key "
     "doesn't exist.",
     nullptr,
     nullptr,
     c::Incrby},
    {"info",
     -1,
     kLocal,
     kFlagLoading | kFlagStale,
     {},
     "server",
     "1.0.0",
     "Returns information and statistics about the server.",
     c::Info},
    {"mget",
     -2,
     kRead,
     kRo | kFast,
     {1, -1, 1},
     "string",
     "1.0.0",
     "Atomically returns the string values of one or more keys.",
     nullptr,
     c::Mget},
    {"mset",
     -3,
     kWrite,
     kWr | kOom,
     {1, -1, 2},
     "string",
     "1.0.1",
     "Atomically creates or modifies the string values of one or more keys.",
     nullptr,
     nullptr,
     c::Mset,
     c::Always},
    {"persist",
     2,
     kWrite,
     kWr | kFast,
     {1, 1, 1},
     "generic",
     "2.2.0",
     "Removes the expiration time of a key.",
     nullptr,
     nullptr,
     c::Persist},
    {"pexpire",
     -3,
     kWrite,
     kWr | kFast,
     {1, 1, 1},
     "generic",
     "2.6.0",
     "Sets the expiration time of a key in milliseconds.",
     nullptr,
     nullptr,
     c::Pexpire},
    {"ping",
     -1,
     kLocal,
     kFast,
     {},
     "connection",
     "1.0.0",
     "Returns the server's liveliness response.",
     c::Ping},
    {"pttl",
     2,
     kRead,
     kRo | kFast,
     {1, 1, 1},
     "generic",
     "2.6.0",
     "Returns the expiration time in milliseconds of a key.",
     nullptr,
     c::Pttl},
    {"quit",
     -1,
     kLocal,
     kConn | kFlagNoAuth | kFlagBarrier,
     {},
     "connection",
     "1.0.0",
     "Closes the connection.",
     c::Quit},
    {"scan",
     -2,
     kScan,
     kRo,
     {},
     "generic",
     "2.8.0",
     "Iterates over the key names in the database."},
    {"select",
     2,
     kLocal,
     kConn,
     {},
     "connection",
     "1.0.0",
     "Changes the selected database.",
     c::Select},
    {"set",
     -3,
     kWrite,
     kWr | kOom,
     {1, 1, 1},
     "string",
     "1.0.0",
     "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
     nullptr,
     nullptr,
     c::Set,
     c::SetIsBlind},
    {"strlen",
     2,
     kRead,
     kRo | kFast,
     {1, 1, 1},
     "string",
     "2.2.0",
     "Returns the length of a string value.",
     nullptr,
     c::Strlen},
    {"ttl",
     2,
     kRead,
     kRo | kFast,
     {1, 1, 1},
     "generic",
     "1.0.0",
     "Returns the expiration time in seconds of a key.",
     nullptr,
     c::Ttl},
    {"type",
     2,
     kRead,
     kRo | kFast,
     {1, 1, 1},
     "generic",
     "1.0.0",
     "Determines the type of value stored at a key.",
     nullptr,
     c::Type},
});

constexpr bool InOrder() {
  for (size_t i = 1; i < kTable.size(); ++i) {
    if (kTable[i - 1].name >= kTable[i].name) return false;
  }
  return true;
}
static_assert(InOrder());

constexpr char LowerChar(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

constexpr size_t kBuckets = 1024;

constexpr size_t BucketOf(std::string_view name) {
  uint32_t hash = 2166136261U;
  for (const char letter : name) {
    hash = (hash ^ static_cast<uint8_t>(LowerChar(letter))) * 16777619U;
  }
  return (hash ^ (hash >> 15)) % kBuckets;
}

// Open addressing, filled at compile time: row index + 1, 0 = empty.
constexpr std::array<uint8_t, kBuckets> MakeBuckets() {
  static_assert(kTable.size() < 255);
  std::array<uint8_t, kBuckets> buckets{};
  for (size_t row = 0; row < kTable.size(); ++row) {
    size_t bucket = BucketOf(kTable[row].name);
    while (buckets[bucket] != 0) bucket = (bucket + 1) % kBuckets;
    buckets[bucket] = static_cast<uint8_t>(row + 1);
  }
  return buckets;
}

constexpr std::array<uint8_t, kBuckets> kByName = MakeBuckets();

constexpr size_t kNameBytesMax = 32;

}  // namespace

const CommandSpec* FindCommand(std::string_view name) {
  if (name.size() > kNameBytesMax) return nullptr;
  for (size_t bucket = BucketOf(name); kByName[bucket] != 0; bucket = (bucket + 1) % kBuckets) {
    const CommandSpec& row = kTable[kByName[bucket] - 1U];
    if (SameWord(row.name, name)) return &row;
  }
  return nullptr;
}

std::span<const CommandSpec> AllCommands() {
  return kTable;
}

size_t CommandSpec::KeyCount(Args args) const {
  if (keys.first == 0) return 0;
  const auto count = static_cast<int>(args.size());
  const int last = keys.last >= 0 ? keys.last : count + keys.last;
  return last < keys.first ? 0 : static_cast<size_t>((last - keys.first) / keys.step + 1);
}

bool SameWord(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerChar(x) == LowerChar(y);
         });
}

bool ParseInteger(std::string_view text, int64_t* value) {
  if (text.empty() || text.size() > 20) return false;
  const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace weir::gateway
