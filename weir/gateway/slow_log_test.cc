// Goal: the slow log keeps the latest slow commands, as Redis shows them, and no secret.
// Method: entries by hand, at the limits and one past them.
#include "weir/gateway/slow_log.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using Words = std::vector<std::string>;

Words Shown(const Words& words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return ShownArgs::Of(views);
}

void Add(SlowLog& log, const std::string& word, uint64_t took_us = 1) {
  const std::vector<std::string_view> views = {word};
  log.Add(WallTime{5'000}, took_us * 1000, views, "127.0.0.1:1", "me");
}

TEST(SlowLog, KeepsTheLatestAndNumbersAll) {
  SlowLog log;
  log.Configure(0, 2);
  for (const char* word : {"a", "b", "c"}) Add(log, word, 7);
  EXPECT_EQ(log.size(), 2u);
  const SlowLog::Entries latest = log.Latest(10);
  ASSERT_EQ(latest.size(), 2u);
  EXPECT_EQ(latest[0]->args, Words{"c"});
  EXPECT_EQ(latest[0]->id, 2u);
  EXPECT_EQ(latest[0]->took_us, 7u);
  EXPECT_EQ(latest[0]->unix_seconds, 5);
  EXPECT_EQ(latest[0]->peer, "127.0.0.1:1");
  EXPECT_EQ(latest[0]->name, "me");
  EXPECT_EQ(latest[1]->args, Words{"b"});
  EXPECT_EQ(log.Latest(1).size(), 1u);
  EXPECT_EQ(log.Take(), latest);
  EXPECT_EQ(log.size(), 0u);
  Add(log, "d");
  EXPECT_EQ(log.Latest(1)[0]->id, 3u) << "numbers go on";
}

TEST(SlowLog, AShorterLengthForgetsTheOldest) {
  SlowLog log;
  log.Configure(0, 3);
  for (const char* word : {"a", "b", "c"}) Add(log, word);
  log.Configure(0, 1);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log.Latest(1)[0]->args, Words{"c"});
  log.Configure(0, 0);
  Add(log, "d");
  EXPECT_EQ(log.size(), 0u);
}

TEST(SlowLog, MinusOneIsOffAndZeroIsEverything) {
  SlowLog log;
  EXPECT_FALSE(log.IsSlow(9'999'999));
  EXPECT_TRUE(log.IsSlow(10'000'000)) << "10 ms unless told otherwise";
  log.Configure(0, 1);
  EXPECT_TRUE(log.IsSlow(0));
  log.Configure(SlowLog::kOff, 1);
  EXPECT_FALSE(log.IsSlow(UINT64_MAX));
}

TEST(SlowLog, LongArgumentsAndManyAreCutAsInRedis) {
  EXPECT_EQ(Shown({"SET", std::string(128, 'x')})[1], std::string(128, 'x'));
  EXPECT_EQ(Shown({"SET", std::string(129, 'x')})[1], std::string(128, 'x') + "... (1 more bytes)");
  Words words(32, "w");
  EXPECT_EQ(Shown(words), words);
  words.emplace_back("w");
  const Words shown = Shown(words);
  EXPECT_EQ(shown.size(), 32u);
  EXPECT_EQ(shown.back(), "... (2 more arguments)");
}

TEST(SlowLog, PasswordsAreNotShown) {
  EXPECT_EQ(Shown({"AUTH", "secret"}), (Words{"AUTH", "(redacted)"}));
  EXPECT_EQ(Shown({"auth", "me", "secret"}), (Words{"auth", "(redacted)", "(redacted)"}));
  EXPECT_EQ(
      Shown({"HELLO", "3", "SETNAME", "auth", "AUTH", "me", "secret", "SETNAME", "x"}),
      (Words{"HELLO", "3", "SETNAME", "auth", "AUTH", "(redacted)", "(redacted)", "SETNAME", "x"}));
  EXPECT_EQ(Shown({"HELLO", "3", "AUTH", "me", "one", "AUTH", "me", "two"}),
            (Words{"HELLO", "3", "AUTH", "(redacted)", "(redacted)", "AUTH", "(redacted)",
                   "(redacted)"}));
  EXPECT_EQ(Shown({"HELLO", "3", "AUTH", "secret"}), (Words{"HELLO", "3", "AUTH", "(redacted)"}));
  EXPECT_EQ(Shown({"GET", "auth"}), (Words{"GET", "auth"}));
}

}  // namespace
}  // namespace weir::gateway
