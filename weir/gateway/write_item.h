// WriteItem: a command on its way through the log of its database, and its reply on the way back.
//
// EXEC is one such item, with the commands that MULTI queued as its steps: they run one after
// another within the batch, reads too, so nothing comes between them.
// Threads: single-owner; passed from the connection's loop to the committer and back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/token.h"
#include "weir/cache/value.h"
#include "weir/gateway/owned_args.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/reply.h"
#include "weir/limit/flow_shares.h"

namespace weir::gateway {

struct CommandSpec;
struct TransactionBody;
class Home;

// Which command of which connection waits for a result.
struct Origin {
  Home* home = nullptr;
  uint64_t connection = 0;
  uint64_t sequence = 0;
  uint32_t part = 0;  // Of a command that is split over several databases.
};

struct WriteItem {
  WriteItem();
  ~WriteItem();
  WriteItem(WriteItem&&) noexcept;
  WriteItem& operator=(WriteItem&&) noexcept;

  // Bytes held by the arguments, or by the steps with theirs; and how many keys it names, with
  // those of all steps.
  size_t bytes() const;
  size_t KeyCount() const;
  std::optional<std::string_view> first_key() const;
  // Whether it asks for the whole database, and so is a batch of its own.
  bool whole() const;

  Origin origin;
  const CommandSpec* command = nullptr;
  OwnedArgs args;
  KeyHash hash;            // Of its first key.
  uint64_t routes = 0;     // Placement::routes() before it was placed.
  bool misrouted = false;  // It came back undone, since its keys may be elsewhere by now.
  uint32_t place = 0;      // In its batch: what took effect in which order. Told with the reply.
  limit::FlowId flow = 0;  // Whose it is,
  MonoTime since;          // and when it was queued.
  Reply reply;
  std::chrono::nanoseconds database_time{0};  // Its share of what its batch took.
  // Writes of the batch whose count of "was there" the store adds to an integer reply.
  std::vector<uint32_t> counted_by_store;
  std::unique_ptr<TransactionBody> transaction;  // Of EXEC; else null.
};

// A key that a connection watches.
struct WatchedKey {
  std::string key;
  KeyHash hash;
  bool read = false;                // What it held is known:
  std::optional<uint64_t> version;  // the version, or nullopt when it was absent.
};

// The keys watched together. A WATCH names its keys when it arrives and fills in what they held
// when it is answered, in its turn; an EXEC after it begins only then.
struct Watches {
  std::vector<WatchedKey> keys;
  bool failed = false;  // A WATCH was answered with an error, so it may guard nothing.
};

// What EXEC runs. The reply of its item: an array means that all steps have run.
struct TransactionBody {
  // Bytes held: the arguments, and the steps themselves, which can be far more.
  size_t bytes() const { return args_bytes + steps.capacity() * sizeof(WriteItem); }

  std::vector<WriteItem> steps;
  std::shared_ptr<Watches> watches;  // Null when it watches nothing.
  std::optional<uint32_t> database;  // Of its keys; nullopt when it names none.
  uint64_t routes = 0;               // Placement::routes() before they were placed.
  size_t args_bytes = 0;             // Of all steps.
  size_t keys = 0;                   // Of all steps, and watched ones.
  bool whole = false;  // A step is about the whole database: it has a batch of its own.
  bool asks = false;   // A step looks through the databases once all others are done (RunsApart).
  // While it runs: the moment that it runs at, and what the reading steps found, in order. Their
  // replies are written where the reply is, by the protocol that the connection speaks there.
  WallTime now;
  std::vector<std::optional<cache::Value>> found;
  std::vector<cache::Token> tokens;  // Of each: no other write has come since, while it is current.

  // Whether `step` has no part in the batch: it is an operation that begins, and ends, when its
  // turn comes to be answered.
  bool RunsApart(const WriteItem& step) const;
};

}  // namespace weir::gateway
