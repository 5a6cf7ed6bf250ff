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

std::string Header(Version version, WallTime expires_at) {
  std::string bytes(kRecordHeaderBytesMax, '\0');
  bytes.resize(EncodeRecordHeader(version, expires_at, bytes.data()));
  return bytes;
}

TEST(RecordFormatTest, GoldenBytes) {
  EXPECT_EQ(Hex(Position(0x0102030405060708)), "0102030405060708");
  EXPECT_EQ(Hex(Expiry(1)), "8000000000000001");
  EXPECT_EQ(Hex(Header(0x1122, kNever)), "002211000000000000");
  EXPECT_EQ(Hex(Header(0x1122, WallTime{3})), "0122110000000000000300000000000000");
  std::string state;
  EncodeState({.commit = 5, .version_max = 6, .shards = {{7, 8}}}, &state);
  EXPECT_EQ(Hex(state),
            "0500000000000000"
            "0600000000000000"
            "01000000"
            "0700000000000000"
            "0800000000000000");
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
    const std::string stored = Header(9, expires_at) + "value";
    const auto record = DecodeRecord(stored);
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->version, 9U);
    EXPECT_EQ(record->expires_at, expires_at);
    EXPECT_EQ(record->value, "value");
  }
}

TEST(RecordFormatTest, ForeignBytesAreRejected) {
  const std::string stored = Header(9, WallTime{5});
  for (size_t size = 0; size < stored.size(); ++size) {
    EXPECT_FALSE(DecodeRecord(std::string_view(stored).substr(0, size))) << size;
  }
  EXPECT_TRUE(DecodeRecord(stored));
  EXPECT_FALSE(DecodeRecord("\x02" + stored.substr(1))) << "unknown flag";

  std::string state;
  EncodeState({.commit = 5, .version_max = 6, .shards = {{7, 8}, {9, 10}}}, &state);
  for (size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(DecodeState(std::string_view(state).substr(0, size))) << size;
  }
  EXPECT_EQ(DecodeState(state)->shards.at(1).with_expiry, 10U);
  EXPECT_FALSE(DecodeState(state + "x"));
}

}  // namespace
}  // namespace weir::store
