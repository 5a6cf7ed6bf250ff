#include "weir/gateway/halfway_operation.h"

#include <optional>
#include <utility>

#include "weir/gateway/operations.h"

namespace weir::gateway {
namespace {

constexpr size_t kStepRecords = 4096;

}  // namespace

void HalfwayOperation::Begin(const std::shared_ptr<HalfwayOperation>& self, const Found& found) {
  Step(self, self->range_.from.value, found);
}

void HalfwayOperation::Step(std::shared_ptr<HalfwayOperation> self, uint64_t position,
                            Found found) {
  RangeScan scan = ScanFrom(self->gateway_.placement(), position, kStepRecords);
  scan.wanted.with_values = true;
  self->gateway_.database(scan.database)
      .Scan(scan.wanted, [self, scan, position, found](const Result<store::Scanned>& scanned) {
        if (!scan.Holds(self->gateway_.placement())) return Step(self, position, found);
        if (!scanned.ok()) return found(scanned.error());
        self->Take(scanned.value());
        const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
        if (next != 0 && self->range_.Contains({next})) return Step(self, next, found);
        const std::optional<shard::Position> at = self->halfway_.At();
        if (at.has_value()) return found(*at);
        found(Error{ErrorCode::kInvalid,
                    "the range holds keys of one {tag} at most, and a tag is never cut"});
      });
}

void HalfwayOperation::Take(const store::Scanned& scanned) {
  for (const store::Scanned::Item& item : scanned.items) {
    if (item.record.expires_at <= scanned.now || !range_.Contains({item.position})) continue;
    halfway_.Add({item.position}, item.key.size() + item.record.value.size());
  }
}

}  // namespace weir::gateway
