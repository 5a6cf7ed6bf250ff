// What a command is: one row of the command table and one small function.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/cache/value.h"
#include "weir/gateway/owned_args.h"
#include "weir/gateway/reply.h"
#include "weir/resp/writer.h"

namespace weir::gateway {

class Gateway;
struct Session;
class WriteBatch;
struct WriteItem;

// What one key of a read holds. The view is valid during the handler.
struct Found {
  bool present = false;
  std::string_view bytes;
  const Bytes* shared = nullptr;  // The same bytes by reference, where that is at hand.
  WallTime expires_at = kNever;
};

struct ReadCall {
  Args args;
  std::span<const Found> found;  // One for each key, in order.
  WallTime now;
};

struct LocalCall {
  Args args;
  Session& session;
  Gateway& gateway;
};

// Which arguments are keys, as in COMMAND INFO: from `first` to `last` (negative: from the end) in
// steps. first = 0: none.
struct KeySpec {
  int first = 0;
  int last = 0;
  int step = 0;
};

enum class CommandKind : uint8_t {
  kLocal,  // Answered from the connection and the process alone.
  kRead,   // Answered from what its keys hold at one moment.
  kWrite,  // Goes through the log of its keys' database.
  kScan,   // Walks the key space.
  kCount,  // Counts it.
  kClear,  // Empties it.
};

// Flags of COMMAND INFO. kBarrier is weir's own: such a command waits for all before it.
enum CommandFlag : uint16_t {
  kFlagReadOnly = 1 << 0,
  kFlagWrite = 1 << 1,
  kFlagDenyOom = 1 << 2,
  kFlagFast = 1 << 3,
  kFlagAdmin = 1 << 4,
  kFlagLoading = 1 << 5,
  kFlagStale = 1 << 6,
  kFlagNoAuth = 1 << 7,
  kFlagBarrier = 1 << 8,
};

struct CommandSpec {
  std::string_view name;  // Lower case.
  int arity;              // As in Redis: with the name; negative: at least.
  CommandKind kind;
  uint16_t flags;
  KeySpec keys;
  std::string_view group;
  std::string_view since;
  std::string_view summary;
  void (*local)(const LocalCall& call, resp::Writer& writer) = nullptr;
  void (*read)(const ReadCall& call, resp::Writer& writer) = nullptr;
  void (*write)(WriteBatch& batch, WriteItem& item) = nullptr;
  // Whether this write overwrites or erases its keys without asking what they hold; nullptr: never.
  bool (*blind)(Args args) = nullptr;

  // Returns how many keys `args` names and where. Requires: the arity is right.
  size_t KeyCount(Args args) const;
  size_t KeyIndex(size_t key) const {
    return static_cast<size_t>(keys.first) + key * static_cast<size_t>(keys.step);
  }
  bool ArityFits(size_t count) const {
    return arity >= 0 ? count == static_cast<size_t>(arity) : count >= static_cast<size_t>(-arity);
  }
};

// Returns the row of `name` in any case, or nullptr. Cost: one hash, no allocation.
const CommandSpec* FindCommand(std::string_view name);

// All rows, in order of name.
std::span<const CommandSpec> AllCommands();

// Reads a decimal 64-bit integer as Redis does: no blanks, no plus, no leading zeros.
bool ParseInteger(std::string_view text, int64_t* value);

// Whether two words are the same but for ASCII case.
bool SameWord(std::string_view a, std::string_view b);

}  // namespace weir::gateway
