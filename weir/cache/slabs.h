// Slabs: memory for many small pieces, each known by a 32-bit number.
//
// Pieces of one size class share pages of 32 KiB; a piece larger than kClassBytesMax has memory of
// its own. A page whose last piece is freed goes back to the system. Where there are more holes
// between the pieces of a class than kHoleBytes and a part of it, pieces are moved out of the page
// that has had holes for longest into those of others (Compact): so sizes may change, and any
// entries end, and the memory of what is gone is free.
//
// When not to use: where a pointer is as good as a number.
// Invariants: piece_bytes() is the sum of PieceBytes over all pieces; holes_bytes() is what of the
// pages was in use and is not, but for the page that is being emptied.
// Threads: single-owner. Cost: O(1); no piece has a header. Compact: for each piece that is freed
// one is moved at most, some more where a class has less than a few pages.
// Source: Bonwick, "The Slab Allocator", USENIX Summer 1994; differs: pieces have numbers, so they
// can be moved.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "weir/cache/page_memory.h"

namespace weir::cache {

class Slabs {
 public:
  using Id = uint32_t;
  static constexpr size_t kPageBytes = PageMemory::kPageBytes;
  static constexpr size_t kClassBytesMax = 8192;

  // Of a class, what may be free between pieces: so much, and a part of what its pieces take.
  static constexpr size_t kHoleBytes = 4096;
  static constexpr size_t kHolesShare = 64;

  Slabs();

  // Returns a piece of at least `bytes`. Throws std::bad_alloc.
  // Requires: 0 < bytes. The memory is 8-byte aligned when `bytes` is a multiple of 8, else maybe
  // not at all.
  Id Allocate(size_t bytes);
  void Free(Id id);
  // Frees all.
  void Clear();

  // Moves up to `most` pieces, if there are too many holes, to other numbers. Calls move(from, to)
  // for each, which is to bring its bytes there; `from` ends with the call. Throws std::bad_alloc.
  template <class Move>
  void Compact(size_t most, const Move& move);

  char* At(Id id) {
    const Place& place = places_[id >> kSlotBits];
    return place.memory + size_t{id & kSlotMask} * place.piece_bytes;
  }
  const char* At(Id id) const {
    const Place& place = places_[id >> kSlotBits];
    return place.memory + size_t{id & kSlotMask} * place.piece_bytes;
  }
  size_t PieceBytesOf(Id id) const { return places_[id >> kSlotBits].piece_bytes; }

  // Returns the size of a piece that is asked for with `bytes`.
  static size_t PieceBytes(size_t bytes);

  size_t piece_bytes() const { return piece_bytes_; }
  // What the pages take, of which what was never used need not be resident.
  size_t page_bytes() const { return page_bytes_; }
  size_t holes_bytes() const;

 private:
  static constexpr uint32_t kSlotBits = 11;
  static constexpr uint32_t kSlotMask = (1U << kSlotBits) - 1;
  static constexpr uint32_t kNoPage = ~uint32_t{0};
  static constexpr uint16_t kNoSlot = 0xffff;
  static constexpr size_t kPieceMin = 16;
  static constexpr size_t kTinyMax = 64;  // Classes are kTinyStep apart up to here,
  static constexpr size_t kTinyStep = 2;
  static constexpr size_t kFineMax = 256;  // then kFineStep.
  static constexpr size_t kFineStep = 4;
  static constexpr size_t kTiny = (kTinyMax - kPieceMin) / kTinyStep + 1;
  static constexpr size_t kFine = kTiny + (kFineMax - kTinyMax) / kFineStep;
  static constexpr size_t kStepsPerDoubling = 8;
  static constexpr size_t kClasses = kFine + 5 * kStepsPerDoubling;  // 256 · 2⁵ = 8192.

  // What At needs of a page, apart from the rest so that four share a cache line.
  struct Place {
    char* memory = nullptr;  // nullptr: a number that is free.
    uint32_t piece_bytes = 0;
  };
  struct Page {
    uint16_t used = 0;
    uint16_t fresh = 0;           // Slots from here on were never used.
    uint16_t freed = kNoSlot;     // The first of the freed slots, each of which names the next.
    uint32_t previous = kNoPage;  // Pages of the class that have room.
    uint32_t next = kNoPage;
  };

  // Of the pieces of one size.
  struct Class {
    // Pages that have room, those first that had none until lately: so they fill up again, and what
    // is in the last is moved.
    uint32_t first = kNoPage;
    uint32_t last = kNoPage;
    uint32_t bytes = 0;  // Of a piece.
    uint32_t used = 0;
    uint32_t holes = 0;  // Slots, as of holes_bytes().
  };
  static constexpr size_t kSlotsMax = kPageBytes / kPieceMin;
  // The page whose pieces are being moved. It has no room.
  struct Emptied {
    static constexpr size_t kWordBits = 64;

    uint32_t page = kNoPage;
    std::array<uint64_t, kSlotsMax / kWordBits> used{};  // A bit for each slot.
    size_t word = 0;                                     // All before are empty.
  };

  static_assert(kSlotsMax <= size_t{1} << kSlotBits);

  static size_t ClassOf(size_t bytes);
  static size_t ClassBytes(size_t index);
  static uint32_t SlotsOf(size_t piece_bytes) {
    return piece_bytes > kClassBytesMax ? 1 : static_cast<uint32_t>(kPageBytes / piece_bytes);
  }

  uint32_t NewPage(size_t piece_bytes);
  void FreePage(uint32_t number);
  void Open(uint32_t number);
  void Close(uint32_t number);
  static bool HasTooManyHoles(const Class& of) {
    const size_t taken = size_t{of.used} * of.bytes;
    return size_t{of.holes} * of.bytes > kHoleBytes + taken / kHolesShare;
  }
  // Returns whether a page of the class is to be emptied.
  bool BeginEmptying(const Class& of);
  // Of the class, or else of one other, which is not the same in the next call.
  bool FindToEmpty();
  void FreeEmptied(Id id);

  std::vector<Place> places_;  // By the number of the page, as pages_.
  std::vector<Page> pages_;
  std::vector<uint32_t> free_numbers_;
  std::array<Class, kClasses> classes_;
  PageMemory memory_;
  std::unordered_map<uint32_t, std::unique_ptr<char[]>> large_;  // By number.
  Emptied emptied_;
  size_t looked_at_ = 0;  // The class that FindToEmpty looked at last.
  size_t piece_bytes_ = 0;
  size_t page_bytes_ = 0;
};

template <class Move>
void Slabs::Compact(size_t most, const Move& move) {
  for (size_t moved = 0; moved < most; ++moved) {
    if (emptied_.page == kNoPage && !FindToEmpty()) return;
    while (emptied_.used[emptied_.word] == 0) ++emptied_.word;
    const auto slot = emptied_.word * Emptied::kWordBits +
                      static_cast<size_t>(std::countr_zero(emptied_.used[emptied_.word]));
    const Id from = emptied_.page << kSlotBits | static_cast<Id>(slot);
    move(from, Allocate(PieceBytesOf(from)));
    Free(from);
  }
}

}  // namespace weir::cache
