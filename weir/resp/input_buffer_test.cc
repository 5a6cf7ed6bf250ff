// Goal: the buffer holds no more than the bytes that arrived allow, grows and shrinks at its named
// sizes, and work stays proportional to the bytes. Method: drive it through the parser.
#include "weir/resp/input_buffer.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/resp/chunk_feed.h"
#include "weir/resp/parser.h"

namespace weir::resp {
namespace {

constexpr size_t kWhole = size_t{1} << 40;

TEST(InputBufferTest, HoldsNothingUntilSomethingIsReceived) {
  InputBuffer input;
  EXPECT_EQ(input.held_bytes(), 0U);
  EXPECT_TRUE(input.empty());
  EXPECT_EQ(input.Writable().size(), kInputInitialBytes);
  EXPECT_EQ(input.held_bytes(), kInputInitialBytes);
}

TEST(InputBufferTest, ReleasesAllWhenIdleAndNothingInTheMiddleOfACommand) {
  InputBuffer input;
  Parser parser;
  Command command;
  Receive(input, "PING\r\nPI", kWhole);
  ASSERT_EQ(parser.Next(input, &command), ParseResult::kCommand);
  ASSERT_EQ(parser.Next(input, &command), ParseResult::kNeedMore);
  input.ReleaseIdle();
  EXPECT_EQ(input.held_bytes(), kInputInitialBytes);
  Receive(input, "NG\r\n", kWhole);
  ASSERT_EQ(parser.Next(input, &command), ParseResult::kCommand);
  EXPECT_EQ(command.args()[0], "PING");
  input.ReleaseIdle();
  EXPECT_EQ(input.held_bytes(), 0U);
}

TEST(InputBufferTest, AlwaysOffersRoom) {
  InputBuffer input;
  Parser parser;
  Command command;
  for (size_t received = 0; received < 60'000; received += 100) {
    EXPECT_GE(input.Writable().size(), kInputReadBytesMin);
    Receive(input, std::string(100, 'i'), kWhole);
    ASSERT_EQ(parser.Next(input, &command), ParseResult::kNeedMore);
  }
}

TEST(InputBufferTest, MovesTheUnfinishedCommandInsteadOfGrowing) {
  InputBuffer input;
  Parser parser;
  Command command;
  // A command of 40 bytes in receives of 39: something unfinished is always left.
  const std::string wire = "*2\r\n$4\r\nECHO\r\n$18\r\n0123456789abcdefgh\r\n";
  std::string stream;
  for (int i = 0; i < 2000; ++i) stream += wire;
  size_t commands = 0;
  for (std::string_view rest = stream; !rest.empty();) {
    rest = Receive(input, rest, wire.size() - 1);
    while (parser.Next(input, &command) == ParseResult::kCommand) ++commands;
    ASSERT_EQ(input.held_bytes(), kInputInitialBytes);
  }
  EXPECT_EQ(commands, 2000U);
}

TEST(InputBufferTest, ShrinksAfterABurstAlthoughACommandIsUnfinished) {
  InputBuffer input;
  Parser parser;
  Command command;
  std::string wire = "*100000\r\n";
  for (int i = 0; i < 100'000; ++i) wire += "$1\r\nx\r\n";
  wire += "PI";
  for (std::string_view rest = wire; !rest.empty();) {
    rest = Receive(input, rest, kWhole);
    parser.Next(input, &command);
  }
  EXPECT_GT(input.held_bytes(), wire.size());
  Receive(input, "NG\r\n", kWhole);
  EXPECT_EQ(input.held_bytes(), kInputRetainedBytes);
  ASSERT_EQ(parser.Next(input, &command), ParseResult::kCommand);
  EXPECT_EQ(command.args()[0], "PING");
}

TEST(InputBufferTest, LargestOrdinaryArgumentsKeepOneBuffer) {
  InputBuffer input;
  Parser parser;
  Command command;
  const std::string wire = "*1\r\n$32768\r\n" + std::string(kBigArgumentBytes, 'v') + "\r\n";
  size_t commands = 0;
  for (int i = 0; i < 10; ++i) {
    for (std::string_view rest = wire; !rest.empty();) {
      rest = Receive(input, rest, kWhole);
      commands += parser.Next(input, &command) == ParseResult::kCommand ? 1 : 0;
    }
    EXPECT_EQ(input.held_bytes(), kInputRetainedBytes);
  }
  EXPECT_EQ(commands, 10U);
}

TEST(InputBufferTest, MemoryFollowsTheBytesOfABigArgument) {
  std::string wire = "*1\r\n$10000000\r\n" + std::string(10'000'000, 'v') + "\r\n";
  const auto check = [](size_t received, size_t held) {
    ASSERT_LE(held, kBigArgumentGrowth * received + 2 * kInputRetainedBytes);
  };
  for (const size_t chunk : {size_t{1000}, kWhole}) {
    const Transcript seen = Feed(
        wire, {}, [chunk] { return chunk; }, check);
    ASSERT_EQ(seen.commands.size(), 1U);
    EXPECT_EQ(seen.commands[0][0].size(), 10'000'000U);
  }
}

TEST(InputBufferTest, MemoryFollowsTheBytesOfManySmallArguments) {
  std::string wire = "*1000000\r\n";
  for (int i = 0; i < 1'000'000; ++i) wire += "$0\r\n\r\n";
  // Six bytes on the wire are 16 for where the argument is and 16 for its view, in vectors that
  // double.
  const Transcript seen = Feed(
      wire, {}, [] { return kWhole; },
      [](size_t received, size_t held) {
        ASSERT_LE(held, 16 * received + 2 * kInputRetainedBytes);
      });
  ASSERT_EQ(seen.commands.size(), 1U);
  EXPECT_EQ(seen.commands[0].size(), 1'000'000U);
}

}  // namespace
}  // namespace weir::resp
