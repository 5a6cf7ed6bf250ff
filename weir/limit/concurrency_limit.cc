#include "weir/limit/concurrency_limit.h"

#include <algorithm>

namespace weir::limit {
namespace {

constexpr double kCutMost = 0.5;
constexpr double kCutLeast = 0.95;
constexpr double kFewer = 0.75;  // Times the rate: half the limit was too little.
constexpr int64_t kMeans = 3;    // A window is so many times longer than what it is about.
constexpr int64_t kNearer = 8;
constexpr double kMet = 1.1;  // Times the base.

}  // namespace

void ConcurrencyLimit::OnAnswer(MonoTime began, MonoTime now, size_t weight) {
  if (began <= window_began_) {  // Asked under another limit.
    rate_from_ = now;
    return;
  }
  window_ns_ += static_cast<double>((now - began).count()) * static_cast<double>(weight);
  window_answers_ += weight;
  if (window_answers_ < kAnswersLeast) return;
  mean_ns_ = static_cast<int64_t>(window_ns_ / static_cast<double>(window_answers_));
  const std::chrono::nanoseconds most =
      std::max<std::chrono::nanoseconds>(kWindowMost, kMeans * recent());
  if (window_answers_ >= limit() || now - window_began_ >= most) CloseWindow(now);
}

void ConcurrencyLimit::CloseWindow(MonoTime now) {
  LearnBase(now);
  const auto quick = static_cast<double>(options_.quick.count());
  const double threshold =
      base_ns_ ? std::max(quick, kTolerance * static_cast<double>(*base_ns_)) : quick;
  const bool slow = static_cast<double>(mean_ns_) > threshold;
  if (!limited_) {
    falling_ = false;
  } else if (slow) {
    bound_ = true;
    Cut(threshold, now);
  } else {
    falling_ = false;
    Grow(static_cast<double>(mean_ns_) <=
         std::max(quick, kMet * static_cast<double>(base_ns_.value_or(0))));
    probing_ = bound_ && static_cast<double>(mean_ns_) > quick && now - base_met_ > kBaseAge;
  }
  limited_ = false;
  most_under_way_ = 0;
  window_began_ = rate_from_ = now;
  window_ns_ = 0;
  window_answers_ = 0;
}

void ConcurrencyLimit::LearnBase(MonoTime now) {
  // Under a limit that holds something back, a first mean may be all waiting.
  const bool proven = probing_ || !limited_;
  const bool stale = proven && now - base_met_ > kBaseAge;
  if (!base_ns_ ? proven : stale || mean_ns_ < *base_ns_ / 4 * 3) {
    base_ns_ = mean_ns_;
  } else if (base_ns_ && mean_ns_ < *base_ns_) {
    *base_ns_ -= (*base_ns_ - mean_ns_) / kNearer;  // One window's luck is not the base.
  }
  if (base_ns_ && static_cast<double>(mean_ns_) <= kMet * static_cast<double>(*base_ns_)) {
    base_met_ = now;
  }
  probing_ = false;
}

double ConcurrencyLimit::RateUntil(MonoTime now) const {
  const int64_t span_ns = std::max<int64_t>((now - rate_from_).count(), 1);
  return static_cast<double>(window_answers_) / static_cast<double>(span_ns);
}

void ConcurrencyLimit::Cut(double threshold_ns, MonoTime now) {
  const double rate = RateUntil(now);
  // Only what was used of the limit can have made answers slow.
  limit_ = std::clamp(most_under_way_, options_.least, limit_);
  const bool halved = falling_ && limit_ * 2 <= spell_limit_;
  if ((halved && rate < kFewer * spell_rate_) || limit_ == options_.least) {
    base_ns_ = mean_ns_;
    base_met_ = now;
    if (falling_) limit_ = spell_limit_;
    falling_ = false;
    return;
  }
  if (halved || !falling_) {
    falling_ = true;
    spell_limit_ = limit_;
    spell_rate_ = rate;
  }
  const double part = std::clamp(threshold_ns / static_cast<double>(mean_ns_), kCutMost, kCutLeast);
  limit_ = std::max(options_.least, static_cast<size_t>(static_cast<double>(limit_) * part));
}

// By half of itself while nothing waits in the database, else by a sixteenth.
void ConcurrencyLimit::Grow(bool calm) {
  const size_t step = calm ? limit_ / 2 : limit_ / 16;
  limit_ = std::min(options_.most, limit_ + std::max<size_t>(step, 1));
}

}  // namespace weir::limit
