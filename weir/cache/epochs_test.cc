// Goal: what is invalidated is never looked up where it was again, and the rest stays.
// Method: examples, the limits at and one past, then random steps with all places that a key had
// remembered.

#include "weir/cache/epochs.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::cache {
namespace {

constexpr uint64_t kHash = 0x1234567890abcdefU;

uint32_t PlaceOf(const Epochs& epochs, std::string_view key) {
  return static_cast<uint32_t>(epochs.Apply(key, kHash));  // What the cache makes of it.
}

TEST(Epochs, AHashStaysWhileNothingIsInvalidated) {
  EXPECT_EQ(Epochs().Apply("k", kHash), kHash);
}

TEST(Epochs, APrefixMovesTheKeysThatBeginSo) {
  Epochs epochs;
  const uint32_t before = PlaceOf(epochs, "user:1");
  epochs.RaisePrefix("user:");
  EXPECT_NE(PlaceOf(epochs, "user:1"), before);
  EXPECT_NE(PlaceOf(epochs, "user:"), before);
  EXPECT_EQ(PlaceOf(epochs, "user"), before);
  EXPECT_EQ(PlaceOf(epochs, "other"), before);
  epochs.RaisePrefix("");
  EXPECT_NE(PlaceOf(epochs, "other"), before);
}

TEST(Epochs, ATagMovesItsKeysAndTheKeyOfItsName) {
  Epochs epochs;
  const uint32_t before = PlaceOf(epochs, "x");
  epochs.RaiseTag("t");
  EXPECT_NE(PlaceOf(epochs, "{t}1"), before);
  EXPECT_NE(PlaceOf(epochs, "a{t}b"), before);
  EXPECT_NE(PlaceOf(epochs, "t"), before);
  EXPECT_EQ(PlaceOf(epochs, "x"), before);
  EXPECT_EQ(PlaceOf(epochs, "{x}t"), before);
}

TEST(Epochs, APrefixBeyondTheLimitMovesEveryKeyAndForgetsNoInvalidation) {
  Epochs epochs;
  const std::string key = "p7:k";
  for (size_t i = 0; i < Epochs::kPrefixesMax; ++i) {
    epochs.RaisePrefix("p" + std::to_string(i) + ":");
    epochs.RaisePrefix("p7:");
  }
  const uint32_t other = PlaceOf(epochs, "other");
  const uint32_t at_limit = PlaceOf(epochs, key);
  epochs.RaisePrefix("p8:");
  EXPECT_EQ(PlaceOf(epochs, "other"), other) << "it was there";
  epochs.RaisePrefix("one more");
  EXPECT_NE(PlaceOf(epochs, "other"), other);
  EXPECT_NE(PlaceOf(epochs, key), at_limit);
}

TEST(Epochs, NoKeyComesBackToAPlaceThatItHadBeforeAnInvalidation) {
  Random random(5);
  Epochs epochs;
  const std::vector<std::string> keys = {"a", "a:1", "a:{t1}", "b:{t2}x", "c9", ""};
  std::map<std::string, std::set<uint32_t>> left;
  for (int step = 0; step < 3000; ++step) {
    std::map<std::string, uint32_t> before;
    for (const std::string& key : keys) before[key] = PlaceOf(epochs, key);
    const bool tag = random.OneIn(2);
    const std::string name =
        tag ? "t" + std::to_string(random.Below(3))
            : (random.OneIn(2) ? "a" : "c" + std::to_string(random.Below(600)));
    tag ? epochs.RaiseTag(name) : epochs.RaisePrefix(name);
    for (const std::string& key : keys) {
      const bool concerned = tag ? KeyTag(key) == name : key.starts_with(name);
      if (concerned) {
        EXPECT_NE(PlaceOf(epochs, key), before[key]) << key << " " << name;
      }
      if (PlaceOf(epochs, key) != before[key]) left[key].insert(before[key]);
      EXPECT_EQ(left[key].count(PlaceOf(epochs, key)), 0U) << key << " in step " << step;
    }
  }
}

}  // namespace
}  // namespace weir::cache
