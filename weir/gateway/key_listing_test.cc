// Listing what is in memory: every key of a value, within the bytes that there are for names.
#include "weir/gateway/key_listing.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/gateway/placement.h"

namespace weir::gateway {
namespace {

class KeyListing : public ::testing::Test {
 protected:
  static constexpr uint32_t kLanes = 2;
  static constexpr size_t kAll = size_t{8} << 20;  // Both of the cache and of names.

  void Put(const std::string& key) {
    const KeyHash hash = placement_.Hash(key);
    const Lanes::Locked lane = lanes_.Lock(hash.lane);
    lane->Publish(key, hash.hash, cache::Value{Bytes::Copy("v"), kNever, 1}, {}, WallTime{1});
  }
  // Puts keys that are put again before they are listed: they may have been taken out.
  void PutMany(size_t count) {
    for (size_t i = 0; i < count; ++i) put_.push_back("key:" + std::to_string(i));
  }
  std::vector<std::string> Listed(size_t bytes_max, size_t most = SIZE_MAX) {
    std::vector<std::string> keys;
    for (const std::string& key : put_) Put(key);
    ListKeys(lanes_, bytes_max, [&](std::string_view key) {
      keys.emplace_back(key);
      return keys.size() < most;
    });
    return keys;
  }

  static Placement::Options Options() {
    Placement::Options options;
    options.lanes = kLanes;
    options.shards = {{0, 0}};
    return options;
  }

  Placement placement_{Options()};
  std::vector<std::string> put_;
  Lanes lanes_{kLanes, kAll, placement_.hash_seed()};
};

TEST_F(KeyListing, EveryKeyOfAValueIsNamed) {
  EXPECT_TRUE(Listed(kAll).empty());
  std::set<std::string> put;
  // More than the first part of a lane, and several parts of its index.
  for (size_t i = 0; i < 128 * kBucketsAtOnce; ++i) {
    Put("key:" + std::to_string(i));
    put.insert("key:" + std::to_string(i));
  }
  const KeyHash gone = placement_.Hash("gone");
  lanes_.Lock(gone.lane)->Publish("gone", gone.hash, std::nullopt, {}, WallTime{1});
  const std::vector<std::string> listed = Listed(kAll);
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), put);
  EXPECT_LE(listed.size(), put.size() + kLanes * kHottestOfLane);
}

TEST_F(KeyListing, ManyEntriesOfAbsentKeysHideNoKey) {
  PutMany(100);
  for (size_t i = 0; i < 2 * kLanes * kHottestOfLane; ++i) {
    const std::string key = "absent:" + std::to_string(i);
    const KeyHash hash = placement_.Hash(key);
    lanes_.Lock(hash.lane)->Publish(key, hash.hash, std::nullopt, {}, WallTime{1});
  }
  const std::vector<std::string> listed = Listed(kAll);
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()).size(), 100U);
}

TEST_F(KeyListing, KeysOfManyHoldsAreAllNamed) {
  std::set<std::string> put;
  for (size_t i = 0; i < 40; ++i) {
    put_.push_back(std::to_string(i) + std::string(kNamesAtOnce / 5, 'k'));
    put.insert(put_.back());
  }
  const std::vector<std::string> listed = Listed(kAll);
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), put);
}

TEST_F(KeyListing, NamesTakeNoMoreThanTheirBytes) {
  PutMany(20'000);
  for (const size_t bytes_max : {size_t{0}, size_t{100}, size_t{50'000}, size_t{200'000}}) {
    size_t bytes = 0;
    for (const std::string& key : Listed(bytes_max)) bytes += key.size();
    EXPECT_LE(bytes, bytes_max);
    EXPECT_GE(2 * bytes, bytes_max / 2);
  }
}

TEST_F(KeyListing, ItEndsWhenNoMoreIsToBeSeen) {
  PutMany(20'000);
  for (const size_t most : {size_t{1}, kHottestOfLane, 3 * kHottestOfLane}) {
    EXPECT_EQ(Listed(kAll, most).size(), most);
  }
}

// In a cache that is full, so that its policy has had to choose.
TEST_F(KeyListing, TheMostWantedComeFirst) {
  const auto put = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) Put("key:" + std::to_string(i));
  };
  put(0, 5000);
  std::set<std::string> wanted;
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 100; ++i) {
      const std::string key = "key:" + std::to_string(50 * i);
      const KeyHash hash = placement_.Hash(key);
      EXPECT_TRUE(lanes_.Lock(hash.lane)->Find(key, hash.hash, WallTime{1}).has_value());
      wanted.insert(key);
    }
  }
  for (size_t to = 50'000; lanes_.Sum().cache.evicted < 20'000; to += 10'000) put(to - 10'000, to);
  ASSERT_GT(lanes_.Sum().entries, 4 * kLanes * kHottestOfLane);
  size_t found = 0;
  for (const std::string& key : Listed(kAll, kLanes * kHottestOfLane)) found += wanted.count(key);
  EXPECT_GE(found, wanted.size() * 9 / 10);
}

}  // namespace
}  // namespace weir::gateway
