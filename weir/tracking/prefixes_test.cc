// Prefixes: who hears of a key, and how many prefixes there may be.
#include "weir/tracking/prefixes.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::tracking {
namespace {

using Told = std::map<ClientId, std::vector<std::string>>;

Told TellAll(const Prefixes& prefixes, const std::vector<std::string_view>& keys) {
  Told told;
  for (const Prefixes::Match& match : prefixes.MatchAll(keys)) {
    for (const ClientId client : *match.clients) {
      for (const size_t key : match.keys) told[client].emplace_back(keys[key]);
    }
  }
  return told;
}

TEST(Prefixes, AClientHearsOfKeysThatBeginWithItsPrefixAlone) {
  Prefixes prefixes;
  ASSERT_TRUE(prefixes.Add("user:", 1));
  ASSERT_TRUE(prefixes.Add("user:7", 2));
  ASSERT_TRUE(prefixes.Add("", 3));
  EXPECT_EQ(
      TellAll(prefixes, {"user:7", "user:", "use", "other"}),
      (Told{{1, {"user:7", "user:"}}, {2, {"user:7"}}, {3, {"user:7", "user:", "use", "other"}}}));
  EXPECT_TRUE(prefixes.Wants(2, "user:77"));
  EXPECT_FALSE(prefixes.Wants(2, "user:8"));
  EXPECT_FALSE(prefixes.Wants(4, "user:8"));
}

TEST(Prefixes, WhoHasGoneIsNotTold) {
  Prefixes prefixes;
  ASSERT_TRUE(prefixes.Add("a", 1));
  ASSERT_TRUE(prefixes.Add("a", 2));
  prefixes.Remove("a", 1);
  prefixes.Remove("a", 9);
  prefixes.Remove("b", 2);
  EXPECT_EQ(TellAll(prefixes, {"abc"}), (Told{{2, {"abc"}}}));
  prefixes.Remove("a", 2);
  EXPECT_EQ(prefixes.size(), 0U);
  EXPECT_EQ(TellAll(prefixes, {"abc"}), Told());
}

TEST(Prefixes, NumberAndLengthAreLimited) {
  Prefixes prefixes;
  for (size_t i = 0; i < Prefixes::kPrefixesMax; ++i) {
    ASSERT_TRUE(prefixes.Add(std::to_string(i), 1));
  }
  EXPECT_FALSE(prefixes.Add("one more", 1));
  EXPECT_TRUE(prefixes.Add("0", 2)) << "one that is there already";
  EXPECT_TRUE(prefixes.Add("", 3)) << "the one of all keys";
  EXPECT_FALSE(prefixes.Add("one more", 1));
  prefixes.Remove("17", 1);
  EXPECT_TRUE(prefixes.Add(std::string(Prefixes::kPrefixBytesMax, 'x'), 1));
  prefixes.Remove("18", 1);
  EXPECT_FALSE(prefixes.Add(std::string(Prefixes::kPrefixBytesMax + 1, 'x'), 1));
}

TEST(Prefixes, TwoOverlapWhenOneBeginsWithTheOther) {
  EXPECT_TRUE(Prefixes::Overlap("a", "a"));
  EXPECT_TRUE(Prefixes::Overlap("ab", "a"));
  EXPECT_TRUE(Prefixes::Overlap("", "a"));
  EXPECT_FALSE(Prefixes::Overlap("ab", "ac"));
}

// Every prefix is compared with every key.
TEST(Prefixes, AnyCallsAreAnsweredAsByANaiveModel) {
  Random random(11);
  Prefixes prefixes;
  std::set<std::pair<std::string, ClientId>> model;
  const auto word = [&] {
    std::string text(random.Below(5), 'a');
    for (char& letter : text) letter = static_cast<char>('a' + random.Below(2));
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string prefix = word();
    const ClientId client = 1 + random.Below(4);
    if (random.OneIn(2)) {
      ASSERT_TRUE(prefixes.Add(prefix, client));
      model.insert({prefix, client});
    } else {
      prefixes.Remove(prefix, client);
      model.erase({prefix, client});
    }
    const std::string key = word();
    std::multiset<ClientId> expected;
    for (const auto& [wanted, who] : model) {
      if (key.starts_with(wanted)) expected.insert(who);
    }
    std::multiset<ClientId> told;
    const std::string_view view = key;
    for (const Prefixes::Match& match : prefixes.MatchAll({&view, 1})) {
      told.insert(match.clients->begin(), match.clients->end());
    }
    ASSERT_EQ(told, expected);
    ASSERT_EQ(prefixes.Wants(client, key), expected.count(client) != 0);
  }
}

}  // namespace
}  // namespace weir::tracking
