// Goal: the locks of several lanes never deadlock, and Clear empties all lanes at one moment.
// Method: threads that lock overlapping sets given in any order, with repetitions.
#include "weir/gateway/lanes.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::gateway {
namespace {

TEST(Lanes, OverlappingSetsExcludeEachOtherAndNeverDeadlock) {
  constexpr uint32_t kLanes = 8;
  constexpr int kRounds = 5000;
  Lanes lanes(kLanes, size_t{1} << 20, 0);
  std::vector<uint64_t> plain(kLanes, 0);  // Guarded by the lane's lock.
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(t);
      for (int i = 0; i < kRounds; ++i) {
        std::vector<uint32_t> numbers;
        for (int n = 0; n < 4; ++n) numbers.push_back(static_cast<uint32_t>(random.Below(kLanes)));
        const Lanes::LockedSet locked(lanes, numbers);
        ++plain[numbers[0]];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t sum = 0;
  for (const uint64_t count : plain) sum += count;
  EXPECT_EQ(sum, 4u * kRounds);
}

TEST(Lanes, ExpireFreesWhatIsOverInAllLanesInPieces) {
  constexpr WallTime kNow{1000};
  Lanes lanes(4, size_t{8} << 20, 0);
  for (uint64_t n = 0; n < 4000; ++n) {
    const std::string key = std::to_string(n);
    const cache::Lane::Keep keep{.value_until = n % 2 == 0 ? WallTime{2000} : WallTime{3000}};
    lanes.Lock(n % 4)->Publish(key, n, cache::Value{Bytes::Copy("v"), kNever, 1}, keep, kNow);
  }
  WallTime next;
  while (!lanes.Expire({1999}, 300, &next)) continue;
  EXPECT_EQ(lanes.Sum().entries, 4000U);
  EXPECT_EQ(next, WallTime{2000});
  EXPECT_FALSE(lanes.Expire({2000}, 300, &next));
  EXPECT_GE(lanes.Sum().entries, 4000U - 300 - Lanes::kExpireSlice);
  while (!lanes.Expire({2000}, 300, &next)) continue;
  EXPECT_EQ(lanes.Sum().entries, 2000U);
  EXPECT_GT(next, WallTime{2000});
  while (!lanes.Expire({3000}, 300, &next)) continue;
  EXPECT_EQ(lanes.Sum().entries, 0U);
  EXPECT_EQ(next, kNever);
}

TEST(Lanes, TheKeysOfSomeLanesAreASampleOfAllForTheMissRatioCurve) {
  Lanes small(8, size_t{8} << 20, 0);
  EXPECT_FALSE(small.CurveCounts().has_value());
  Lanes lanes(8, size_t{32} << 20, 0);
  for (uint64_t n = 0; n < 8000; ++n) {
    EXPECT_FALSE(lanes.Lock(n % 8)->Find(std::to_string(n), n, {1000}).has_value());
  }
  const auto counts = lanes.CurveCounts();
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->lookups, 8000U);
  for (const double misses : counts->misses) EXPECT_DOUBLE_EQ(misses, 8000);
  lanes.Clear();
  EXPECT_EQ(lanes.CurveCounts()->misses, counts->misses) << "counts only rise";
}

TEST(Lanes, ClearEmptiesThemAndMakesLoadsStale) {
  constexpr WallTime kNow{1000};
  Lanes lanes(4, size_t{1} << 20, 0);
  std::vector<cache::Token> tokens;
  for (uint32_t i = 0; i < lanes.count(); ++i) {
    const Lanes::Locked lane = lanes.Lock(i);
    lane->Publish("k", 1, cache::Value{Bytes::Copy("v"), kNever, 1}, {}, kNow);
    tokens.push_back(lane->CurrentToken(1));
  }
  EXPECT_EQ(lanes.Sum().entries, 4u);
  EXPECT_GT(lanes.Sum().bytes, 0u);
  lanes.Clear();
  EXPECT_EQ(lanes.Sum().entries, 0u);
  EXPECT_EQ(lanes.Sum().bytes, 0u);
  for (uint32_t i = 0; i < lanes.count(); ++i) {
    EXPECT_NE(lanes.Lock(i)->CurrentToken(1), tokens[i]);
  }
}

}  // namespace
}  // namespace weir::gateway
