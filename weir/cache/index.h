// Index: hash → entry, open addressing that grows a few slots at a time.
//
// A slot is a 48-bit pointer with 16 bits of the hash, so a probe rarely touches a wrong entry.
// Changing the size (and purging removed slots) moves kMigrateSlots slots with each insertion, and
// new slots are zero pages of the system, so no single operation is long.
//
// When not to use: outside Cache; it neither owns entries nor compares keys by itself.
// Invariants:
//   1. Every entry is in exactly one slot, of table_ or, while it migrates, of old_.
//   2. Both tables have an empty slot, so every probe ends.
// Threads: single-owner. Requires: user-space pointers fit in 48 bits (x86-64, AArch64).
// Source: Knuth, The Art of Computer Programming 3, 6.4, linear probing with removal marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace weir::cache {

struct Entry;

class Index {
 public:
  Index();

  // Returns the entry of `key`, or nullptr. Cost: about one slot line and the entry's line.
  Entry* Find(std::string_view key, uint64_t hash) const;
  // Requires: no entry of this key is present. Cost: amortised O(1).
  void Insert(Entry* entry, uint64_t hash);
  // Requires: `entry` is present.
  void Remove(Entry* entry, uint64_t hash);

  // Brings the first slot of `hash` into the CPU cache; the entry behind it with PrefetchEntry.
  void PrefetchSlot(uint64_t hash) const;
  void PrefetchEntry(uint64_t hash) const;

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

  static Table NewTable(size_t count);
  static size_t FindIn(const Table& table, std::string_view key, uint64_t hash);
  static size_t FindEntry(const Table& table, const Entry* entry, uint64_t hash);
  static void Place(Table& table, uint64_t slot, uint64_t hash);
  void MakeRoom();
  void Migrate();

  Table table_;
  Table old_;            // There while its slots are being moved to table_.
  size_t migrated_ = 0;  // Slots of old_ that have been moved.
  size_t size_ = 0;
};

}  // namespace weir::cache
