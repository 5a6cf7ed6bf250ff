// Goal: a plan by load evens it out by moving next to nothing, also while hot spots move; and it
// names the key that alone is too hot.
// Method: random maps with hot tags, against a model that carries the plan out; each rule by name;
// and a whole day's work in virtual time: requests by Zipf's law go by the map to databases whose
// samples see them, plans are made of what those saw, and the true load is looked at.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "weir/shard/load_picture.h"
#include "weir/shard/load_sample.h"
#include "weir/shard/move_plan.h"
#include "weir/shard/zipf_rig.h"

namespace weir::shard {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kHalf = uint64_t{1} << 63;

uint64_t UnitsIn(Position from, Position to) {
  return (to.value - 1 - from.value) / kPositionUnit + 1;
}

// So many that chance is no reason for anything.
constexpr uint64_t kSeenMany = 1'000'000;

MovePlan PlanOf(const std::vector<LoadedRange>& ranges, const std::vector<uint32_t>& places,
                uint64_t seen = kSeenMany) {
  return PlanRebalanceByLoad(ranges, places, seen);
}

// A range of half the space.
LoadedRange Half(uint64_t number, uint32_t shard, uint64_t amount, std::vector<HotTag> hottest) {
  return {{{{number * kHalf}, {number == 0 ? kHalf : 0}, ShardId{shard}}, amount},
          std::move(hottest)};
}

TEST(LoadPlan, AHotTagThatFitsGoesAloneAndNothingElseDoes) {
  const Position hot{kPositionUnit * 77};
  const std::vector<LoadedRange> ranges = {Half(0, 0, 1400, {{hot, 380}, {{0}, 50}}),
                                           Half(1, 1, 600, {})};
  const MovePlan plan = PlanOf(ranges, {0, 1});
  EXPECT_THAT(plan.moves, ElementsAre(PlannedMove{
                              hot, {hot.value + kPositionUnit}, ShardId{0}, ShardId{1}, 380}));
  EXPECT_THAT(plan.before, ElementsAre(1400, 600));
  EXPECT_THAT(plan.after, ElementsAre(1020, 980));
  EXPECT_THAT(plan.uncut, IsEmpty());
}

TEST(LoadPlan, WhereNoTagIsHotTheDensestRangeIsCut) {
  constexpr uint64_t kDense = kHalf - kHalf / 64;
  const std::vector<LoadedRange> ranges = {{{{{0}, {kDense}, ShardId{0}}, 300}, {}},
                                           {{{{kDense}, {kHalf}, ShardId{0}}, 1200}, {}},
                                           {{{{kHalf}, {0}, ShardId{1}}, 500}, {}}};
  const MovePlan plan = PlanOf(ranges, {0, 1});
  ASSERT_THAT(plan.moves, SizeIs(1));
  EXPECT_EQ(plan.moves[0].amount, 450U);  // To within a twentieth of the mean.
  EXPECT_EQ(plan.moves[0].to.value, kHalf);
  EXPECT_GT(plan.moves[0].from.value, kDense);
  EXPECT_THAT(plan.after, ElementsAre(1050, 950));
  EXPECT_FALSE(plan.more);
}

// What part of the space moves.
double SpaceOf(const MovePlan& plan) {
  double units = 0;
  for (const PlannedMove& move : plan.moves) {
    units += static_cast<double>(UnitsIn(move.from, move.to));
  }
  return units / (uint64_t{1} << 40);
}

TEST(LoadPlan, APlanMovesAHundredthOfTheSpaceAtMostAndSaysThatThereIsMore) {
  const MovePlan plan = PlanOf({Half(0, 0, 1'500'000, {}), Half(1, 1, 500'000, {})}, {0, 1});
  EXPECT_TRUE(plan.more);
  EXPECT_NEAR(SpaceOf(plan), kLoadSpaceMost, 1e-6);
  EXPECT_LE(SpaceOf(plan), kLoadSpaceMost);
  // A whole range as well: two of less than a hundredth each, of which only one fits.
  constexpr uint64_t kSmall = kHalf / 64;
  const MovePlan whole = PlanOf({{{{{0}, {kSmall}, ShardId{0}}, 400}, {}},
                                 {{{{kSmall}, {2 * kSmall}, ShardId{0}}, 400}, {}},
                                 {{{{2 * kSmall}, {kHalf}, ShardId{0}}, 700}, {}},
                                 Half(1, 1, 100, {})},
                                {0, 1});
  EXPECT_TRUE(whole.more);
  EXPECT_THAT(whole.moves, SizeIs(2));
  EXPECT_LE(SpaceOf(whole), kLoadSpaceMost);
}

TEST(LoadPlan, AKeyTooHotIsNoReasonToMoveHalfOfAllKeys) {
  const Position hot{kHalf};
  const MovePlan plan =
      PlanOf({Half(0, 0, 3'000'000, {}), Half(1, 1, 15'000'000, {{hot, 12'000'000}})}, {0, 1});
  EXPECT_THAT(plan.uncut, SizeIs(1));
  EXPECT_LE(SpaceOf(plan), kLoadSpaceMost);
}

TEST(LoadPlan, ATagHotterThanAShareIsNamedAndTheRestIsEvenedOut) {
  const Position hot{kHalf};
  const std::vector<LoadedRange> ranges = {Half(0, 0, 300, {}), Half(1, 1, 1500, {{hot, 1200}})};
  const MovePlan plan = PlanOf(ranges, {0, 1, 2});
  ASSERT_THAT(plan.uncut, SizeIs(1));
  EXPECT_EQ(plan.uncut[0].range.from, hot);
  EXPECT_EQ(plan.uncut[0].amount, 1200U);
  EXPECT_THAT(plan.after, ElementsAre(300, 300, 1200));  // One key moves, not a range.
}

TEST(LoadPlan, WhatIsNearlyEvenIsLeft) {
  const std::vector<uint32_t> places = {0, 1};
  const auto with_tag_of = [](uint64_t load, uint64_t amount) {
    return std::vector<LoadedRange>{Half(0, 0, load, {{{kPositionUnit}, amount}}),
                                    Half(1, 1, 2000 - load, {})};
  };
  EXPECT_THAT(PlanOf(with_tag_of(1050, 50), places).moves, IsEmpty());
  EXPECT_THAT(PlanOf(with_tag_of(1051, 50), places).moves, SizeIs(1));
  EXPECT_THAT(PlanOf({Half(0, 0, 0, {}), Half(1, 1, 0, {})}, places).moves, IsEmpty());
}

TEST(LoadPlan, OfLittleThatWasSeenNothingIsConcluded) {
  const std::vector<LoadedRange> ranges = {Half(0, 0, 900, {{{0}, 300}}), Half(1, 1, 100, {})};
  const MovePlan none = PlanOf(ranges, {0, 1}, kLoadSeenLeast - 1);
  EXPECT_TRUE(none.too_little);
  EXPECT_THAT(none.moves, IsEmpty());
  EXPECT_THAT(none.after, ElementsAre(900, 100));
  EXPECT_THAT(PlanOf(ranges, {0, 1}, 0).moves, IsEmpty());
  const MovePlan some = PlanOf(ranges, {0, 1}, kLoadSeenLeast);
  EXPECT_FALSE(some.too_little);
  EXPECT_THAT(some.moves, Not(IsEmpty()));
  // Of less than one for each directory as well: any tag would be more than a share.
  EXPECT_THAT(PlanOf({Half(0, 0, 1, {{{0}, 1}}), Half(1, 1, 0, {})}, {0, 1}).uncut, IsEmpty());
}

TEST(LoadPlan, WhatChanceExplainsIsNoReasonToMove) {
  const std::vector<LoadedRange> ranges = {Half(0, 0, 1100, {{{0}, 100}}), Half(1, 1, 900, {})};
  EXPECT_THAT(PlanOf(ranges, {0, 1}, 1'000).moves, IsEmpty());  // Three deviations are 13 %.
  EXPECT_THAT(PlanOf(ranges, {0, 1}, 10'000).moves, SizeIs(1));
}

TEST(LoadPlan, WhatWouldGainNextToNothingIsNotMoved) {
  // All that can go beside a key too hot are tags of next to nothing, and of nothing at all.
  std::vector<HotTag> tags = {{{kHalf}, 1'500'000}};
  for (uint64_t i = 1; i <= 10; ++i) tags.push_back({{kHalf + i * kPositionUnit}, (i % 2) * 1'000});
  EXPECT_THAT(PlanOf({Half(0, 0, 495'000, {}), Half(1, 1, 1'505'000, tags)}, {0, 1}).moves,
              IsEmpty());
}

TEST(LoadPlan, AWholeSpaceOfOneRangeIsCutBetweenItsTagsAtBothEnds) {
  const Position first{0};
  const Position last{~uint64_t{0} / kPositionUnit * kPositionUnit};
  const std::vector<LoadedRange> one = {
      {{{{0}, {0}, ShardId{0}}, 1000}, {{last, 250}, {first, 250}}}};
  const MovePlan plan = PlanOf(one, {0, 1});
  EXPECT_THAT(plan.moves,
              ElementsAre(PlannedMove{first, {kPositionUnit}, ShardId{0}, ShardId{1}, 250},
                          PlannedMove{last, {0}, ShardId{0}, ShardId{1}, 250}));
}

TEST(LoadPlan, WhatWentStaysWhereItWentWhenNobodyAsksForIt) {
  const Position tag{kHalf / 2};
  const Position after{tag.value + kPositionUnit};
  for (const uint64_t load : {uint64_t{0}, uint64_t{490}}) {
    const std::vector<LoadedRange> ranges = {{{{{0}, tag, ShardId{0}}, load}, {}},
                                             {{{tag, after, ShardId{1}}, 0}, {}},
                                             {{{after, {kHalf}, ShardId{0}}, load}, {}},
                                             Half(1, 1, 2 * load, {})};
    EXPECT_THAT(PlanOf(ranges, {0, 1}).moves, IsEmpty());
  }
}

TEST(LoadPlan, ThereAreSoManyMovesAndNoMore) {
  // Each tag is worth a move, and evenness would take more than there may be.
  for (const size_t wanted : {kLoadMovesMax, kLoadMovesMax + 1}) {
    std::vector<HotTag> tags;
    for (size_t i = 0; i < 2 * wanted; ++i) tags.push_back({{i * kPositionUnit}, 10});
    const std::vector<LoadedRange> ranges = {Half(0, 0, 20 * wanted, tags), Half(1, 1, 0, {})};
    const MovePlan plan = PlanOf(ranges, {0, 1});
    EXPECT_THAT(plan.moves, SizeIs(kLoadMovesMax));
    EXPECT_EQ(plan.after[1], 10 * kLoadMovesMax);
  }
}

RC_GTEST_PROP(LoadPlan, ItCanBeCarriedOutAndMakesNothingWorse, ()) {
  std::vector<uint32_t> places;
  const auto shards = *rc::gen::inRange<uint32_t>(1, 7);
  for (uint32_t i = 0; i < shards; ++i) places.push_back(i / 2);
  std::set<uint64_t> cuts = {0};
  for (auto more = *rc::gen::inRange(0, 12); more > 0; --more) {
    cuts.insert(*rc::gen::inRange<uint64_t>(1, 64) * kPositionUnit);
  }
  std::vector<LoadedRange> ranges;
  for (auto cut = cuts.begin(); cut != cuts.end(); ++cut) {
    const uint64_t to = std::next(cut) == cuts.end() ? 0 : *std::next(cut);
    LoadedRange loaded;
    loaded.weighed.range = {{*cut}, {to}, ShardId{*rc::gen::inRange<uint32_t>(0, shards)}};
    const uint64_t units = UnitsIn({*cut}, {to});
    std::set<uint64_t> tags;
    for (auto more = *rc::gen::inRange(0, 6); more > 0; --more) {
      tags.insert(*cut + *rc::gen::inRange<uint64_t>(0, units) * kPositionUnit);
    }
    uint64_t amount = units == tags.size() ? 0 : *rc::gen::inRange<uint64_t>(0, 1000);
    for (const uint64_t tag : tags) {
      loaded.hottest.push_back({{tag}, *rc::gen::inRange<uint64_t>(0, 3000)});
      amount += loaded.hottest.back().amount;
    }
    loaded.weighed.amount = amount;
    ranges.push_back(loaded);
  }
  const MovePlan plan = PlanOf(ranges, places);
  std::vector<uint64_t> held = plan.before;
  Position end;
  for (const PlannedMove& move : plan.moves) {
    RC_ASSERT(end <= move.from && move.from.value % kPositionUnit == 0u);
    end = move.to;
    const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const LoadedRange& loaded) {
      return loaded.weighed.range.Contains(move.from);
    });
    RC_ASSERT(found->weighed.range.shard == move.source);
    RC_ASSERT(found->weighed.range.Contains({move.to.value - 1}));
    const uint32_t source = places[static_cast<size_t>(move.source)];
    const uint32_t target = places[static_cast<size_t>(move.target)];
    RC_ASSERT(source != target);
    held[source] -= move.amount;
    held[target] += move.amount;
  }
  RC_ASSERT(held == plan.after);
  RC_ASSERT(PeakToMean(held) <= PeakToMean(plan.before));
}

// Databases of one shard each that serve keys which are asked for by Zipf's law, in virtual time.
class Service {
 public:
  static constexpr size_t kEachStep = 100;  // Requests.
  static constexpr milliseconds kStep{10};
  static constexpr milliseconds kMoveTakes{300};
  static constexpr size_t kHottest = 256;

  Service(uint32_t databases, size_t keys, uint64_t seed)
      : random_(seed), zipf_(keys, 0.99), map_(RangeMap::Even(databases).value()), keys_(keys) {
    for (uint32_t i = 0; i < databases; ++i) {
      places_.push_back(i);
      reads_.emplace_back(seed + i, now_);
      writes_.emplace_back(~seed - i, now_);
    }
    for (size_t i = 0; i < keys; ++i) names_.push_back("key:" + std::to_string(i));
    for (const std::string& name : names_) positions_.push_back(PositionOf(name));
    std::iota(keys_.begin(), keys_.end(), size_t{0});
  }

  // Other keys are the hottest from now on.
  void MoveHotSpots() {
    for (size_t i = keys_.size(); i > 1; --i) std::swap(keys_[i - 1], keys_[random_.Below(i)]);
  }

  void Serve(std::chrono::nanoseconds time) {
    for (std::chrono::nanoseconds passed{0}; passed < time; passed += kStep) {
      now_ = now_ + kStep;
      for (size_t i = 0; i < kEachStep; ++i) {
        const size_t key = keys_[zipf_.Draw(random_)];
        const Position position = positions_[key];
        auto& samples = random_.OneIn(4) ? writes_ : reads_;
        samples[static_cast<size_t>(map_.ShardOf(position))].Note(1, now_, [&](size_t) {
          return LoadSample::Request{position, names_[key]};
        });
      }
    }
  }

  // As it is told to whoever plans.
  static uint64_t Amount(const LoadPicture::Load& load) {
    return static_cast<uint64_t>(load.all() * 1000);
  }

  MovePlan Plan() const {
    std::vector<LoadPicture::Sampled> sampled;
    for (const LoadSample& sample : reads_) sampled.push_back({&sample, false});
    for (const LoadSample& sample : writes_) sampled.push_back({&sample, true});
    const LoadPicture picture(sampled, now_);
    std::vector<LoadedRange> ranges;
    for (size_t i = 0; i < map_.size(); ++i) {
      const Range range = map_.At(i);
      LoadedRange loaded{{range, Amount(picture.Of(range))}, {}};
      for (const LoadPicture::Tag& tag : picture.Hottest(range, kHottest)) {
        loaded.hottest.push_back({tag.from, Amount(tag.load)});
      }
      ranges.push_back(std::move(loaded));
    }
    return PlanOf(ranges, places_, picture.seen());
  }

  // Carries the plan out while it serves, until `left` is over. Returns how many keys moved.
  size_t CarryOut(const MovePlan& plan, std::chrono::nanoseconds* left) {
    size_t moved = 0;
    for (const PlannedMove& move : plan.moves) {
      if (*left < kMoveTakes) break;
      *left -= kMoveTakes;
      Serve(kMoveTakes);
      for (const Position at : {move.from, move.to}) {
        if (at.value == 0 || map_.Find(at).from == at) continue;
        EXPECT_TRUE(map_.Split(at).ok());
      }
      EXPECT_TRUE(map_.Assign(move.from, move.target).ok());
      Join(move);
      moved += static_cast<size_t>(
          std::count_if(positions_.begin(), positions_.end(), [&](Position position) {
            return Range{move.from, move.to, ShardId{0}}.Contains(position);
          }));
    }
    return moved;
  }

  // What moved is joined to the neighbours that are of the same shard.
  void Join(const PlannedMove& move) {
    for (const Position at : {move.to, move.from}) {
      if (at.value == 0 || map_.Find({at.value - 1}).shard != map_.ShardOf(at)) continue;
      EXPECT_TRUE(map_.Merge(at).ok());
    }
  }

  // Of the load as it is, not as samples have it.
  double TruePeakToMean() const {
    std::vector<uint64_t> load(places_.size());
    for (size_t rank = 0; rank < keys_.size(); ++rank) {
      load[static_cast<size_t>(map_.ShardOf(positions_[keys_[rank]]))] +=
          static_cast<uint64_t>(zipf_.PartOf(rank) * 1e9);
    }
    return PeakToMean(load);
  }
  size_t ranges() const { return map_.size(); }
  const std::string& hottest() const { return names_[keys_[0]]; }

 private:
  Random random_;
  const Zipf zipf_;
  RangeMap map_;
  MonoTime now_;
  std::vector<uint32_t> places_;
  std::vector<LoadSample> reads_;
  std::vector<LoadSample> writes_;
  std::vector<std::string> names_;
  std::vector<Position> positions_;
  std::vector<size_t> keys_;  // By rank.
};

// What came of some minutes in each of which other keys were the hottest, at its worst.
struct Worst {
  double before = 1;  // Peak to mean, when the hot spots had just moved,
  double after = 1;   // and a minute later.
  double moved = 0;   // The part of all keys that moved within a minute.
  size_t ranges = 0;
};

Worst ServeUnderMovingHotSpots(uint32_t databases) {
  constexpr size_t kKeys = 100'000;
  constexpr int kMinutes = 5;
  Worst worst;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Service service(databases, kKeys, seed);
    service.Serve(std::chrono::seconds(10));
    for (int minute = 0; minute < kMinutes; ++minute) {
      service.MoveHotSpots();
      worst.before = std::max(worst.before, service.TruePeakToMean());
      size_t moved = 0;
      std::chrono::nanoseconds left = std::chrono::minutes(1);
      // Rebalances whenever the window has seen what the last time left.
      while (left >= LoadSample::kWindow) {
        service.Serve(LoadSample::kWindow);
        left -= LoadSample::kWindow;
        moved += service.CarryOut(service.Plan(), &left);
      }
      service.Serve(left);
      worst.after = std::max(worst.after, service.TruePeakToMean());
      worst.moved = std::max(worst.moved, static_cast<double>(moved) / kKeys);
      worst.ranges = std::max(worst.ranges, service.ranges());
    }
  }
  std::printf("%u databases: %.3f, a minute later %.3f; %.4f %% of keys moved, %zu ranges\n",
              databases, worst.before, worst.after, worst.moved * 100, worst.ranges);
  return worst;
}

TEST(LoadPlan, UnderMovingHotSpotsLoadIsEvenWithinAMinuteAndFewKeysMove) {
  for (const uint32_t databases : {2U, 4U}) {
    const Worst worst = ServeUnderMovingHotSpots(databases);
    EXPECT_GT(worst.before, 1.1) << databases;  // There is something to even out.
    EXPECT_LE(worst.after, 1.10) << databases;
    EXPECT_LE(worst.moved, 0.01) << databases;
    EXPECT_LE(worst.ranges, 200U) << databases;
  }
}

// The hottest key has two thirds of a share, and what else its database has takes many moves.
TEST(LoadPlan, WhereOneKeyHasMostOfAShareLoadIsNearlyEvenWithinAMinute) {
  const Worst worst = ServeUnderMovingHotSpots(8);
  EXPECT_GT(worst.before, 1.5);
  EXPECT_LE(worst.after, 1.10);
  EXPECT_LE(worst.moved, 0.01);
  EXPECT_LE(worst.ranges, 1000U);
}

TEST(LoadPlan, AKeyTooHotIsFoundAndNamedFromWhatSamplesSaw) {
  Service service(16, 20'000, 1);  // The hottest has 9 % of all, and a share is 6.
  service.Serve(std::chrono::seconds(20));
  const MovePlan plan = service.Plan();
  ASSERT_THAT(plan.uncut, SizeIs(1));
  EXPECT_TRUE(plan.uncut[0].range.Contains(PositionOf(service.hottest())));
}

// With 16 the hottest key has more than a share, so that its directory is always uneven.
TEST(LoadPlan, OfALoadThatStaysAsItIsPlansAllButEnd) {
  constexpr int kPlans = 30;
  for (const uint32_t databases : {2U, 4U, 16U}) {
    Service service(databases, 20'000, 1);
    size_t late = 0;
    for (int plans = 0; plans < kPlans; ++plans) {
      service.Serve(LoadSample::kWindow);
      const MovePlan plan = service.Plan();
      std::chrono::nanoseconds left = std::chrono::hours(1);
      service.CarryOut(plan, &left);
      if (plans >= kPlans / 3) late += plan.moves.size();
    }
    std::printf("%u databases: %zu late moves, %zu ranges, %.3f\n", databases, late,
                service.ranges(), service.TruePeakToMean());
    EXPECT_LE(late, databases == 16 ? 40U : 0U) << databases;
    EXPECT_LE(service.ranges(), 40 * size_t{databases});
  }
}

}  // namespace
}  // namespace weir::shard
