// Goal: format 1 never changes by accident, sorts as it must, and rejects foreign bytes.
// Method: golden bytes, ordering of encodings, truncation at every length.
#include "weir/store/rocksdb/record_format.h"

#include <limits>

#include <gtest/gtest.h>

namespace weir::store {
namespace {

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

std::string Position(uint64_t position) {
  std::string bytes(kPositionBytes, '\0');
  EncodePosition(position, bytes.data());
  return bytes;
}

std::string Expiry(int64_t ms) {
  std::string bytes(kExpiryBytes, '\0');
  EncodeExpiry(WallTime{ms}, bytes.data());
  return bytes;
}

constexpr uint64_t kPosition = 0x0102030405060708;
const std::string kKey = "key";
const std::string kStoredKey = Position(kPosition) + kKey;

std::string Stored(Version version, WallTime expires_at, std::string value = "value") {
  std::string bytes(kRecordHeaderBytesMax, '\0');
  const Record record{Bytes::Copy(value), expires_at, version};
  bytes.resize(EncodeRecordHeader(kPosition, kKey, record, bytes.data()));
  return bytes + value;
}

TEST(RecordFormatTest, GoldenBytes) {
  EXPECT_EQ(Hex(Position(0x0102030405060708)), "0102030405060708");
  EXPECT_EQ(Hex(Expiry(1)), "8000000000000001");
  EXPECT_EQ(Hex(Stored(0x1122, kNever, "v")),
            "002211000000000000"
            "8e6af0fe"
            "76");
  EXPECT_EQ(Hex(Stored(0x1122, WallTime{3}, "")),
            "0122110000000000000300000000000000"
            "61b7fe25");
  std::string state;
  EncodeState({.commit = 5, .version_max = 6, .shards = {{7, 8}}}, &state);
  EXPECT_EQ(Hex(state),
            "0500000000000000"
            "0600000000000000"
            "01000000"
            "0700000000000000"
            "0800000000000000"
            "9a2fc168");
}

TEST(RecordFormatTest, PositionsAndExpiriesSortAsTheirNumbers) {
  EXPECT_LT(Position(255), Position(256));
  EXPECT_LT(Position(1), Position(std::numeric_limits<uint64_t>::max()));
  EXPECT_LT(Expiry(std::numeric_limits<int64_t>::min()), Expiry(-1));
  EXPECT_LT(Expiry(-1), Expiry(0));
  EXPECT_LT(Expiry(0), Expiry(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(DecodePosition(Position(1ULL << 50).data()), 1ULL << 50);
  EXPECT_EQ(DecodeExpiry(Expiry(-5).data()), WallTime{-5});
}

TEST(RecordFormatTest, RecordsComeBack) {
  for (const WallTime expires_at : {kNever, WallTime{-1}, WallTime{1'700'000'000'000}}) {
    for (const std::string value : {"value", ""}) {
      const std::string stored = Stored(9, expires_at, value);
      const auto record = DecodeRecord(kStoredKey, stored);
      ASSERT_TRUE(record.has_value());
      EXPECT_EQ(record->version, 9U);
      EXPECT_EQ(record->expires_at, expires_at);
      EXPECT_EQ(record->value, value);
    }
  }
}

TEST(RecordFormatTest, ForeignBytesAreRejected) {
  for (const WallTime expires_at : {kNever, WallTime{5}}) {
    const std::string stored = Stored(9, expires_at);
    for (size_t size = 0; size < stored.size(); ++size) {
      EXPECT_FALSE(DecodeRecord(kStoredKey, std::string_view(stored).substr(0, size))) << size;
    }
    EXPECT_TRUE(DecodeRecord(kStoredKey, stored));
    EXPECT_FALSE(DecodeRecord(kStoredKey, "\x02" + stored.substr(1))) << "unknown flag";
  }
  EXPECT_FALSE(DecodeRecord(kStoredKey.substr(0, kPositionBytes - 1), Stored(9, kNever)));
  std::string state;
  EncodeState({.commit = 5, .version_max = 6, .shards = {{7, 8}, {9, 10}}}, &state);
  for (size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(DecodeState(std::string_view(state).substr(0, size))) << size;
  }
  EXPECT_EQ(DecodeState(state)->shards.at(1).with_expiry, 10U);
  EXPECT_FALSE(DecodeState(state + "x"));
}

// Every bit of `bytes` in turn; `accepts` must refuse each.
template <typename Accepts>
void ExpectEveryBitMatters(std::string bytes, Accepts accepts) {
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto flip = static_cast<char>(1 << bit % 8);
    bytes[bit / 8] ^= flip;
    EXPECT_FALSE(accepts(bytes)) << "bit " << bit;
    bytes[bit / 8] ^= flip;
  }
  EXPECT_TRUE(accepts(bytes));
}

TEST(RecordFormatTest, EveryFlippedBitIsFound) {
  for (const WallTime expires_at : {kNever, WallTime{1'700'000'000'000}}) {
    const std::string stored = Stored(9, expires_at);
    ExpectEveryBitMatters(stored, [](const std::string& bytes) {
      return DecodeRecord(kStoredKey, bytes).has_value();
    });
    ExpectEveryBitMatters(
        kStoredKey, [&](const std::string& key) { return DecodeRecord(key, stored).has_value(); });
  }
  std::string state;
  EncodeState({.commit = 5, .version_max = 6, .shards = {{7, 8}, {9, 10}}}, &state);
  ExpectEveryBitMatters(state,
                        [](const std::string& bytes) { return DecodeState(bytes).has_value(); });
}

}  // namespace
}  // namespace weir::store
