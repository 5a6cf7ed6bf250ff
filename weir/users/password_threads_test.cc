// Goal: checks run on other threads, two at once, and destruction ends them.
// Method: real hashes at the least cost; waits are for what must come.
#include "weir/users/password_threads.h"

#include <future>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

#include "weir/users/password.h"

namespace weir::users {
namespace {

TEST(PasswordThreads, TellWhetherThePasswordFitsOnAThreadOfTheirOwn) {
  const std::string hash = HashPassword("secret", kCostMin).value();
  PasswordChecks checks;
  const PasswordThreads threads(checks);
  for (const std::string password : {"secret", "wrong"}) {
    std::promise<std::pair<bool, std::thread::id>> told;
    ASSERT_TRUE(checks
                    .Begin(checks.Name(hash, password), hash, password,
                           [&](bool fits) {
                             told.set_value({fits, std::this_thread::get_id()});
                           })
                    .ok());
    const auto [fits, thread] = told.get_future().get();
    EXPECT_EQ(fits, password == "secret");
    EXPECT_NE(thread, std::this_thread::get_id());
  }
}

TEST(PasswordThreads, AreAsManyAsTheBudgetHolds) {
  const std::string hash = HashPassword("secret", kCostMin).value();
  PasswordChecks checks;
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::promise<void> all;
  size_t left = 40;
  const PasswordThreads threads(checks);
  for (size_t i = left; i > 0; --i) {
    const std::string password = "guess " + std::to_string(i);
    ASSERT_TRUE(checks
                    .Begin(checks.Name(hash, password), hash, password,
                           [&](bool fits) {
                             EXPECT_FALSE(fits);
                             const std::lock_guard lock(mutex);
                             seen.insert(std::this_thread::get_id());
                             if (--left == 0) all.set_value();
                           })
                    .ok());
  }
  all.get_future().wait();
  EXPECT_LE(seen.size(), kChecksAtOnce);
}

TEST(PasswordThreads, EndWithChecksStillWaiting) {
  const std::string hash = HashPassword("secret", kCostMin).value();
  PasswordChecks checks;
  const PasswordThreads threads(checks);
  for (int i = 0; i < 50; ++i) {
    const std::string password = std::to_string(i);
    ASSERT_TRUE(checks.Begin(checks.Name(hash, password), hash, password, [](bool) {}).ok());
  }
}

}  // namespace
}  // namespace weir::users
