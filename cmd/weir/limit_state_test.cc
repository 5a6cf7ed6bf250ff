// Goal: over a restart no bucket of a limit that requests bring along gives more than without it,
// and after a stop none gives less. Method: tables over a directory, one after the other, whose
// process ends by a stop, a kill or a crash of the machine; also at random, against the plain
// arithmetic of buckets that never restart.
#include "cmd/weir/limit_state.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/limit/limiter.h"
#include "weir/limit/named_limits.h"

namespace weir::cmd {
namespace {

using namespace std::chrono_literals;
using limit::Limiter;
using Found = LimitState::Found;
using Moment = LimitState::Moment;

constexpr size_t kBytes = size_t{1} << 16;
constexpr uint64_t kSeed = 7;

class LimitStateTest : public testing::Test {
 protected:
  LimitStateTest() {
    std::string name = testing::TempDir() + "limit_state.XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~LimitStateTest() override {
    End();
    std::filesystem::remove_all(directory_);
  }

  void Start(size_t bytes = kBytes) {
    const uint64_t seed = LimitState::SeedIn(directory_).value_or(kSeed);
    limiter_ = Limiter::Create({}, {.bytes = bytes, .seed = seed}).value();
    Result<std::unique_ptr<LimitState>> opened =
        LimitState::Open({directory_, boot_}, seed, ++run_, limiter_->table(), now_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    state_ = std::move(opened).value();
    view_ = {};
  }
  void End() {
    state_.reset();
    limiter_.reset();
  }
  void Save() { ASSERT_TRUE(state_->Save(Moment::kBetween, now_).ok()); }
  void Stop() {
    ASSERT_TRUE(state_->Save(Moment::kStop, now_).ok());
    End();
  }
  // The process dies; what it has mapped stays.
  void Kill() { End(); }
  // So does the machine: another boot, whose time begins anew.
  void PowerCut() {
    End();
    boot_ += "'";
    now_ = {1'000'000'000};
  }
  void Pass(std::chrono::nanoseconds time) { now_ = now_ + time; }

  std::string File(std::string_view name) { return directory_ + "/" + std::string(name); }

  // Of a limit of `burst` tokens, one of which comes every `interval`.
  bool Take(const std::string& key, uint64_t cost = 1, std::chrono::nanoseconds interval = 1h,
            uint64_t burst = 10) {
    return Ask(key, limit::Ask::kTake, cost, interval, burst).allowed;
  }
  uint64_t Left(const std::string& key) {
    return Ask(key, limit::Ask::kPeek, 0, 1h, 10).each[0].remaining;
  }
  limit::NamedOutcomes Ask(const std::string& key, limit::Ask ask, uint64_t cost,
                           std::chrono::nanoseconds interval, uint64_t burst) {
    const limit::NamedLimit limit{.key = key, .rate = {1, interval, burst}, .cost = cost};
    return limit::DecideNamed(*limiter_, &view_, {&limit, 1}, ask, now_).value();
  }
  // The part of all keys that this one is in.
  size_t PartOf(const std::string& key) {
    return limit::BucketTable::PartOf(limiter_->KeyHash(key, 0));
  }

  std::string directory_;
  std::string boot_ = "boot";
  MonoTime now_{1'000'000'000};
  uint64_t run_ = 0;
  std::unique_ptr<Limiter> limiter_;
  std::unique_ptr<LimitState> state_;
  Limiter::View view_;
};

TEST_F(LimitStateTest, WithoutAFileBucketsAreFull) {
  Start();
  EXPECT_EQ(state_->found(), Found::kNothing);
  EXPECT_EQ(Left("k"), 10u);
}

TEST_F(LimitStateTest, AfterAStopBucketsAreAsTheyWereAndTimeHasGoneBy) {
  Start();
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(Take("key" + std::to_string(i), 1 + i % 9));
  Stop();
  Pass(2h);
  Start();
  EXPECT_EQ(state_->found(), Found::kAll);
  for (uint64_t i = 0; i < 500; ++i) {
    EXPECT_EQ(Left("key" + std::to_string(i)), std::min<uint64_t>(10, 10 - (1 + i % 9) + 2));
  }
  EXPECT_EQ(Left("other"), 10u);
}

TEST_F(LimitStateTest, AfterAKillWhatWasTakenFromSinceTheSaveIsEmptyAndTheRestAsItWas) {
  Start();
  Take("before", 4);
  Save();
  Take("since", 1);
  ASSERT_NE(PartOf("before"), PartOf("since"));
  ASSERT_NE(PartOf("other"), PartOf("since"));
  Kill();
  Pass(1min);
  Start();
  EXPECT_EQ(state_->found(), Found::kMost);
  EXPECT_EQ(Left("before"), 6u);
  EXPECT_EQ(Left("other"), 10u);
  EXPECT_EQ(Left("since"), 0u);
  Pass(3h);
  EXPECT_EQ(Left("since"), 3u);
}

TEST_F(LimitStateTest, WhatIsTakenBeforeTheFirstSaveIsNotForgotten) {
  Start();
  Take("k", 1);
  Kill();
  Start();
  EXPECT_EQ(Left("k"), 0u);
}

// A bucket that is full is in no save; that it was empty at a start must be.
TEST_F(LimitStateTest, WhatIsTakenForEmptyIsSoAfterAStopToo) {
  Start();
  Take("k", 1);
  Kill();
  Start();
  Pass(2h);
  Stop();
  Pass(1h);
  Start();
  EXPECT_EQ(Left("k"), 3u);
  EXPECT_EQ(Left("other"), 10u);
}

// Each part was empty when it was, not when another one was last.
TEST_F(LimitStateTest, AKillDoesNotMakeEmptyAgainWhatWasSoAfterAnEarlierOne) {
  Start();
  Take("once", 1);
  Kill();
  Start();
  Pass(5h);
  Take("twice", 1);
  ASSERT_NE(PartOf("once"), PartOf("twice"));
  Kill();
  Start();
  EXPECT_EQ(state_->found(), Found::kMost);
  EXPECT_EQ(Left("once"), 5u);
  EXPECT_EQ(Left("twice"), 0u);
  Stop();
  Pass(1h);
  Start();
  EXPECT_EQ(Left("once"), 6u);
  EXPECT_EQ(Left("twice"), 1u);
}

TEST_F(LimitStateTest, AfterAKillWithoutTheMarksOfTheStateAllAreEmpty) {
  Start();
  Take("k", 1);
  const std::string older = File("older");
  std::filesystem::copy(File(kLimitMarksFile), older);
  Kill();
  std::filesystem::remove(File(kLimitMarksFile));
  Start();
  EXPECT_EQ(state_->found(), Found::kNone);
  EXPECT_EQ(Left("k"), 0u);
  EXPECT_EQ(Left("other"), 0u);
  Pass(10h);
  Take("k", 1);
  Save();
  Take("k", 1);
  Kill();
  std::filesystem::copy(older, File(kLimitMarksFile),
                        std::filesystem::copy_options::overwrite_existing);
  Start();
  EXPECT_EQ(state_->found(), Found::kNone);
  EXPECT_EQ(Left("k"), 0u);
}

TEST_F(LimitStateTest, AfterAStopTheMarksDoNotMatter) {
  Start();
  Take("k", 4);
  Stop();
  std::filesystem::remove(File(kLimitMarksFile));
  Start();
  EXPECT_EQ(state_->found(), Found::kAll);
  EXPECT_EQ(Left("k"), 6u);
}

TEST_F(LimitStateTest, AfterACrashOfTheMachineAllAreEmpty) {
  Start();
  Take("k", 1);
  Save();
  PowerCut();
  Start();
  EXPECT_EQ(state_->found(), Found::kNone);
  EXPECT_EQ(Left("k"), 0u);
  EXPECT_EQ(Left("other"), 0u);
}

// Nobody can tell for how long the machine was off, nor that it is not another one, which has been
// up for long.
TEST_F(LimitStateTest, AfterAStopAndAStartUnderAnotherBootNoTimeHasGoneBy) {
  Start();
  Take("k", 10);
  Stop();
  PowerCut();
  Pass(200 * 24h);
  Start();
  EXPECT_EQ(state_->found(), Found::kAll);
  EXPECT_EQ(Left("k"), 0u);
  EXPECT_EQ(Left("other"), 10u);
  Pass(2h);
  EXPECT_EQ(Left("k"), 2u);
}

TEST_F(LimitStateTest, WithoutKnowingWhichStartOfTheMachineItIsNoTimeHasGoneBy) {
  boot_ = "";
  Start();
  Take("k", 10);
  Stop();
  Pass(2h);
  Start();
  EXPECT_EQ(state_->found(), Found::kAll);
  EXPECT_EQ(Left("k"), 0u);
  Kill();
  Start();
  EXPECT_EQ(state_->found(), Found::kNone);
}

TEST_F(LimitStateTest, EveryDamageOfTheFileIsNoticed) {
  Start();
  for (int i = 0; i < 50; ++i) Take("key" + std::to_string(i), 3);
  Stop();
  const auto size = std::filesystem::file_size(File(kLimitStateFile));
  std::string whole(size, '\0');
  std::ifstream(File(kLimitStateFile), std::ios::binary).read(whole.data(), whole.size());
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    std::string damaged = whole;
    const size_t at = random.Below(size);
    if (round % 3 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << random.Below(8));
    }
    std::ofstream(File(kLimitStateFile), std::ios::binary | std::ios::trunc) << damaged;
    Start();
    EXPECT_EQ(state_->found(), Found::kNone) << round << " at " << at;
    EXPECT_EQ(Left("key1"), 0u);
    EXPECT_EQ(Left("other"), 0u);
    End();
  }
}

TEST_F(LimitStateTest, WithOtherMemoryAllAreEmpty) {
  Start();
  Take("k", 1);
  Stop();
  Start(2 * kBytes);
  EXPECT_EQ(state_->found(), Found::kNone);
  EXPECT_EQ(Left("k"), 0u);
}

TEST_F(LimitStateTest, ASaveThatFailsLeavesTheOneBefore) {
  Start();
  Take("before", 4);
  Save();
  std::filesystem::create_directory(File("limits.state.new"));
  EXPECT_FALSE(state_->Save(Moment::kBetween, now_).ok());
  Take("since", 1);
  EXPECT_FALSE(state_->Save(Moment::kStop, now_).ok());
  std::filesystem::remove(File("limits.state.new"));
  Kill();
  Start();
  EXPECT_EQ(Left("before"), 6u);
  EXPECT_EQ(Left("since"), 0u);
}

TEST_F(LimitStateTest, WithoutRoomToSaveItDoesNotStartAndWhatWasSavedStays) {
  Start();
  Take("k", 4);
  Stop();
  std::filesystem::create_directory(File("limits.state.new"));
  limiter_ = Limiter::Create({}, {.bytes = kBytes, .seed = kSeed}).value();
  EXPECT_FALSE(LimitState::Open({directory_, boot_}, kSeed, ++run_, limiter_->table(), now_).ok());
  std::filesystem::remove(File("limits.state.new"));
  Start();
  EXPECT_EQ(state_->found(), Found::kAll);
  EXPECT_EQ(Left("k"), 6u);
  EXPECT_EQ(Left("other"), 10u);
}

// Buckets that were forgotten for want of room, too.
TEST_F(LimitStateTest, WhatWasForgottenEarlyIsNotFullAfterARestart) {
  Start(512);
  for (int i = 0; i < 2000; ++i) Take("key" + std::to_string(i), 10);
  ASSERT_GT(limiter_->table().evicted_live(), 0u);
  const uint64_t before = Left("absent");
  Stop();
  Start(512);
  EXPECT_EQ(before, 0u);
  EXPECT_EQ(Left("absent"), 0u);
}

// Whatever happens, each key has had no more than a bucket that never restarts would give.
TEST_F(LimitStateTest, NeverMorePassesThanWithoutTheRestarts) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::filesystem::remove(File(kLimitStateFile));
    const size_t bytes = random.OneIn(2) ? kBytes : 1024;
    Start(bytes);
    std::map<std::string, int64_t> tokens;  // In seconds of a bucket of ten that has 1 an hour.
    MonoTime at = now_;
    for (int step = 0; step < 2000; ++step) {
      const auto wait = std::chrono::seconds(random.Below(400));
      Pass(wait);
      const std::string key = "key" + std::to_string(random.Below(60));
      const uint64_t cost = 1 + random.Below(4);
      const int64_t come = (now_ - at).count() / 1'000'000'000;
      at = now_;
      for (auto& [name, left] : tokens) left = std::min<int64_t>(left + come, 36'000);
      if (Take(key, cost)) {
        int64_t& left = tokens.try_emplace(key, 36'000).first->second;
        left -= static_cast<int64_t>(cost) * 3600;
        ASSERT_GE(left, 0) << key << " at step " << step;
      }
      if (random.OneIn(40)) Save();
      if (!random.OneIn(60)) continue;
      random.OneIn(2) ? Stop() : Kill();
      Start(bytes);
    }
    End();
  }
}

}  // namespace
}  // namespace weir::cmd
