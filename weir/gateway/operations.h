// Operations: what the key space as a whole is asked: SCAN, DBSIZE, FLUSHALL, and several keys at
// one moment.
//
// Each is begun with everything it needs, walks the databases step by step as they call back, and
// is delivered to its origin's home with its reply.
// Threads: an operation belongs to whichever thread its next step runs on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/users/user.h"

namespace weir::gateway {

// The records of one range, from a position on, and the database that holds them.
struct RangeScan {
  uint32_t database = 0;
  store::ScanRange wanted;
  uint64_t routes = 0;  // Placement::routes() before it was placed.

  // Whether what was found is in the place where it was looked for; else: scan again.
  bool Holds(const Placement& placement) const { return routes == placement.routes(); }
};
RangeScan ScanFrom(const Placement& placement, uint64_t position, size_t limit);

// One step of SCAN: keys in order of position from `cursor` on.
class ScanOperation final : public Operation {
 public:
  static constexpr size_t kCountMax = 4096;  // Records looked at in one call.
  // With so many bytes of keys the call ends, whatever COUNT says.
  static constexpr size_t kBytesMax = size_t{1} << 20;

  struct Request {
    uint64_t cursor = 0;
    size_t count = 10;
    std::optional<std::string> match;
    users::Viewer viewer{};
    bool nothing = false;  // TYPE names a type that weir does not have.
  };

  ScanOperation(Origin origin, Request request)
      : Operation(origin), request_(std::move(request)), position_(request_.cursor) {}
  static void Begin(std::shared_ptr<ScanOperation> self, Gateway& gateway);

 private:
  static void Step(std::shared_ptr<ScanOperation> self, Gateway& gateway);
  bool Take(const store::Scanned& scanned);
  void Finish(uint64_t cursor);

  Request request_;
  uint64_t position_;
  size_t looked_at_ = 0;
  size_t bytes_ = 0;
  std::vector<Reply> keys_;
};

// DBSIZE: the records of all databases that have not expired, without the copies that moves make.
// Cost: while a range moves, its copy is read to be counted.
class CountOperation final : public Operation {
 public:
  using Operation::Operation;
  static void Begin(const std::shared_ptr<CountOperation>& self, Gateway& gateway);

 private:
  static void Step(std::shared_ptr<CountOperation> self, Gateway& gateway, size_t database);
  static void Subtract(std::shared_ptr<CountOperation> self, Gateway& gateway, uint64_t position);
  int64_t total_ = 0;
  std::vector<RangeScan> copies_;  // To be subtracted; the last is next.
  std::vector<WallTime> counted_;  // When each database was.
};

// FLUSHALL: empties all databases, one after another, while no range goes over (LogHolds).
class ClearOperation final : public Operation {
 public:
  using Operation::Operation;
  static void Begin(const std::shared_ptr<ClearOperation>& self, Gateway& gateway);

 private:
  static void Step(std::shared_ptr<ClearOperation> self, Gateway& gateway, size_t database);
  static void End(const std::shared_ptr<ClearOperation>& self, Gateway& gateway, Reply reply);
};

// What several keys hold, in one snapshot for each database (and each Limits::load_keys_max keys).
class SnapshotOperation final : public Operation {
 public:
  // Without `values_needed` only what exists and its expiry is kept, for commands that ask no more.
  SnapshotOperation(Origin origin, std::vector<std::string> keys, bool values_needed)
      : Operation(origin),
        keys_(std::move(keys)),
        values_needed_(values_needed),
        values_(keys_.size()),
        expired_(keys_.size()) {}
  // `flow`: who asks.
  static void Begin(const std::shared_ptr<SnapshotOperation>& self, Gateway& gateway,
                    limit::FlowId flow);

  const std::vector<std::optional<cache::Value>>& values() const { return values_; }
  // Whether a key without a value has a record all the same, one that has expired and still stands.
  bool expired(size_t index) const { return expired_[index]; }
  const std::optional<Error>& error() const { return error_; }

 private:
  // Loads the keys of `database` from the `first` on, as many as one load may hold.
  static void Step(std::shared_ptr<SnapshotOperation> self, Gateway& gateway, size_t database,
                   size_t first);

  void Take(const store::Loads& loaded, const std::vector<size_t>& indexes, Gateway& gateway);
  // How many more bytes of values the reply may have.
  size_t BytesLeft(const Gateway& gateway) const;

  std::vector<std::string> keys_;
  bool values_needed_;
  limit::FlowId flow_ = 0;
  std::vector<std::optional<cache::Value>> values_;
  std::vector<bool> expired_;
  size_t bytes_ = 0;     // Of values_.
  uint64_t routes_ = 0;  // Placement::routes() before its keys were placed.
  std::optional<Error> error_;
};

}  // namespace weir::gateway
