// WindowCheck: whether more passed than rate and burst allow, where of each request is only known
// between which two moments it passed.
//
// In any window at most burst + rate × window pass. So do those that passed within it for certain.
// Threads: single-owner. Cost: Explain is quadratic in the requests of a bucket.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/limit_check.h"

namespace weir::sim {

class WindowCheck {
 public:
  void Passed(const LimitCheck::Charges& charges, MonoTime from, MonoTime to);
  // Returns what is wrong, or nothing; and forgets all.
  std::string Explain();

 private:
  struct Passage {
    MonoTime from;
    MonoTime to;
    uint64_t cost = 0;
  };
  struct Bucket {
    limit::Rate rate;
    std::vector<Passage> passages;
  };
  static bool Exceeds(Bucket& bucket);

  std::map<std::string, Bucket> buckets_;
};

}  // namespace weir::sim
