// ConcurrencyLimit: how much may be in a database at once, found from how long its answers take.
//
// A database that is asked for more than it can do does not do more; its answers only wait inside
// it. So the limit grows while answers are as quick as when little was asked, and falls as soon as
// they are slower than `tolerance` times that. What is refused a place waits outside, where it can
// be ordered, shared out and dropped.
//
//   answers ──► window of one limit's worth ──► mean  ≤ max(quick, tolerance × base): grow
//                                                     >                             : cut
//
// `base` is what an answer takes when nothing waits: the least mean of a window, forgotten when it
// has not been met for kBaseAge. Then the limit is halved for one window, which shows it anew. When
// half of a limit makes answers come at a lower rate, they had not waited: the database itself has
// become slower, and what it takes now is the base. (While they wait, less under way takes nothing
// from the rate: Little's law.)
//
// When not to use: where an answer's time says nothing of the load, such as calls that wait for
// locks.
//
// Threads: single-owner. Errors: none.
// Cost: O(1), a few additions an answer.
// Source: Netflix concurrency-limits, Gradient2Limit (a window's mean against a longer one,
// gradient clamped to [0.5, 1]) and VegasLimit (a base without waiting). Differs: the base is
// proven by halving instead of drifting with a long average, which would take a lasting overload
// for the normal state; and answers within `quick` are never held against the database, so that
// microseconds of jitter cannot shrink a batch. Halving to see the base: ProbeRTT of BBR (Cardwell
// et al., ACM Queue 2016).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "weir/base/time.h"

namespace weir::limit {

class ConcurrencyLimit {
 public:
  struct Options {
    size_t least = 2;
    size_t first = 256;
    size_t most = 4096;
    std::chrono::nanoseconds quick = std::chrono::milliseconds(2);
  };
  static constexpr double kTolerance = 1.5;
  static constexpr size_t kAnswersLeast = 8;  // In a window.
  static constexpr auto kWindowMost = std::chrono::milliseconds(100);
  static constexpr auto kBaseAge = std::chrono::seconds(10);

  // Requires: 0 < least <= first <= most.
  explicit ConcurrencyLimit(const Options& options)
      : options_(options), limit_(options.first), spell_limit_(options.first) {}

  // What may be under way now.
  size_t limit() const { return probing_ ? (limit_ + 1) / 2 : limit_; }
  // How much of the limit one call may take: all of it while answers are quick; else a part, since
  // what comes back together goes out together again, and the database idles between.
  size_t share() const { return bound_ ? (limit() + kCalls - 1) / kCalls : limit(); }
  // Notes that something had to wait while so much was under way. Without that the limit stays.
  void OnLimited(size_t under_way) {
    limited_ = true;
    most_under_way_ = std::max(most_under_way_, under_way);
  }
  // A call of `weight` that began at `began` was answered at `now`.
  void OnAnswer(MonoTime began, MonoTime now, size_t weight);

  // What an answer took, of late. Zero at first.
  std::chrono::nanoseconds recent() const { return std::chrono::nanoseconds(mean_ns_); }
  // What it takes when nothing waits, or zero while that is not known.
  std::chrono::nanoseconds base() const { return std::chrono::nanoseconds(base_ns_.value_or(0)); }

 private:
  static constexpr size_t kCalls = 8;  // That share a bound limit.

  void CloseWindow(MonoTime now);
  void LearnBase(MonoTime now);
  void Cut(double threshold_ns, MonoTime now);
  double RateUntil(MonoTime now) const;
  void Grow(bool calm);

  const Options options_;
  size_t limit_;
  bool bound_ = false;  // Answers have once been slower than they need be.
  // In this window:
  bool limited_ = false;
  size_t most_under_way_ = 0;  // When something had to wait.
  bool probing_ = false;
  MonoTime window_began_;
  MonoTime rate_from_;  // The last answer to what was asked before it.
  double window_ns_ = 0;
  size_t window_answers_ = 0;
  int64_t mean_ns_ = 0;  // Of the last window.
  std::optional<int64_t> base_ns_;
  MonoTime base_met_;
  // While the limit falls: what it was, and how many answers came a nanosecond, half of it ago.
  bool falling_ = false;
  size_t spell_limit_;
  double spell_rate_ = 0;
};

}  // namespace weir::limit
