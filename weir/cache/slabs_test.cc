// Goal: pieces never overlap, sizes add up, and memory that is free goes back.
// Method: random histories of pieces filled with a pattern of their own; sizes at class edges.

#include "weir/cache/slabs.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
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
  size_t moves = 0;
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
      slabs.Compact(random.Below(4), [&](Slabs::Id from, Slabs::Id to) {
        const auto moved = std::find_if(pieces.begin(), pieces.end(),
                                        [&](const Piece& each) { return each.id == from; });
        ASSERT_NE(moved, pieces.end());
        std::memcpy(slabs.At(to), slabs.At(from), moved->bytes);
        moved->id = to;
        ++moves;
      });
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
  EXPECT_GT(moves, 1000U);
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

TEST(Slabs, OfManyPiecesAFewAreLeftInLittleMoreMemoryForAMoveEachThatIsFreed) {
  for (const size_t bytes : {16, 62, 300, 1500, 8192}) {
    const size_t slots = Slabs::kPageBytes / Slabs::PieceBytes(bytes);
    Random random(bytes);
    Slabs slabs;
    std::vector<Slabs::Id> ids;
    std::unordered_map<Slabs::Id, size_t> places;  // In ids.
    for (size_t n = 0; n < 50 * slots; ++n) {
      ids.push_back(slabs.Allocate(bytes));
      places[ids.back()] = n;
    }
    size_t moves = 0;
    size_t frees = 0;
    const auto move = [&](Slabs::Id from, Slabs::Id to) {
      const size_t place = places.at(from);
      places.erase(from);
      ids[place] = to;
      ASSERT_TRUE(places.emplace(to, place).second);
      ++moves;
    };
    while (ids.size() > 5 * slots) {
      const size_t place = random.Below(ids.size());
      std::swap(ids[place], ids.back());
      places[ids[place]] = place;
      places.erase(ids.back());
      slabs.Free(ids.back());
      ids.pop_back();
      ++frees;
      slabs.Compact(2, move);
    }
    EXPECT_LE(slabs.page_bytes(), 8 * Slabs::kPageBytes) << bytes;
    EXPECT_LE(slabs.holes_bytes(),
              Slabs::kHoleBytes + ids.size() * bytes / Slabs::kHolesShare + Slabs::kPageBytes);
    EXPECT_LE(moves, frees) << bytes;
  }
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
