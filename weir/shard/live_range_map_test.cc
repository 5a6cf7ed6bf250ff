// Goal: a look-up answers from one published map, whole. Method: against RangeMap; then threads
// that look up while one publishes maps whose ranges all name the epoch as their shard.
#include "weir/shard/live_range_map.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::shard {
namespace {

constexpr uint32_t kMaps = 400;

// As many ranges as `number`, up to 64, each of shard `number`, of an epoch that rises with it.
RangeMap MapOf(uint32_t number) {
  RangeMap map = RangeMap::Even(1).value();
  const uint64_t ranges = 1 + number % 64;
  for (uint64_t i = 1; i < ranges; ++i) EXPECT_TRUE(map.Split({i << 58}));
  for (size_t i = 0; i < map.size(); ++i) {
    EXPECT_TRUE(map.Assign(map.At(i).from, ShardId{number}));
  }
  while (map.epoch() < uint64_t{130} * number) {
    EXPECT_TRUE(map.Assign({0}, ShardId{number}));
  }
  return map;
}

TEST(LiveRangeMapTest, EveryPositionIsAnsweredAsByTheMap) {
  LiveRangeMap live(RangeMap::Even(1).value());
  Random random(1);
  for (const uint32_t ranges : {1U, 2U, 3U, 7U, 64U, 5U, 1000U}) {
    RangeMap map = RangeMap::Even(ranges).value();
    while (map.epoch() < live.epoch() + 1) EXPECT_TRUE(map.Assign({0}, ShardId{9}));
    live.Publish(map);
    EXPECT_EQ(live.epoch(), map.epoch());
    for (size_t i = 0; i < map.size(); ++i) {
      const Range range = map.At(i);
      EXPECT_EQ(live.Find(range.from), range);
      EXPECT_EQ(live.Find({range.to.value - 1}), range);
    }
    for (int i = 0; i < 1000; ++i) {
      const Position position{random.Next()};
      ASSERT_EQ(live.ShardOf(position), map.ShardOf(position));
    }
  }
  EXPECT_DEATH(live.Publish(RangeMap::Even(1).value()), "epoch");
}

TEST(LiveRangeMapTest, NoLookUpMixesTwoMaps) {
  LiveRangeMap live(MapOf(1));
  std::atomic<bool> done{false};
  std::atomic<uint32_t> at_work{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (uint64_t reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      Random random(reader);
      uint32_t last = 0;
      for (uint64_t looks = 0; !done.load(); ++looks) {
        const Position position{random.Next()};
        const Range range = live.Find(position);
        const auto number = static_cast<uint32_t>(range.shard);
        // Its range must be one of that map's, and maps never go back.
        const uint64_t index = std::min<uint64_t>(position.value >> 58, number % 64);
        const uint64_t to = index == number % 64 ? 0 : (index + 1) << 58;
        wrong += range.from.value == index << 58 && range.to.value == to && number >= last ? 0 : 1;
        last = number;
        if (looks == 0) ++at_work;
      }
    });
  }
  while (at_work.load() < 2) std::this_thread::yield();
  for (uint32_t number = 2; number <= kMaps; ++number) live.Publish(MapOf(number));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(live.ShardOf({0}), ShardId{kMaps});
}

}  // namespace
}  // namespace weir::shard
