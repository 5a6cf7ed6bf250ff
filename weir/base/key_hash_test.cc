// Goal: tags, slots and the stable hash never change. Golden vectors from the Redis Cluster
// specification and from xxHash's own test values.
#include "weir/base/key_hash.h"

#include <gtest/gtest.h>

#include "weir/base/crc16.h"

namespace weir {
namespace {

TEST(KeyHashTest, Crc16HasTheXmodemCheckValue) {
  EXPECT_EQ(Crc16("123456789"), 0x31c3);
}

TEST(KeyHashTest, TagIsTheFirstNonEmptyBracePair) {
  EXPECT_EQ(KeyTag("plain"), "plain");
  EXPECT_EQ(KeyTag("{user1000}.following"), "user1000");
  EXPECT_EQ(KeyTag("foo{}{bar}"), "foo{}{bar}");
  EXPECT_EQ(KeyTag("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(KeyTag("foo{bar}{zap}"), "bar");
  EXPECT_EQ(KeyTag("open{only"), "open{only");
  EXPECT_EQ(KeyTag("}{"), "}{");
  EXPECT_EQ(KeyTag(""), "");
}

TEST(KeyHashTest, SlotsAgreeWithRedisCluster) {
  EXPECT_EQ(TagSlot("123456789"), 12739U);
  EXPECT_EQ(TagSlot("foo"), 12182U);
  EXPECT_EQ(TagSlot("bar"), 5061U);
  EXPECT_EQ(TagSlot(KeyTag("{user1000}.following")), TagSlot(KeyTag("{user1000}.followers")));
  EXPECT_EQ(TagSlot(""), 0U);
}

TEST(KeyHashTest, StableHashIsXxh3) {
  EXPECT_EQ(StableHash(""), 0x2d06800538d394c2U);
  EXPECT_EQ(StableHash("a"), 0xe6c632b61e964e1fU);
}

TEST(KeyHashTest, SeedsChangeTheHash) {
  EXPECT_EQ(SeededHash("key", 0), StableHash("key"));
  EXPECT_NE(SeededHash("key", 1), SeededHash("key", 2));
}

}  // namespace
}  // namespace weir
