// Goal: what is put last takes the place of nothing, and is behind all that is there.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/cache/cache.h"

namespace weir::cache {
namespace {

constexpr WallTime kNow{1000};

uint64_t HashOf(std::string_view key) {
  return SeededHash(key, 1);
}

Value ValueOf(std::string_view bytes, WallTime expires_at = kNever) {
  return {Bytes::Copy(bytes), expires_at, 0};
}

TEST(CachePutLast, ReplacesNothingAndStandsBehindAll) {
  const size_t budget = size_t{64} << 10;
  Cache cache({.budget_bytes = budget, .shadow_bytes = 0});
  const auto put_last = [&](const std::string& key) {
    return cache.PutLast(key, HashOf(key), ValueOf("last"), {}, kNow);
  };
  const auto walked = [&] {
    std::vector<std::string> keys;
    Cache::Cursor cursor;
    while (!cache.WalkEntries(&cursor, [&](const Cache::Entry& entry) {
      keys.emplace_back(entry.hit.absent ? "absent" : entry.key);
      return keys.size() % 2 != 0;  // In several parts.
    })) {
    }
    return keys;
  };
  cache.Put("a", HashOf("a"), ValueOf("first"), {}, kNow);
  cache.PutAbsent("b", HashOf("b"), {}, kNow);
  EXPECT_FALSE(put_last("a"));
  EXPECT_FALSE(put_last("b"));
  EXPECT_EQ(cache.Find("a", HashOf("a"), kNow)->value, "first");
  EXPECT_FALSE(cache.Contains("c", HashOf("c")));
  EXPECT_TRUE(put_last("c"));
  EXPECT_TRUE(put_last("d"));
  EXPECT_TRUE(cache.Contains("c", HashOf("c")));
  const std::vector<std::string> keys = walked();
  ASSERT_EQ(keys.size(), 4U);
  EXPECT_EQ(keys[2], "c");
  EXPECT_EQ(keys[3], "d");
  EXPECT_FALSE(cache.PutLast("e", HashOf("e"), ValueOf("v", kNow), {}, kNow)) << "it is over";
  EXPECT_FALSE(cache.PutLast("f", HashOf("f"), ValueOf(std::string(budget, 'x')), {}, kNow));
}

}  // namespace
}  // namespace weir::cache
