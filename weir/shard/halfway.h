// Halfway: where a range is to be cut so that half of what it holds lies on either side.
//
//   Halfway halfway;
//   for (record : records in order of position) halfway.Add(record.position, bytes);
//   std::optional<Position> at = halfway.At();
//
// What is added is kept by tag, in at most kStepsMax steps: when there are more, those that meet
// are joined until each is at least 2 / kStepsMax of all. So the cut is the evenest there is
// between two tags, or worse by less than that part. Threads: thread-compatible. Cost: O(1)
// amortised for each Add; at most 128 KiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "weir/shard/position.h"

namespace weir::shard {

class Halfway {
 public:
  static constexpr size_t kStepsMax = 8192;

  // Requires: `position` is not below that of the call before.
  void Add(Position position, uint64_t amount);

  // Returns where to cut, a multiple of kPositionUnit, or nullopt when all that there is is of one
  // tag, or nothing.
  std::optional<Position> At() const;

 private:
  struct Step {
    uint64_t begin = 0;  // A multiple of kPositionUnit.
    uint64_t amount = 0;
  };

  void Append(const Step& step);

  std::vector<Step> steps_;  // By rising beginning.
  uint64_t all_ = 0;
  uint64_t least_ = 0;  // A step that has less goes on with the next tag.
};

}  // namespace weir::shard
