// Goal: readers of one key share a load exactly while they may, and each is handed back once.
// Method: examples, the limits at and one past, two keys of one hash.

#include "weir/cache/loads.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::cache {
namespace {

constexpr uint64_t kHash = 77;
constexpr Token kToken = 5;

Waiter Reader(uint64_t number) {
  return {nullptr, number, 0, 0};
}

Loads::Joined Join(Loads& loads, std::string_view key, uint64_t reader, Token token = kToken,
                   bool joinable = true) {
  Result<Loads::Joined> joined = loads.Join(key, kHash, token, joinable, Reader(reader));
  EXPECT_TRUE(joined.ok());
  return joined.value();
}

TEST(Loads, TheFirstReaderBeginsALoadAndTheOthersJoinIt) {
  Loads loads;
  const Loads::Joined first = Join(loads, "k", 1);
  EXPECT_TRUE(first.begun);
  const Loads::Joined second = Join(loads, "k", 2);
  EXPECT_FALSE(second.begun);
  EXPECT_EQ(second.load, first.load);

  const Loads::Finished finished = loads.Finish(first.load);
  EXPECT_EQ(finished.key, "k");
  EXPECT_EQ(finished.hash, kHash);
  EXPECT_EQ(finished.token, kToken);
  ASSERT_EQ(finished.waiters.size(), 2U);
  EXPECT_EQ(finished.waiters[0].connection, 1U);
  EXPECT_EQ(finished.waiters[1].connection, 2U);
  EXPECT_EQ(loads.size(), 0U);
  EXPECT_EQ(loads.begun(), 1U);
  EXPECT_EQ(loads.joined(), 1U);
}

TEST(Loads, AFinishedLoadCannotBeJoined) {
  Loads loads;
  const Loads::Joined first = Join(loads, "k", 1);
  EXPECT_EQ(loads.Finish(first.load).waiters.size(), 1U);
  EXPECT_TRUE(Join(loads, "k", 2).begun);
}

TEST(Loads, ALoadOfAnOlderTokenCannotBeJoinedAndDoesNotEndTheNewOne) {
  Loads loads;
  const Loads::Joined old_load = Join(loads, "k", 1, kToken);
  const Loads::Joined new_load = Join(loads, "k", 2, kToken + 1);
  EXPECT_TRUE(new_load.begun);
  EXPECT_EQ(loads.Finish(old_load.load).waiters.size(), 1U);
  const Loads::Joined third = Join(loads, "k", 3, kToken + 1);
  EXPECT_FALSE(third.begun);
  EXPECT_EQ(loads.Finish(new_load.load).waiters.size(), 2U);
}

TEST(Loads, ALoadThatIsNotJoinableIsSharedWithNobody) {
  Loads loads;
  EXPECT_TRUE(Join(loads, "k", 1, kToken, false).begun);
  EXPECT_TRUE(Join(loads, "k", 2, kToken, true).begun) << "the first may not be joined";
  EXPECT_TRUE(Join(loads, "k", 3, kToken, false).begun) << "the third joins nobody";
  EXPECT_EQ(loads.size(), 3U);
}

TEST(Loads, KeysOfOneHashAreNeverAnsweredByEachOther) {
  Loads loads;
  const Loads::Joined a = Join(loads, "a", 1);
  const Loads::Joined b = Join(loads, "b", 2);
  EXPECT_TRUE(b.begun);
  EXPECT_FALSE(Join(loads, "b", 3).begun);
  EXPECT_TRUE(Join(loads, "a", 4).begun) << "only the newest load of a hash can be joined";
  EXPECT_EQ(loads.Finish(a.load).waiters.size(), 1U);
  const Loads::Finished finished = loads.Finish(b.load);
  EXPECT_EQ(finished.key, "b");
  EXPECT_EQ(finished.waiters.size(), 2U);
}

TEST(Loads, TakesWaitersUpToTheLimitAndShedsTheNext) {
  Loads loads;
  const Loads::Joined first = Join(loads, "k", 0);
  for (uint64_t n = 1; n < Loads::kWaitersMax; ++n) ASSERT_FALSE(Join(loads, "k", n).begun);
  const auto past = loads.Join("k", kHash, kToken, true, Reader(Loads::kWaitersMax));
  ASSERT_FALSE(past.ok());
  EXPECT_EQ(past.error().code, ErrorCode::kOverloaded);

  const Loads::Finished finished = loads.Finish(first.load);
  ASSERT_EQ(finished.waiters.size(), Loads::kWaitersMax);
  for (uint64_t n = 0; n < Loads::kWaitersMax; ++n) {
    ASSERT_EQ(finished.waiters[n].connection, n);
  }
}

TEST(Loads, BeginsLoadsUpToTheLimitAndShedsTheNext) {
  Loads loads;
  for (uint64_t n = 0; n < Loads::kLoadsMax; ++n) {
    ASSERT_TRUE(loads.Join(std::to_string(n), n, kToken, true, Reader(n)).ok());
  }
  const auto past = loads.Join("one more", Loads::kLoadsMax, kToken, true, Reader(0));
  ASSERT_FALSE(past.ok());
  EXPECT_EQ(past.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(loads.Join("0", 0, kToken, true, Reader(1)).ok()) << "joining still works";
  EXPECT_EQ(loads.Finish(0).waiters.size(), 2U);
  EXPECT_TRUE(loads.Join("one more", Loads::kLoadsMax, kToken, true, Reader(0)).ok());
}

}  // namespace
}  // namespace weir::cache
