// Goal: a program that reads and writes through the cache sees what the database holds, and asks
// the database only when it must.
// Method: a map stands for the database and counts what it is asked.

#include "weir/cache/through.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace weir::cache {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'000'000};

class ThroughCacheTest : public testing::Test {
 protected:
  using Answer = Result<std::optional<std::string>>;

  Answer Load(std::string_view key) {
    ++loads_;
    if (fail_loads_) return Error{ErrorCode::kUnavailable, "the database is away"};
    const auto found = database_.find(std::string(key));
    std::optional<std::string> answer;
    if (found != database_.end()) answer = found->second;
    if (during_load_) std::exchange(during_load_, nullptr)();
    return answer;
  }

  Result<Ok> Store(std::string_view key, const std::optional<std::string>& value) {
    if (fail_stores_ && !apply_failed_stores_) return Error{ErrorCode::kUnavailable, "disk full"};
    if (value.has_value()) {
      database_[std::string(key)] = *value;
    } else {
      database_.erase(std::string(key));
    }
    if (fail_stores_) return Error{ErrorCode::kUnknown, "the connection broke"};
    return Ok{};
  }

  std::optional<std::string> Get(std::string_view key, WallTime now = kNow) {
    Answer answer = cache_.Get(key, now);
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer.value() : std::nullopt;
  }
  bool Put(std::string_view key, const std::optional<std::string>& value, WallTime now = kNow) {
    return cache_.Put(key, value, now).ok();
  }

  std::map<std::string, std::string> database_;
  int loads_ = 0;
  bool fail_loads_ = false;
  bool fail_stores_ = false;
  bool apply_failed_stores_ = false;
  std::function<void()> during_load_;  // Runs once, between the read and its answer.
  ThroughCache cache_{{1 << 20, 1h, 5s, 1},
                      [this](std::string_view key) { return Load(key); },
                      [this](std::string_view key, const std::optional<std::string>& value) {
                        return Store(key, value);
                      }};
};

TEST_F(ThroughCacheTest, ReadsTheDatabaseOnceForEachTtl) {
  database_["k"] = "v";
  EXPECT_EQ(Get("k"), "v");
  EXPECT_EQ(Get("k", {kNow.ms + 3'599'999}), "v");
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(Get("k", {kNow.ms + 3'600'000}), "v");
  EXPECT_EQ(loads_, 2);
}

TEST_F(ThroughCacheTest, KeepsEmptyValues) {
  database_["k"] = "";
  EXPECT_EQ(Get("k"), "");
  EXPECT_EQ(Get("k"), "");
  EXPECT_EQ(loads_, 1);
}

TEST_F(ThroughCacheTest, RemembersAbsenceForItsOwnTime) {
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_EQ(Get("k", {kNow.ms + 4'999}), std::nullopt);
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(Get("k", {kNow.ms + 5'000}), std::nullopt);
  EXPECT_EQ(loads_, 2);
}

TEST_F(ThroughCacheTest, AWriteShowsAtOnceAndEndsANegativeEntry) {
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_TRUE(Put("k", "v"));
  EXPECT_EQ(Get("k"), "v");
  EXPECT_TRUE(Put("k", std::nullopt));
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_EQ(loads_, 1);
  EXPECT_TRUE(database_.empty());
}

TEST_F(ThroughCacheTest, AReadThatAWriteOvertookIsNotKept) {
  database_["k"] = "old";
  during_load_ = [this] { EXPECT_TRUE(Put("k", "new")); };
  EXPECT_EQ(Get("k"), "old") << "that is what the database held when it was asked";
  EXPECT_EQ(Get("k"), "new");
  during_load_ = [this] { EXPECT_TRUE(Put("gone", "new")); };
  EXPECT_EQ(Get("gone"), std::nullopt);
  EXPECT_EQ(Get("gone"), "new");
}

TEST_F(ThroughCacheTest, AFailedReadIsPassedOnAndNotKept) {
  database_["k"] = "v";
  fail_loads_ = true;
  const Answer answer = cache_.Get("k", kNow);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  fail_loads_ = false;
  EXPECT_EQ(Get("k"), "v");
}

TEST_F(ThroughCacheTest, AfterAFailedWriteTheDatabaseIsAsked) {
  for (const bool applied : {false, true}) {
    ASSERT_TRUE(Put("k", "old"));
    fail_stores_ = true;
    apply_failed_stores_ = applied;
    EXPECT_FALSE(Put("k", "new"));
    fail_stores_ = false;
    const int before = loads_;
    EXPECT_EQ(Get("k"), applied ? "new" : "old");
    EXPECT_EQ(loads_, before + 1);
    EXPECT_EQ(Get("k"), applied ? "new" : "old");
    EXPECT_EQ(loads_, before + 1) << "the doubt is settled, so the answer is kept";
  }
}

TEST(ThroughCache, ATtlWithoutEndAndOneOfNothingAreKept) {
  int loads = 0;
  ThroughCache cache(
      {1 << 20, std::chrono::milliseconds::max(), 0ms, 1},
      [&](std::string_view key) -> Result<std::optional<std::string>> {
        ++loads;
        if (key == "k") return std::optional<std::string>("v");
        return std::optional<std::string>();
      },
      [](std::string_view, const std::optional<std::string>&) -> Result<Ok> { return Ok{}; });
  for (const int64_t ms : {int64_t{0}, int64_t{1} << 60}) {
    EXPECT_EQ(cache.Get("k", {ms}).value(), "v");
  }
  EXPECT_EQ(loads, 1);
  for (int n = 0; n < 2; ++n) EXPECT_EQ(cache.Get("absent", kNow).value(), std::nullopt);
  EXPECT_EQ(loads, 3) << "a negative TTL of 0 keeps no absence";
}

}  // namespace
}  // namespace weir::cache
