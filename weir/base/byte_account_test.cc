// Goal: an account is over one byte past its limit and not at it, and every charge is given back.
// Method: the limit and one past it; charges that grow, shrink and end, on several threads too.
#include "weir/base/byte_account.h"

#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(ByteAccountTest, IsOverOnlyPastItsLimit) {
  ByteAccount account(100);
  EXPECT_EQ(account.room(), 100U);
  account.Take(100);
  EXPECT_FALSE(account.over());
  EXPECT_EQ(account.room(), 0U);
  account.Take(1);
  EXPECT_TRUE(account.over());
  EXPECT_EQ(account.room(), 0U);
  account.Give(1);
  EXPECT_FALSE(account.over());
}

TEST(ByteAccountTest, AChargeCountsWhatItsHolderHoldsNow) {
  ByteAccount account(100);
  std::optional<Charge> charge;
  charge.emplace(account);
  EXPECT_EQ(account.used(), 0U);
  charge->Set(70);
  charge->Set(30);
  EXPECT_EQ(account.used(), 30U);
  charge->Set(50);
  EXPECT_EQ(charge->bytes(), 50U);
  Charge other(account);
  other.Set(60);
  EXPECT_TRUE(account.over());
  charge.reset();
  EXPECT_EQ(account.used(), 60U);
}

TEST(ByteAccountTest, NothingIsLostBetweenThreads) {
  ByteAccount account(1000);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&account, i] {
      Charge charge(account);
      for (size_t j = 0; j < 10'000; ++j) charge.Set((i * 7 + j * 13) % 101);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(account.used(), 0U);
}

TEST(ByteAccount, TheShareOfEachIsThatOfAllThereAre) {
  ByteAccount account(100);
  EXPECT_EQ(account.share(), 100u);
  const Charge one(account);
  {
    const Charge other(account);
    EXPECT_EQ(account.share(), 50u);
  }
  EXPECT_EQ(account.share(), 100u);
}

}  // namespace
}  // namespace weir
