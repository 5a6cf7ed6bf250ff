// Circuit: stops asking a database that fails, and finds out carefully whether it is back.
//
//            kFailuresMax in a row, or a stall            the pause is over
//   closed ───────────────────────────────► open ──────────────────────────► half-open
//     ▲                                      ▲                                │    │
//     └──── calls of 1, 2, 4, … kProbeMost ──┼────────────────────────────────┘    │
//            keys have all succeeded         └─────────────── a failure ───────────┘
//
// Each time it opens again without having closed the pause is twice as long, up to kPauseMost.
//
// Threads: single-owner. Errors: none. Cost: O(1).
// Source: Nygard, "Release It!", Circuit Breaker. Differs: half-open lets in one call at a time,
// each twice as large as the one before, instead of everybody after one success: a database that
// has just come back is the one least fit for a flood.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "weir/base/time.h"

namespace weir::limit {

class Circuit {
 public:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };
  static constexpr uint32_t kFailuresMax = 5;
  static constexpr size_t kProbeMost = 16;  // Keys of the last call before it closes.
  static constexpr std::chrono::nanoseconds kPauseFirst = std::chrono::milliseconds(100);
  static constexpr std::chrono::nanoseconds kPauseMost = std::chrono::seconds(5);

  // How many keys the next call may ask for; 0: there may be none now. Half-open, the call is a
  // probe: Begin says that it is made.
  size_t Room(MonoTime now) {
    if (state_ == State::kOpen && now >= retry_at_) {
      state_ = State::kHalfOpen;
      probe_size_ = 1;
      probing_ = false;
    }
    if (state_ == State::kClosed) return SIZE_MAX;
    return state_ == State::kHalfOpen && !probing_ ? probe_size_ : 0;
  }
  void Begin() { probing_ = state_ == State::kHalfOpen; }

  void OnSuccess() {
    failures_ = 0;
    if (state_ == State::kClosed) return;
    // Of a call made before it opened: the database does answer.
    if (state_ == State::kOpen) probe_size_ = 1;
    state_ = probe_size_ >= kProbeMost ? State::kClosed : State::kHalfOpen;
    if (state_ == State::kClosed) pause_ = kPauseFirst;
    probe_size_ *= 2;
    probing_ = false;
  }
  void OnFailure(MonoTime now) {
    if (++failures_ >= kFailuresMax || state_ == State::kHalfOpen) Trip(now);
  }
  // A call has not been answered for too long.
  void OnStall(MonoTime now) {
    if (state_ != State::kOpen) Trip(now);
  }

  bool closed() const { return state_ == State::kClosed; }
  State state() const { return state_; }
  // When to come back, for who is told that it is open.
  std::chrono::nanoseconds RetryAfter(MonoTime now) const {
    return state_ == State::kOpen ? std::max<std::chrono::nanoseconds>(retry_at_ - now, {})
                                  : std::chrono::nanoseconds(0);
  }
  uint64_t opened() const { return opened_; }

 private:
  void Trip(MonoTime now) {
    // Failures of calls made before it opened say nothing new.
    if (state_ == State::kOpen) return;
    if (state_ == State::kHalfOpen) pause_ = std::min(pause_ * 2, kPauseMost);
    state_ = State::kOpen;
    retry_at_ = now + pause_;
    failures_ = 0;
    ++opened_;
  }

  State state_ = State::kClosed;
  uint32_t failures_ = 0;  // In a row.
  MonoTime retry_at_;
  std::chrono::nanoseconds pause_ = kPauseFirst;
  size_t probe_size_ = 1;
  bool probing_ = false;
  uint64_t opened_ = 0;
};

}  // namespace weir::limit
