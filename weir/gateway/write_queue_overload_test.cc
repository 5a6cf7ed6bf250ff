// Goal: under any load a log gives what it can do, and what it takes in is acknowledged in little
// more time than without load, whether a commit's time is in its writes or in its fsync.
// Method: the write queue in front of a log, both in simulated time, under open loops from half of
// what the log can do to twenty times that. The same figures with everything taken in show that
// the test would notice.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/command.h"
#include "weir/gateway/write_queue.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr MonoTime kStart{1'000'000'000'000};
constexpr size_t kBatchMax = 2048;
constexpr size_t kPlenty = size_t{1} << 30;

struct Log {
  nanoseconds commit{0};  // What one takes, and so much more for each write.
  nanoseconds write{0};
};
// All of its time is in the writes: the least batch is the best.
constexpr Log kWriteByWrite{0ns, 500us};
constexpr double kCapacity = 2000;  // A second.
// Most of it is in the fsync: many writes must share one.
constexpr Log kSlowFsync{4ms, 20us};

class Rig {
 public:
  explicit Rig(const Log& log, bool takes_all_in = false)
      : log_(log),
        queue_(takes_all_in ? limit::QueueDelay::Options{1h, 1h, 1h} : limit::QueueDelay::Options{},
               kBatchMax) {}

  // Writes at random moments, so many a second.
  void Run(double rate, nanoseconds time) {
    const MonoTime end = now_ + time;
    MonoTime arrival = now_;
    while (now_ < end) {
      now_ = std::min({arrival, ends_, tick_, end});
      if (now_ == tick_) {
        queue_.Tick(now_);
        tick_ = tick_ + 100ms;
      } else if (now_ == ends_) {
        EndBatch();
      } else if (now_ == arrival) {
        Push();
        const double unit = (static_cast<double>(random_.Below(1'000'000)) + 1) / 1'000'001;
        arrival = arrival + nanoseconds(static_cast<int64_t>(-std::log(unit) / rate * 1e9) + 1);
      }
      if (batch_.empty() && !queue_.empty()) TakeBatch();
    }
  }
  void Forget() { took_.clear(); }
  // Of those acknowledged since the last Forget.
  size_t acknowledged() const { return took_.size(); }
  nanoseconds P99() const {
    std::vector<nanoseconds> took = took_;
    const auto p99 = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
    std::nth_element(took.begin(), p99, took.end());
    return *p99;
  }

 private:
  void Push() {
    auto item = std::make_unique<WriteItem>();
    const std::vector<std::string_view> words = {"SET", "k", "v"};
    item->command = FindCommand("set");
    item->args = OwnedArgs(Args(words));
    queue_.Push(&item, kPlenty, now_);
  }
  void TakeBatch() {
    while (!queue_.empty() && batch_.size() < queue_.batch_writes()) {
      batch_.push_back(queue_.Pop().write->since);
    }
    queue_.OnTaken(batch_.size(), now_);
    ends_ = now_ + log_.commit + log_.write * static_cast<int64_t>(batch_.size());
  }
  void EndBatch() {
    queue_.OnEnded(true, now_);
    for (const MonoTime since : batch_) took_.push_back(now_ - since);
    batch_.clear();
    ends_ = MonoTime{INT64_MAX};
  }

  const Log log_;
  WriteQueue queue_;
  Random random_{11};
  MonoTime now_ = kStart;
  MonoTime tick_ = kStart + 100ms;
  MonoTime ends_{INT64_MAX};
  std::vector<MonoTime> batch_;  // When its writes came.
  std::vector<nanoseconds> took_;
};

struct Figures {
  double acknowledged = 0;  // A second.
  nanoseconds p99{0};
};

// In the steady state, after six seconds: the first batches, before anything is known of the log,
// take all that has come.
Figures At(const Log& log, double rate, bool takes_all_in = false) {
  Rig rig(log, takes_all_in);
  rig.Run(rate, 6s);
  rig.Forget();
  rig.Run(rate, 8s);
  return {static_cast<double>(rig.acknowledged()) / 8, rig.P99()};
}

TEST(WriteQueueOverload, WhatIsTakenInTakesAtMostTwiceWhatItTakesWithoutLoad) {
  const nanoseconds unloaded = At(kWriteByWrite, 0.5 * kCapacity).p99;
  for (const double load : {2.0, 5.0, 10.0, 20.0}) {
    const Figures figures = At(kWriteByWrite, load * kCapacity);
    EXPECT_LE(figures.p99, 2 * unloaded) << load;
    EXPECT_GE(figures.acknowledged, 0.95 * kCapacity) << load;
  }
}

TEST(WriteQueueOverload, TakingAllInIsNoticed) {
  const nanoseconds unloaded = At(kWriteByWrite, 0.5 * kCapacity).p99;
  EXPECT_GT(At(kWriteByWrite, 2 * kCapacity, true).p99, 2 * unloaded);
}

TEST(WriteQueueOverload, WhereTheTimeIsInTheFsyncManyWritesStillShareOne) {
  const nanoseconds unloaded = At(kSlowFsync, 6'000).p99;
  for (const double rate : {25'000.0, 125'000.0, 250'000.0}) {
    const Figures figures = At(kSlowFsync, rate);
    EXPECT_GE(figures.acknowledged, 10'000) << rate;
    EXPECT_LE(figures.p99, 3 * unloaded) << rate;
  }
}

}  // namespace
}  // namespace weir::gateway
