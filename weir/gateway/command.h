// What a command is: one row of the command table and one small function.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/cache/cache.h"
#include "weir/cache/value.h"
#include "weir/gateway/home.h"
#include "weir/gateway/owned_args.h"
#include "weir/gateway/reply.h"
#include "weir/resp/writer.h"

namespace weir::gateway {

class Gateway;
class Placement;
struct Documentation;
struct CommandSpec;
struct Outbox;
struct Session;
class WriteBatch;

// What one key of a read holds. The view is valid during the handler.
struct Found {
  // Where it comes from.
  enum class Source : uint8_t {
    kFresh,         // Memory.
    kRefreshing,    // Memory; this read began a load that refreshes it.
    kStale,         // Memory, although its time is over.
    kRevalidating,  // Memory, although its time is over; this read began the load.
    kLoaded,        // The database, for this read.
  };

  bool present = false;
  Source source = Source::kLoaded;
  std::string_view bytes;
  const Bytes* shared = nullptr;  // The same bytes by reference, where that is at hand.
  WallTime expires_at = kNever;
  uint64_t version = 0;  // 0 when it is not present.
  WallTime fresh_until;  // In memory; long ago when it is not there.

  bool past_its_time() const { return source == Source::kStale || source == Source::kRevalidating; }
  bool begins_load() const {
    return source == Source::kRefreshing || source == Source::kRevalidating;
  }
};

// What `value` shows of its key, valid as long as it. What has expired is told by who loaded it.
inline Found FoundIn(const std::optional<cache::Value>& value) {
  if (!value.has_value()) return {};
  Found found;
  found.present = true;
  found.bytes = value->bytes.view();
  found.shared = &value->bytes;
  found.expires_at = value->expires_at;
  found.version = value->version;
  return found;
}

// What a hit shows, valid as long as it.
inline Found FoundIn(const cache::Cache::Hit& hit) {
  Found found;
  found.present = !hit.absent;
  found.source = Found::Source::kFresh;
  found.bytes = hit.value;
  found.shared = hit.shared;
  found.expires_at = hit.expires_at;
  found.version = hit.version;
  found.fresh_until = hit.fresh_until;
  return found;
}

struct ReadCall {
  Args args;
  std::span<const Found> found;  // One for each key, in order.
  WallTime now;
  size_t reply_bytes_max = SIZE_MAX;     // Of the values in the reply to a command of many keys.
  const Placement* placement = nullptr;  // But in a transaction, and for who reads many keys.
};

struct LocalCall {
  Args args;
  Session& session;
  Gateway& gateway;
  Home& home;                   // Of the session's connection.
  Outbox& outbox;               // Of its loop.
  bool in_transaction = false;  // A step of EXEC.
};

struct OperationCall {
  Args args;
  Origin origin;
  Gateway& gateway;
  const Session& session;
};

// How a command uses a key, as in the key specifications of COMMAND INFO.
enum KeyUse : uint16_t {
  kKeyRo = 1 << 0,
  kKeyRw = 1 << 1,
  kKeyOw = 1 << 2,  // Overwrites it.
  kKeyRm = 1 << 3,
  kKeyAccess = 1 << 4,  // Something of the value comes back to the client.
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyVariable = 1 << 8,  // Less, with some arguments.
};

// Which arguments are keys, as in COMMAND INFO: from `first` to `last` (negative: from the end) in
// steps. first = 0: none.
struct KeySpec {
  int first = 0;
  int last = 0;
  int step = 0;
  uint16_t use = 0;       // Of all keys, or of the first alone when rest_use is not 0.
  uint16_t rest_use = 0;  // Of the others, where a command uses them otherwise.
};

enum class CommandKind : uint8_t {
  kLocal,         // Answered from the connection and the process alone.
  kAuthenticate,  // As kLocal, once the password that it gives, if it does, has been checked.
  kRead,          // Answered from what its keys hold at one moment.
  kWrite,         // Goes through the log of its keys' database.
  kOperation,     // Asks the store for more than its keys' values; runs apart.
  kWait,          // Answered when the limits that it names let it pass, or will not in time.
  kExec,          // Runs what MULTI queued, as one item of the log of its keys' database.
};

// Flags of COMMAND INFO, in its order. Those from kFlagBarrier on are weir's own.
enum CommandFlag : uint32_t {
  kFlagWrite = 1 << 0,
  kFlagReadOnly = 1 << 1,
  kFlagDenyOom = 1 << 2,
  kFlagAdmin = 1 << 3,
  kFlagPubSub = 1 << 4,
  kFlagNoScript = 1 << 5,
  kFlagLoading = 1 << 6,
  kFlagStale = 1 << 7,
  kFlagSkipMonitor = 1 << 8,
  kFlagSkipSlowlog = 1 << 9,
  kFlagFast = 1 << 10,
  kFlagNoAuth = 1 << 11,
  kFlagNoAsyncLoading = 1 << 12,
  kFlagNoMulti = 1 << 13,
  kFlagAllowBusy = 1 << 14,
  kFlagBarrier = 1 << 15,       // Waits for all commands before it, and those after it wait.
  kFlagUnlimited = 1 << 16,     // Rate limits do not count it: a handshake or a farewell.
  kFlagChangesUser = 1 << 22,   // What follows is judged by the user that it leaves.
  kFlagEvenPaused = 1 << 24,    // No pause holds it back.
  kFlagNeedsAdmin = 1 << 26,    // The right `admin`, though Redis does not count it as such.
  kFlagNeedsRead = 1 << 27,     // The right `read`, though Redis does not count it as a read.
  kFlagShowsAllKeys = 1 << 25,  // Not for users who may see some keys only.
  // Walks what there is, but shows no keys that the user may not see.
  kFlagLeavesOut = 1 << 23,
  kFlagBucket = 1 << 18,  // Its key names the bucket of a limit.
  kFlagCopies = 1 << 17,  // This write makes a value as large as the one before or larger.
  // Concerns the connection's transaction, so that it takes effect at once also inside MULTI.
  kFlagTransaction = 1 << 20,
  // What it does to each key, and says of it, has nothing to do with the others: several nodes may
  // serve it together.
  kFlagEachKey = 1 << 28,
  // A write of each key alone: over several databases it is one item for each.
  kFlagSplits = 1 << 21,
};

// The categories that ACL rules name, as in COMMAND INFO.
enum CommandCategory : uint32_t {
  kCatKeyspace = 1 << 0,
  kCatRead = 1 << 1,
  kCatWrite = 1 << 2,
  kCatString = 1 << 3,
  kCatBitmap = 1 << 4,
  kCatPubSub = 1 << 5,
  kCatAdmin = 1 << 6,
  kCatFast = 1 << 7,
  kCatSlow = 1 << 8,
  kCatDangerous = 1 << 9,
  kCatConnection = 1 << 10,
  kCatTransaction = 1 << 11,
  kCatScripting = 1 << 12,
};

// The name and the password that a request gives.
struct Credentials {
  std::string_view user;
  std::string_view password;
};

// Returns nullopt when there are none, or something else is wrong with the request.
using CredentialsFunction = std::optional<Credentials>(Args args);
using LocalFunction = void(const LocalCall& call, resp::Writer& writer);
using ReadFunction = void(const ReadCall& call, resp::Writer& writer);
using WriteFunction = void(WriteBatch& batch, WriteItem& item);
// Begins an operation, whose reply is delivered to the call's origin, and returns nullopt; or
// returns the reply at once.
using OperationFunction = std::optional<Reply>(const OperationCall& call);

struct CommandSpec {
  std::string_view name;  // Lower case; of a subcommand: "client|id".
  int arity = 0;          // As in Redis: with the name; negative: at least.
  CommandKind kind = CommandKind::kLocal;
  uint32_t flags = 0;        // CommandFlag.
  uint32_t categories = 0;   // CommandCategory.
  uint32_t subcommands = 0;  // How many rows after this one are its subcommands.
  KeySpec keys;
  std::string_view group;
  std::string_view since;
  std::string_view summary;
  std::string_view tips;     // Of COMMAND INFO, with a blank between them.
  std::string_view differs;  // How it differs from Redis, for docs/commands.md; empty: it does not.
  // The one of its kind is set, but for a command that only holds subcommands.
  LocalFunction* local = nullptr;
  ReadFunction* read = nullptr;
  WriteFunction* write = nullptr;
  OperationFunction* operation = nullptr;
  // An operation's part in a transaction, which then has a batch of its own; nullptr: it has none.
  WriteFunction* in_transaction = nullptr;
  CredentialsFunction* credentials = nullptr;  // Beside `local`, of a kAuthenticate.
  // Whether this write overwrites or erases its keys without asking what they hold; nullptr: never.
  bool (*blind)(Args args) = nullptr;
  // Whether this read may take longer than a loop may be held; nullptr: never.
  bool (*heavy)(const ReadCall& call) = nullptr;
  // How it uses its keys, when that depends on the arguments: KeyUse. nullptr: as `keys` says.
  uint16_t (*use)(Args args) = nullptr;
  const Documentation* docs = nullptr;  // What more is told of it; nullptr: nothing.

  // Returns how many keys `args` names and where. Requires: the arity is right.
  size_t KeyCount(Args args) const;
  size_t KeyIndex(size_t key) const {
    return static_cast<size_t>(keys.first) + key * static_cast<size_t>(keys.step);
  }
  bool ArityFits(size_t count) const {
    return arity >= 0 ? count == static_cast<size_t>(arity) : count >= static_cast<size_t>(-arity);
  }
  // Whether a read asks what its keys hold, and not only which of several exist.
  constexpr bool NeedsValues() const {
    return keys.first == keys.last || (keys.use & kKeyAccess) != 0;
  }
  constexpr bool IsSubcommand() const { return name.find('|') != std::string_view::npos; }
  std::span<const CommandSpec> Subcommands() const { return {this + 1, subcommands}; }
};

// Returns the row of `name` in any case, or nullptr; "client|id" is the name of a subcommand.
// Cost: one hash, no allocation.
const CommandSpec* FindCommand(std::string_view name);

// Returns the row that the words of a request name, or nullptr. Requires: there is a first one.
const CommandSpec* ResolveCommand(Args args);

// All rows in order of name, each command before its subcommands.
std::span<const CommandSpec> AllCommands();

// The place of `command` in AllCommands().
size_t CommandIndex(const CommandSpec& command);

// Reads a decimal 64-bit integer as Redis does: no blanks, no plus, no leading zeros.
bool ParseInteger(std::string_view text, int64_t* value);

// Whether two words are the same but for ASCII case.
bool SameWord(std::string_view a, std::string_view b);

}  // namespace weir::gateway
