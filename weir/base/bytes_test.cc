// Goal: Bytes shares, outlives its copies and releases exactly once (the sanitizers see the rest).
#include "weir/base/bytes.h"

#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(BytesTest, EmptyHoldsNothing) {
  EXPECT_TRUE(Bytes().empty());
  EXPECT_TRUE(Bytes::Copy("").empty());
  EXPECT_EQ(Bytes().view(), "");
}

TEST(BytesTest, CopiesShareTheSameData) {
  const Bytes first = Bytes::Copy("value");
  const Bytes second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  EXPECT_EQ(second.view(), "value");
}

TEST(BytesTest, DataLivesAsLongAsTheLastCopy) {
  Bytes survivor;
  {
    const Bytes first = Bytes::Copy("value");
    survivor = first;
  }
  EXPECT_EQ(survivor.view(), "value");
}

TEST(BytesTest, MovedFromIsEmpty) {
  Bytes from = Bytes::Copy("value");
  const Bytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_EQ(to.view(), "value");
}

TEST(BytesTest, LargeDataIsCountedOnceWhileItLives) {
  const size_t before = Bytes::counted_bytes();
  const Bytes below = Bytes::Copy(std::string(Bytes::kCountedBytesMin - 1, 'x'));
  EXPECT_EQ(Bytes::counted_bytes(), before);
  {
    const Bytes at = Bytes::Copy(std::string(Bytes::kCountedBytesMin, 'x'));
    const Bytes copy = at;
    EXPECT_EQ(Bytes::counted_bytes(), before + Bytes::kCountedBytesMin);
    EXPECT_EQ(copy.size(), at.size());
  }
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

// From each kind of memory to each: a block, a mapping, the same mapping grown.
TEST(BytesTest, GrowingKeepsWhatWasThere) {
  const size_t before = Bytes::counted_bytes();
  Bytes bytes;
  char* data = nullptr;
  size_t filled = 0;
  for (const size_t size : {size_t{100}, size_t{9000}, Bytes::kMappedBytesMin - 1,
                            Bytes::kMappedBytesMin, 3 * Bytes::kMappedBytesMin + 7}) {
    Bytes::Grow(&bytes, size, &data);
    ASSERT_EQ(bytes.size(), size);
    ASSERT_EQ(bytes.view().data(), data);
    for (; filled < size; ++filled) data[filled] = static_cast<char>(filled % 251);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(data[i], static_cast<char>(i % 251));
    EXPECT_EQ(Bytes::counted_bytes() - before, size < Bytes::kCountedBytesMin ? 0 : size);
  }
  bytes = Bytes();
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

// Keeps what it is given until it ends.
struct KeepingReclaimer final : Bytes::Reclaimer {
  KeepingReclaimer() { Bytes::SetReclaimer(this); }
  ~KeepingReclaimer() override { Bytes::SetReclaimer(nullptr); }
  void Take(Bytes::Mapping mapping) override { kept.push_back(std::move(mapping)); }

  std::vector<Bytes::Mapping> kept;
};

TEST(BytesTest, TheLastOfAMappingGoesToTheReclaimerAndStaysCounted) {
  const size_t before = Bytes::counted_bytes();
  KeepingReclaimer reclaimer;
  char* data = nullptr;
  Bytes mapped = Bytes::Allocate(Bytes::kMappedBytesMin, &data);
  Bytes copy = mapped;
  Bytes::Allocate(Bytes::kMappedBytesMin - 1, &data);
  mapped = Bytes();
  EXPECT_TRUE(reclaimer.kept.empty());
  copy = Bytes();
  ASSERT_EQ(reclaimer.kept.size(), 1U);
  EXPECT_EQ(Bytes::counted_bytes(), before + Bytes::kMappedBytesMin);
  reclaimer.kept.clear();
  EXPECT_EQ(Bytes::counted_bytes(), before);
}

TEST(BytesTest, CopiesMayBeDroppedOnManyThreads) {
  const Bytes shared = Bytes::Copy(std::string(1000, 'x'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = shared] {
      for (int j = 0; j < 1000; ++j) {
        const Bytes another = copy;
        ASSERT_EQ(another.size(), 1000U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.size(), 1000U);
}

}  // namespace
}  // namespace weir
