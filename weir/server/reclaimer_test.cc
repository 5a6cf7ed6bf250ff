// Goal: what is given to the reclaimer is given back to the system, by another thread and before
// the reclaimer ends. The counted bytes tell.
#include "weir/server/reclaimer.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

Bytes Large() {
  char* data = nullptr;
  return Bytes::Allocate(Bytes::kMappedBytesMin, &data);
}

TEST(ReclaimerTest, AllIsGivenBackBeforeItEnds) {
  const size_t before = Bytes::counted_bytes();
  {
    const Reclaimer reclaimer;
    for (int i = 0; i < 100; ++i) Large();
  }
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

TEST(ReclaimerTest, ItIsGivenBackWithoutWaitingForMore) {
  const size_t before = Bytes::counted_bytes();
  const Reclaimer reclaimer;
  Large();
  while (Bytes::counted_bytes() != before) std::this_thread::yield();
}

TEST(ReclaimerTest, NoMoreWaitsThanMay) {
  const size_t before = Bytes::counted_bytes();
  const Reclaimer reclaimer;
  for (int i = 0; i < 1000; ++i) {
    Large();
    ASSERT_LE(Bytes::counted_bytes(), before + Reclaimer::kWaitingMax * Bytes::kMappedBytesMin);
  }
}

TEST(ReclaimerTest, ManyThreadsMayGiveAtOnce) {
  const size_t before = Bytes::counted_bytes();
  {
    const Reclaimer reclaimer;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < 50; ++j) Large();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

}  // namespace
}  // namespace weir::server
