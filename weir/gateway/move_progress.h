// MoveProgress: how much of a move is done, how fast it goes, and how long it will take.
//
// A move looks at its range twice, to copy and to verify. How many bytes there are is known after
// the first time; until then it is taken from the part of the positions that was passed, since keys
// are spread evenly by their hash.
// Threads: single-owner. Pure. Cost: O(1).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::gateway {

class MoveProgress {
 public:
  // So many bytes were looked at in this pass: 0 to copy, 1 to verify.
  void Note(int pass, uint64_t bytes) {
    Enter(pass);
    done_ += bytes;
  }
  // `pass` is under way, or 0 again. Of the last pass the bytes are known.
  void Enter(int pass) {
    if (pass == pass_) return;
    if (pass > pass_) whole_ = done_;
    pass_ = pass;
    done_ = tick_done_ = 0;
  }
  // Since the last time, at which the rate is measured anew.
  void Tick(std::chrono::nanoseconds since) {
    const double seconds = std::chrono::duration<double>(since).count();
    if (seconds <= 0) return;
    const double rate = static_cast<double>(done_ - tick_done_) / seconds;
    tick_done_ = done_;
    // Over about a second.
    const double weight = std::min(seconds, 1.0);
    rate_ = rate_ == 0 ? rate : rate_ + weight * (rate - rate_);
  }

  uint64_t done() const { return done_; }
  // Of the pass, given what part of its positions is passed.
  uint64_t all(double part) const {
    if (pass_ > 0) return std::max(whole_, done_);
    return part <= 0 ? 0
                     : std::max(static_cast<uint64_t>(static_cast<double>(done_) / part), done_);
  }
  uint64_t bytes_per_second() const { return static_cast<uint64_t>(rate_); }
  // Of both passes; nullopt while there is nothing to tell it by.
  std::optional<uint64_t> seconds_left(double part) const {
    const uint64_t whole = all(part);
    if (whole == 0 || rate_ < 1) return std::nullopt;
    const uint64_t left = whole - done_ + (pass_ == 0 ? whole : 0);
    return static_cast<uint64_t>(static_cast<double>(left) / rate_ + 0.5);
  }

 private:
  int pass_ = 0;
  uint64_t done_ = 0;
  uint64_t whole_ = 0;
  uint64_t tick_done_ = 0;
  double rate_ = 0;
};

}  // namespace weir::gateway
