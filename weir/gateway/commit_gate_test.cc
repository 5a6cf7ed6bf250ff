// Goal: what a read found is passed on once its commit is published, not before, and exactly once;
// a read knows what a batch that it did not see may have judged otherwise.
// Method: single steps, and a race of readers against a publisher.
#include "weir/gateway/commit_gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using testing::ElementsAre;

TEST(CommitGate, AReadWaitsForTheCommitThatItSaw) {
  CommitGate gate;
  std::vector<int> passed;
  gate.Pass(0, [&] { passed.push_back(0); });
  EXPECT_THAT(passed, ElementsAre(0)) << "nothing to wait for";
  gate.Pass(2, [&] { passed.push_back(2); });
  gate.Pass(1, [&] { passed.push_back(1); });
  gate.Publish(1);
  EXPECT_THAT(passed, ElementsAre(0, 1));
  gate.Publish(3);
  EXPECT_THAT(passed, ElementsAre(0, 1, 2));
  gate.Publish(2);  // Late news changes nothing.
  gate.Pass(3, [&] { passed.push_back(3); });
  EXPECT_THAT(passed, ElementsAre(0, 1, 2, 3));
}

TEST(CommitGate, AnExpiryIsDoubtfulFromTheTimeOfAMissedBatchUntilTheReadAsked) {
  ManualClock clock;
  CommitGate gate;
  gate.Publish(7);
  EXPECT_FALSE(gate.Ask(clock).Doubts(7, clock.Wall())) << "no batch is under way";
  const WallTime began = gate.BeginBatch(clock);
  clock.Advance(std::chrono::milliseconds(10));
  const CommitGate::Asked asked = gate.Ask(clock);
  EXPECT_FALSE(asked.Doubts(7, began)) << "the batch saw it as expired, too";
  EXPECT_TRUE(asked.Doubts(7, WallTime{began.ms + 1}));
  EXPECT_TRUE(asked.Doubts(7, WallTime{began.ms + 10}));
  EXPECT_FALSE(asked.Doubts(7, WallTime{began.ms + 11})) << "it was alive when the read asked";
  EXPECT_FALSE(asked.Doubts(8, WallTime{began.ms + 1})) << "the read saw the batch";
  gate.Publish(8);
  gate.EndBatch();
  EXPECT_FALSE(gate.Ask(clock).Doubts(8, WallTime{began.ms + 1}));
}

TEST(CommitGate, WhoWaitsForABatchGoesOnWhenThatOneHasEnded) {
  ManualClock clock;
  CommitGate gate;
  std::vector<int> passed;
  gate.BeginBatch(clock);
  const uint64_t first = gate.Ask(clock).batch;
  gate.AfterBatch(first, [&] { passed.push_back(1); });
  EXPECT_THAT(passed, ElementsAre());
  gate.EndBatch();
  EXPECT_THAT(passed, ElementsAre(1));
  gate.BeginBatch(clock);
  gate.AfterBatch(first, [&] { passed.push_back(2); });
  EXPECT_THAT(passed, ElementsAre(1, 2)) << "another batch is under way";
  gate.EndBatch();
}

TEST(CommitGate, ReadersThatRaceWithThePublisherAllPassOnceAndNotTooEarly) {
  constexpr uint64_t kCommits = 20'000;
  CommitGate gate;
  std::atomic<uint64_t> published{0};
  std::atomic<uint64_t> passed{0};
  std::atomic<uint64_t> early{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (uint64_t commit = 1; commit <= kCommits; ++commit) {
        gate.Pass(commit, [&, commit] {
          if (published < commit) ++early;
          ++passed;
        });
      }
    });
  }
  for (uint64_t commit = 1; commit <= kCommits; ++commit) {
    published = commit;
    gate.Publish(commit);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 2 * kCommits);
  EXPECT_EQ(early, 0u);
}

}  // namespace
}  // namespace weir::gateway
