// Marks: up to 64 list nodes that carry a tick, oldest first. Private to Order.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::cache {

class Marks {
 public:
  using Id = uint32_t;
  static constexpr size_t kMarksMax = 64;
  static constexpr Id kNone = ~Id{0};
  // Ids from here to kNone are marks, not entries.
  static constexpr Id kFirst = kNone - kMarksMax;

  struct Mark {
    Id prev = kNone;
    Id next = kNone;
    uint64_t tick = 0;
    bool used = false;
  };

  static bool IsMark(Id id) { return id >= kFirst && id != kNone; }

  Mark& operator[](Id id) { return marks_[id - kFirst]; }
  const Mark& operator[](Id id) const { return marks_[id - kFirst]; }

  bool full() const { return count_ == kMarksMax; }
  bool Due(uint64_t tick) const { return tick >= due_; }

  // Marks are made with rising ticks.
  Id Make(uint64_t tick) {
    assert(!full());
    if (marks_.empty()) {  // Most orders never make one.
      marks_.resize(kMarksMax);
      ages_.resize(kMarksMax);
    }
    size_t slot = 0;
    while (marks_[slot].used) ++slot;
    marks_[slot] = {kNone, kNone, tick, true};
    const Id id = kFirst + static_cast<Id>(slot);
    ages_[count_++] = id;
    const uint64_t span = tick - marks_[ages_[0] - kFirst].tick;
    due_ = tick + 1 + span / (kMarksMax * 3 / 4);
    return id;
  }
  void Free(Id id) {
    size_t at = 0;
    while (ages_[at] != id) ++at;
    for (; at + 1 < count_; ++at) ages_[at] = ages_[at + 1];
    --count_;
    marks_[id - kFirst].used = false;
  }
  Id oldest() const { return count_ == 0 ? kNone : ages_[0]; }
  Id newer(Id id) const {
    size_t at = 0;
    while (ages_[at] != id) ++at;
    return at + 1 < count_ ? ages_[at + 1] : kNone;
  }

 private:
  std::vector<Mark> marks_;
  std::vector<Id> ages_;  // The first count_, rising.
  size_t count_ = 0;
  uint64_t due_ = 0;
};

}  // namespace weir::cache
