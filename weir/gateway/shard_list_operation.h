// ShardListOperation: what WEIR.SHARD LIST tells: the ranges and, when they are to be counted, the
// live keys of each and their bytes, by reading all of the data a step at a time.
//
// The reply is an array: the version of the map; the shards, each an array of id, place, keys and
// bytes; the ranges, each an array of beginning, end, shard, keys and bytes. Positions are 16
// hexadecimal digits, and the last end is 0. Keys and bytes are null unless counted.
// Threads: as every operation (operations.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/shard/range_map.h"

namespace weir::gateway {

// 16 hexadecimal digits.
std::string PositionText(uint64_t position);

class ShardListOperation final : public Operation {
 public:
  ShardListOperation(Origin origin, Gateway& gateway);

  // What is told without counting.
  Reply Uncounted() const { return Tell(nullptr); }
  static void Count(const std::shared_ptr<ShardListOperation>& self);

 private:
  struct Size {
    uint64_t keys = 0;
    uint64_t bytes = 0;
  };

  static void Step(std::shared_ptr<ShardListOperation> self, uint64_t position);
  void Take(const store::Scanned& scanned);
  // `sizes`: by range; null: unknown.
  Reply Tell(const std::vector<Size>* sizes) const;

  Gateway& gateway_;
  const shard::RangeMap map_;
  size_t range_ = 0;  // The one that the step is in.
  std::vector<Size> sizes_;
};

}  // namespace weir::gateway
