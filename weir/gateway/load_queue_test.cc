// Goal: loads of small values never wait for large ones, and large ones are in the store only while
// there is room for them.
// Method: the queue alone; the store's answers are made up. Limits at the edge and one past it.
#include "weir/gateway/load_queue.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

constexpr size_t kKeysMax = 100;
constexpr size_t kPlenty = size_t{1} << 40;
constexpr MonoTime kNow{1'000'000'000};
// A nanosecond more than a call may take.
constexpr auto kLate = limit::QueueDelay::Options{}.deadline + std::chrono::nanoseconds(1);

std::vector<LoadRequest> Requests(size_t count, cache::LoadId first = 0) {
  std::vector<LoadRequest> requests;
  for (size_t i = 0; i < count; ++i) {
    requests.push_back({first + i, 0, {0, 0, "k" + std::to_string(first + i)}});
  }
  return requests;
}

// Loads keys whose values turn out to be of these sizes, and are left out.
void LeaveOut(LoadQueue& queue, const std::vector<size_t>& sizes) {
  queue.Add(Requests(sizes.size()), kNow);
  auto batch = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(batch->keys.size(), sizes.size());
  queue.OnAnswered(batch->call, true, kNow);
  std::vector<LoadRequest> requests = queue.Finish(batch->call);
  for (size_t i = 0; i < sizes.size(); ++i) {
    queue.AddLarge(std::move(requests[i]), sizes[i], kNow);
  }
}

TEST(LoadQueueTest, WhatWaitsGoesTogetherAsFarAsOneLoadMayHold) {
  LoadQueue queue;
  queue.Add(Requests(kKeysMax + 1), kNow);
  const auto first = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->keys.size(), kKeysMax);
  EXPECT_EQ(first->bytes_max, LoadQueue::kBatchBytesMax);
  const auto second = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->keys.size(), 1U);
  EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  EXPECT_TRUE(queue.empty());
}

TEST(LoadQueueTest, OneBatchMoreThanTheStoreMayHaveWaits) {
  LoadQueue queue;
  queue.Add(Requests(LoadQueue::kBatchesMax + 1), kNow);
  std::vector<LoadQueue::Batch> begun;
  while (auto batch = queue.Next(kPlenty, 1, kNow)) begun.push_back(std::move(*batch));
  EXPECT_EQ(begun.size(), LoadQueue::kBatchesMax);
  queue.OnAnswered(begun[0].call, true, kNow);
  EXPECT_TRUE(queue.Next(kPlenty, 1, kNow).has_value());
}

TEST(LoadQueueTest, WithoutRoomSmallValuesAreStillLoaded) {
  LoadQueue queue;
  queue.Add(Requests(1), kNow);
  const auto batch = queue.Next(0, kKeysMax, kNow);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->bytes_max, 0U);
}

TEST(LoadQueueTest, ALargeValueWaitsForRoomForItAndNothingElseWaitsForIt) {
  LoadQueue queue;
  LeaveOut(queue, {1000});
  queue.Add(Requests(1, 7), kNow);
  const auto small = queue.Next(999, kKeysMax, kNow);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(small->keys[0].key, "k7");
  EXPECT_FALSE(queue.Next(999, kKeysMax, kNow).has_value());
  const auto large = queue.Next(1000, kKeysMax, kNow);
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(large->keys[0].key, "k0");
  EXPECT_EQ(large->bytes_max, 1000U);
  EXPECT_EQ(large->reserved_bytes, 1000U);
}

TEST(LoadQueueTest, WhatIsOnItsWayTakesRoomAlready) {
  LoadQueue queue;
  LeaveOut(queue, {1000, 1000});
  auto first = queue.Next(1999, kKeysMax, kNow);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(queue.Next(1999, kKeysMax, kNow).has_value());
  EXPECT_TRUE(queue.Next(2000, kKeysMax, kNow).has_value());
}

TEST(LoadQueueTest, LargeValuesInTheStoreAreFewOrOne) {
  LoadQueue queue;
  LeaveOut(queue, {LoadQueue::kLargeBytesMax + 1, LoadQueue::kLargeBytesMax - 1, 1, 1});
  auto alone = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(alone.has_value());
  EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  queue.OnAnswered(alone->call, true, kNow);
  queue.Finish(alone->call);
  EXPECT_TRUE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  EXPECT_TRUE(queue.Next(kPlenty, kKeysMax, kNow).has_value());   // At the limit.
  EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, kNow).has_value());  // One past it.
}

TEST(LoadQueueTest, WhatFindsNoRoomInTimeIsOverdue) {
  LoadQueue queue;
  LeaveOut(queue, {1000});
  EXPECT_TRUE(queue.TakeOverdue(kNow + LoadQueue::kLargeWaitMax).empty());
  const auto late = kNow + LoadQueue::kLargeWaitMax + std::chrono::nanoseconds(1);
  EXPECT_EQ(queue.TakeOverdue(late).size(), 1U);
  EXPECT_TRUE(queue.empty());
}

TEST(LoadQueueTest, WhatTheStoreHasAnsweredStallsNoMoreAndLeavesItsPlace) {
  LoadQueue queue;
  queue.Add(Requests(LoadQueue::kBatchesMax + 1), kNow);
  std::vector<LoadQueue::Batch> begun;
  while (auto batch = queue.Next(kPlenty, 1, kNow)) begun.push_back(std::move(*batch));
  for (const LoadQueue::Batch& batch : begun) queue.OnAnswered(batch.call, true, kNow);
  EXPECT_EQ(queue.Facts().under_way, 0U);
  queue.Tick(kNow + kLate);
  EXPECT_TRUE(queue.Facts().circuit_closed) << "they wait for a commit, not for the store";
  for (const LoadQueue::Batch& batch : begun) EXPECT_EQ(queue.Finish(batch.call).size(), 1U);
}

TEST(LoadQueueTest, WhatIsAskedAgainIsInTheStoreAgain) {
  LoadQueue queue;
  queue.Add(Requests(1), kNow);
  const auto batch = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(batch.has_value());
  queue.OnAnswered(batch->call, true, kNow);
  queue.OnAskedAgain(batch->call, kNow + kLate);
  queue.Tick(kNow + kLate);
  EXPECT_EQ(queue.Facts().under_way, 1U);
  EXPECT_TRUE(queue.Facts().circuit_closed);
  queue.Tick(kNow + 2 * kLate);
  EXPECT_FALSE(queue.Facts().circuit_closed);
}

TEST(LoadQueueTest, WithAsManyAnswersHeldAsMayBeNothingMoreIsAsked) {
  LoadQueue queue;
  queue.Add(Requests(LoadQueue::kHeldKeysMax + 1), kNow);
  std::vector<LoadQueue::Batch> begun;
  while (auto batch = queue.Next(kPlenty, 256, kNow)) {
    begun.push_back(std::move(*batch));
    queue.OnAnswered(begun.back().call, true, kNow);
  }
  EXPECT_EQ(begun.size(), LoadQueue::kHeldKeysMax / 256);
  queue.Finish(begun[0].call);
  EXPECT_TRUE(queue.Next(kPlenty, 256, kNow).has_value());
}

TEST(LoadQueueTest, WhoWaitsForACallThatStallsIsRefusedAndTheCallIsToldNobody) {
  LoadQueue queue;
  queue.Add(Requests(3), kNow);
  const auto batch = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(batch.has_value());
  queue.Tick(kNow + kLate);
  const std::vector<LoadQueue::Refused> refused = queue.TakeRefused();
  ASSERT_EQ(refused.size(), 3U);
  EXPECT_EQ(refused[0].why.reason, Overload::Reason::kCircuit);
  queue.OnAnswered(batch->call, true, kNow + 2 * kLate);
  EXPECT_TRUE(queue.Finish(batch->call).empty());
  EXPECT_EQ(queue.Facts().under_way, 0U);
}

TEST(LoadQueueTest, WithAsManyCallsStalledAsMayBeTheStoreIsNotTriedBeforeItAnswersOne) {
  LoadQueue queue;
  MonoTime now = kNow;
  std::vector<uint64_t> calls;
  const auto probe = [&] {
    now = now + limit::Circuit::kPauseMost;
    queue.Add(Requests(1), now);
    const auto batch = queue.Next(kPlenty, 1, now);
    if (batch) calls.push_back(batch->call);
    now = now + kLate;
    queue.Tick(now);
    return batch.has_value();
  };
  for (size_t i = 0; i < LoadQueue::kStalledCallsMax; ++i) ASSERT_TRUE(probe()) << i;
  EXPECT_FALSE(probe());
  EXPECT_EQ(queue.TakeRefused().size(), LoadQueue::kStalledCallsMax + 1);
  now = now + std::chrono::hours(1);
  const auto refusal = queue.Refusal(0, now);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->retry_after, limit::Circuit::kPauseMost) << "not to come back at once";
  queue.OnAnswered(calls[0], true, now);
  EXPECT_TRUE(probe());
}

// A snapshot of so many keys.
std::vector<LoadRequest> Snapshot(size_t keys) {
  auto load = std::make_shared<SnapshotLoad>();
  for (const LoadRequest& request : Requests(keys, 1000)) load->keys.push_back(request.key);
  load->bytes_max = 77;
  std::vector<LoadRequest> requests(1);
  requests[0].key = load->keys[0];
  requests[0].snapshot = std::move(load);
  return requests;
}

TEST(LoadQueueTest, ASnapshotWaitsForItsTurnAndGoesAlone) {
  LoadQueue queue;
  queue.Add(Requests(2), kNow);
  queue.Add(Snapshot(3), kNow);
  queue.Add(Requests(2, 5), kNow);
  const auto before = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->keys.size(), 2U);
  EXPECT_FALSE(queue.empty());
  const auto snapshot = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->keys.size(), 3U);
  EXPECT_EQ(snapshot->bytes_max, 77U);
  EXPECT_EQ(queue.Facts().under_way, 5U);
  const auto after = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->keys.size(), 2U);
  EXPECT_NE(queue.Finish(snapshot->call).at(0).snapshot, nullptr);
}

TEST(LoadQueueTest, ASnapshotLargerThanTheLimitGoesAndOthersWaitForItsPlaces) {
  LoadQueue queue({}, {.least = 2, .first = 4, .most = 4});
  queue.Add(Snapshot(5), kNow);
  queue.Add(Requests(1), kNow);
  const auto snapshot = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  queue.OnAnswered(snapshot->call, true, kNow);
  EXPECT_TRUE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
}

TEST(LoadQueueTest, WhileTheStoreIsTriedAgainASnapshotIsRefusedAndItsFirstKeyIsTheTry) {
  LoadQueue queue;
  queue.Add(Requests(1), kNow);
  ASSERT_TRUE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  queue.Tick(kNow + kLate);
  EXPECT_EQ(queue.TakeRefused().size(), 1U);
  const MonoTime due = kNow + kLate + limit::Circuit::kPauseFirst;
  // Of a store that is asked for nothing else it must be found out, too, that it is well.
  for (int tries = 0; !queue.Facts().circuit_closed; ++tries) {
    ASSERT_LT(tries, 10);
    queue.Add(Snapshot(5), due);
    const auto probe = queue.Next(kPlenty, kKeysMax, due);
    EXPECT_EQ(queue.TakeRefused().size(), 1U);
    ASSERT_TRUE(probe.has_value());
    EXPECT_EQ(probe->keys.size(), 1U);
    EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, due).has_value());
    queue.OnAnswered(probe->call, true, due);
    EXPECT_TRUE(queue.Finish(probe->call).empty());
  }
  queue.Add(Snapshot(5), due);
  const auto snapshot = queue.Next(kPlenty, kKeysMax, due);
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->keys.size(), 5U);
}

}  // namespace
}  // namespace weir::gateway
