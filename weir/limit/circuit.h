// Circuit: stops asking a database that fails, and finds out carefully whether it is back.
//
//            kFailuresMax in a row, or a stall            the pause is over
//   closed ───────────────────────────────► open ──────────────────────────► half-open
//     ▲                                      ▲                                │    │
//     └──── calls of 1, 2, 4, … kProbeMost ──┼────────────────────────────────┘    │
//            keys have all succeeded         └─────────────── a failure ───────────┘
//
// Each time it opens again without having closed the pause is twice as long, up to kPauseMost.
// Half-open, the probe alone decides: the late answers of what was asked before it opened come all
// at once when a database thaws, and say nothing of what it takes now.
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

  // Which call an outcome belongs to.
  using CallId = uint64_t;

  // How many keys the next call may ask for; 0: there may be none now. Half-open, the call is a
  // probe: Begin says that it is made.
  size_t Room(MonoTime now) {
    if (state_ == State::kOpen && now >= retry_at_) {
      state_ = State::kHalfOpen;
      probe_size_ = 1;
      probe_ = kNoCall;
    }
    if (state_ == State::kClosed) return SIZE_MAX;
    return state_ == State::kHalfOpen && probe_ == kNoCall ? probe_size_ : 0;
  }
  CallId Begin() {
    const CallId call = ++last_call_;
    if (state_ == State::kHalfOpen) probe_ = call;
    return call;
  }

  void OnSuccess(CallId call) {
    failures_ = 0;
    if (state_ == State::kClosed || IsLate(call)) return;
    // Of a call made before it opened: the database does answer.
    if (state_ == State::kOpen) probe_size_ = 1;
    state_ = probe_size_ >= kProbeMost ? State::kClosed : State::kHalfOpen;
    if (state_ == State::kClosed) pause_ = kPauseFirst;
    probe_size_ *= 2;
    probe_ = kNoCall;
  }
  void OnFailure(CallId call, MonoTime now) {
    if (IsLate(call)) return;
    if (++failures_ >= kFailuresMax || state_ == State::kHalfOpen) Trip(now);
  }
  // A call has not been answered for too long.
  void OnStall(CallId call, MonoTime now) {
    if (state_ != State::kOpen && !IsLate(call)) Trip(now);
  }

  bool closed() const { return state_ == State::kClosed; }
  State state() const { return state_; }
  // When to come back, for who is refused. Half-open, after the first pause: the probes are through
  // by then, or it is open again.
  std::chrono::nanoseconds RetryAfter(MonoTime now) const {
    if (state_ == State::kHalfOpen) return kPauseFirst;
    return state_ == State::kOpen ? std::max<std::chrono::nanoseconds>(retry_at_ - now, {})
                                  : std::chrono::nanoseconds(0);
  }
  uint64_t opened() const { return opened_; }

 private:
  static constexpr CallId kNoCall = 0;

  // Whether a call was made before the state that the probe decides about.
  bool IsLate(CallId call) const { return state_ == State::kHalfOpen && call != probe_; }
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
  CallId probe_ = kNoCall;  // While it is under way.
  CallId last_call_ = kNoCall;
  uint64_t opened_ = 0;
};

}  // namespace weir::limit
