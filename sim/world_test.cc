// Goal: a seed is one history, whatever ran before it; a store that breaks its promise is noticed;
// a failure is shrunk to a short one that still fails.
// Method: the same seeds twice, in other orders; bugs planted in the simulated store.
#include "sim/world.h"

#include "sim/shrink.h"
#include <gtest/gtest.h>

namespace weir::sim {
namespace {

constexpr size_t kCommands = 600;

uint64_t HashOf(uint64_t seed) {
  Trial trial;
  trial.seed = seed;
  trial.commands = kCommands;
  return Try(trial).trace_hash;
}

TEST(World, OneSeedIsOneTrace) {
  std::vector<uint64_t> first;
  for (uint64_t seed = 1; seed <= 12; ++seed) first.push_back(HashOf(seed));
  for (uint64_t seed = 12; seed >= 1; --seed) EXPECT_EQ(HashOf(seed), first[seed - 1]) << seed;
  EXPECT_NE(first[0], first[1]);
}

// How many of 20 seeds notice a bug of the store.
size_t Noticed(const gateway::ScriptedStore::Faults& planted) {
  size_t noticed = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Plan plan = Plan::Of(seed, kCommands, {});
    plan.faults.planted = planted;
    noticed += World(plan, {}).Run().problem.empty() ? 0 : 1;
  }
  return noticed;
}

TEST(World, ALostBatchIsNoticed) {
  EXPECT_GT(Noticed({.lose_a_batch = true}), 15u);
}
TEST(World, AHalfAppliedBatchIsNoticed) {
  EXPECT_GT(Noticed({.split_batches = true}), 10u);
}

TEST(World, TheReplayOfATrialIsWritten) {
  Trial trial;
  trial.seed = 7;
  trial.commands = 300;
  trial.without.crashes = true;
  trial.left_out = {1, 2, 3, 9};
  EXPECT_EQ(Show(trial), "--seed 7 --commands 300 --without crashes --leave-out 1-3,9");
}

}  // namespace
}  // namespace weir::sim
