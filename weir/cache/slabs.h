// Slabs: memory for many small pieces, each known by a 32-bit number.
//
// Pieces of one size class share pages of 32 KiB; a piece larger than kClassBytesMax has memory of
// its own. A page whose last piece is freed goes back to the system's allocator.
//
// When not to use: where a pointer is as good as a number.
// Invariant: piece_bytes() is the sum of PieceBytes over all pieces.
// Threads: single-owner. Cost: O(1); no piece has a header.
// Source: Bonwick, "The Slab Allocator", USENIX Summer 1994.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weir::cache {

class Slabs {
 public:
  using Id = uint32_t;
  static constexpr size_t kPageBytes = 32768;
  static constexpr size_t kClassBytesMax = 8192;

  Slabs() { open_.fill(kNoPage); }

  // Returns a piece of at least `bytes`. Throws std::bad_alloc.
  // Requires: 0 < bytes. The memory is 8-byte aligned when `bytes` is a multiple of 8, else maybe
  // not at all.
  Id Allocate(size_t bytes);
  void Free(Id id);
  // Frees all.
  void Clear();

  char* At(Id id) {
    const Place& place = places_[id >> kSlotBits];
    return place.memory.get() + size_t{id & kSlotMask} * place.piece_bytes;
  }
  const char* At(Id id) const {
    const Place& place = places_[id >> kSlotBits];
    return place.memory.get() + size_t{id & kSlotMask} * place.piece_bytes;
  }
  size_t PieceBytesOf(Id id) const { return places_[id >> kSlotBits].piece_bytes; }

  // Returns the size of a piece that is asked for with `bytes`.
  static size_t PieceBytes(size_t bytes);

  size_t piece_bytes() const { return piece_bytes_; }
  // What the pages take.
  size_t page_bytes() const { return page_bytes_; }

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
    std::unique_ptr<char[]> memory;  // nullptr: a number that is free.
    uint32_t piece_bytes = 0;
  };
  struct Page {
    uint16_t used = 0;
    uint16_t fresh = 0;           // Slots from here on were never used.
    uint16_t freed = kNoSlot;     // The first of the freed slots, each of which names the next.
    uint32_t previous = kNoPage;  // Pages of the class that have room.
    uint32_t next = kNoPage;
  };

  static_assert(kPageBytes / kPieceMin <= size_t{1} << kSlotBits);

  static size_t ClassOf(size_t bytes);
  static size_t ClassBytes(size_t index);
  static uint32_t SlotsOf(size_t piece_bytes) {
    return piece_bytes > kClassBytesMax ? 1 : static_cast<uint32_t>(kPageBytes / piece_bytes);
  }

  uint32_t NewPage(size_t piece_bytes, size_t bytes);
  void FreePage(uint32_t number);
  void Open(uint32_t number);
  void Close(uint32_t number);

  std::vector<Place> places_;  // By the number of the page, as pages_.
  std::vector<Page> pages_;
  std::vector<uint32_t> free_numbers_;
  std::array<uint32_t, kClasses + 1> open_;  // By class: the first page that has room.
  size_t piece_bytes_ = 0;
  size_t page_bytes_ = 0;
};

}  // namespace weir::cache
