#include "weir/gateway/shard_list_operation.h"

#include <array>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <utility>

#include "weir/gateway/operations.h"
#include "weir/gateway/range_load.h"

namespace weir::gateway {
namespace {

constexpr size_t kStepRecords = 4096;

Reply Text(std::string_view text) {
  return Reply::Bulk(Bytes::Copy(text));
}

Reply Number(uint64_t number) {
  return Reply::Integer(static_cast<int64_t>(number));
}

// In thousandths: behind a cache that answers nearly all, little is asked of a database.
Reply Rate(double per_second) {
  return Reply::Integer(std::llround(per_second * 1000));
}

}  // namespace

std::string PositionText(uint64_t position) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, position);
  return text.data();
}

ShardListOperation::ShardListOperation(Origin origin, Gateway& gateway, const Request& request)
    : Operation(origin),
      gateway_(gateway),
      request_(request),
      map_(gateway.ranges().map()),
      sizes_(map_.size()) {}

bool ShardListOperation::Begin(const std::shared_ptr<ShardListOperation>& self) {
  if (self->request_.count) {
    Step(self, 0);
    return true;
  }
  return BeginLoadOfRanges(self->gateway_, [self](const shard::LoadPicture& picture) {
    self->reply_ = self->Tell(picture);
    Deliver(self);
  });
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
        self->reply_ = self->Tell(LoadOfRanges(self->gateway_));  // On a thread of the store.
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

Reply ShardListOperation::TellRange(size_t index, const shard::LoadPicture& picture) const {
  const shard::Range range = map_.At(index);
  const shard::LoadPicture::Load load = picture.Of(range);
  std::vector<Reply> hottest;
  for (const shard::LoadPicture::Tag& tag : picture.Hottest(range, request_.hottest)) {
    hottest.push_back(Reply::Array({Text(tag.name), Text(PositionText(tag.from.value)),
                                    Rate(tag.load.reads), Rate(tag.load.writes)}));
  }
  return Reply::Array({Text(PositionText(range.from.value)), Text(PositionText(range.to.value)),
                       Number(static_cast<uint64_t>(range.shard)), Counted(sizes_[index].keys),
                       Counted(sizes_[index].bytes), Rate(load.reads), Rate(load.writes),
                       Reply::Array(std::move(hottest))});
}

Reply ShardListOperation::Counted(uint64_t number) const {
  return request_.count ? Number(number) : Reply::Null();
}

Reply ShardListOperation::Tell(const shard::LoadPicture& picture) const {
  std::vector<Size> sizes(gateway_.placement().shards());
  std::vector<shard::LoadPicture::Load> loads(sizes.size());
  std::vector<Reply> ranges;
  for (size_t i = 0; i < map_.size(); ++i) {
    const auto id = static_cast<size_t>(map_.At(i).shard);
    const shard::LoadPicture::Load load = picture.Of(map_.At(i));
    sizes[id].keys += sizes_[i].keys;
    sizes[id].bytes += sizes_[i].bytes;
    loads[id].reads += load.reads;
    loads[id].writes += load.writes;
    ranges.push_back(TellRange(i, picture));
  }
  std::vector<Reply> shards;
  for (size_t id = 0; id < sizes.size(); ++id) {
    shards.push_back(
        Reply::Array({Number(id), Text(gateway_.ranges().PlaceOf(id)), Counted(sizes[id].keys),
                      Counted(sizes[id].bytes), Rate(loads[id].reads), Rate(loads[id].writes)}));
  }
  return Reply::Array({Number(map_.epoch()), Reply::Array(std::move(shards)),
                       Reply::Array(std::move(ranges)), Number(picture.seen())});
}

}  // namespace weir::gateway
