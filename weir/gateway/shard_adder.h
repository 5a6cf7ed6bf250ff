// ShardAdder: how the command WEIR.SHARD ADD reaches what makes databases.
//
// Threads: thread-safe. No call blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "weir/base/result.h"

namespace weir::gateway {

class ShardAdder {
 public:
  virtual ~ShardAdder() = default;

  // Makes a database in `place`, a directory on this machine, and a shard in it, which holds no
  // range yet. Calls `done` once, on any thread: with the number of the shard, which the next start
  // knows too, or with why nothing has changed. kUnknown: the next start may know it.
  virtual void Add(std::string place, std::function<void(const Result<uint32_t>&)> done) = 0;
};

}  // namespace weir::gateway
