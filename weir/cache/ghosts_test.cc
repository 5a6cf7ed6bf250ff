// Goal: what was evicted lately is known, with its age and origin, and what was not is not.
// Method: examples, and a run of evictions many times the capacity.

#include "weir/cache/ghosts.h"

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

uint64_t HashOf(uint64_t key) {
  return Random(key).Next();
}

TEST(Ghosts, KnowsAgeAndOriginAndForgetsWhatIsTaken) {
  Ghosts ghosts;
  ghosts.Reset(100);
  ghosts.Remember(HashOf(1), true, {0, 7});
  ghosts.Remember(HashOf(2), false, {3, 8});
  EXPECT_EQ(ghosts.count(true), 1U);
  const auto window = ghosts.Take(HashOf(1), {5, 10});
  ASSERT_TRUE(window.has_value());
  EXPECT_TRUE(window->from_window);
  EXPECT_EQ(window->age, 3U);
  const auto main = ghosts.Take(HashOf(2), {5, 10});
  ASSERT_TRUE(main.has_value());
  EXPECT_FALSE(main->from_window);
  EXPECT_EQ(main->age, 2U);
  EXPECT_FALSE(ghosts.Take(HashOf(1), {5, 10}).has_value());
  EXPECT_EQ(ghosts.count(true) + ghosts.count(false), 0U);
}

TEST(Ghosts, RemembersAboutAsManyAsItsCapacityAndTheLatest) {
  constexpr uint64_t kCapacity = 5000;
  Ghosts ghosts;
  ghosts.Reset(kCapacity);
  for (uint64_t n = 0; n < 20 * kCapacity; ++n) ghosts.Remember(HashOf(n), true, {0, n});
  EXPECT_LE(ghosts.count(true), kCapacity * 5 / 4 + 16);
  size_t late = 0;
  size_t early = 0;
  for (uint64_t n = 0; n < kCapacity / 2; ++n) {
    const Ghosts::Ticks now = {0, 20 * kCapacity};
    late += ghosts.Take(HashOf(20 * kCapacity - 1 - n), now).has_value() ? 1 : 0;
    early += ghosts.Take(HashOf(n), now).has_value() ? 1 : 0;
  }
  EXPECT_GE(late, kCapacity / 2 * 99 / 100);
  EXPECT_LE(early, 10U);
}

TEST(Ghosts, WithoutCapacityRemembersNothing) {
  Ghosts ghosts;
  ghosts.Remember(HashOf(1), true, {0, 0});
  EXPECT_FALSE(ghosts.Take(HashOf(1), {0, 0}).has_value());
}

}  // namespace
}  // namespace weir::cache
