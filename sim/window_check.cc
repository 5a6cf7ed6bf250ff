#include "sim/window_check.h"

#include <algorithm>
#include <utility>

namespace weir::sim {

void WindowCheck::Passed(const LimitCheck::Charges& charges, MonoTime from, MonoTime to) {
  for (const LimitCheck::Charge& charge : charges) {
    Bucket& bucket = buckets_[charge.bucket];
    bucket.rate = charge.rate;
    bucket.passages.push_back({from, to, charge.cost});
  }
}

std::string WindowCheck::Explain() {
  std::string wrong;
  for (auto& [name, bucket] : buckets_) {
    if (Exceeds(bucket)) wrong = "more passed in a window than rate and burst allow of " + name;
  }
  buckets_.clear();
  return wrong;
}

// Windows that matter begin where a passage may begin, and end where one must have ended.
bool WindowCheck::Exceeds(Bucket& bucket) {
  std::vector<Passage>& passages = bucket.passages;
  std::sort(passages.begin(), passages.end(),
            [](const Passage& a, const Passage& b) { return a.to < b.to; });
  for (const Passage& first : passages) {
    Uint128 cost = 0;
    for (const Passage& passage : passages) {
      if (passage.from < first.from) continue;
      cost += passage.cost;
      // The limiter's own time is a nanosecond coarse, at both ends.
      const auto window = static_cast<uint64_t>((passage.to - first.from).count()) + 2;
      const auto period = static_cast<uint64_t>(bucket.rate.period.count());
      const Uint128 most =
          Uint128{bucket.rate.burst} * period + Uint128{window} * bucket.rate.count;
      if (cost * period > most) return true;
    }
  }
  return false;
}

}  // namespace weir::sim
