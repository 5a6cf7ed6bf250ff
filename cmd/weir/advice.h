// Advice: which size of the cache pays, from what the running cache estimates of other sizes.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::cmd {

// One size of the cache, as WEIR.MRC tells of it.
struct CacheSize {
  uint64_t bytes = 0;
  double hit_ratio = 0;  // In [0, 1].
  double misses = 0;     // Reads of the databases, each second.
};

// In any one currency. 0: not known.
struct Prices {
  double gb_month = 0;       // Of 10⁹ bytes of memory for a month.
  double million_reads = 0;  // Of a million reads of a database.
  bool known() const { return gb_month > 0 && million_reads > 0; }
};

// Returns what the cache of this size costs a month, its misses included.
double MonthlyCost(const CacheSize& size, const Prices& prices);

// Returns the index of the size to have instead of `now`. With prices the cheapest; without, more
// memory as long as each doubling spares a tenth of the reads, or less if the hit ratio stays
// within half a point. Requires: the sizes rise, now < sizes.size().
size_t BestSize(const std::vector<CacheSize>& sizes, size_t now, const Prices& prices);

// Returns a chart of the sizes and the advice in words.
std::string AdviceText(const std::vector<CacheSize>& sizes, size_t now, const Prices& prices);

}  // namespace weir::cmd
