// Goal: what goes out is what came in, in order, however it is cut; memory is bounded and given
// back. Method: a string as model under random appends and consumes (RapidCheck), and the named
// sizes at and one past.
#include "weir/resp/output_buffer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "weir/base/random.h"

namespace weir::resp {
namespace {

std::string Pending(const OutputBuffer& output) {
  std::array<OutputBuffer::Span, 1000> spans;
  std::string bytes;
  const size_t count = output.Spans(spans);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_GT(spans[i].size, 0U);
    bytes.append(spans[i].data, spans[i].size);
  }
  return bytes;
}

std::string Text(size_t size, uint64_t seed) {
  std::string text(size, '\0');
  Random random(seed);
  for (char& c : text) c = static_cast<char>(random.Next());
  return text;
}

TEST(OutputBufferTest, StartsEmptyAndHoldsNothing) {
  OutputBuffer output;
  std::array<OutputBuffer::Span, 4> spans;
  EXPECT_TRUE(output.empty());
  EXPECT_EQ(output.held_bytes(), 0U);
  EXPECT_EQ(output.Spans(spans), 0U);
  output.Consume(0);
  output.ReleaseIdle();
  EXPECT_TRUE(output.empty());
}

TEST(OutputBufferTest, SharedValuesAreNotCopiedAndKeepTheirPlace) {
  OutputBuffer output;
  const Bytes value = Bytes::Copy("value");
  output.Append("a");
  output.AppendShared(value, value.view().substr(1, 3));
  output.AppendShared(value, value.view());
  output.Append("b");
  std::array<OutputBuffer::Span, 4> spans;
  ASSERT_EQ(output.Spans(spans), 4U);
  EXPECT_EQ(spans[1].data, value.view().data() + 1);
  EXPECT_EQ(spans[1].size, 3U);
  EXPECT_EQ(Pending(output), "aaluvalueb");
  EXPECT_EQ(output.pending_bytes(), 10U);
}

TEST(OutputBufferTest, SharedValuesLiveUntilTheyAreSent) {
  OutputBuffer output;
  output.AppendShared(Bytes::Copy("one"), {});
  {
    const Bytes value = Bytes::Copy("value");
    output.AppendShared(value, value.view());
  }
  output.Consume(4);
  EXPECT_EQ(Pending(output), "e");
  output.Consume(1);
  EXPECT_TRUE(output.empty());
}

TEST(OutputBufferTest, SpansShowAsManyAsThereIsRoomFor) {
  OutputBuffer output;
  const Bytes value = Bytes::Copy("v");
  for (int i = 0; i < 5; ++i) output.AppendShared(value, value.view());
  std::array<OutputBuffer::Span, 3> spans;
  EXPECT_EQ(output.Spans(spans), 3U);
  EXPECT_EQ(output.pending_bytes(), 5U);
}

TEST(OutputBufferTest, ReserveTakesItsLargestSizeAcrossBlocks) {
  OutputBuffer output;
  std::string model;
  for (int i = 0; i < 100; ++i) {
    const std::string text = Text(kOutputReserveBytesMax, static_cast<uint64_t>(i));
    char* const at = output.Reserve(text.size());
    std::memcpy(at, text.data(), text.size());
    output.Advance(at + text.size());
    model += text;
  }
  EXPECT_EQ(Pending(output), model);
}

TEST(OutputBufferTest, KeepsSpareBlocksUpToTheirLimit) {
  OutputBuffer output;
  output.Append(Text((1 + kOutputSpareBlocks) * kOutputBlockBytes, 1));
  const size_t held = output.held_bytes();
  output.Consume(output.pending_bytes());
  EXPECT_EQ(output.held_bytes() / kOutputBlockBytes, held / kOutputBlockBytes);
  output.Append(Text((2 + kOutputSpareBlocks) * kOutputBlockBytes, 1));
  EXPECT_GE(output.held_bytes(), (2 + kOutputSpareBlocks) * kOutputBlockBytes);
  output.Consume(output.pending_bytes());
  EXPECT_EQ(output.held_bytes() / kOutputBlockBytes, 1 + kOutputSpareBlocks);
}

TEST(OutputBufferTest, GivesBackRoomForManyPieces) {
  const Bytes value = Bytes::Copy("v");
  OutputBuffer output;
  for (size_t i = 0; i < 4 * kOutputPiecesRetained; ++i) output.AppendShared(value, value.view());
  EXPECT_GT(output.held_bytes(), 4 * kOutputPiecesRetained * sizeof(Bytes));
  output.Consume(output.pending_bytes());
  EXPECT_EQ(output.held_bytes(), 0U);
}

TEST(OutputBufferTest, ReleasesAllWhenIdleAndNothingWhilePending) {
  OutputBuffer output;
  output.Append("pending");
  output.ReleaseIdle();
  EXPECT_EQ(Pending(output), "pending");
  output.Consume(7);
  EXPECT_GE(output.held_bytes(), kOutputBlockBytes);
  output.ReleaseIdle();
  EXPECT_EQ(output.held_bytes(), 0U);
  output.Append("again");
  EXPECT_EQ(Pending(output), "again");
}

TEST(OutputBufferTest, SmallPiecesBetweenSharedValuesFillOneBlock) {
  OutputBuffer output;
  const Bytes value = Bytes::Copy(std::string(20'000, 'v'));
  for (int i = 0; i < 64; ++i) {
    output.Append("$20000\r\n");
    output.AppendShared(value, value.view());
    output.Append("\r\n");
  }
  EXPECT_LT(output.held_bytes(), 64 * value.size() + 3 * kOutputBlockBytes);
}

TEST(OutputBufferTest, BehavesAsAString) {
  EXPECT_TRUE(rc::check("random appends and consumes", [] {
    OutputBuffer output;
    std::string model;
    Random random(*rc::gen::arbitrary<uint64_t>());
    for (int step = 0; step < 200; ++step) {
      const size_t size = random.Below(random.OneIn(4) ? 40'000 : 600);
      const std::string text = Text(size, random.Next());
      switch (random.Below(4)) {
        case 0:
          output.Append(text);
          model += text;
          break;
        case 1: {
          const Bytes value = Bytes::Copy(text);
          output.AppendShared(value, value.view());
          model += text;
          break;
        }
        case 2: {
          const size_t used = std::min(size, kOutputReserveBytesMax);
          char* const at = output.Reserve(used);
          if (used > 0) std::memcpy(at, text.data(), used);
          output.Advance(at + used);
          model.append(text, 0, used);
          break;
        }
        default: {
          const size_t sent = random.OneIn(3) ? model.size() : random.Below(model.size() + 1);
          output.Consume(sent);
          model.erase(0, sent);
          break;
        }
      }
      RC_ASSERT(output.pending_bytes() == model.size());
      RC_ASSERT(Pending(output) == model);
    }
    output.Consume(model.size());
    RC_ASSERT(output.held_bytes() <=
              (1 + kOutputSpareBlocks) * kOutputBlockBytes + kOutputPiecesRetained * 64);
  }));
}

}  // namespace
}  // namespace weir::resp
