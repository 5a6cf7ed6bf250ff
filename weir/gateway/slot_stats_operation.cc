#include "weir/gateway/slot_stats_operation.h"

#include <algorithm>
#include <utility>

#include "weir/gateway/operations.h"
#include "weir/shard/position.h"

namespace weir::gateway {
namespace {

constexpr size_t kStepRecords = 4096;

}  // namespace

SlotStatsOperation::SlotStatsOperation(Origin origin, const Request& request, Gateway& gateway)
    : Operation(origin),
      gateway_(gateway),
      under_way_(gateway.slot_stats()),
      request_(request),
      end_((request.last + uint64_t{1}) * shard::kPositionsPerSlot),
      keys_(request.last - request.first + 1) {}

bool SlotStatsOperation::Begin(Origin origin, const Request& request, Gateway& gateway) {
  if (gateway.slot_stats()->exchange(true)) return false;
  Step(std::shared_ptr<SlotStatsOperation>(new SlotStatsOperation(origin, request, gateway)),
       request.first * shard::kPositionsPerSlot);
  return true;
}

void SlotStatsOperation::End() {
  if (under_way_ != nullptr) *under_way_ = false;
  under_way_ = nullptr;
}

void SlotStatsOperation::Step(std::shared_ptr<SlotStatsOperation> self, uint64_t position) {
  RangeScan scan = ScanFrom(self->gateway_.placement(), position, kStepRecords);
  // By the last position of each, since an end of 0 is beyond all others.
  scan.wanted.to = std::min(scan.wanted.to - 1, self->end_ - 1) + 1;
  self->gateway_.database(scan.database)
      .Scan(scan.wanted, [self, scan, position](const Result<store::Scanned>& scanned) {
        if (!scan.Holds(self->gateway_.placement())) {
          Step(self, position);
          return;
        }
        if (!scanned.ok()) {
          self->reply_ = ErrorReply(scanned.error());
          self->End();
          Deliver(self);
          return;
        }
        for (const store::Scanned::Item& item : scanned.value().items) {
          const uint64_t slot = item.position / shard::kPositionsPerSlot;
          const bool live = item.record.expires_at > scanned.value().now;
          if (live) ++self->keys_[slot - self->request_.first];
        }
        const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
        if (next != self->end_) {
          Step(self, next);
          return;
        }
        self->Finish();
        self->End();
        Deliver(self);
      });
}

void SlotStatsOperation::Finish() {
  const nodes::NodeTable& table = *gateway_.nodes();
  std::vector<uint32_t> slots;
  for (uint32_t slot = request_.first; slot <= request_.last; ++slot) {
    if (table.Owner(slot) == table.self()) slots.push_back(slot);
  }
  const auto keys = [this](uint32_t slot) { return keys_[slot - request_.first]; };
  if (request_.order != Request::Order::kSlot) {
    const bool most = request_.order == Request::Order::kMostKeys;
    std::ranges::stable_sort(slots, [&](uint32_t a, uint32_t b) {
      return most ? keys(a) > keys(b) : keys(a) < keys(b);
    });
  }
  if (slots.size() > request_.limit) slots.resize(request_.limit);
  reply_ = EncodedBy(request_.protocol, [&](resp::Writer& writer) {
    writer.ArrayHeader(slots.size());
    for (const uint32_t slot : slots) {
      writer.ArrayHeader(2);
      writer.Integer(slot);
      writer.MapHeader(1);
      writer.Bulk("key-count");
      writer.Integer(static_cast<int64_t>(keys(slot)));
    }
  });
}

}  // namespace weir::gateway
