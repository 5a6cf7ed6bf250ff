// Goal: the picture adds up what samples saw, for any range; names the hottest tags; and cuts where
// the load halves. Method: against a plain sum over the same requests; then each rule by name.
#include "weir/shard/load_picture.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace weir::shard {
namespace {

using testing::DoubleNear;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Range kAll{{0}, {0}, ShardId{0}};
constexpr MonoTime kEnd{10'000'000'000};

// Samples of these requests, spread over ten seconds, each so many times: few enough that all are
// kept.
struct Samples {
  void Note(const std::string& key, size_t count, bool write = false) {
    (write ? writes : reads).Note(count, kEnd, [&](size_t) {
      return LoadSample::Request{PositionOf(key), key};
    });
  }
  LoadPicture Picture() const {
    const LoadPicture::Sampled sampled[] = {{&reads, false}, {&writes, true}};
    return LoadPicture(sampled, kEnd);
  }

  LoadSample reads{1, {}};
  LoadSample writes{2, {}};
};

RC_GTEST_PROP(LoadPicture, EveryRangeHasTheLoadOfItsKeys, ()) {
  Samples samples;
  std::map<uint64_t, std::pair<int, int>> seen;  // Reads and writes by position.
  for (auto more = *rc::gen::inRange(0, 60); more > 0; --more) {
    const std::string key = "key" + std::to_string(*rc::gen::inRange(0, 20));
    const bool write = *rc::gen::arbitrary<bool>();
    samples.Note(key, 1, write);
    auto& [reads, writes] = seen[PositionOf(key).value];
    ++(write ? writes : reads);
  }
  const LoadPicture picture = samples.Picture();
  const uint64_t from = *rc::gen::arbitrary<uint64_t>() / kPositionUnit * kPositionUnit;
  const uint64_t to = *rc::gen::arbitrary<uint64_t>() / kPositionUnit * kPositionUnit;
  const Range range{{std::min(from, to)}, {from == to ? 0 : std::max(from, to)}, ShardId{0}};
  std::pair<int, int> sum;
  for (const auto& [position, counts] : seen) {
    if (!range.Contains({position})) continue;
    sum.first += counts.first;
    sum.second += counts.second;
  }
  const LoadPicture::Load load = picture.Of(range);
  RC_ASSERT(std::abs(load.reads - sum.first / 10.0) < 1e-9);
  RC_ASSERT(std::abs(load.writes - sum.second / 10.0) < 1e-9);
  const std::optional<Position> cut = picture.HalfwayIn(range);
  if (!cut) return;
  RC_ASSERT(cut->value % kPositionUnit == 0u);
  RC_ASSERT(range.from < *cut);
  RC_ASSERT(range.Contains(*cut));
}

TEST(LoadPicture, TheHottestAreNamedTheMostFirstAndChanceIsNot) {
  Samples samples;
  samples.Note("rare", LoadPicture::kSeenLeast - 1);
  samples.Note("warm", LoadPicture::kSeenLeast);
  samples.Note("hot", 20);
  samples.Note("hot", 10, true);
  const std::vector<LoadPicture::Tag> hottest = samples.Picture().Hottest(kAll, 9);
  ASSERT_THAT(hottest, SizeIs(2));
  EXPECT_EQ(hottest[0].name, "hot");
  EXPECT_EQ(hottest[0].from.value, PositionOf("hot").value / kPositionUnit * kPositionUnit);
  EXPECT_THAT(hottest[0].load.reads, DoubleNear(2, 1e-9));
  EXPECT_THAT(hottest[0].load.writes, DoubleNear(1, 1e-9));
  EXPECT_EQ(hottest[1].name, "warm");
  EXPECT_THAT(samples.Picture().Hottest(kAll, 1), SizeIs(1));
  EXPECT_THAT(samples.Picture().Hottest(kAll, 0), IsEmpty());
}

TEST(LoadPicture, KeysOfOneTagAreOneAndNamedByIt) {
  Samples samples;
  samples.Note("{user:1}name", 5);
  samples.Note("{user:1}cart", 5);
  samples.Note("{user:2}name", 8);
  samples.Note(std::string(LoadSample::kKeyBytesMax + 9, 'x'), 4);
  const std::vector<LoadPicture::Tag> hottest = samples.Picture().Hottest(kAll, 9);
  ASSERT_THAT(hottest, SizeIs(3));
  EXPECT_EQ(hottest[0].name, "{user:1}");
  EXPECT_THAT(hottest[0].load.reads, DoubleNear(1, 1e-9));
  EXPECT_EQ(hottest[1].name, "{user:2}name");
  EXPECT_EQ(hottest[2].name, std::string(LoadSample::kKeyBytesMax, 'x') + "...");
}

TEST(LoadPicture, ACutLeavesHalfTheLoadOnEitherSideAndNoneIsMadeInATag) {
  Samples samples;
  EXPECT_EQ(samples.Picture().HalfwayIn(kAll), std::nullopt);
  samples.Note("{tag}1", 5);
  samples.Note("{tag}2", 5);
  EXPECT_EQ(samples.Picture().HalfwayIn(kAll), std::nullopt);
  for (int i = 0; i < 50; ++i) samples.Note("key" + std::to_string(i), 1, i % 2 == 0);
  const LoadPicture picture = samples.Picture();
  const std::optional<Position> cut = picture.HalfwayIn(kAll);
  ASSERT_TRUE(cut.has_value());
  const double before = picture.Of({{0}, *cut, ShardId{0}}).all();
  EXPECT_NEAR(before, 3, 0.6);  // The tag has a sixth of all, on one side.
  EXPECT_NEAR(before + picture.Of({*cut, {0}, ShardId{0}}).all(), 6, 1e-9);
}

}  // namespace
}  // namespace weir::shard
