// Goal: replies of both protocols become the right values; damaged ones and those past a limit
// become an error. Method: golden bytes, whole and byte by byte; limits at and one past.
#include "weir/resp/reader.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir::resp {
namespace {

using Kind = Value::Kind;

struct Outcome {
  std::vector<Value> values;
  std::string error;

  bool operator==(const Outcome&) const = default;
};

Outcome Read(std::string_view bytes, size_t chunk, const ReaderLimits& limits) {
  Reader reader(limits);
  Outcome seen;
  for (size_t at = 0; at < bytes.size(); at += chunk) {
    std::string_view input = bytes.substr(at, chunk);
    Value value;
    ReadResult result = reader.Next(&input, &value);
    for (; result == ReadResult::kValue; result = reader.Next(&input, &value)) {
      seen.values.push_back(std::exchange(value, Value()));
    }
    if (result == ReadResult::kError) break;
    EXPECT_TRUE(input.empty());
  }
  seen.error = reader.error();
  return seen;
}

Outcome Read(std::string_view bytes, const ReaderLimits& limits = {}) {
  const Outcome whole = Read(bytes, bytes.size(), limits);
  EXPECT_EQ(Read(bytes, 1, limits), whole) << bytes;
  return whole;
}

Value One(std::string_view bytes) {
  const Outcome seen = Read(bytes);
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.values.size(), 1U) << bytes;
  return seen.values.empty() ? Value() : seen.values[0];
}

TEST(ReaderTest, ReadsEveryScalar) {
  EXPECT_EQ(One("+OK\r\n"), (Value{.kind = Kind::kSimple, .text = "OK"}));
  EXPECT_EQ(One("-ERR x\r\n"), (Value{.kind = Kind::kError, .text = "ERR x"}));
  EXPECT_EQ(One("!5\r\nERR x\r\n"), (Value{.kind = Kind::kError, .text = "ERR x"}));
  EXPECT_EQ(One(":-7\r\n"), (Value{.kind = Kind::kInteger, .integer = -7}));
  EXPECT_EQ(One("$3\r\na\nb\r\n"), (Value{.kind = Kind::kBulk, .text = "a\nb"}));
  EXPECT_EQ(One("$0\r\n\r\n"), (Value{.kind = Kind::kBulk}));
  EXPECT_EQ(One("=5\r\ntxt:a\r\n"), (Value{.kind = Kind::kVerbatim, .text = "txt:a"}));
  EXPECT_EQ(One("(-123\r\n"), (Value{.kind = Kind::kBigNumber, .text = "-123"}));
  EXPECT_EQ(One(",-1.5e3\r\n"), (Value{.kind = Kind::kDouble, .number = -1500}));
  EXPECT_EQ(One("#t\r\n"), (Value{.kind = Kind::kBoolean, .integer = 1}));
  EXPECT_EQ(One("#f\r\n"), (Value{.kind = Kind::kBoolean}));
  for (const char* null : {"_\r\n", "$-1\r\n", "*-1\r\n"}) EXPECT_EQ(One(null), Value());
}

TEST(ReaderTest, ReadsAggregates) {
  const Value one{.kind = Kind::kInteger, .integer = 1};
  EXPECT_EQ(One("*0\r\n"), (Value{.kind = Kind::kArray}));
  EXPECT_EQ(
      One("*2\r\n:1\r\n*1\r\n:1\r\n"),
      (Value{.kind = Kind::kArray, .items = {one, Value{.kind = Kind::kArray, .items = {one}}}}));
  EXPECT_EQ(One("%1\r\n:1\r\n%0\r\n"),
            (Value{.kind = Kind::kMap, .items = {one, Value{.kind = Kind::kMap}}}));
  EXPECT_EQ(One("~1\r\n:1\r\n"), (Value{.kind = Kind::kSet, .items = {one}}));
  EXPECT_EQ(One(">1\r\n:1\r\n"), (Value{.kind = Kind::kPush, .items = {one}}));
}

TEST(ReaderTest, ReadsRepliesInARow) {
  const Outcome seen = Read("+a\r\n*1\r\n$1\r\nb\r\n:3\r\n$5\r\nunf");
  ASSERT_EQ(seen.values.size(), 3U);
  EXPECT_EQ(seen.values[2].integer, 3);
  EXPECT_EQ(seen.error, "");
}

TEST(ReaderTest, RefusesDamage) {
  for (const char* bytes :
       {"x\r\n", "\r\n", "+OK\n", ":\r\n", ":1x\r\n", "$x\r\n", "$-2\r\n", "$1\r\nabc", "*-2\r\n",
        "%-1\r\n", "=-1\r\n", "#x\r\n", ",x\r\n", "(1.5\r\n", "(-\r\n", "_x\r\n", "$?\r\n",
        "|1\r\n", "*99999999999999999999\r\n"}) {
    EXPECT_NE(Read(bytes).error, "") << bytes;
  }
}

TEST(ReaderTest, AnErrorStays) {
  Reader reader;
  Value value;
  std::string_view input = "x\r\n";
  EXPECT_EQ(reader.Next(&input, &value), ReadResult::kError);
  input = "+OK\r\n";
  EXPECT_EQ(reader.Next(&input, &value), ReadResult::kError);
}

TEST(ReaderTest, DepthHoldsAtItsLimit) {
  EXPECT_EQ(Read("*1\r\n*1\r\n:1\r\n", {.depth_max = 2}).error, "");
  EXPECT_EQ(Read("*1\r\n*1\r\n*1\r\n:1\r\n", {.depth_max = 2}).error,
            "aggregates are nested too deeply");
}

TEST(ReaderTest, ValuesHoldAtTheirLimit) {
  EXPECT_EQ(Read("*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n", {.values_max = 3}).error, "");
  EXPECT_EQ(Read("*3\r\n:1\r\n:2\r\n:3\r\n", {.values_max = 3}).error, "too many values");
  EXPECT_EQ(Read("*4\r\n", {.values_max = 3}).error, "too many values");
}

TEST(ReaderTest, BytesHoldAtTheirLimit) {
  EXPECT_EQ(Read("*2\r\n$1\r\na\r\n$2\r\nbc\r\n$3\r\nabc\r\n", {.bytes_max = 3}).error, "");
  EXPECT_EQ(Read("*2\r\n$1\r\na\r\n$3\r\n", {.bytes_max = 3}).error, "too many bytes");
}

TEST(ReaderTest, LinesHoldAtTheirLimit) {
  EXPECT_EQ(Read("+ab\r\n", {.line_bytes_max = 3}).error, "");
  EXPECT_EQ(Read("+abc\r\n", {.line_bytes_max = 3}).error, "a line is too long");
}

}  // namespace
}  // namespace weir::resp
