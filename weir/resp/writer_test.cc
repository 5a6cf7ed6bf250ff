// Goal: every reply type has the exact bytes of its protocol, cannot be broken by its content, and
// reads back as it was. Method: golden bytes; a round trip through Reader with random values.
#include "weir/resp/writer.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "weir/resp/reader.h"

namespace weir::resp {
namespace {

std::string Pending(const OutputBuffer& output) {
  std::array<OutputBuffer::Span, 100> spans;
  std::string bytes;
  const size_t count = output.Spans(spans);
  for (size_t i = 0; i < count; ++i) bytes.append(spans[i].data, spans[i].size);
  return bytes;
}

template <typename Write>
std::string Wire(Protocol protocol, Write write) {
  OutputBuffer output;
  Writer writer(output, protocol);
  write(writer);
  return Pending(output);
}

// Expects the same bytes in both protocols.
template <typename Write>
std::string Both(Write write) {
  const std::string wire = Wire(Protocol::kResp2, write);
  EXPECT_EQ(Wire(Protocol::kResp3, write), wire);
  return wire;
}

template <typename Write>
void ExpectWire(Write write, const std::string& resp2, const std::string& resp3) {
  EXPECT_EQ(Wire(Protocol::kResp2, write), resp2);
  EXPECT_EQ(Wire(Protocol::kResp3, write), resp3);
}

TEST(WriterTest, TypesThatBothProtocolsShare) {
  EXPECT_EQ(Both([](Writer& w) { w.SimpleString("OK"); }), "+OK\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.SimpleString(""); }), "+\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Error("ERR", "syntax error"); }), "-ERR syntax error\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Integer(0); }), ":0\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Integer(std::numeric_limits<int64_t>::min()); }),
            ":-9223372036854775808\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Integer(std::numeric_limits<int64_t>::max()); }),
            ":9223372036854775807\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Bulk(""); }), "$0\r\n\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.Bulk("a\r\nb"); }), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.ArrayHeader(0); }), "*0\r\n");
  EXPECT_EQ(Both([](Writer& w) { w.ArrayHeader(UINT64_MAX); }), "*18446744073709551615\r\n");
}

TEST(WriterTest, TypesThatDiffer) {
  ExpectWire([](Writer& w) { w.Null(); }, "$-1\r\n", "_\r\n");
  ExpectWire([](Writer& w) { w.NullArray(); }, "*-1\r\n", "_\r\n");
  ExpectWire([](Writer& w) { w.MapHeader(3); }, "*6\r\n", "%3\r\n");
  ExpectWire([](Writer& w) { w.SetHeader(3); }, "*3\r\n", "~3\r\n");
  ExpectWire([](Writer& w) { w.PushHeader(3); }, "*3\r\n", ">3\r\n");
  ExpectWire([](Writer& w) { w.Boolean(true); }, ":1\r\n", "#t\r\n");
  ExpectWire([](Writer& w) { w.Boolean(false); }, ":0\r\n", "#f\r\n");
  ExpectWire([](Writer& w) { w.Verbatim("txt", "a b"); }, "$3\r\na b\r\n", "=7\r\ntxt:a b\r\n");
  ExpectWire([](Writer& w) { w.BigNumber("-12345678901234567890123"); },
             "$24\r\n-12345678901234567890123\r\n", "(-12345678901234567890123\r\n");
}

TEST(WriterTest, Doubles) {
  ExpectWire([](Writer& w) { w.Double(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n");
  ExpectWire([](Writer& w) { w.Double(10); }, "$2\r\n10\r\n", ",10\r\n");
  ExpectWire([](Writer& w) { w.Double(INFINITY); }, "$3\r\ninf\r\n", ",inf\r\n");
  ExpectWire([](Writer& w) { w.Double(-INFINITY); }, "$4\r\n-inf\r\n", ",-inf\r\n");
  ExpectWire([](Writer& w) { w.Double(-NAN); }, "$3\r\nnan\r\n", ",nan\r\n");
  ExpectWire([](Writer& w) { w.Double(-std::numeric_limits<double>::min()); },
             "$24\r\n-2.2250738585072014e-308\r\n", ",-2.2250738585072014e-308\r\n");
}

TEST(WriterTest, LineEndsInTextsBecomeSpaces) {
  EXPECT_EQ(Both([](Writer& w) { w.Error("ERR", "a\r\n+OK\r\nb\n"); }), "-ERR a  +OK  b \r\n");
  EXPECT_EQ(Both([](Writer& w) { w.SimpleString("a\rb"); }), "+a b\r\n");
  const std::string longer(3 * kOutputReserveBytesMax, '\n');
  EXPECT_EQ(Both([&](Writer& w) { w.Error("ERR", longer); }),
            "-ERR " + std::string(longer.size(), ' ') + "\r\n");
}

TEST(WriterTest, ProtocolChangesWithTheNextValue) {
  EXPECT_EQ(Wire(Protocol::kResp2,
                 [](Writer& w) {
                   w.Null();
                   w.SetProtocol(Protocol::kResp3);
                   w.Null();
                 }),
            "$-1\r\n_\r\n");
}

TEST(WriterTest, BulksOfEverySizeAroundTheLimitsOfTheirWays) {
  for (const size_t middle : {kOutputReserveBytesMax, kSharedValueBytes, kOutputBlockBytes}) {
    for (size_t size = middle - 40; size <= middle + 40; ++size) {
      const std::string value(size, 'v');
      const std::string wire = "$" + std::to_string(size) + "\r\n" + value + "\r\n";
      ASSERT_EQ(Both([&](Writer& w) { w.Bulk(value); }), wire);
      ASSERT_EQ(Both([&](Writer& w) { w.Bulk(Bytes::Copy(value)); }), wire);
    }
  }
}

TEST(WriterTest, ValuesAboveTheLimitAreShared) {
  for (const size_t size : {kSharedValueBytes, kSharedValueBytes + 1}) {
    const Bytes value = Bytes::Copy(std::string(size, 'v'));
    OutputBuffer output;
    Writer(output).Bulk(value);
    std::array<OutputBuffer::Span, 4> spans;
    const size_t count = output.Spans(spans);
    const bool shared = count == 3 && spans[1].data == value.view().data();
    EXPECT_EQ(shared, size > kSharedValueBytes);
  }
}

TEST(WriterTest, APartOfAValueIsSharedToo) {
  const Bytes value = Bytes::Copy(std::string(100'000, 'v'));
  OutputBuffer output;
  Writer(output).BulkPart(value, value.view().substr(50'000, 40'000));
  std::array<OutputBuffer::Span, 4> spans;
  ASSERT_EQ(output.Spans(spans), 3U);
  EXPECT_EQ(spans[1].data, value.view().data() + 50'000);
  EXPECT_EQ(spans[1].size, 40'000U);
}

// A random tree that RESP3 can hold.
Value RandomValue(int depth) {
  using Kind = Value::Kind;
  Value value;
  value.kind =
      *rc::gen::element(Kind::kNull, Kind::kSimple, Kind::kError, Kind::kInteger, Kind::kBulk,
                        Kind::kBigNumber, Kind::kDouble, Kind::kBoolean, Kind::kArray, Kind::kMap,
                        Kind::kSet, Kind::kPush, Kind::kVerbatim);
  const auto text = *rc::gen::arbitrary<std::string>();
  switch (value.kind) {
    case Kind::kNull:
      break;
    case Kind::kSimple:
    case Kind::kError:
      value.text = "E" + *rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~'));
      break;
    case Kind::kInteger:
      value.integer = *rc::gen::arbitrary<int64_t>();
      break;
    case Kind::kBulk:
      value.text = text;
      break;
    case Kind::kVerbatim:
      value.text = "txt:" + text;
      break;
    case Kind::kBigNumber:
      value.text = std::to_string(*rc::gen::arbitrary<int64_t>()) + "000";
      break;
    case Kind::kDouble:
      value.number = *rc::gen::arbitrary<double>();
      break;
    case Kind::kBoolean:
      value.integer = *rc::gen::inRange(0, 2);
      break;
    default: {
      if (depth == 0) return Value();
      const int count = *rc::gen::inRange(0, 4) * (value.kind == Kind::kMap ? 2 : 1);
      for (int i = 0; i < count; ++i) value.items.push_back(RandomValue(depth - 1));
    }
  }
  return value;
}

void Write(const Value& value, Writer& writer) {
  using Kind = Value::Kind;
  switch (value.kind) {
    case Kind::kNull:
      return writer.Null();
    case Kind::kSimple:
      return writer.SimpleString(value.text);
    case Kind::kError:
      return writer.Error(value.text, "");
    case Kind::kInteger:
      return writer.Integer(value.integer);
    case Kind::kBulk:
      return writer.Bulk(value.text);
    case Kind::kVerbatim:
      return writer.Verbatim("txt", std::string_view(value.text).substr(4));
    case Kind::kBigNumber:
      return writer.BigNumber(value.text);
    case Kind::kDouble:
      return writer.Double(value.number);
    case Kind::kBoolean:
      return writer.Boolean(value.integer == 1);
    case Kind::kArray:
      writer.ArrayHeader(value.items.size());
      break;
    case Kind::kMap:
      writer.MapHeader(value.items.size() / 2);
      break;
    case Kind::kSet:
      writer.SetHeader(value.items.size());
      break;
    case Kind::kPush:
      writer.PushHeader(value.items.size());
      break;
  }
  for (const Value& item : value.items) Write(item, writer);
}

TEST(WriterTest, WhatIsWrittenReadsBack) {
  EXPECT_TRUE(rc::check("round trip, whole and byte by byte", [] {
    const Value value = RandomValue(4);
    OutputBuffer output;
    Writer writer(output, Protocol::kResp3);
    Write(value, writer);
    const std::string wire = Pending(output);
    for (const size_t chunk : {size_t{1}, wire.size()}) {
      Reader reader;
      Value read;
      ReadResult result = ReadResult::kNeedMore;
      for (size_t at = 0; at < wire.size(); at += chunk) {
        RC_ASSERT(result == ReadResult::kNeedMore);
        std::string_view input = std::string_view(wire).substr(at, chunk);
        result = reader.Next(&input, &read);
        RC_ASSERT(input.empty());
      }
      RC_ASSERT(result == ReadResult::kValue);
      RC_ASSERT(read == value);
    }
  }));
}

}  // namespace
}  // namespace weir::resp
