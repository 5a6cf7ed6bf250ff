#include "weir/gateway/shard_list_operation.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "weir/gateway/operations.h"

namespace weir::gateway {
namespace {

constexpr size_t kStepRecords = 4096;

Reply Text(std::string_view text) {
  return Reply::Bulk(Bytes::Copy(text));
}

Reply Number(uint64_t number) {
  return Reply::Integer(static_cast<int64_t>(number));
}

}  // namespace

std::string PositionText(uint64_t position) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, position);
  return text.data();
}

ShardListOperation::ShardListOperation(Origin origin, Gateway& gateway)
    : Operation(origin), gateway_(gateway), map_(gateway.ranges().map()), sizes_(map_.size()) {}

void ShardListOperation::Count(const std::shared_ptr<ShardListOperation>& self) {
  Step(self, 0);
}

void ShardListOperation::Step(std::shared_ptr<ShardListOperation> self, uint64_t position) {
  RangeScan scan = ScanFrom(self->gateway_.placement(), position, kStepRecords);
  scan.wanted.with_values = true;
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
        self->Take(scanned.value());
        const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
        if (next != 0) {
          Step(self, next);
          return;
        }
        self->reply_ = self->Tell(&self->sizes_);
        Deliver(self);
      });
}

// Items come in order of position, so that the range goes forward only.
void ShardListOperation::Take(const store::Scanned& scanned) {
  for (const store::Scanned::Item& item : scanned.items) {
    if (item.record.expires_at <= scanned.now) continue;
    while (!map_.At(range_).Contains({item.position})) ++range_;
    ++sizes_[range_].keys;
    sizes_[range_].bytes += item.key.size() + item.record.value.size();
  }
}

Reply ShardListOperation::Tell(const std::vector<Size>* sizes) const {
  std::vector<Size> by_shard(gateway_.placement().shards());
  std::vector<Reply> ranges;
  const auto keys = [&](const Size& size) { return sizes ? Number(size.keys) : Reply::Null(); };
  const auto bytes = [&](const Size& size) { return sizes ? Number(size.bytes) : Reply::Null(); };
  for (size_t i = 0; i < map_.size(); ++i) {
    const shard::Range range = map_.At(i);
    const Size size = sizes ? (*sizes)[i] : Size{};
    Size& shard = by_shard[static_cast<size_t>(range.shard)];
    shard.keys += size.keys;
    shard.bytes += size.bytes;
    ranges.push_back(
        Reply::Array({Text(PositionText(range.from.value)), Text(PositionText(range.to.value)),
                      Number(static_cast<uint64_t>(range.shard)), keys(size), bytes(size)}));
  }
  std::vector<Reply> shards;
  for (size_t id = 0; id < by_shard.size(); ++id) {
    shards.push_back(Reply::Array({Number(id), Text(gateway_.ranges().PlaceOf(id)),
                                   keys(by_shard[id]), bytes(by_shard[id])}));
  }
  return Reply::Array(
      {Number(map_.epoch()), Reply::Array(std::move(shards)), Reply::Array(std::move(ranges))});
}

}  // namespace weir::gateway
