// Goal: a batch gives each key one group whatever its hash, a group says what the key holds after
// every write, and a table that has been used before is as good as new.
// Method: examples of each base; random batches against a map; operator new counted.

#include "weir/cache/write_groups.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/cache/allocation_counter.h"

namespace weir::cache {
namespace {

Value MakeValue(std::string_view bytes, WallTime expires_at = kNever) {
  return {Bytes::Copy(bytes), expires_at, 0};
}

TEST(Group, IsUnknownUntilABaseOrAWriteSaysWhatItHolds) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  EXPECT_FALSE(group.known());
  EXPECT_FALSE(group.changed());
  group.Put(MakeValue("v"));
  EXPECT_TRUE(group.known());
  EXPECT_TRUE(group.changed());
  EXPECT_EQ(group.current()->bytes.view(), "v");
  EXPECT_FALSE(group.base_exact());
}

TEST(Group, AppliesEachWriteToTheResultOfTheOneBefore) {
  WriteGroups groups;
  groups.At("n", 1).SetBase(MakeValue("1"), true);
  for (int n = 0; n < 50; ++n) {
    Group& group = groups.At("n", 1);
    const std::string held(group.current()->bytes.view());
    group.Put(MakeValue(std::to_string(std::stoi(held) + 1)));
  }
  EXPECT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups.At("n", 1).current()->bytes.view(), "51");
}

TEST(Group, RemembersItsBaseThroughWrites) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.SetBase(MakeValue("v", {123}), true);
  EXPECT_FALSE(group.changed());
  group.Put(MakeValue("w"));
  group.Erase();
  EXPECT_TRUE(group.base_exact());
  EXPECT_TRUE(group.base_existed());
  EXPECT_EQ(group.base_expires_at(), WallTime{123});
  EXPECT_EQ(group.current(), nullptr);
  EXPECT_TRUE(group.changed());
}

TEST(Group, ErasingWhatIsAbsentChangesNothing) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.SetBase(std::nullopt, true);
  group.Erase();
  EXPECT_FALSE(group.changed());
  EXPECT_TRUE(group.base_exact());
  EXPECT_FALSE(group.base_existed());
}

TEST(Group, ErasingWhatIsUnknownMustBeWritten) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.Erase();
  EXPECT_TRUE(group.known());
  EXPECT_TRUE(group.changed());
  EXPECT_EQ(group.current(), nullptr);
}

TEST(Group, PuttingAndErasingWhatWasAbsentIsStillWritten) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.SetBase(std::nullopt, false);
  group.Put(MakeValue("v"));
  group.Erase();
  EXPECT_TRUE(group.changed());
  EXPECT_EQ(group.current(), nullptr);
}

TEST(Group, CarriesTheVersionUnderWhichItIsWritten) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.Put(MakeValue("v"));
  group.SetVersion(42);
  EXPECT_EQ(group.current()->version, 42U);
}

TEST(WriteGroups, KeysOfOneHashHaveGroupsOfTheirOwn) {
  WriteGroups groups;
  std::vector<Group*> made;
  for (int n = 0; n < 200; ++n) made.push_back(&groups.At(std::to_string(n), 7));
  for (int n = 0; n < 200; ++n) {
    EXPECT_EQ(&groups.At(std::to_string(n), 7), made[static_cast<size_t>(n)]);
  }
  EXPECT_EQ(groups.size(), 200U);
}

TEST(WriteGroups, EqualAMapOverManyBatchesOfAnySize) {
  Random random(20261123);
  WriteGroups groups;
  for (int batch = 0; batch < 300; ++batch) {
    std::map<std::string, std::pair<Group*, std::string>> model;
    std::vector<std::string> order;
    const uint64_t writes = random.Below(random.OneIn(10) ? 3000 : 50);
    for (uint64_t n = 0; n < writes; ++n) {
      const std::string key = "key " + std::to_string(random.Below(1500));
      // Two bits of the hash only for some batches, so that probes are long and wrap around.
      const uint64_t hash =
          batch % 3 == 0 && writes < 100 ? SeededHash(key, 1) | ~uint64_t{3} : SeededHash(key, 1);
      Group& group = groups.At(key, hash);
      const auto [known, fresh] = model.try_emplace(key, &group, "");
      ASSERT_EQ(known->second.first, &group);
      ASSERT_EQ(group.known(), !fresh) << "a group starts without what an earlier batch left";
      if (fresh) {
        ASSERT_EQ(group.index(), order.size());
        ASSERT_FALSE(group.changed());
        ASSERT_FALSE(group.base_exact());
        ASSERT_FALSE(group.base_existed());
        ASSERT_EQ(group.base_expires_at(), kNever);
        order.push_back(key);
      } else {
        ASSERT_EQ(group.current()->bytes.view(), known->second.second);
      }
      known->second.second = std::to_string(n);
      if (fresh && random.OneIn(2)) group.SetBase(MakeValue("base", {1}), true);
      group.Put(MakeValue(known->second.second));
    }
    ASSERT_EQ(groups.size(), order.size());
    size_t next = 0;
    for (Group& group : groups) ASSERT_EQ(group.key(), order[next++]);
    groups.Clear();
    ASSERT_EQ(groups.size(), 0U);
  }
}

TEST(Group, ResetLeavesNothingThatWouldHaveToBeWritten) {
  WriteGroups groups;
  Group& group = groups.At("k", 1);
  group.SetBase(MakeValue("v", {123}), true);
  group.Put(MakeValue("w"));
  group.Reset();
  EXPECT_EQ(group.current(), nullptr);
  EXPECT_FALSE(group.changed());
  group.Erase();
  EXPECT_FALSE(group.changed()) << "there is nothing left to erase";
  group.Put(MakeValue("x"));
  EXPECT_TRUE(group.changed());
  EXPECT_TRUE(group.base_exact());
  EXPECT_FALSE(group.base_existed());
}

TEST(WriteGroups, ASecondBatchOfTheSameSizeAllocatesNothing) {
  WriteGroups groups;
  std::vector<std::string> keys;
  for (int n = 0; n < 800; ++n) keys.push_back("a key that is not short " + std::to_string(n));
  const Value value = MakeValue("v");
  const auto batch = [&] {
    for (const std::string& key : keys) groups.At(key, SeededHash(key, 1)).Put(value);
    groups.Clear();
  };
  batch();
  const size_t before = allocations;
  for (int n = 0; n < 10; ++n) batch();
  EXPECT_EQ(allocations, before);
}

TEST(WriteGroups, KeepsTheMemoryOfOrdinaryKeysOnly) {
  for (const size_t past : {0, 1}) {
    WriteGroups groups;
    const std::string key(WriteGroups::kKeptKeyBytesMax + past, 'k');
    groups.At(key, 1);
    groups.Clear();
    const size_t before = allocations;
    groups.At(key, 1);
    EXPECT_EQ(allocations - before, past);
  }
}

TEST(WriteGroups, ClearLetsGoOfValues) {
  WriteGroups groups;
  char* data = nullptr;
  Bytes big = Bytes::Allocate(1 << 20, &data);
  data[0] = 'x';
  groups.At("k", 1).Put({big, kNever, 0});
  groups.Clear();
  EXPECT_FALSE(groups.At("k", 1).known());
}

}  // namespace
}  // namespace weir::cache
