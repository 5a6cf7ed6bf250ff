// Goal: each limit of a call admits what is at the limit and refuses one more, naming it.
// Method: small limits, calls of exactly that size and one past it.
#include "weir/store/limits.h"

#include <gtest/gtest.h>

namespace weir::store {
namespace {

constexpr Limits kSmall{.batch_writes_max = 3,
                        .batch_bytes_max = 20,
                        .load_keys_max = 2,
                        .scan_items_max = 5,
                        .outstanding_reads_max = 1,
                        .key_bytes_max = 4,
                        .value_bytes_max = 12};

Write Put(std::string key, size_t value_bytes) {
  return {.key = {0, 1, std::move(key)},
          .record = Record{Bytes::Copy(std::string(value_bytes, 'v')), kNever, 1},
          .version = 1,
          .known = std::nullopt};
}

Batch Writes(std::vector<Write> writes) {
  return {WallTime{0}, std::move(writes)};
}

void ExpectRefused(const std::optional<Error>& error, const std::string& limit) {
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, ErrorCode::kOverloaded);
  EXPECT_NE(error->message.find(limit), std::string::npos) << error->message;
}

TEST(LimitsTest, BatchWrites) {
  EXPECT_FALSE(OverLimit(kSmall, Writes({Put("a", 1), Put("b", 1), Put("c", 1)})));
  ExpectRefused(OverLimit(kSmall, Writes({Put("a", 1), Put("b", 1), Put("c", 1), Put("d", 1)})),
                "batch_writes");
}

TEST(LimitsTest, BatchBytesCountKeysAndValues) {
  EXPECT_EQ(BytesOf(Writes({Put("aa", 8), Put("bb", 8)})), 20U);
  EXPECT_FALSE(OverLimit(kSmall, Writes({Put("aa", 8), Put("bb", 8)})));
  ExpectRefused(OverLimit(kSmall, Writes({Put("aa", 8), Put("bb", 9)})), "batch_bytes");
}

TEST(LimitsTest, KeyAndValueBytes) {
  EXPECT_FALSE(OverLimit(kSmall, Writes({Put("aaaa", 12)})));
  ExpectRefused(OverLimit(kSmall, Writes({Put("aaaaa", 1)})), "key_bytes");
  ExpectRefused(OverLimit(kSmall, Writes({Put("a", 13)})), "value_bytes");
}

TEST(LimitsTest, LoadKeys) {
  EXPECT_FALSE(OverLimit(kSmall, std::vector<Key>{{0, 1, "a"}, {0, 1, "bbbb"}}));
  ExpectRefused(OverLimit(kSmall, std::vector<Key>(3)), "load_keys");
  ExpectRefused(OverLimit(kSmall, std::vector<Key>{{0, 1, "bbbbb"}}), "key_bytes");
}

TEST(LimitsTest, ScanItemsAndExpireLimit) {
  EXPECT_FALSE(OverLimit(kSmall, ScanRange{.limit = 5}));
  ExpectRefused(OverLimit(kSmall, ScanRange{.limit = 6}), "scan_items");
  EXPECT_FALSE(OverExpireLimit(kSmall, 3));
  ExpectRefused(OverExpireLimit(kSmall, 4), "batch_writes");
}

}  // namespace
}  // namespace weir::store
