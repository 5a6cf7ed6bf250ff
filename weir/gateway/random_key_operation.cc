#include "weir/gateway/random_key_operation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "weir/shard/position.h"

namespace weir::gateway {
namespace {

// How often a position is drawn until it lies in the database that was chosen.
constexpr int kDrawsMax = 256;

bool SameTagPart(uint64_t a, uint64_t b) {
  return a / shard::kPositionUnit == b / shard::kPositionUnit;
}

}  // namespace

void RandomKeyOperation::Begin(const std::shared_ptr<RandomKeyOperation>& self) {
  self->first_ = self->ChoosePosition();
  Step(self, self->first_);
}

uint64_t RandomKeyOperation::ChoosePosition() {
  const uint64_t records = gateway_.recent_records();
  if (gateway_.databases() == 1 || records == 0) return random_.Next();
  uint64_t left = random_.Below(records);
  size_t database = 0;
  while (database + 1 < gateway_.databases() && left >= gateway_.recent_records(database)) {
    left -= std::min(left, gateway_.recent_records(database));
    ++database;
  }
  uint64_t position = random_.Next();
  for (int draw = 0; draw < kDrawsMax; ++draw, position = random_.Next()) {
    if (ScanFrom(gateway_.placement(), position, 1).database == database) break;
  }
  return position;
}

const store::Scanned::Item* RandomKeyOperation::Choose(const store::Scanned& scanned) {
  std::vector<const store::Scanned::Item*> live;
  for (const store::Scanned::Item& item : scanned.items) {
    if (item.record.expires_at > scanned.now) live.push_back(&item);
  }
  return live.empty() ? nullptr : live[random_.Below(live.size())];
}

void RandomKeyOperation::Finish(const std::string& key) {
  reply_ = Reply::Bulk(Bytes::Copy(key));
}

void RandomKeyOperation::Step(std::shared_ptr<RandomKeyOperation> self, uint64_t position) {
  const RangeScan scan = ScanFrom(self->gateway_.placement(), position, self->page_);
  self->gateway_.database(scan.database)
      .Scan(scan.wanted, [self, scan, position](const Result<store::Scanned>& scanned) {
        if (!scan.Holds(self->gateway_.placement())) {
          Step(self, position);
          return;
        }
        if (!scanned.ok()) {
          self->reply_ = ErrorReply(scanned.error());
          Deliver(self);
          return;
        }
        const std::vector<store::Scanned::Item>& items = scanned.value().items;
        if (const store::Scanned::Item* chosen = self->Choose(scanned.value())) {
          self->Finish(chosen->key);
          const auto neighbours = std::count_if(items.begin(), items.end(), [&](const auto& item) {
            return SameTagPart(item.position, chosen->position);
          });
          if (neighbours > 1) {
            StepWithinTag(self, chosen->position);
          } else {
            Deliver(self);
          }
          return;
        }
        const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
        // Everything has been looked at when the second way through reaches where the first began.
        const bool around = self->wrapped_ && (next == 0 || next >= self->first_);
        if (around || (next == 0 && self->first_ == 0)) {
          self->reply_ = Reply::Null();
          Deliver(self);
          return;
        }
        self->wrapped_ |= next == 0;
        if (!items.empty()) self->page_ = std::min(self->page_ * 4, kPageRecordsMax);
        Step(self, next);
      });
}

// The key at hand stays the answer when nothing follows the position that is drawn here.
void RandomKeyOperation::StepWithinTag(const std::shared_ptr<RandomKeyOperation>& self,
                                       uint64_t position) {
  const uint64_t begin = position / shard::kPositionUnit * shard::kPositionUnit;
  const uint64_t from = begin + self->random_.Below(shard::kPositionUnit);
  RangeScan scan = ScanFrom(self->gateway_.placement(), from, kPageRecords);
  scan.wanted.to = begin + shard::kPositionUnit;
  self->gateway_.database(scan.database)
      .Scan(scan.wanted, [self, scan](const Result<store::Scanned>& scanned) {
        if (scanned.ok() && scan.Holds(self->gateway_.placement())) {
          if (const store::Scanned::Item* chosen = self->Choose(scanned.value())) {
            self->Finish(chosen->key);
          }
        }
        Deliver(self);
      });
}

}  // namespace weir::gateway
