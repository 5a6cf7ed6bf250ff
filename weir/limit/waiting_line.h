// WaitingLine: who waits for tokens of which bucket, in the order in which they came.
//
// A line stands in front of a bucket; the first of it tries again when its tokens are there, and
// the others when it is their turn. A newcomer, also one that does not wait, is asked to count
// what Ahead says as taken: so nobody overtakes those who wait.
// When not to use: where a newcomer may take what others wait for.
//
// Ownership: holds numbers alone; a bucket is its hash. Threads: single-owner.
// Cost: O(log n) of the line, and an allocation for each that waits; Before a look at kLookedAtMax.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "weir/base/random.h"

namespace weir::limit {

class WaitingLine {
 public:
  // That wait for all buckets together.
  static constexpr size_t kWaitersMax = size_t{1} << 16;
  static constexpr size_t kLookedAtMax = 1024;
  // The most that Ahead and Before say.
  static constexpr uint64_t kAheadMax = uint64_t{1} << 61;

  struct Place {
    uint64_t bucket = 0;
    uint64_t number = 0;  // Rises with every newcomer.
  };

  // Takes a place at the end of the bucket's line for one that wants `cost`, in what that bucket
  // counts. Returns nullopt when kWaitersMax wait.
  std::optional<Place> Join(uint64_t bucket, uint64_t cost) {
    if (count_ == kWaitersMax) return std::nullopt;
    ++count_;
    Line& line = lines_[bucket];
    line.costs.emplace_hint(line.costs.end(), ++last_, cost);
    line.sum += cost;
    return Place{bucket, last_};
  }

  bool IsFirst(const Place& place) const {
    const Line& line = lines_.at(place.bucket);
    return line.costs.begin()->first == place.number;
  }

  // Gives the place up. Returns the number of the one that is the first by that.
  // Requires: it was taken, and not given up.
  std::optional<uint64_t> Leave(const Place& place) {
    const auto found = lines_.find(place.bucket);
    assert(found != lines_.end());
    Line& line = found->second;
    const auto own = line.costs.find(place.number);
    assert(own != line.costs.end());
    const bool was_first = own == line.costs.begin();
    line.sum -= own->second;
    line.costs.erase(own);
    --count_;
    if (line.costs.empty()) {
      lines_.erase(found);
      return std::nullopt;
    }
    return was_first ? std::optional(line.costs.begin()->first) : std::nullopt;
  }

  // What those in the bucket's line will take from it.
  uint64_t Ahead(uint64_t bucket) const {
    const auto found = lines_.find(bucket);
    if (found == lines_.end()) return 0;
    return static_cast<uint64_t>(std::min<Uint128>(found->second.sum, kAheadMax));
  }

  // What those will take who were in the place's line before it. Of one that has more than
  // kLookedAtMax before it, what all others in the line will take.
  uint64_t Before(const Place& place) const {
    const Line& line = lines_.at(place.bucket);
    const auto own = line.costs.find(place.number);
    assert(own != line.costs.end());
    Uint128 sum = 0;
    size_t looked_at = 0;
    for (auto other = own; other != line.costs.begin() && looked_at < kLookedAtMax; ++looked_at) {
      sum += (--other)->second;
    }
    if (looked_at == kLookedAtMax) sum = line.sum - own->second;
    return static_cast<uint64_t>(std::min<Uint128>(sum, kAheadMax));
  }

  // The number of the first in the bucket's line, if anybody waits.
  std::optional<uint64_t> First(uint64_t bucket) const {
    const auto found = lines_.find(bucket);
    return found == lines_.end() ? std::nullopt : std::optional(found->second.costs.begin()->first);
  }
  // Calls `visit` with the number of the first of each line.
  void ForEachFirst(auto visit) const {
    for (const auto& [bucket, line] : lines_) visit(line.costs.begin()->first);
  }

  size_t size() const { return count_; }

 private:
  struct Line {
    std::map<uint64_t, uint64_t> costs;  // By number, so in order of arrival.
    Uint128 sum = 0;
  };

  std::unordered_map<uint64_t, Line> lines_;  // None is empty.
  size_t count_ = 0;
  uint64_t last_ = 0;
};

}  // namespace weir::limit
