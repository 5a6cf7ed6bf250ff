// Home: the event loop that a connection lives on, as the other threads see it.
//
// What was begun for a connection (a write, a load, an operation on the store) ends on a thread of
// the store; its result is delivered to the home and applied there. A connection may be gone by
// then: results name it by number and are dropped if the number is unknown.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/result.h"
#include "weir/cache/token.h"
#include "weir/cache/value.h"
#include "weir/gateway/reply.h"
#include "weir/gateway/write_item.h"

namespace weir::gateway {

// A load that the command waited for, alone or with others, is done.
struct LoadDone {
  Origin origin;
  uint32_t index = 0;    // Which of the command's keys.
  uint32_t attempt = 0;  // Which of its loads of that key.
  cache::Token token = 0;
  std::optional<Error> error;
  std::optional<cache::Value> value;
  std::chrono::nanoseconds database_time{0};  // Of what its call took, the share of this waiter.
};

// Something that asks the store for more than one key's value: a scan, a count, a snapshot.
// Begun on the home's thread, it ends by Deliver.
class Operation {
 public:
  explicit Operation(Origin origin) : origin_(origin) {}
  virtual ~Operation() = default;
  const Origin& origin() const { return origin_; }
  Reply& reply() { return reply_; }
  // Whether the connection closes once it has the reply.
  bool ends_connection() const { return ends_connection_; }

 protected:
  Origin origin_;
  Reply reply_;
  bool ends_connection_ = false;
};

// A message that a connection is sent beside its replies.
struct Push {
  uint64_t connection = 0;
  Bytes message;  // In RESP3.
};

struct Completions {
  std::vector<std::unique_ptr<WriteItem>> writes;
  std::vector<LoadDone> loads;
  std::vector<std::shared_ptr<Operation>> operations;
  std::vector<Bytes> monitored;  // Lines for all monitors that live here.
  std::vector<Push> pushes;

  size_t size() const {
    return writes.size() + loads.size() + operations.size() + monitored.size() + pushes.size();
  }
};

class Home {
 public:
  virtual ~Home() = default;
  // Threads: thread-safe; must not block.
  virtual void Deliver(Completions completions) = 0;
  // Whether Gateway::OnHomeIdle follows soon after writes were delivered here.
  virtual bool TellsWhenIdle() const { return false; }
};

// Ends an operation: hands it to the home that it was begun on.
void Deliver(std::shared_ptr<Operation> operation);

}  // namespace weir::gateway
