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

Slabs::Slabs() {
  for (size_t index = 0; index < kClasses; ++index) {
    classes_[index].bytes = static_cast<uint32_t>(ClassBytes(index));
  }
}

uint32_t Slabs::NewPage(size_t piece_bytes) {
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
  places_[number].piece_bytes = static_cast<uint32_t>(piece_bytes);
  if (piece_bytes > kClassBytesMax) {
    auto& memory = large_[number];
    memory.reset(new char[piece_bytes]);
    places_[number].memory = memory.get();
    page_bytes_ += piece_bytes;
  } else {
    places_[number].memory = memory_.Take();
    page_bytes_ += kPageBytes;
  }
  return number;
}

void Slabs::FreePage(uint32_t number) {
  Place& place = places_[number];
  if (place.piece_bytes > kClassBytesMax) {
    page_bytes_ -= place.piece_bytes;
    large_.erase(number);
  } else {
    page_bytes_ -= kPageBytes;
    memory_.Give(place.memory);
  }
  place.memory = nullptr;
  free_numbers_.push_back(number);
}

void Slabs::Open(uint32_t number) {
  Page& page = pages_[number];
  Class& of = classes_[ClassOf(places_[number].piece_bytes)];
  page.previous = kNoPage;
  page.next = of.first;
  (of.first == kNoPage ? of.last : pages_[of.first].previous) = number;
  of.first = number;
}

void Slabs::Close(uint32_t number) {
  const Page& page = pages_[number];
  Class& of = classes_[ClassOf(places_[number].piece_bytes)];
  (page.previous == kNoPage ? of.first : pages_[page.previous].next) = page.next;
  (page.next == kNoPage ? of.last : pages_[page.next].previous) = page.previous;
}

Slabs::Id Slabs::Allocate(size_t bytes) {
  assert(bytes > 0);
  const size_t piece_bytes = PieceBytes(bytes);
  if (piece_bytes > kClassBytesMax) {
    const uint32_t number = NewPage(piece_bytes);
    pages_[number].used = 1;
    piece_bytes_ += piece_bytes;
    return number << kSlotBits;
  }
  Class& of = classes_[ClassOf(piece_bytes)];
  uint32_t number = of.first;
  if (number == kNoPage) {
    number = NewPage(piece_bytes);
    Open(number);
  }
  Page& page = pages_[number];
  const char* memory = places_[number].memory;
  uint16_t slot = page.freed;
  if (slot != kNoSlot) {
    std::memcpy(&page.freed, memory + size_t{slot} * piece_bytes, sizeof(page.freed));
    --of.holes;
  } else {
    slot = page.fresh++;
  }
  ++of.used;
  piece_bytes_ += piece_bytes;
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
  Class& of = classes_[ClassOf(piece_bytes)];
  --of.used;
  if (number == emptied_.page) return FreeEmptied(id);
  if (page.used == SlotsOf(piece_bytes)) Open(number);
  if (--page.used == 0) {
    of.holes -= page.fresh - 1U;
    Close(number);
    return FreePage(number);
  }
  ++of.holes;
  std::memcpy(At(id), &page.freed, sizeof(page.freed));
  page.freed = slot;
  if (emptied_.page == kNoPage) BeginEmptying(of);
}

bool Slabs::BeginEmptying(const Class& of) {
  if (!HasTooManyHoles(of)) return false;
  const uint32_t number = of.last;
  const Page& page = pages_[number];
  emptied_ = {number, {}, 0};
  const auto set = [this](size_t slot) -> uint64_t& {
    return emptied_.used[slot / Emptied::kWordBits];
  };
  for (size_t slot = 0; slot < page.fresh; ++slot) {
    set(slot) |= uint64_t{1} << slot % Emptied::kWordBits;
  }
  for (uint16_t slot = page.freed; slot != kNoSlot;) {
    set(slot) &= ~(uint64_t{1} << slot % Emptied::kWordBits);
    std::memcpy(&slot, At(number << kSlotBits | slot), sizeof(slot));
  }
  Close(number);
  classes_[ClassOf(of.bytes)].holes -= uint32_t{page.fresh} - page.used;
  return true;
}

bool Slabs::FindToEmpty() {
  if (BeginEmptying(classes_[looked_at_])) return true;
  looked_at_ = (looked_at_ + 1) % kClasses;
  return BeginEmptying(classes_[looked_at_]);
}

void Slabs::FreeEmptied(Id id) {
  const size_t slot = id & kSlotMask;
  emptied_.used[slot / Emptied::kWordBits] &= ~(uint64_t{1} << slot % Emptied::kWordBits);
  if (--pages_[emptied_.page].used > 0) return;
  looked_at_ = ClassOf(places_[emptied_.page].piece_bytes);
  FreePage(emptied_.page);
  emptied_.page = kNoPage;
}

size_t Slabs::holes_bytes() const {
  size_t bytes = 0;
  for (const Class& of : classes_) bytes += size_t{of.holes} * of.bytes;
  return bytes;
}

void Slabs::Clear() {
  *this = Slabs();
}

}  // namespace weir::cache
