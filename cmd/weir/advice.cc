#include "cmd/weir/advice.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdio>

namespace weir::cmd {
namespace {

constexpr double kMonthSeconds = 365.25 / 12 * 24 * 3600;
constexpr double kWorthDoubling = 0.1;   // Of the reads that are spared.
constexpr double kNotMissed = 0.005;     // Of the hit ratio.
constexpr double kWorthChanging = 0.02;  // Of the monthly cost.
constexpr int kBarWidth = 30;

template <class... Values>
std::string Format(const char* format, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string Size(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= uint64_t{1} << 30) return Format("%.2f GiB", value / (1 << 30));
  return Format("%.1f MiB", value / (1 << 20));
}

std::string Row(const CacheSize& size, bool now, const Prices& prices) {
  const int bar = static_cast<int>(std::lround(size.hit_ratio * kBarWidth));
  std::string row = Format("%s %11s  %5.1f %% %-*s %12.1f", now ? ">" : " ",
                           Size(size.bytes).c_str(), 100 * size.hit_ratio, kBarWidth,
                           std::string(static_cast<size_t>(bar), '#').c_str(), size.misses);
  if (prices.known()) row += Format(" %14.2f", MonthlyCost(size, prices));
  return row + "\n";
}

size_t BestByReads(const std::vector<CacheSize>& sizes, size_t now) {
  size_t best = now;
  for (size_t next = now + 1; next < sizes.size() && sizes[now].misses > 0; ++next) {
    const double doublings =
        std::log2(static_cast<double>(sizes[next].bytes) / static_cast<double>(sizes[best].bytes));
    const double left = std::pow(1 - kWorthDoubling, doublings);
    if (sizes[next].misses <= sizes[best].misses * left) best = next;
  }
  if (best != now) return best;
  while (best > 0 && sizes[now].hit_ratio - sizes[best - 1].hit_ratio < kNotMissed) --best;
  return best;
}

}  // namespace

double MonthlyCost(const CacheSize& size, const Prices& prices) {
  return static_cast<double>(size.bytes) / 1e9 * prices.gb_month +
         size.misses * kMonthSeconds / 1e6 * prices.million_reads;
}

size_t BestSize(const std::vector<CacheSize>& sizes, size_t now, const Prices& prices) {
  assert(now < sizes.size());
  if (!prices.known()) return BestByReads(sizes, now);
  size_t best = now;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (MonthlyCost(sizes[i], prices) < MonthlyCost(sizes[best], prices)) best = i;
  }
  const double now_costs = MonthlyCost(sizes[now], prices);
  return MonthlyCost(sizes[best], prices) < now_costs * (1 - kWorthChanging) ? best : now;
}

std::string AdviceText(const std::vector<CacheSize>& sizes, size_t now, const Prices& prices) {
  const CacheSize& present = sizes.at(now);
  if (present.misses <= 0 && present.hit_ratio <= 0) {
    return "The server has read nothing of late. Ask again when it has served for a minute.\n";
  }
  std::string text = Format("  %11s  %7s %-*s %12s", "cache", "hits", kBarWidth, "", "db reads/s");
  if (prices.known()) text += Format(" %14s", "cost a month");
  text += "\n";
  for (size_t i = 0; i < sizes.size(); ++i) text += Row(sizes[i], i == now, prices);
  const size_t best = BestSize(sizes, now, prices);
  const CacheSize& other = sizes[best];
  const double spared = present.misses - other.misses;
  text += "\n";
  if (best == now) {
    text += "Keep the memory as it is: neither more nor less of it pays.\n";
    return text;
  }
  if (best > now) {
    text += Format(
        "Buy: with %s of cache instead of %s the databases read %.1f a second less "
        "(%.0f %%).\n",
        Size(other.bytes).c_str(), Size(present.bytes).c_str(), spared,
        100 * spared / present.misses);
  } else {
    text += Format(
        "Give back: with %s of cache instead of %s the databases read %.1f a second "
        "more.\n",
        Size(other.bytes).c_str(), Size(present.bytes).c_str(), -spared);
  }
  if (prices.known()) {
    text += Format("That costs %.2f a month instead of %.2f.\n", MonthlyCost(other, prices),
                   MonthlyCost(present, prices));
  }
  return text;
}

}  // namespace weir::cmd
