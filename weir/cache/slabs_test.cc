// Goal: pieces never overlap, sizes add up, and memory that is free goes back.
// Method: random histories of pieces filled with a pattern of their own; sizes at class edges.

#include "weir/cache/slabs.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cache {
namespace {

struct Piece {
  Slabs::Id id = 0;
  size_t bytes = 0;
  char pattern = 0;
};

TEST(Slabs, PiecesKeepWhatIsWrittenAndTheirSizesAddUp) {
  Random random(20261126);
  Slabs slabs;
  std::vector<Piece> pieces;
  size_t sum = 0;
  for (int step = 0; step < 60'000; ++step) {
    if (!pieces.empty() && random.OneIn(step < 30'000 ? 3 : 2)) {
      std::swap(pieces[random.Below(pieces.size())], pieces.back());
      const Piece piece = pieces.back();
      pieces.pop_back();
      const char* data = slabs.At(piece.id);
      ASSERT_EQ(std::count(data, data + piece.bytes, piece.pattern),
                static_cast<ptrdiff_t>(piece.bytes));
      sum -= Slabs::PieceBytes(piece.bytes);
      slabs.Free(piece.id);
    } else {
      const size_t bytes = 1 + random.Below(random.OneIn(50) ? 20'000 : 500);
      const auto pattern = static_cast<char>(random.Below(256));
      pieces.push_back({slabs.Allocate(bytes), bytes, pattern});
      std::memset(slabs.At(pieces.back().id), pattern, bytes);
      ASSERT_EQ(slabs.PieceBytesOf(pieces.back().id), Slabs::PieceBytes(bytes));
      sum += Slabs::PieceBytes(bytes);
    }
    ASSERT_EQ(slabs.piece_bytes(), sum);
    ASSERT_GE(slabs.page_bytes(), sum);
  }
  for (const Piece& piece : pieces) slabs.Free(piece.id);
  EXPECT_EQ(slabs.piece_bytes(), 0U);
  EXPECT_EQ(slabs.page_bytes(), 0U);
}

TEST(Slabs, APieceHasAtLeastTheBytesAskedForAndAtMostAnEighthMoreButSixteen) {
  for (size_t bytes = 1; bytes <= 3 * Slabs::kClassBytesMax; ++bytes) {
    ASSERT_GE(Slabs::PieceBytes(bytes), bytes);
    ASSERT_LE(Slabs::PieceBytes(bytes),
              std::max<size_t>(16, bytes + std::max<size_t>(8, bytes / 8)))
        << bytes;
    ASSERT_EQ(Slabs::PieceBytes(Slabs::PieceBytes(bytes)), Slabs::PieceBytes(bytes));
  }
}

TEST(Slabs, APageIsFilledBeforeTheNextIsTaken) {
  Slabs slabs;
  constexpr size_t kPieces = Slabs::kPageBytes / 64;
  for (size_t n = 0; n < kPieces; ++n) slabs.Allocate(64);
  EXPECT_EQ(slabs.page_bytes(), Slabs::kPageBytes);
  slabs.Allocate(64);
  EXPECT_EQ(slabs.page_bytes(), 2 * Slabs::kPageBytes);
}

TEST(Slabs, ClearFreesAllAndLeavesThemUsable) {
  Slabs slabs;
  for (const size_t bytes : {1, 100, 9000}) slabs.Allocate(bytes);
  slabs.Clear();
  EXPECT_EQ(slabs.page_bytes(), 0U);
  std::memset(slabs.At(slabs.Allocate(100)), 'x', 100);
}

}  // namespace
}  // namespace weir::cache
