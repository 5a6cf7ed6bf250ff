// CallCost: how much of the time of a call is its own, and how much that of its keys.
//
// A database that works key by key answers half as many in half the time, so small calls cost
// nothing and make answers quick. One whose calls take as long however many keys they have, such as
// a log with its fsync, must be given many at once. Which of the two it is shows in calls of
// different sizes: this is the line through them, took = call + key * keys, by least squares.
//
// Calls that are all of one size say nothing of that; then all of their time counts as their own,
// which asks for larger ones, and so for calls of different sizes.
//
// When not to use: for calls that wait for each other.
// Threads: single-owner. Errors: none. Cost: O(1), a few multiplications.
// Source: exponentially weighted least squares, with a ridge of kSameSizes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::limit {

class CallCost {
 public:
  // Requires: keys > 0.
  void OnCall(size_t keys, std::chrono::nanoseconds took) {
    const auto x = static_cast<double>(keys);
    const auto y = static_cast<double>(took.count());
    const double part = std::max(1 / kCalls, 1 / (calls_ + 1));
    calls_ = std::min(calls_ + 1, kCalls);
    const double dx = x - keys_mean_;
    const double dy = y - took_mean_;
    keys_mean_ += part * dx;
    took_mean_ += part * dy;
    variance_ += part * ((1 - part) * dx * dx - variance_);
    covariance_ += part * ((1 - part) * dx * dy - covariance_);
  }

  // What one key takes, in nanoseconds.
  double key_ns() const {
    const double spread = variance_ + kSameSizes * kSameSizes * keys_mean_ * keys_mean_;
    if (spread <= 0) return 0;
    return std::clamp(covariance_ / spread, 0.0, took_mean_ / std::max(keys_mean_, 1.0));
  }
  // What a call takes beside its keys, in nanoseconds.
  double call_ns() const { return took_mean_ - key_ns() * keys_mean_; }

  // Returns how many keys a call may have to take no longer than `most`, or than twice what it
  // takes for itself, where that is more; at least one.
  size_t KeysWithin(std::chrono::nanoseconds most) const {
    const double key = key_ns();
    if (key <= 0) return SIZE_MAX;
    const double room = std::max(static_cast<double>(most.count()) - call_ns(), call_ns());
    return static_cast<size_t>(std::clamp(room / key, 1.0, kKeysMost));
  }

 private:
  static constexpr double kCalls = 64;        // That the line is about; the latest count most.
  static constexpr double kSameSizes = 0.02;  // Sizes that differ less, of their mean.
  static constexpr double kKeysMost = 1e9;

  double calls_ = 0;
  double keys_mean_ = 0;
  double took_mean_ = 0;
  double variance_ = 0;
  double covariance_ = 0;
};

}  // namespace weir::limit
