// TimingWheel: which entries are over, in the order of their ends, without a scan.
//
// Eleven wheels of 64 slots: those of the first are a millisecond, of each further one as long as
// the whole of the one before. An entry waits in the first wheel in which its end is not in the
// slot of the present time, and moves to a finer one when the time enters its slot. Entries are
// numbers; their links and ends live with the owner (`Nodes`), as with Order.
//
// Nodes gives for an id: end_prev and end_next with setters, and cached_until, which must not
// change while the entry is here.
//
// When not to use: for times that are looked for by value.
// Invariant: no entry ends before the present time but those of the present slots.
// Threads: single-owner. Cost: O(1); an entry moves at most ten times in its life.
// Source: Varghese & Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "weir/base/time.h"

namespace weir::cache {

template <class Nodes>
class TimingWheel {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = ~Id{0};

  TimingWheel() { heads_.fill(kNone); }

  // Requires: the entry is not here, and its end is not kNever.
  void Insert(Nodes& nodes, Id id, WallTime now) {
    if (count_ == 0) time_ = std::max(time_, Unsigned(now));
    ++count_;
    Link(nodes, id);
  }

  void Remove(Nodes& nodes, Id id) {
    Unlink(nodes, id);
    --count_;
  }

  // An entry that is here has another number, under which Nodes has all of it.
  void Renumber(Nodes& nodes, Id to) {
    const Id prev = nodes.end_prev(to);
    const Id next = nodes.end_next(to);
    prev < kFirstSlot ? nodes.set_end_next(prev, to) : void(heads_[prev - kFirstSlot] = to);
    if (next != kNone) nodes.set_end_prev(next, to);
  }

  // Moves the time to `now`, and calls due(id) for each entry that ends by then; due must Remove
  // it. Returns after `most` steps, each one entry that is due or moves.
  // Returns the steps; with fewer than `most` all that is due is gone.
  template <class Due>
  size_t Advance(Nodes& nodes, WallTime now, size_t most, const Due& due) {
    size_t steps = 0;
    while (count_ > 0) {
      const Stop stop = NextStop();
      if (stop.time > Unsigned(now)) break;
      time_ = std::max(time_, stop.time);
      for (; heads_[stop.slot] != kNone; ++steps) {
        if (steps == most) return steps;
        const Id id = heads_[stop.slot];
        if (stop.slot < kSlots) {
          due(id);
          assert(heads_[stop.slot] != id);
        } else {
          Unlink(nodes, id);
          Link(nodes, id);
        }
      }
    }
    time_ = std::max(time_, Unsigned(now));
    return steps;
  }

  // No entry ends before this; kNever when there is none.
  WallTime next() const {
    return count_ == 0 ? kNever : WallTime{static_cast<int64_t>(NextStop().time)};
  }
  size_t count() const { return count_; }

 private:
  static constexpr size_t kWheels = 11;  // Of six bits each: all of a time.
  static constexpr size_t kBits = 6;
  static constexpr size_t kSlots = size_t{1} << kBits;
  // An id from here on that stands before an entry is a slot.
  static constexpr Id kFirstSlot = kNone - kWheels * kSlots;

  struct Stop {
    size_t slot = 0;
    uint64_t time = 0;  // When it begins.
  };

  static uint64_t Unsigned(WallTime time) {
    return static_cast<uint64_t>(std::max<int64_t>(time.ms, 0));
  }
  static size_t Digit(uint64_t time, size_t wheel) {
    return time >> (wheel * kBits) & (kSlots - 1);
  }
  // The time with the digits of all wheels up to this one zero.
  static uint64_t Above(uint64_t time, size_t wheel) {
    const size_t bits = (wheel + 1) * kBits;
    return bits >= 64 ? 0 : time >> bits << bits;
  }

  void Link(Nodes& nodes, Id id) {
    const uint64_t end = std::max(Unsigned(nodes.cached_until(id)), time_);
    const uint64_t differs = end ^ time_;
    const size_t wheel =
        differs == 0 ? 0 : (static_cast<size_t>(std::bit_width(differs)) - 1) / kBits;
    const size_t slot = wheel * kSlots + Digit(end, wheel);
    Id& head = heads_[slot];
    nodes.set_end_prev(id, kFirstSlot + static_cast<Id>(slot));
    nodes.set_end_next(id, head);
    if (head != kNone) nodes.set_end_prev(head, id);
    head = id;
    occupied_[wheel] |= uint64_t{1} << (slot % kSlots);
  }

  void Unlink(Nodes& nodes, Id id) {
    const Id prev = nodes.end_prev(id);
    const Id next = nodes.end_next(id);
    if (next != kNone) nodes.set_end_prev(next, prev);
    if (prev < kFirstSlot) return nodes.set_end_next(prev, next);
    const size_t slot = prev - kFirstSlot;
    heads_[slot] = next;
    if (next == kNone) occupied_[slot / kSlots] &= ~(uint64_t{1} << (slot % kSlots));
  }

  // The next slot with entries. Requires: there is one.
  Stop NextStop() const {
    // One that the time has entered, but that is not empty yet.
    for (size_t wheel = kWheels; --wheel > 0;) {
      const size_t digit = Digit(time_, wheel);
      if ((occupied_[wheel] >> digit & 1) == 0) continue;
      return {wheel * kSlots + digit, Above(time_, wheel - 1)};
    }
    for (size_t wheel = 0; wheel < kWheels; ++wheel) {
      const uint64_t left = occupied_[wheel] & ~uint64_t{0} << Digit(time_, wheel);
      if (left == 0) continue;
      const auto digit = static_cast<size_t>(std::countr_zero(left));
      return {wheel * kSlots + digit, Above(time_, wheel) | static_cast<uint64_t>(digit)
                                                                << (wheel * kBits)};
    }
    assert(false);
    return {};
  }

  uint64_t time_ = 0;  // In milliseconds.
  size_t count_ = 0;
  std::array<uint64_t, kWheels> occupied_{};  // A bit for each slot.
  std::array<Id, kWheels * kSlots> heads_;
};

}  // namespace weir::cache
