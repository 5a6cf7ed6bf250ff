// Zipf: ranks of keys by Zipf's law, for tests of what load does. Not for servers.
// Threads: thread-compatible.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "weir/base/random.h"

namespace weir::shard {

class Zipf {
 public:
  Zipf(size_t keys, double exponent) {
    double sum = 0;
    for (size_t rank = 0; rank < keys; ++rank) {
      sum += std::pow(static_cast<double>(rank + 1), -exponent);
      sums_.push_back(sum);
    }
  }

  // Below the number of keys; 0 is the most frequent.
  size_t Draw(Random& random) const {
    const double at = static_cast<double>(random.Next() >> 11) * 0x1p-53 * sums_.back();
    return static_cast<size_t>(std::upper_bound(sums_.begin(), sums_.end() - 1, at) -
                               sums_.begin());
  }
  // How much of all draws a rank has.
  double PartOf(size_t rank) const {
    return (sums_[rank] - (rank == 0 ? 0 : sums_[rank - 1])) / sums_.back();
  }

 private:
  std::vector<double> sums_;
};

}  // namespace weir::shard
