// Goal: under any load a database's readers get what it can do, at the latency it has when nothing
// waits, and are back to normal as soon as the load is.
// Method: the load queue in front of a database of some servers, both in simulated time, under open
// loops from half of what the database can do to twenty times that, with steps and freezes. The
// same figures with everything let in show that the test would notice.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/load_queue.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr MonoTime kStart{1'000'000'000'000};
constexpr size_t kServers = 4;
constexpr nanoseconds kService = 2ms;
constexpr double kCapacity = 2000;  // A second.

class Rig {
 public:
  struct Answer {
    MonoTime asked;
    MonoTime told;
    bool served = false;
    limit::FlowId flow = 0;
  };

  // `lets_all_in`: as if there were neither a limit nor a bound on the wait.
  explicit Rig(bool lets_all_in = false) : queue_(Delay(lets_all_in), Limit(lets_all_in)) {}

  // Requests of `flow` at random moments, so many a second.
  void Offer(double rate, nanoseconds time, limit::FlowId flow = 0) {
    MonoTime at = now_;
    for (;;) {
      const double unit = (static_cast<double>(random_.Below(1'000'000)) + 1) / 1'000'001;
      at = at + nanoseconds(static_cast<int64_t>(-std::log(unit) / rate * 1e9));
      if (at > now_ + time) return;
      arrivals_.emplace(at, flow);
    }
  }
  void FreezeUntil(MonoTime thaw) { thaw_ = thaw; }
  void Go(nanoseconds time) {
    const MonoTime end = now_ + time;
    while (Step(end)) {
    }
    now_ = end;
  }

  MonoTime now() const { return now_; }
  // Of those asked for in a period.
  std::vector<Answer> Between(MonoTime from, MonoTime to) const {
    std::vector<Answer> some;
    std::copy_if(answers_.begin(), answers_.end(), std::back_inserter(some),
                 [&](const Answer& answer) { return answer.asked >= from && answer.asked < to; });
    return some;
  }

 private:
  static limit::QueueDelay::Options Delay(bool lets_all_in) {
    return lets_all_in ? limit::QueueDelay::Options{1h, 1h, 1h} : limit::QueueDelay::Options{};
  }
  static limit::ConcurrencyLimit::Options Limit(bool lets_all_in) {
    return lets_all_in ? limit::ConcurrencyLimit::Options{.quick = 1h}
                       : limit::ConcurrencyLimit::Options{};
  }

  // The next event before `end`. Returns whether there was one.
  bool Step(MonoTime end) {
    const MonoTime arrival = arrivals_.empty() ? end : arrivals_.begin()->first;
    const MonoTime finish = in_store_.empty() ? end : in_store_.begin()->first;
    now_ = std::min({arrival, finish, tick_, end});
    if (now_ >= end) return false;
    if (now_ == tick_) {
      queue_.Tick(now_);
      tick_ = tick_ + 100ms;
    } else if (now_ == finish) {
      Finish();
    } else {
      Arrive();
    }
    Refuse();
    while (auto batch = queue_.Next(SIZE_MAX, 4096, now_)) Begin(std::move(*batch));
    Refuse();
    return true;
  }

  void Arrive() {
    const limit::FlowId flow = arrivals_.begin()->second;
    arrivals_.erase(arrivals_.begin());
    asked_.push_back({now_, flow});
    if (queue_.sheds() && queue_.Refusal(flow, now_)) {
      Tell(asked_.size() - 1, false);
    } else {
      queue_.Add({{asked_.size() - 1, 0, {}, flow}}, now_);
    }
  }
  void Begin(LoadQueue::Batch batch) {
    MonoTime ends = now_;
    for (size_t i = 0; i < batch.keys.size(); ++i) {
      MonoTime& free_at = *std::min_element(free_at_.begin(), free_at_.end());
      free_at = std::max({free_at, now_, thaw_}) + kService;
      ends = std::max(ends, free_at);
    }
    in_store_.emplace(ends, std::move(batch));
  }
  void Finish() {
    LoadQueue::Batch batch = std::move(in_store_.begin()->second);
    in_store_.erase(in_store_.begin());
    queue_.OnAnswered(batch.call, true, now_);
    for (const LoadRequest& request : queue_.Finish(batch.call)) Tell(request.load, true);
  }
  void Refuse() {
    for (const LoadQueue::Refused& refused : queue_.TakeRefused()) {
      Tell(refused.request.load, false);
    }
  }
  void Tell(cache::LoadId load, bool served) {
    answers_.push_back({asked_[load].first, now_, served, asked_[load].second});
  }

  LoadQueue queue_;
  Random random_{11};
  MonoTime now_ = kStart;
  MonoTime tick_ = kStart + 100ms;
  MonoTime thaw_ = kStart;
  std::multimap<MonoTime, limit::FlowId> arrivals_;
  std::vector<std::pair<MonoTime, limit::FlowId>> asked_;
  std::multimap<MonoTime, LoadQueue::Batch> in_store_;
  std::vector<MonoTime> free_at_ = std::vector<MonoTime>(kServers, kStart);
  std::vector<Answer> answers_;
};

size_t Served(const std::vector<Rig::Answer>& answers) {
  return static_cast<size_t>(std::count_if(answers.begin(), answers.end(),
                                           [](const auto& answer) { return answer.served; }));
}

nanoseconds ServedP99(const std::vector<Rig::Answer>& answers) {
  std::vector<nanoseconds> took;
  for (const Rig::Answer& answer : answers) {
    if (answer.served) took.push_back(answer.told - answer.asked);
  }
  if (took.empty()) return nanoseconds::max();
  const auto p99 = took.begin() + static_cast<std::ptrdiff_t>(took.size() * 99 / 100);
  std::nth_element(took.begin(), p99, took.end());
  return *p99;
}

struct Figures {
  double goodput = 0;  // Part of the capacity.
  nanoseconds p99{0};
};

// In the steady state, after two seconds.
Figures At(double times_capacity, bool lets_all_in = false) {
  Rig run(lets_all_in);
  run.Offer(times_capacity * kCapacity, 12s);
  run.Go(12s);
  const auto answers = run.Between(kStart + 2s, kStart + 11s);
  return {static_cast<double>(Served(answers)) / (9 * kCapacity), ServedP99(answers)};
}

TEST(LoadQueueOverload, GoodputHoldsFromTwiceToTwentyTimesTheCapacity) {
  EXPECT_GE(At(1).goodput, 0.93);
  EXPECT_GE(At(2).goodput, 0.95);
  EXPECT_GE(At(5).goodput, 0.95);
  EXPECT_GE(At(10).goodput, 0.90);
  EXPECT_GE(At(20).goodput, 0.90);
}

TEST(LoadQueueOverload, WhatIsServedTakesAtMostTwiceWhatItTakesWithoutLoad) {
  const nanoseconds unloaded = At(0.5).p99;
  for (const double load : {2.0, 5.0, 10.0, 20.0}) {
    EXPECT_LE(At(load).p99, 2 * unloaded) << load;
  }
}

TEST(LoadQueueOverload, LettingAllInIsNoticed) {
  const nanoseconds unloaded = At(0.5).p99;
  EXPECT_GT(At(2, true).p99, 2 * unloaded);
}

TEST(LoadQueueOverload, BelowTheCapacityNothingIsRefused) {
  Rig run;
  run.Offer(0.8 * kCapacity, 10s);
  run.Go(11s);
  const auto answers = run.Between(kStart, kStart + 10s);
  EXPECT_EQ(Served(answers), answers.size());
}

TEST(LoadQueueOverload, WithinFiftyMillisecondsOfTheEndOfAStepAllIsAsBefore) {
  Rig run;
  run.Offer(0.5 * kCapacity, 8s);
  run.Go(3s);
  run.Offer(9.5 * kCapacity, 3s);
  run.Go(5s);
  const auto before = run.Between(kStart + 1s, kStart + 3s);
  const auto after = run.Between(kStart + 6s + 50ms, kStart + 7s);
  EXPECT_EQ(Served(after), after.size());
  EXPECT_LE(ServedP99(after), 1.2 * ServedP99(before));
}

TEST(LoadQueueOverload, AFrozenDatabaseIsFoundOutAndUsedAgainWhenItThaws) {
  Rig run;
  run.Offer(0.5 * kCapacity, 10s);
  run.Go(2s);
  run.FreezeUntil(kStart + 5s);
  run.Go(8s);
  const auto frozen = run.Between(kStart + 3s + 500ms, kStart + 4s + 500ms);
  const auto slow = std::count_if(frozen.begin(), frozen.end(), [](const auto& answer) {
    return answer.told - answer.asked > 10ms;
  });
  EXPECT_LE(slow, 20) << "refused at once, but for probes";
  const auto after = run.Between(kStart + 5s + 300ms, kStart + 9s);
  EXPECT_EQ(Served(after), after.size());
}

TEST(LoadQueueOverload, AFloodLeavesOthersTheirPart) {
  Rig run;
  run.Offer(10 * kCapacity, 8s, /*flow=*/1);
  run.Offer(0.2 * kCapacity, 8s, /*flow=*/2);
  run.Go(8s);
  auto light = run.Between(kStart + 2s, kStart + 7s);
  std::erase_if(light, [](const auto& answer) { return answer.flow != 2; });
  EXPECT_GE(Served(light), light.size() * 9 / 10);
}

}  // namespace
}  // namespace weir::gateway
