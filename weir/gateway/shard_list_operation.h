// ShardListOperation: what WEIR.SHARD LIST tells: the ranges, the load of each in the last seconds
// and its hottest tags, and, when they are to be counted, the live keys of each and their bytes, by
// reading all of the data a step at a time.
//
// The reply is an array: the version of the map; the shards, each an array of id, place, keys,
// bytes, reads and writes a second; the ranges, each an array of beginning, end, shard, keys,
// bytes, reads and writes a second, and hottest tags, the most first, each an array of name,
// position, reads and writes a second (shard/load_picture.h); and in how many sampled requests all
// of those were seen. Positions are 16 hexadecimal digits, and the last end is 0. Keys and bytes
// are null unless counted. Reads and writes are those that reached the database (range_load.h), in
// thousandths of one a second. Threads: as every operation (operations.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/shard/load_picture.h"
#include "weir/shard/range_map.h"

namespace weir::gateway {

// 16 hexadecimal digits.
std::string PositionText(uint64_t position);

class ShardListOperation final : public Operation {
 public:
  static constexpr size_t kHottestMax = 1024;

  struct Request {
    bool count = false;
    size_t hottest = 3;  // Tags of each range, at most. Requires: <= kHottestMax.
  };

  ShardListOperation(Origin origin, Gateway& gateway, const Request& request);

  // Returns false, and has begun nothing, while too much of this kind waits.
  static bool Begin(const std::shared_ptr<ShardListOperation>& self);

 private:
  struct Size {
    uint64_t keys = 0;
    uint64_t bytes = 0;
  };

  static void Step(std::shared_ptr<ShardListOperation> self, uint64_t position);
  void Take(const store::Scanned& scanned);
  Reply Tell(const shard::LoadPicture& picture) const;
  Reply Counted(uint64_t number) const;
  Reply TellRange(size_t index, const shard::LoadPicture& picture) const;

  Gateway& gateway_;
  const Request request_;
  const shard::RangeMap map_;
  size_t range_ = 0;  // The one that the step is in.
  std::vector<Size> sizes_;
};

}  // namespace weir::gateway
