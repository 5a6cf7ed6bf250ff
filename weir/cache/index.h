// Index: hash → entry, open addressing that grows a few slots at a time.
//
// A slot is an entry's number with 32 bits of its hash, so a probe rarely touches a wrong entry and
// a move touches none. Changing the size (and purging removed slots) moves kMigrateSlots slots with
// each insertion, and new slots are zero pages of the system, so no single operation is long.
//
// When not to use: outside Cache; it neither owns entries nor compares keys by itself.
// Invariants:
//   1. Every entry is in exactly one slot, of table_ or, while it migrates, of old_.
//   2. Both tables have an empty slot, so every probe ends.
// Threads: single-owner.
// Source: Knuth, The Art of Computer Programming 3, 6.4, linear probing with removal marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "weir/cache/entries.h"

namespace weir::cache {

class Index {
 public:
  Index();

  using Id = Entries::Id;

  // Returns the entry of `key`, or Entries::kNone. Cost: about one slot line and the entry's line.
  Id Find(const Entries& entries, std::string_view key, uint32_t hash) const;
  // Requires: no entry of this key is present. Cost: amortised O(1).
  void Insert(Id id, uint32_t hash);
  // Requires: the entry is present.
  void Remove(Id id, uint32_t hash);

  // Calls `visit` for the number of every entry, in no order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Table* table : {&table_, &old_}) {
      for (size_t i = 0; i < table->count; ++i) {
        if (table->slots[i] > kRemoved) visit(SlotId(table->slots[i]));
      }
    }
  }

  // Brings the first slot of `hash` into the CPU cache; the entry behind it with PrefetchEntry.
  void PrefetchSlot(uint32_t hash) const;
  void PrefetchEntry(const Entries& entries, uint32_t hash) const;

  size_t size() const { return size_; }
  size_t bytes() const { return (table_.count + old_.count) * sizeof(uint64_t); }

 private:
  static constexpr size_t kSlotsMin = 64;
  static constexpr size_t kMigrateSlots = 16;
  static constexpr size_t kPrefetchSlotsMax = 8;
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kRemoved = 1;
  static constexpr size_t kNowhere = ~size_t{0};

  struct Free {
    void operator()(uint64_t* slots) const { std::free(slots); }
  };
  struct Table {
    std::unique_ptr<uint64_t[], Free> slots;
    size_t count = 0;  // Slots: a power of two, or 0 for a table that is not there.
    size_t used = 0;   // Slots that are not kEmpty, removed ones included.
    size_t mask() const { return count - 1; }
  };

  // hash << 32 | number + 2; empty and removed slots are less than any such.
  static uint64_t MakeSlot(Id id, uint32_t hash) { return uint64_t{hash} << 32 | (id + 2); }
  static Id SlotId(uint64_t slot) { return static_cast<Id>(slot) - 2; }
  static uint32_t SlotHash(uint64_t slot) { return static_cast<uint32_t>(slot >> 32); }

  static Table NewTable(size_t count);
  static size_t FindIn(const Table& table, const Entries& entries, std::string_view key,
                       uint32_t hash);
  static size_t FindSlot(const Table& table, uint64_t wanted);
  static void Place(Table& table, uint64_t slot);
  void MakeRoom();
  void Migrate();

  Table table_;
  Table old_;            // There while its slots are being moved to table_.
  size_t migrated_ = 0;  // Slots of old_ that have been moved.
  size_t size_ = 0;
};

}  // namespace weir::cache
