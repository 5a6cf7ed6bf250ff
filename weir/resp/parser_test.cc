// Goal: the parser takes what Redis takes, refuses what it refuses with the same text, and every
// limit holds at its value and one past it. Method: wire bytes in, transcript out; golden texts.
#include "weir/resp/parser.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/resp/chunk_feed.h"

namespace weir::resp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kWhole = size_t{1} << 40;

Transcript Whole(std::string_view bytes, const Limits& limits = {}) {
  return Feed(bytes, kWhole, limits);
}
std::string ErrorOf(std::string_view bytes, const Limits& limits = {}) {
  return Whole(bytes, limits).error;
}
std::string Bulk(std::string_view value) {
  return "$" + std::to_string(value.size()) + "\r\n" + std::string(value) + "\r\n";
}

TEST(ParserTest, TakesPipelinedCommandsInOrder) {
  const Transcript seen = Whole(
      "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\nECHO hi\r\n"
      "*3\r\n$3\r\nSET\r\n$0\r\n\r\n");
  EXPECT_THAT(seen.commands,
              ElementsAre(ElementsAre("GET", "k"), ElementsAre("PING"), ElementsAre("ECHO", "hi")));
  EXPECT_FALSE(seen.between_commands);
  EXPECT_EQ(seen.error, "");
}

TEST(ParserTest, ArgumentsAreBytes) {
  const std::string value("\r\n\0*$", 5);
  EXPECT_THAT(Whole("*2\r\n" + Bulk("ECHO") + Bulk(value)).commands,
              ElementsAre(ElementsAre("ECHO", value)));
}

TEST(ParserTest, SkipsEmptyCommands) {
  const Transcript seen = Whole("*0\r\n*-1\r\n*-9\r\n\r\n\n   \r\n\"\" \r\nPING\n");
  EXPECT_THAT(seen.commands, ElementsAre(ElementsAre(""), ElementsAre("PING")));
  EXPECT_TRUE(seen.between_commands);
}

TEST(ParserTest, ErrorTextsAreThoseOfRedis) {
  const std::string long_line(64 * 1024 + 1, '1');
  EXPECT_EQ(ErrorOf(long_line), "Protocol error: too big inline request");
  EXPECT_EQ(ErrorOf("*" + long_line), "Protocol error: too big mbulk count string");
  EXPECT_EQ(ErrorOf("*1\r\n$" + long_line), "Protocol error: too big bulk count string");
  EXPECT_EQ(ErrorOf("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(ErrorOf("*3000000000\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(ErrorOf("*1\r\nfooz\r\n"), "Protocol error: expected '$', got 'f'");
  EXPECT_EQ(ErrorOf("*1\r\n\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(ErrorOf("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$2000000000\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(ErrorOf("SET \"k\r\n"), "Protocol error: unbalanced quotes in request");
}

TEST(ParserTest, NumbersAreStrict) {
  for (const char* number :
       {"", "+1", " 1", "1 ", "01", "00", "-0", "1.0", "0x1", "99999999999999999999"}) {
    EXPECT_EQ(ErrorOf("*" + std::string(number) + "\r\n"),
              "Protocol error: invalid multibulk length")
        << number;
    EXPECT_EQ(ErrorOf("*1\r\n$" + std::string(number) + "\r\n"),
              "Protocol error: invalid bulk length")
        << number;
  }
  EXPECT_EQ(ErrorOf("*1\rx$4\r\nPING\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$4\rxPING\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$4\r\nPINGxx"), "Protocol error: expected CRLF after bulk");
  const std::string big(kBigArgumentBytes + 1, 'v');
  EXPECT_EQ(ErrorOf("*1\r\n$32769\r\n" + big + "xx"), "Protocol error: expected CRLF after bulk");
}

TEST(ParserTest, AnErrorStays) {
  InputBuffer input;
  Parser parser;
  Command command;
  Receive(input, "*x\r\nPING\r\n", kWhole);
  EXPECT_EQ(parser.Next(input, &command), ParseResult::kError);
  EXPECT_EQ(parser.Next(input, &command), ParseResult::kError);
  EXPECT_EQ(parser.error(), "Protocol error: invalid multibulk length");
  EXPECT_THAT(command.args(), IsEmpty());
}

TEST(ParserTest, CommandsBeforeAnErrorAreTaken) {
  const Transcript seen = Whole("PING\r\n*1\r\n$x\r\n");
  EXPECT_THAT(seen.commands, ElementsAre(ElementsAre("PING")));
  EXPECT_EQ(seen.error, "Protocol error: invalid bulk length");
}

TEST(ParserTest, ArgumentCountHoldsAtItsLimit) {
  const Limits limits{.args_max = 3};
  EXPECT_THAT(Whole("*3\r\n" + Bulk("a") + Bulk("b") + Bulk("c"), limits).commands,
              ElementsAre(SizeIs(3)));
  EXPECT_EQ(ErrorOf("*4\r\n", limits), "Protocol error: invalid multibulk length");
}

TEST(ParserTest, BulkLengthHoldsAtItsLimit) {
  const Limits limits{.bulk_bytes_max = 5};
  EXPECT_THAT(Whole("*1\r\n" + Bulk("12345"), limits).commands, ElementsAre(ElementsAre("12345")));
  EXPECT_EQ(ErrorOf("*1\r\n" + Bulk("123456"), limits), "Protocol error: invalid bulk length");
}

TEST(ParserTest, BulkLengthHoldsAtItsCeiling) {
  const Limits limits{.bulk_bytes_max = 2 * kBulkBytesCeiling};
  EXPECT_EQ(ErrorOf("*1\r\n$536870912\r\n", limits), "");
  EXPECT_EQ(ErrorOf("*1\r\n$536870913\r\n", limits), "Protocol error: invalid bulk length");
}

TEST(ParserTest, InlineLengthHoldsAtItsLimit) {
  const Limits limits{.inline_bytes_max = 6};
  for (const size_t chunk : {size_t{1}, kWhole}) {
    EXPECT_THAT(Feed("ECHO a\n", chunk, limits).commands, ElementsAre(ElementsAre("ECHO", "a")));
    EXPECT_EQ(Feed("ECHO ab\n", chunk, limits).error, "Protocol error: too big inline request");
    EXPECT_EQ(Feed("*000001\r\n", chunk, limits).error,
              "Protocol error: too big mbulk count string");
    EXPECT_EQ(Feed("*00001\r\n", chunk, limits).error, "Protocol error: invalid multibulk length");
  }
}

TEST(ParserTest, CommandBytesHoldAtTheirLimit) {
  // 4 + 4 + 10 bytes up to the end of the last argument.
  const std::string wire = "*1\r\n$10\r\n0123456789\r\n";
  const size_t bytes = wire.size() - 2;
  EXPECT_THAT(Whole(wire, {.command_bytes_max = bytes}).commands, SizeIs(1));
  EXPECT_EQ(ErrorOf(wire, {.command_bytes_max = bytes - 1}), "Protocol error: too big request");
}

TEST(ParserTest, CommandBytesCountBigArgumentsToo) {
  const std::string big(kBigArgumentBytes + 1, 'v');
  const std::string wire = "*3\r\n" + Bulk(big) + Bulk(big) + Bulk("x");
  const size_t bytes = wire.size() - 2;
  for (const size_t chunk : {size_t{1000}, kWhole}) {
    EXPECT_THAT(Feed(wire, chunk, {.command_bytes_max = bytes}).commands, SizeIs(1));
    EXPECT_EQ(Feed(wire, chunk, {.command_bytes_max = bytes - 1}).error,
              "Protocol error: too big request");
  }
}

TEST(ParserTest, LimitsBeforeAuthNameTheirCause) {
  EXPECT_EQ(ErrorOf("*10\r\n", kLimitsBeforeAuth), "");
  EXPECT_EQ(ErrorOf("*11\r\n", kLimitsBeforeAuth),
            "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(ErrorOf("*2147483648\r\n", kLimitsBeforeAuth),
            "Protocol error: invalid multibulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$16384\r\n", kLimitsBeforeAuth), "");
  EXPECT_EQ(ErrorOf("*1\r\n$16385\r\n", kLimitsBeforeAuth),
            "Protocol error: unauthenticated bulk length");
  EXPECT_EQ(ErrorOf("*1\r\n$536870913\r\n", kLimitsBeforeAuth),
            "Protocol error: invalid bulk length");
}

TEST(ParserTest, NewLimitsCoverTheNextCommandOfTheSameBurst) {
  InputBuffer input;
  Parser parser(kLimitsBeforeAuth);
  Command command;
  Receive(input, "AUTH secret\r\n*11\r\n$1\r\na\r\n", kWhole);
  ASSERT_EQ(parser.Next(input, &command), ParseResult::kCommand);
  parser.SetLimits({});
  EXPECT_EQ(parser.Next(input, &command), ParseResult::kNeedMore);
}

TEST(ParserTest, HttpIsAnEventOfItsOwn) {
  for (const char* request :
       {"POST / HTTP/1.1\r\n", "post x\r\n", "Host: example\r\n", "GET / HTTP/1.1\r\n",
        "*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n", "PING\r\nhOST: x\r\n"}) {
    EXPECT_TRUE(Whole(request).http) << request;
  }
  for (const char* request : {"GET /\r\n", "SET k HTTP/1.1\r\n", "ECHO POST\r\n", "Host x\r\n"}) {
    EXPECT_FALSE(Whole(request).http) << request;
  }
}

TEST(ParserTest, ATlsHandshakeIsNamedInTheError) {
  for (const size_t split : {size_t{1}, size_t{2}, size_t{5}}) {
    InputBuffer input;
    Parser parser;
    Command command;
    const std::string hello("\x16\x03\x01\x02\x00\x01", 6);
    Receive(input, std::string_view(hello).substr(0, split), kWhole);
    parser.Next(input, &command);
    Receive(input, std::string_view(hello).substr(split), kWhole);
    EXPECT_EQ(parser.Next(input, &command), ParseResult::kError);
    EXPECT_NE(parser.error().find("TLS"), std::string::npos) << parser.error();
  }
  EXPECT_EQ(Whole("\x16 x\r\n").commands.size(), 1U) << "no other control byte is special";
}

TEST(ParserTest, ViewsOfAWholeBurstStayValid) {
  InputBuffer input;
  Parser parser;
  std::vector<Command> commands(50);
  std::string burst;
  for (size_t i = 0; i < commands.size(); ++i) {
    burst += "*2\r\n" + Bulk("GET") + Bulk("key:" + std::to_string(i));
  }
  ASSERT_TRUE(Receive(input, burst, kWhole).empty());
  for (Command& command : commands) ASSERT_EQ(parser.Next(input, &command), ParseResult::kCommand);
  for (size_t i = 0; i < commands.size(); ++i) {
    EXPECT_THAT(commands[i].args(), ElementsAre("GET", "key:" + std::to_string(i)));
  }
}

TEST(ParserTest, ABigArgumentIsSharedAndASmallOneCopied) {
  for (const size_t size : {kBigArgumentBytes, kBigArgumentBytes + 1}) {
    InputBuffer input;
    Parser parser;
    Command command;
    const std::string value(size, 'v');
    const std::string wire = "*3\r\n" + Bulk("SET") + Bulk("key") + Bulk(value);
    std::string_view rest = wire;
    while (!rest.empty()) {
      rest = Receive(input, rest, kWhole);
      ASSERT_EQ(parser.Next(input, &command),
                rest.empty() ? ParseResult::kCommand : ParseResult::kNeedMore);
    }
    EXPECT_EQ(command.args()[2], value);
    const Bytes taken = command.ArgBytes(2);
    EXPECT_EQ(taken.view(), value);
    EXPECT_EQ(taken.view().data() == command.args()[2].data(), size > kBigArgumentBytes);
    EXPECT_EQ(command.ArgBytes(1).view(), "key");
    command.Clear();
    EXPECT_EQ(taken.view(), value);
  }
}

TEST(ParserTest, GivesBackRoomForManyArguments) {
  InputBuffer input;
  Parser parser;
  Command command;
  std::string wire = "*5000\r\n";
  for (int i = 0; i < 5000; ++i) wire += "$0\r\n\r\n";
  std::string_view rest = wire;
  while (!rest.empty()) {
    rest = Receive(input, rest, kWhole);
    parser.Next(input, &command);
  }
  ASSERT_THAT(command.args(), SizeIs(5000));
  command.Clear();
  EXPECT_LE(command.held_bytes() + parser.held_bytes(),
            2 * kArgumentsRetained * sizeof(std::string_view));
}

}  // namespace
}  // namespace weir::resp
