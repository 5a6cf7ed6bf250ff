// QueueDelay: tells a queue that takes up a burst from one that stands.
//
// A good queue is empty again soon; one whose oldest entry has waited longer than `target` for a
// whole `interval` only makes everybody late. It is said to stand from then until whoever takes
// from it finds it empty every third time: it is short then, and a moment without arrivals is
// no end of an overload. While it stands, the oldest entries are those that
// their senders have most likely given up, so the newest are served first and nothing waits longer
// than `target`, nor than an answer takes: work that nobody waits for is what an overloaded server
// loses most by.
//
// Threads: single-owner. Errors: none. Cost: O(1).
// Source: CoDel, RFC 8289 §4 (first time above target, interval); as a controlled delay with
// adaptive LIFO, "Fail at Scale" (Maurer, ACM Queue 2015). Differs: entered by CoDel's rule instead
// of by not having been empty, which a few deep pipelines would meet for ever; and entries beyond
// `target` are dropped at once instead of at CoDel's rising rate, because a refusal is cheap.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "weir/base/time.h"

namespace weir::limit {

class QueueDelay {
 public:
  struct Options {
    std::chrono::nanoseconds target = std::chrono::milliseconds(50);
    std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
    // The longest wait of a queue that does not stand.
    std::chrono::nanoseconds deadline = std::chrono::seconds(1);
  };

  explicit QueueDelay(const Options& options) : options_(options) {}

  // Looks at the queue, whose oldest entry came at `oldest`.
  void Look(MonoTime now, MonoTime oldest) {
    emptiness_ -= emptiness_ / kLooks;
    if (now - oldest < options_.target) {
      above_until_.reset();
    } else if (!above_until_) {
      above_until_ = now + options_.interval;
    }
    if (standing_ || !above_until_ || now < *above_until_) return;
    standing_ = true;
    emptiness_ = 0;
  }
  // It is empty, and whoever looked could have taken something.
  void LookEmpty() {
    above_until_.reset();
    emptiness_ += (1 - emptiness_) / kLooks;
    standing_ &= emptiness_ < kEmptyEnough;
  }

  // It is empty and nothing is under way: whatever was too much is over.
  void LookIdle() {
    above_until_.reset();
    standing_ = false;
  }

  bool standing() const { return standing_; }
  // Whether what came at `since` has waited too long. While the queue stands that is the target, or
  // a quarter more than an answer takes once its wait is over, where that is less.
  bool Overdue(MonoTime now, MonoTime since,
               std::chrono::nanoseconds answer = std::chrono::hours(1)) const {
    const std::chrono::nanoseconds most =
        std::min(options_.target, std::max(answer * 5 / 4, kAnswerLeast));
    return now - since > (standing_ ? most : options_.deadline);
  }

 private:
  static constexpr std::chrono::nanoseconds kAnswerLeast = std::chrono::milliseconds(1);
  static constexpr double kLooks = 64;  // That the emptiness is about.
  static constexpr double kEmptyEnough = 0.35;

  const Options options_;
  std::optional<MonoTime> above_until_;  // When it stands if it stays above the target.
  bool standing_ = false;
  double emptiness_ = 0;  // Part of the latest looks that found it empty; the latest count most.
};

}  // namespace weir::limit
