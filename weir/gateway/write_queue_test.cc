// Goal: writes wait in order, no more than a batch takes once batches leave something behind,
// shared between flows; and not at all for a log that does not answer. Method: the queue alone, at
// scripted times, at each limit and one past it.
#include "weir/gateway/write_queue.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/gateway/command.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000};
constexpr size_t kBatchMax = 10;
constexpr size_t kPlenty = size_t{1} << 30;
constexpr limit::FlowId kHeavy = 1;
constexpr limit::FlowId kLight = 2;

class WriteQueueTest : public testing::Test {
 protected:
  std::optional<Overload::Reason> Push(uint64_t number, limit::FlowId flow = kHeavy,
                                       MonoTime now = kStart) {
    auto item = std::make_unique<WriteItem>();
    const std::vector<std::string_view> words = {"SET", "k", "v"};
    item->command = FindCommand("set");
    item->args = OwnedArgs(Args(words));
    item->origin.sequence = number;
    item->flow = flow;
    const std::optional<Overload> why = queue_.Push(&item, kPlenty, now);
    return why ? std::optional(why->reason) : std::nullopt;
  }
  void PushMany(uint64_t count, limit::FlowId flow = kHeavy, MonoTime now = kStart) {
    for (uint64_t i = 0; i < count; ++i) EXPECT_EQ(Push(next_++, flow, now), std::nullopt);
  }
  // A write of so many keys.
  std::optional<Overload::Reason> PushKeys(size_t keys, limit::FlowId flow, MonoTime now) {
    auto item = std::make_unique<WriteItem>();
    std::vector<std::string_view> words = {"MSET"};
    for (size_t i = 0; i < keys; ++i) words.insert(words.end(), {"k", "v"});
    item->command = FindCommand("mset");
    item->args = OwnedArgs(Args(words));
    item->flow = flow;
    const std::optional<Overload> why = queue_.Push(&item, kPlenty, now);
    return why ? std::optional(why->reason) : std::nullopt;
  }
  // Takes a batch of at most `most`, as the committer does. Returns how many were overdue.
  size_t Take(size_t most, MonoTime now) {
    size_t taken = 0;
    for (; taken < most && !queue_.empty(); ++taken) last_ = queue_.Pop().write->origin.sequence;
    return queue_.OnTaken(taken, now).size();
  }
  // Leaves it standing at the returned time, with nothing that waits.
  MonoTime Stand() {
    PushMany(3 * kBatchMax);
    Take(kBatchMax, kStart + 50ms);
    Take(kBatchMax, kStart + 150ms);
    EXPECT_TRUE(queue_.sheds());
    Take(kBatchMax, kStart + 150ms);
    EXPECT_TRUE(queue_.empty());
    return kStart + 150ms;
  }

  WriteQueue queue_{{.target = 50ms, .interval = 100ms, .deadline = 1s}, kBatchMax};
  uint64_t next_ = 0;
  uint64_t last_ = 0;  // The write that was taken last.
};

TEST_F(WriteQueueTest, WritesLeaveInTheOrderInWhichTheyCame) {
  PushMany(3);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(queue_.Pop().write->origin.sequence, i);
}

TEST_F(WriteQueueTest, HoweverMuchABatchTakesTheQueueDoesNotStandIfNothingIsLeft) {
  for (int i = 0; i < 100; ++i) {
    const MonoTime now = kStart + i * 200ms;
    PushMany(kBatchMax, kHeavy, now);
    Take(kBatchMax, now + 200ms);
    EXPECT_FALSE(queue_.sheds());
  }
}

TEST_F(WriteQueueTest, WhenItStandsAsManyWaitAsABatchTakesAndOneMoreIsRefused) {
  const MonoTime now = Stand();
  PushMany(kBatchMax, kHeavy, now);
  EXPECT_EQ(Push(99, kHeavy, now), Overload::Reason::kConcurrency);
  EXPECT_TRUE(queue_.Refusal(kHeavy).has_value());
  EXPECT_EQ(queue_.Facts().refused[0], 1U);
}

TEST_F(WriteQueueTest, WhileItStandsAWriteOfManyKeysCountsForAllOfThem) {
  const MonoTime now = Stand();
  EXPECT_EQ(PushKeys(kBatchMax, kHeavy, now), std::nullopt);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(Push(98, kHeavy, now), Overload::Reason::kConcurrency);
  EXPECT_EQ(PushKeys(2 * kBatchMax, kLight, now), std::nullopt) << "it holds nothing yet";
  EXPECT_EQ(Push(99, kLight, now), Overload::Reason::kConcurrency);
  while (!queue_.empty()) queue_.Pop();
  EXPECT_EQ(Push(100, kHeavy, now), std::nullopt) << "all that left is given back";
}

TEST_F(WriteQueueTest, WhoHoldsLessThanItsPartIsTakenInAllTheSame) {
  const MonoTime now = Stand();
  PushMany(kBatchMax, kHeavy, now);
  PushMany(kBatchMax / 2, kLight, now);
  EXPECT_EQ(Push(99, kLight, now), Overload::Reason::kConcurrency);
}

TEST_F(WriteQueueTest, ItStandsNoMoreAtATickThatFindsNothingUnderWay) {
  const MonoTime now = Stand();
  queue_.Tick(now);
  EXPECT_FALSE(queue_.sheds());
}

TEST_F(WriteQueueTest, ItStandsWhileItTurnsWritesAwayHoweverSmallItsBatches) {
  MonoTime now = Stand();
  for (int batch = 0; batch < 200; ++batch) {
    now = now + 1ms;
    PushMany(kBatchMax, kHeavy, now);
    EXPECT_EQ(Push(99, kHeavy, now), Overload::Reason::kConcurrency);
    while (!queue_.empty()) queue_.Pop();
    queue_.OnTaken(kBatchMax - 1, now);
    ASSERT_TRUE(queue_.sheds());
  }
}

TEST_F(WriteQueueTest, WhatWaitsLongerThanTheTargetWhileItStandsIsRefused) {
  PushMany(2 * kBatchMax);
  EXPECT_EQ(Take(kBatchMax, kStart + 50ms), 0U);
  PushMany(1, kHeavy, kStart + 140ms);
  EXPECT_EQ(Take(1, kStart + 150ms), kBatchMax - 1) << "all but the one that came late";
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(queue_.Facts().refused[1], kBatchMax - 1);
}

TEST_F(WriteQueueTest, ALogThatDoesNotAnswerRefusesAllUntilItDoes) {
  PushMany(1);
  Take(1, kStart);
  EXPECT_TRUE(queue_.Tick(kStart + 1s).empty());
  EXPECT_EQ(Push(1, kHeavy, kStart + 1s), std::nullopt);
  queue_.Tick(kStart + (1s + 1ns));
  EXPECT_EQ(Push(2, kHeavy, kStart + (1s + 1ns)), Overload::Reason::kCircuit);
  EXPECT_EQ(queue_.Tick(kStart + (2s + 1ns)).size(), 1U) << "what waited too long is refused";
  queue_.OnEnded(true, kStart + 3s);
  EXPECT_EQ(Push(3, kHeavy, kStart + 3s), std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
