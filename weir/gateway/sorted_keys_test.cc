// Goal: every key of the list comes out once, in the order of positions.
#include "weir/gateway/sorted_keys.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::gateway {
namespace {

// The first 8 bytes of a key, as in a database whose keys are their own positions.
uint64_t PositionOf(std::string_view key) {
  uint64_t position = 0;
  for (size_t i = 0; i < sizeof(position); ++i) {
    position = position << 8 | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0);
  }
  return position;
}

TEST(SortedKeys, AllComeInTheOrderOfTheirPositions) {
  Random random(1);
  std::vector<std::string> keys = {"", std::string(70'000, 'x')};
  for (int i = 0; i < 5000; ++i) {
    std::string key(4 + random.Below(20), '\0');
    for (char& byte : key) byte = static_cast<char>(random.Below(256));
    keys.push_back(key);
  }
  KeyList list;
  for (const std::string& key : keys) list.Add(key);
  SortedKeys sorted(std::move(list), PositionOf);
  std::vector<std::string> taken;
  while (std::optional<std::string> key = sorted.Take()) taken.push_back(std::move(*key));
  EXPECT_TRUE(sorted.empty());
  const auto before = [](const std::string& a, const std::string& b) {
    return PositionOf(a) >> 32 < PositionOf(b) >> 32;
  };
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end(), before));
  std::sort(taken.begin(), taken.end());
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(taken, keys);
}

TEST(SortedKeys, OfNothingThereIsNone) {
  SortedKeys sorted;
  EXPECT_TRUE(sorted.empty());
  EXPECT_EQ(sorted.Take(), std::nullopt);
  EXPECT_EQ(SortedKeys(KeyList(), PositionOf).Take(), std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
