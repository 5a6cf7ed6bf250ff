// CopyPace: how fast moves may read, by what clients ask of the databases meanwhile.
//
// While nobody asks, as fast as it goes, in large pieces. While somebody does, in small pieces and
// at `busy_bytes` a second at most; and where answers of the databases take longer than usual, half
// as much with every look that finds it so, down to a sixteenth, then up again by a sixteenth a
// look. What is usual is the shortest mean of the looks so far, which is forgotten slowly (by 1 % a
// look), so that a device which has become slower is not taken for a busy one for ever.
//
// Threads: single-owner. Pure: no clock. Cost: O(1).
// Source: delay as the signal, as in TCP Vegas (Brakmo, 1994); halving and steady rise as in AIMD.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::gateway {

class CopyPace {
 public:
  static constexpr int64_t kParts = 16;
  // Looks without a request before the databases count as idle.
  static constexpr int kIdleLooks = 5;
  static constexpr double kLonger = 2.0;

  explicit CopyPace(int64_t busy_bytes) : busy_bytes_(busy_bytes), bytes_(busy_bytes) {}

  // What the databases answered to clients since the last look.
  struct Answers {
    uint64_t count = 0;
    std::chrono::nanoseconds sum{0};
  };
  void Look(const Answers& answers) {
    if (answers.count == 0) {
      quiet_looks_ = std::min(quiet_looks_ + 1, kIdleLooks);
      if (idle()) bytes_ = busy_bytes_;
      return;
    }
    quiet_looks_ = 0;
    const double mean =
        static_cast<double>(answers.sum.count()) / static_cast<double>(answers.count);
    usual_ns_ = usual_ns_ == 0 ? mean : std::min(usual_ns_ * 1.01, mean);
    const int64_t part = std::max<int64_t>(busy_bytes_ / kParts, 1);
    bytes_ = mean > kLonger * usual_ns_ ? std::max(bytes_ / 2, part)
                                        : std::min(bytes_ + part, busy_bytes_);
  }

  // Nobody asks: at full speed.
  bool idle() const { return quiet_looks_ >= kIdleLooks; }
  // A second, unless idle.
  int64_t bytes() const { return bytes_; }

 private:
  const int64_t busy_bytes_;
  int64_t bytes_;
  int quiet_looks_ = 0;
  double usual_ns_ = 0;
};

}  // namespace weir::gateway
