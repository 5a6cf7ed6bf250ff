// Goal: loads of small values never wait for large ones, and large ones are in the store only while
// there is room for them.
// Method: the queue alone; the store's answers are made up. Limits at the edge and one past it.
#include "weir/gateway/load_queue.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

constexpr size_t kKeysMax = 100;
constexpr size_t kPlenty = size_t{1} << 40;
constexpr MonoTime kNow{1'000'000'000};

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
  ASSERT_EQ(batch->requests.size(), sizes.size());
  std::vector<store::Loads::LeftOut> left;
  for (size_t i = 0; i < sizes.size(); ++i) left.push_back({i, sizes[i]});
  queue.Finish(std::move(*batch), true, left, kNow);
}

TEST(LoadQueueTest, WhatWaitsGoesTogetherAsFarAsOneLoadMayHold) {
  LoadQueue queue;
  queue.Add(Requests(kKeysMax + 1), kNow);
  const auto first = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->requests.size(), kKeysMax);
  EXPECT_EQ(first->bytes_max, LoadQueue::kBatchBytesMax);
  const auto second = queue.Next(kPlenty, kKeysMax, kNow);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->requests.size(), 1U);
  EXPECT_FALSE(queue.Next(kPlenty, kKeysMax, kNow).has_value());
  EXPECT_TRUE(queue.empty());
}

TEST(LoadQueueTest, OneBatchMoreThanTheStoreMayHaveWaits) {
  LoadQueue queue;
  queue.Add(Requests(LoadQueue::kBatchesMax + 1), kNow);
  std::vector<LoadQueue::Batch> begun;
  while (auto batch = queue.Next(kPlenty, 1, kNow)) begun.push_back(std::move(*batch));
  EXPECT_EQ(begun.size(), LoadQueue::kBatchesMax);
  queue.Finish(std::move(begun[0]), true, {}, kNow);
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
  EXPECT_EQ(small->requests[0].load, 7U);
  EXPECT_FALSE(queue.Next(999, kKeysMax, kNow).has_value());
  const auto large = queue.Next(1000, kKeysMax, kNow);
  ASSERT_TRUE(large.has_value());
  EXPECT_EQ(large->requests[0].load, 0U);
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
  queue.Finish(std::move(*alone), true, {}, kNow);
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

}  // namespace
}  // namespace weir::gateway
