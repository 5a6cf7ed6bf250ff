#include "weir/cache/slabs.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir::cache {

size_t Slabs::ClassOf(size_t bytes) {
  if (bytes <= kTinyMax)
    return (std::max(bytes, kPieceMin) - kPieceMin + kTinyStep - 1) / kTinyStep;
  if (bytes <= kFineMax) return kTiny + (bytes - 1 - kTinyMax) / kFineStep;
  const auto doubling = static_cast<size_t>(std::bit_width((bytes - 1) / kFineMax)) - 1;
  const size_t base = kFineMax << doubling;
  const size_t step = base / kStepsPerDoubling;
  return kFine + doubling * kStepsPerDoubling + (bytes - 1 - base) / step;
}

size_t Slabs::ClassBytes(size_t index) {
  if (index < kTiny) return kPieceMin + index * kTinyStep;
  if (index < kFine) return kTinyMax + (index - kTiny + 1) * kFineStep;
  const size_t base = kFineMax << ((index - kFine) / kStepsPerDoubling);
  return base + ((index - kFine) % kStepsPerDoubling + 1) * (base / kStepsPerDoubling);
}

size_t Slabs::PieceBytes(size_t bytes) {
  return bytes > kClassBytesMax ? (bytes + 7) / 8 * 8 : ClassBytes(ClassOf(bytes));
}

uint32_t Slabs::NewPage(size_t piece_bytes, size_t bytes) {
  auto number = static_cast<uint32_t>(pages_.size());
  if (free_numbers_.empty()) {
    assert(number + 1 < uint32_t{1} << (31 - kSlotBits));  // So that a number has 31 bits.
    pages_.emplace_back();
    places_.emplace_back();
  } else {
    number = free_numbers_.back();
    free_numbers_.pop_back();
  }
  pages_[number] = Page();
  places_[number].memory.reset(new char[bytes]);
  places_[number].piece_bytes = static_cast<uint32_t>(piece_bytes);
  page_bytes_ += bytes;
  return number;
}

void Slabs::FreePage(uint32_t number) {
  Place& place = places_[number];
  page_bytes_ -= place.piece_bytes > kClassBytesMax ? place.piece_bytes : kPageBytes;
  place.memory.reset();
  free_numbers_.push_back(number);
}

void Slabs::Open(uint32_t number) {
  Page& page = pages_[number];
  uint32_t& first = open_[ClassOf(places_[number].piece_bytes)];
  page.previous = kNoPage;
  page.next = first;
  if (first != kNoPage) pages_[first].previous = number;
  first = number;
}

void Slabs::Close(uint32_t number) {
  const Page& page = pages_[number];
  if (page.previous == kNoPage) {
    open_[ClassOf(places_[number].piece_bytes)] = page.next;
  } else {
    pages_[page.previous].next = page.next;
  }
  if (page.next != kNoPage) pages_[page.next].previous = page.previous;
}

Slabs::Id Slabs::Allocate(size_t bytes) {
  assert(bytes > 0);
  const size_t piece_bytes = PieceBytes(bytes);
  piece_bytes_ += piece_bytes;
  if (piece_bytes > kClassBytesMax) {
    const uint32_t number = NewPage(piece_bytes, piece_bytes);
    pages_[number].used = 1;
    return number << kSlotBits;
  }
  uint32_t number = open_[ClassOf(piece_bytes)];
  if (number == kNoPage) {
    number = NewPage(piece_bytes, kPageBytes);
    Open(number);
  }
  Page& page = pages_[number];
  const char* memory = places_[number].memory.get();
  uint16_t slot = page.freed;
  if (slot != kNoSlot) {
    std::memcpy(&page.freed, memory + size_t{slot} * piece_bytes, sizeof(page.freed));
  } else {
    slot = page.fresh++;
  }
  if (++page.used == SlotsOf(piece_bytes)) Close(number);
  return number << kSlotBits | slot;
}

void Slabs::Free(Id id) {
  const uint32_t number = id >> kSlotBits;
  const auto slot = static_cast<uint16_t>(id & kSlotMask);
  Page& page = pages_[number];
  const size_t piece_bytes = places_[number].piece_bytes;
  piece_bytes_ -= piece_bytes;
  if (piece_bytes > kClassBytesMax) return FreePage(number);
  if (page.used == SlotsOf(piece_bytes)) Open(number);
  if (--page.used == 0) {
    Close(number);
    return FreePage(number);
  }
  std::memcpy(At(id), &page.freed, sizeof(page.freed));
  page.freed = slot;
}

void Slabs::Clear() {
  places_.clear();
  pages_.clear();
  free_numbers_.clear();
  open_.fill(kNoPage);
  piece_bytes_ = page_bytes_ = 0;
}

}  // namespace weir::cache
