// Home: the event loop that a connection lives on, as the other threads see it.
//
// What was begun for a connection (a write, a load, an operation on the store) ends on a thread of
// the store; its result is delivered to the home and applied there. A connection may be gone by
// then: results name it by number and are dropped if the number is unknown.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "weir/base/result.h"
#include "weir/cache/token.h"
#include "weir/cache/value.h"
#include "weir/gateway/owned_args.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/reply.h"

namespace weir::gateway {

struct CommandSpec;
class Home;

// Which command of which connection waits for a result.
struct Origin {
  Home* home = nullptr;
  uint64_t connection = 0;
  uint64_t sequence = 0;
};

// A write on its way through the log of a database, and its reply on the way back.
struct WriteItem {
  Origin origin;
  const CommandSpec* command = nullptr;
  OwnedArgs args;
  KeyHash hash;  // Of its first key.
  Reply reply;
  // Writes of the batch whose count of "was there" the store adds to an integer reply.
  std::vector<uint32_t> counted_by_store;
};

// A load that the command waited for, alone or with others, is done.
struct LoadDone {
  Origin origin;
  uint32_t index = 0;  // Which of the command's keys.
  cache::Token token = 0;
  std::optional<Error> error;
  std::optional<cache::Value> value;
};

// Something that asks the store for more than one key's value: a scan, a count, a snapshot.
// Begun on the home's thread, it ends by being delivered.
class Operation {
 public:
  explicit Operation(Origin origin) : origin_(origin) {}
  virtual ~Operation() = default;
  const Origin& origin() const { return origin_; }
  Reply& reply() { return reply_; }

 protected:
  Origin origin_;
  Reply reply_;
};

struct Completions {
  std::vector<std::unique_ptr<WriteItem>> writes;
  std::vector<LoadDone> loads;
  std::vector<std::shared_ptr<Operation>> operations;
};

class Home {
 public:
  virtual ~Home() = default;
  // Threads: thread-safe; must not block.
  virtual void Deliver(Completions completions) = 0;
};

}  // namespace weir::gateway
