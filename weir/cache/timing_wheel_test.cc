// Goal: an entry is due at its end, neither before nor later, whatever is inserted, removed and
// left half done meanwhile. Method: random histories against a sorted map; ends at every scale.

#include "weir/cache/timing_wheel.h"

#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

using Id = uint32_t;

struct TimedNodes {
  struct Node {
    Id prev = 0;
    Id next = 0;
    WallTime end;
  };
  std::vector<Node> nodes = std::vector<Node>(1000);

  Id end_prev(Id id) const { return nodes[id].prev; }
  Id end_next(Id id) const { return nodes[id].next; }
  void set_end_prev(Id id, Id to) { nodes[id].prev = to; }
  void set_end_next(Id id, Id to) { nodes[id].next = to; }
  WallTime cached_until(Id id) const { return nodes[id].end; }
};

class Timed {
 public:
  explicit Timed(int64_t now) : now_(now) {}

  void Put(Id id, int64_t end) {
    Erase(id);
    nodes_.nodes[id].end = {end};
    wheel_.Insert(nodes_, id, {now_});
    model_.emplace(end, id);
  }
  void Erase(Id id) {
    if (model_.erase({nodes_.nodes[id].end.ms, id}) != 0) wheel_.Remove(nodes_, id);
  }
  // Returns whether all that is due is gone.
  bool Advance(int64_t now, size_t most) {
    now_ = now;
    int64_t last = 0;
    const size_t steps = wheel_.Advance(nodes_, {now}, most, [&](Id id) {
      const int64_t end = nodes_.nodes[id].end.ms;
      EXPECT_LE(end, now);
      EXPECT_GE(end, last) << "in the order of their ends";
      last = end;
      EXPECT_EQ(model_.erase({end, id}), 1U);
      wheel_.Remove(nodes_, id);
    });
    EXPECT_LE(steps, most);
    return steps < most;
  }
  void Check(bool all) const {
    ASSERT_EQ(wheel_.count(), model_.size());
    ASSERT_EQ(wheel_.next() == kNever, model_.empty());
    if (model_.empty()) return;
    ASSERT_LE(wheel_.next().ms, model_.begin()->first);
    if (!all) return;
    ASSERT_GT(model_.begin()->first, now_);
    ASSERT_GT(wheel_.next().ms, now_);
  }

 private:
  TimedNodes nodes_;
  TimingWheel<TimedNodes> wheel_;
  int64_t now_;
  std::set<std::pair<int64_t, Id>> model_;
};

TEST(TimingWheel, EqualsASortedSetUnderRandomHistories) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    int64_t now = static_cast<int64_t>(random.Below(uint64_t{1} << (seed * 3)));
    Timed timed(now);
    for (int step = 0; step < 20'000; ++step) {
      const auto id = static_cast<Id>(random.Below(300));
      const auto near = static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(44)));
      bool all = false;
      switch (random.Below(5)) {
        case 0:
        case 1:
          timed.Put(id, now + 1 + near);
          break;
        case 2:
          timed.Erase(id);
          break;
        case 3:
          now += static_cast<int64_t>(random.Below(uint64_t{1} << random.Below(24)));
          all = timed.Advance(now, 1'000'000);
          break;
        case 4:
          all = timed.Advance(now, 1 + random.Below(5));
          break;
      }
      ASSERT_NO_FATAL_FAILURE(timed.Check(all)) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(TimingWheel, IsDueAtTheMillisecond) {
  Timed timed(1'700'000'000'000);
  for (const int64_t wait : {1, 63, 64, 65, 4095, 4096, 5'000, 300'000, 86'400'000}) {
    timed.Put(7, 1'700'000'000'000 + wait);
    EXPECT_TRUE(timed.Advance(1'700'000'000'000 + wait - 1, 100));
    timed.Check(true);
    EXPECT_TRUE(timed.Advance(1'700'000'000'000 + wait, 100));
    timed.Check(true);
  }
}

TEST(TimingWheel, AClockThatStepsBackFreesNothingTooEarlyOrTooLate) {
  Timed timed(1'000'000);
  timed.Put(1, 1'000'500);
  EXPECT_TRUE(timed.Advance(1'000'100, 100));
  EXPECT_TRUE(timed.Advance(900'000, 100));
  timed.Put(2, 900'200);
  EXPECT_TRUE(timed.Advance(1'000'100, 100));
  timed.Check(true);
  EXPECT_TRUE(timed.Advance(1'000'500, 100));
  timed.Check(true);
}

TEST(TimingWheel, TheLatestTimesAreTimesToo) {
  Timed timed(5);
  timed.Put(1, kNever.ms - 1);
  timed.Put(2, 6);
  EXPECT_TRUE(timed.Advance(int64_t{1} << 62, 100));
  timed.Check(true);
  EXPECT_TRUE(timed.Advance(kNever.ms - 1, 100));
  timed.Check(true);
}

}  // namespace
}  // namespace weir::cache
