#include "weir/gateway/operations.h"

#include <algorithm>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/glob.h"
#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

constexpr size_t kCopyRecords = 4096;  // Of a copy that is counted, at once.
// FLUSHALL waits for who holds logs still, as a backup does.
constexpr std::chrono::seconds kHoldWaitMax{5};

}  // namespace

RangeScan ScanFrom(const Placement& placement, uint64_t position, size_t limit) {
  const uint64_t routes = placement.routes();
  const shard::Range range = placement.RangeOf(shard::Position{position});
  const ShardPlace place = placement.place(range.shard);
  RangeScan scan{place.database, {}, routes};
  scan.wanted.shard = place.shard;
  scan.wanted.from = position;
  scan.wanted.to = range.to.value;
  scan.wanted.limit = limit;
  return scan;
}

void Deliver(std::shared_ptr<Operation> operation) {
  Home* home = operation->origin().home;
  Completions completions;
  completions.operations.push_back(std::move(operation));
  home->Deliver(std::move(completions));
}

void ScanOperation::Begin(std::shared_ptr<ScanOperation> self, Gateway& gateway) {
  self->request_.count = std::min(self->request_.count, kCountMax);
  Step(std::move(self), gateway);
}

void ScanOperation::Step(std::shared_ptr<ScanOperation> self, Gateway& gateway) {
  const RangeScan scan =
      ScanFrom(gateway.placement(), self->position_, self->request_.count - self->looked_at_);
  gateway.database(scan.database)
      .Scan(scan.wanted, [self, &gateway, scan](const Result<store::Scanned>& scanned) {
        if (!scan.Holds(gateway.placement())) {
          Step(self, gateway);
          return;
        }
        if (!scanned.ok()) {
          self->reply_ = ErrorReply(scanned.error());
          Deliver(self);
          return;
        }
        if (!self->Take(scanned.value())) {
          self->reply_ = Reply::Failure(std::string(errors::kPatternTakesLong));
          Deliver(self);
          return;
        }
        const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
        if (next == 0 || self->looked_at_ >= self->request_.count || self->bytes_ >= kBytesMax) {
          self->Finish(next);
          Deliver(self);
          return;
        }
        self->position_ = next;
        Step(self, gateway);
      });
}

// Returns false when the pattern takes too long to match.
bool ScanOperation::Take(const store::Scanned& scanned) {
  looked_at_ += scanned.items.size();
  for (const store::Scanned::Item& item : scanned.items) {
    if (request_.nothing || item.record.expires_at <= scanned.now) continue;
    if (!request_.viewer.MaySee(item.key)) continue;
    const std::optional<bool> match =
        request_.match.has_value() ? TryGlobMatch(*request_.match, item.key) : true;
    if (!match.has_value()) return false;
    if (!*match) continue;
    bytes_ += item.key.size();
    keys_.push_back(Reply::Bulk(Bytes::Copy(item.key)));
  }
  return true;
}

void ScanOperation::Finish(uint64_t cursor) {
  reply_ = Reply::Array(
      {Reply::Bulk(Bytes::Copy(std::to_string(cursor))), Reply::Array(std::move(keys_))});
}

void CountOperation::Begin(const std::shared_ptr<CountOperation>& self, Gateway& gateway) {
  for (const auto& [range, copy] : gateway.ranges().Copies()) {
    const ShardPlace place = gateway.placement().place(copy);
    RangeScan& scan = self->copies_.emplace_back();
    scan.database = place.database;
    scan.wanted.shard = place.shard;
    scan.wanted.from = range.from.value;
    scan.wanted.to = range.to.value;
    scan.wanted.limit = kCopyRecords;
  }
  Step(self, gateway, 0);
}

void CountOperation::Subtract(std::shared_ptr<CountOperation> self, Gateway& gateway,
                              uint64_t position) {
  if (self->copies_.empty()) {
    self->reply_ = Reply::Integer(self->total_);
    Deliver(std::move(self));
    return;
  }
  store::ScanRange wanted = self->copies_.back().wanted;
  wanted.from = position;
  gateway.database(self->copies_.back().database)
      .Scan(wanted, [self, &gateway, wanted](const Result<store::Scanned>& scanned) {
        if (!scanned.ok()) {
          self->reply_ = ErrorReply(scanned.error());
          Deliver(self);
          return;
        }
        // What has expired since was counted.
        const WallTime counted = self->counted_[self->copies_.back().database];
        for (const store::Scanned::Item& item : scanned.value().items) {
          if (item.record.expires_at > counted) --self->total_;
        }
        const uint64_t next = scanned.value().next.value_or(wanted.to);
        if (next == wanted.to) self->copies_.pop_back();
        const bool more = next == wanted.to && !self->copies_.empty();
        Subtract(self, gateway, more ? self->copies_.back().wanted.from : next);
      });
}

void CountOperation::Step(std::shared_ptr<CountOperation> self, Gateway& gateway, size_t database) {
  if (database == gateway.databases()) {
    const uint64_t from = self->copies_.empty() ? 0 : self->copies_.back().wanted.from;
    Subtract(std::move(self), gateway, from);
    return;
  }
  gateway.database(database).Count([self, &gateway, database](const Result<store::Counts>& counts) {
    if (!counts.ok()) {
      self->reply_ = ErrorReply(counts.error());
      Deliver(self);
      return;
    }
    self->total_ += static_cast<int64_t>(counts.value().records - counts.value().due);
    self->counted_.push_back(counts.value().now);
    Step(self, gateway, database + 1);
  });
}

void ClearOperation::Begin(const std::shared_ptr<ClearOperation>& self, Gateway& gateway) {
  const MonoTime until = gateway.clock().Mono() + kHoldWaitMax;
  gateway.log_holds().Take(until, [self, &gateway](bool taken) {
    if (taken) return Step(self, gateway, 0);
    self->reply_ = ErrorReply(
        OverloadError({"queue", Refusal::kUntilQueue,
                       "a backup or a move of a range holds a database still; try again"}));
    Deliver(self);
  });
}

void ClearOperation::Step(std::shared_ptr<ClearOperation> self, Gateway& gateway, size_t database) {
  if (database == gateway.databases()) {
    End(self, gateway, Reply::Ok());
    return;
  }
  gateway.database(database).committer().SubmitClear(
      [self, &gateway, database](const Result<Ok>& cleared) {
        if (cleared.ok()) {
          Step(self, gateway, database + 1);
          return;
        }
        Reply failure = ErrorReply(cleared.error());
        // Those before it are empty.
        if (database > 0) failure = Reply::Failure(errors::PartlyApplied(failure.text));
        End(self, gateway, std::move(failure));
      });
}

void ClearOperation::End(const std::shared_ptr<ClearOperation>& self, Gateway& gateway,
                         Reply reply) {
  gateway.log_holds().Give();
  self->reply_ = std::move(reply);
  Deliver(self);
}

void SnapshotOperation::Begin(const std::shared_ptr<SnapshotOperation>& self, Gateway& gateway,
                              limit::FlowId flow) {
  self->flow_ = flow;
  self->routes_ = gateway.placement().routes();
  self->bytes_ = 0;
  Step(self, gateway, 0, 0);
}

void SnapshotOperation::Step(std::shared_ptr<SnapshotOperation> self, Gateway& gateway,
                             size_t database, size_t first) {
  std::vector<store::Key> keys;
  std::vector<size_t> indexes;
  for (; keys.empty() && database < gateway.databases(); ++database, first = 0) {
    const size_t most = gateway.database(database).store().limits().load_keys_max;
    for (size_t i = first; i < self->keys_.size() && keys.size() < most; ++i) {
      const KeyPlace place = gateway.placement().Place(self->keys_[i]);
      if (place.place.database != database) continue;
      keys.push_back({place.place.shard, place.position, self->keys_[i]});
      indexes.push_back(i);
    }
  }
  if (keys.empty()) {
    // One that went over from a database still to come to one that was passed is in no step.
    if (self->routes_ != gateway.placement().routes()) {
      Begin(self, gateway, self->flow_);
      return;
    }
    Deliver(std::move(self));
    return;
  }
  --database;
  const size_t bytes_max = self->values_needed_ ? self->BytesLeft(gateway) : 0;
  store::Done<store::Loads> done =
      [self, &gateway, database, indexes = std::move(indexes)](const Result<store::Loads>& loaded) {
        if (self->routes_ != gateway.placement().routes()) {
          Begin(self, gateway, self->flow_);
          return;
        }
        if (!loaded.ok()) {
          self->error_ = loaded.error();
          Deliver(self);
          return;
        }
        self->Take(loaded.value(), indexes, gateway);
        if (self->error_.has_value()) {
          Deliver(self);
          return;
        }
        Step(self, gateway, database, indexes.back() + 1);
      };
  gateway.database(database).LoadSnapshot(
      {.keys = std::move(keys), .bytes_max = bytes_max, .done = std::move(done)}, self->flow_);
}

size_t SnapshotOperation::BytesLeft(const Gateway& gateway) const {
  const size_t most = gateway.memory().reply_bytes_max();
  return most > bytes_ ? most - bytes_ : 0;
}

void SnapshotOperation::Take(const store::Loads& loaded, const std::vector<size_t>& indexes,
                             Gateway& gateway) {
  for (size_t i = 0; i < indexes.size(); ++i) {
    std::optional<cache::Value>& value = values_[indexes[i]];
    value = LiveValue(loaded.records[i], loaded.now);
    expired_[indexes[i]] = loaded.records[i].has_value() && !value.has_value();
    if (!value.has_value()) continue;
    if (!values_needed_) value->bytes = Bytes();
    bytes_ += value->bytes.size();
  }
  if (!values_needed_) return;
  if (!loaded.left.empty() || bytes_ > gateway.memory().reply_bytes_max()) {
    error_ = Error{ErrorCode::kInvalid, std::string(errors::kReplyTooLarge)};
  } else if (bytes_ > 0 && gateway.memory().value_room() == 0) {
    error_ = OverloadError(
        {"memory", Refusal::kUntilMemory, "the memory for large values is taken; try again"});
  }
  if (error_.has_value()) values_.clear();
}

}  // namespace weir::gateway
