// Table: bounded memory of who was shown what, against a naive model.
#include "weir/tracking/table.h"

#include <deque>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::tracking {
namespace {

using Clients = std::vector<ClientId>;

// Few hashes, so that keys share them.
uint64_t HashOf(std::string_view key) {
  return key.size() % 3;
}

void Track(Table& table, std::string_view key, ClientId client) {
  EXPECT_TRUE(table.Track(key, HashOf(key), client, 1));
}
Clients Take(Table& table, std::string_view key) {
  return table.Take(key, HashOf(key));
}

TEST(Table, AChangeIsToldOnceToEachClientThatWasShownTheKey) {
  Table table({});
  Track(table, "a", 7);
  Track(table, "a", 3);
  Track(table, "a", 7);
  Track(table, "b", 7);
  EXPECT_EQ(table.keys(), 2U);
  EXPECT_EQ(table.items(), 3U);
  EXPECT_EQ(Take(table, "a"), (Clients{3, 7}));
  EXPECT_EQ(Take(table, "a"), Clients());
  EXPECT_EQ(Take(table, "nobody's"), Clients());
  EXPECT_EQ(table.items(), 1U);
}

TEST(Table, WhoWasShownAnotherVersionIsToldOfTheOneThatIsFound) {
  Table table({});
  Track(table, "a", 7);
  EXPECT_EQ(table.TakeUnless("a", HashOf("a"), 1), Clients());
  EXPECT_EQ(table.TakeUnless("b", HashOf("b"), 1), Clients());
  EXPECT_FALSE(table.Disagrees("a", HashOf("a"), 1));
  EXPECT_FALSE(table.Disagrees("b", HashOf("b"), 1));
  EXPECT_TRUE(table.Disagrees("a", HashOf("a"), 2));
  EXPECT_EQ(table.TakeUnless("a", HashOf("a"), 2), Clients{7});
  EXPECT_EQ(table.keys(), 0U);
  Track(table, "a", 7);
  Track(table, "a", 9);
  EXPECT_FALSE(table.Track("a", HashOf("a"), 8, 2)) << "one of them is wrong";
  EXPECT_EQ(Take(table, "a"), (Clients{7, 8, 9}));
  EXPECT_EQ(table.keys(), 0U);
  EXPECT_EQ(table.items(), 0U);
  EXPECT_EQ(table.bytes(), 0U);
}

TEST(Table, BeyondALimitTheKeyTrackedLongestIsGivenUp) {
  Table table({.keys_max = 2});
  Track(table, "first", 1);
  Track(table, "second", 2);
  Track(table, "first", 3);  // Not tracked anew.
  EXPECT_EQ(table.Evict(), std::nullopt);
  Track(table, "third", 4);
  ASSERT_TRUE(table.over());
  const std::optional<Table::Taken> given_up = table.Evict();
  ASSERT_TRUE(given_up.has_value());
  EXPECT_EQ(given_up->key, "first");
  EXPECT_EQ(given_up->clients, (Clients{1, 3}));
  EXPECT_EQ(table.Evict(), std::nullopt);
  EXPECT_EQ(Take(table, "second"), Clients{2});
}

TEST(Table, BytesAreBoundedToo) {
  Table table({.keys_max = 1000, .bytes_max = 4096});
  for (int i = 0; i < 100; ++i) {
    Track(table, std::string(100, 'k') + std::to_string(i), 1);
    while (table.Evict().has_value()) continue;
    EXPECT_LE(table.bytes(), 4096U);
  }
  EXPECT_GT(table.keys(), 5U);
  Table small({.keys_max = 1000, .bytes_max = 10});
  Track(small, "larger than all", 1);
  EXPECT_TRUE(small.Evict().has_value());
  EXPECT_EQ(small.bytes(), 0U);
}

TEST(Table, NothingIsLeftAfterClear) {
  Table table({});
  for (int i = 0; i < 10; ++i) Track(table, std::to_string(i), 1);
  table.Clear();
  EXPECT_EQ(table.keys(), 0U);
  EXPECT_EQ(table.items(), 0U);
  EXPECT_EQ(table.bytes(), 0U);
  Track(table, "again", 2);
  EXPECT_EQ(Take(table, "again"), Clients{2});
}

// A map of sets and a list of keys by age do the same.
TEST(Table, AnyCallsAreAnsweredAsByANaiveModel) {
  Random random(5);
  Table table({.keys_max = 6});
  std::map<std::string, std::set<ClientId>> model;
  std::deque<std::string> by_age;
  const auto forget = [&](const std::string& key) {
    std::erase(by_age, key);
    const std::set<ClientId> clients = model[key];
    model.erase(key);
    return Clients(clients.begin(), clients.end());
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string key(1 + random.Below(12), static_cast<char>('a' + random.Below(2)));
    if (random.OneIn(3)) {
      EXPECT_EQ(Take(table, key), forget(key));
    } else if (random.OneIn(500)) {
      table.Clear();
      model.clear();
      by_age.clear();
    } else {
      const ClientId client = 1 + random.Below(5);
      Track(table, key, client);
      if (model.count(key) == 0) by_age.push_back(key);
      model[key].insert(client);
      if (model.size() > 6) {
        const std::string oldest = by_age.front();
        const std::optional<Table::Taken> given_up = table.Evict();
        ASSERT_TRUE(given_up.has_value());
        EXPECT_EQ(given_up->key, oldest);
        EXPECT_EQ(given_up->clients, forget(oldest));
      }
      EXPECT_FALSE(table.over());
    }
    size_t items = 0;
    for (const auto& [name, clients] : model) items += clients.size();
    ASSERT_EQ(table.keys(), model.size());
    ASSERT_EQ(table.items(), items);
  }
}

}  // namespace
}  // namespace weir::tracking
