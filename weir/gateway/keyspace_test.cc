// Goal: what is asked of the key space as a whole is true, fair and bounded.
// Method: a whole gateway over scripted stores; chance comes from a fixed seed.
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/keys_operation.h"

namespace weir::gateway {
namespace {

using testing::UnorderedElementsAreArray;

TEST(RandomKey, OfNothingItIsNullHoweverTheSpaceIsDivided) {
  for (const uint32_t databases : {1U, 2U, 7U}) {
    GatewayRig rig({.databases = databases});
    const size_t client = rig.Connect();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.Do(client, {"RANDOMKEY"}), "(nil)");
    rig.Do(client, {"SET", "over", "v", "PX", "1"});
    rig.Pass(std::chrono::milliseconds(1));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(rig.Do(client, {"RANDOMKEY"}), "(nil)");
  }
}

TEST(RandomKey, TheOnlyKeyIsFoundFromEverywhere) {
  for (const uint32_t databases : {1U, 3U}) {
    GatewayRig rig({.databases = databases});
    const size_t client = rig.Connect();
    rig.Do(client, {"SET", "only", "v"});
    for (int i = 0; i < 50; ++i) EXPECT_EQ(rig.Do(client, {"RANDOMKEY"}), "only");
  }
}

// How often each key comes up.
std::map<std::string, int> Draw(GatewayRig& rig, size_t client, int times) {
  std::map<std::string, int> drawn;
  for (int i = 0; i < times; ++i) ++drawn[rig.Do(client, {"RANDOMKEY"})];
  return drawn;
}

TEST(RandomKey, EveryKeyComesUpAndNoneFarTooOften) {
  GatewayRig rig({.databases = 2});
  const size_t client = rig.Connect();
  for (int i = 0; i < 200; ++i) rig.Do(client, {"SET", "key" + std::to_string(i), "v"});
  rig.Pass(std::chrono::seconds(2));
  rig.gateway().Tick();  // Counts again.
  rig.RunAll();
  const std::map<std::string, int> drawn = Draw(rig, client, 20'000);
  EXPECT_EQ(drawn.size(), 200u);
  for (const auto& [key, times] : drawn) {
    EXPECT_LT(times, 500) << key;  // 100 would be even.
  }
}

TEST(RandomKey, TheKeysOfOneTagComeUpTooAlthoughTheyLieTogether) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  for (int i = 0; i < 200; ++i) rig.Do(client, {"SET", "{tag}" + std::to_string(i), "v"});
  const std::map<std::string, int> drawn = Draw(rig, client, 20'000);
  EXPECT_GT(drawn.size(), 190u);
  for (const auto& [key, times] : drawn) EXPECT_LT(times, 400) << key;
}

TEST(Keys, AllThatMatchAcrossDatabasesInStepsOfAPage) {
  GatewayRig rig({.databases = 3});
  const size_t client = rig.Connect();
  std::vector<std::string> keys;
  for (size_t i = 0; i < KeysOperation::kStepRecords + 10; ++i) {
    keys.push_back("{one}" + std::to_string(i));
    rig.Send(client, {"SET", keys.back(), "v"});
    if (i % 512 == 0) rig.RunAll();
  }
  rig.RunAll();
  (void)rig.Replies(client);
  rig.Do(client, {"SET", "other", "v"});
  const std::string all = rig.Do(client, {"KEYS", "{one}*"});
  EXPECT_EQ(static_cast<size_t>(std::count(all.begin(), all.end(), ' ')), keys.size() - 1);
  EXPECT_EQ(rig.Do(client, {"KEYS", "oth?r"}), "[other]");
  EXPECT_EQ(rig.Do(client, {"KEYS", "nothing"}), "[]");
}

TEST(Keys, ThePatternHasALimit) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  EXPECT_EQ(rig.Do(client, {"KEYS", std::string(size_t{128} << 10, '*')}), "[]");
  const std::string error = "-ERR pattern is longer than 128 KiB; no key is";
  EXPECT_EQ(rig.Do(client, {"KEYS", std::string((size_t{128} << 10) + 1, '*')}), error);
  EXPECT_EQ(rig.Do(client, {"SCAN", "0", "MATCH", std::string((size_t{128} << 10) + 1, '*')}),
            error);
}

TEST(Keys, APatternMadeToTakeLongIsGivenUp) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  rig.Do(client, {"SET", std::string(10'000, 'a'), "v"});
  const std::string pattern = "*" + std::string(5'000, 'a') + "b";
  const std::string error =
      "-ERR the pattern takes too long to match a key; use a shorter one, or fewer stars";
  EXPECT_EQ(rig.Do(client, {"KEYS", pattern}), error);
  EXPECT_EQ(rig.Do(client, {"SCAN", "0", "MATCH", pattern}), error);
}

// 1. KEYS walks the first database, then goes on in the second
// 2. the gateway ends: the reads of all databases end before the first of them does
// 3. the step under way comes back, and the next one finds the end in place of a database
TEST(Keys, AWalkThroughDatabasesEndsWithThem) {
  GatewayRig rig({.databases = 2});
  const size_t client = rig.Connect();
  rig.Do(client, {"SET", rig.KeyIn(0), "v"});
  rig.SendAndHandOn(client, {"KEYS", "*"});
  const auto scan = rig.First(ScriptedStore::Kind::kScan);
  for (size_t i = 0; i < 2; ++i) rig.gateway().database(i).EndReads();
  rig.store(0).Complete(scan);
  EXPECT_TRUE(rig.store(1).held().empty());
  rig.Deliver();
  EXPECT_THAT(rig.Replies(client), testing::ElementsAre("-ERR the server is stopping"));
  EXPECT_EQ(rig.Do(client, {"DBSIZE"}), "-ERR the server is stopping");
}

}  // namespace
}  // namespace weir::gateway
