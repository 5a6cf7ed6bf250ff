#include "weir/cache/index.h"

#include <cassert>
#include <new>
#include <utility>

#include "weir/cache/entry.h"

namespace weir::cache {
namespace {

constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;

uint64_t MakeSlot(const Entry* entry, uint64_t hash) {
  const auto pointer = reinterpret_cast<uintptr_t>(entry);
  assert((pointer & ~kPointerMask) == 0);
  return pointer | (hash & ~kPointerMask);
}

Entry* SlotEntry(uint64_t slot) {
  return reinterpret_cast<Entry*>(slot & kPointerMask);
}

bool SameTag(uint64_t slot, uint64_t hash) {
  return ((slot ^ hash) & ~kPointerMask) == 0;
}

}  // namespace

Index::Index() : table_(NewTable(kSlotsMin)) {}

// calloc takes a large table as zero pages that the system hands out when they are first touched.
Index::Table Index::NewTable(size_t count) {
  Table table;
  table.slots.reset(static_cast<uint64_t*>(std::calloc(count, sizeof(uint64_t))));
  if (table.slots == nullptr) throw std::bad_alloc();
  table.count = count;
  return table;
}

size_t Index::FindIn(const Table& table, std::string_view key, uint64_t hash) {
  if (table.count == 0) return kNowhere;
  for (size_t i = hash & table.mask();; i = (i + 1) & table.mask()) {
    const uint64_t slot = table.slots[i];
    if (slot == kEmpty) return kNowhere;
    if (slot == kRemoved || !SameTag(slot, hash)) continue;
    const Entry* entry = SlotEntry(slot);
    if (entry->hash == hash && entry->key() == key) return i;
  }
}

size_t Index::FindEntry(const Table& table, const Entry* entry, uint64_t hash) {
  if (table.count == 0) return kNowhere;
  const uint64_t wanted = MakeSlot(entry, hash);
  for (size_t i = hash & table.mask();; i = (i + 1) & table.mask()) {
    const uint64_t slot = table.slots[i];
    if (slot == kEmpty) return kNowhere;
    if (slot == wanted) return i;
  }
}

Entry* Index::Find(std::string_view key, uint64_t hash) const {
  size_t i = FindIn(table_, key, hash);
  if (i != kNowhere) return SlotEntry(table_.slots[i]);
  i = FindIn(old_, key, hash);
  return i == kNowhere ? nullptr : SlotEntry(old_.slots[i]);
}

// Requires: the table has an empty slot besides the one that this may take.
void Index::Place(Table& table, uint64_t slot, uint64_t hash) {
  size_t i = hash & table.mask();
  while (table.slots[i] > kRemoved) i = (i + 1) & table.mask();
  if (table.slots[i] == kEmpty) ++table.used;
  assert(table.used < table.count);
  table.slots[i] = slot;
}

void Index::Insert(Entry* entry, uint64_t hash) {
  MakeRoom();
  Place(table_, MakeSlot(entry, hash), hash);
  ++size_;
}

void Index::Remove(Entry* entry, uint64_t hash) {
  Table* table = &table_;
  size_t i = FindEntry(table_, entry, hash);
  if (i == kNowhere) {
    table = &old_;
    i = FindEntry(old_, entry, hash);
  }
  assert(i != kNowhere);
  --size_;
  table->slots[i] = kRemoved;
  if (table->slots[(i + 1) & table->mask()] != kEmpty) return;
  // A removed slot before an empty one keeps no probe going, so it can be empty itself.
  while (table->slots[i] == kRemoved) {
    table->slots[i] = kEmpty;
    --table->used;
    i = (i - 1) & table->mask();
  }
}

void Index::MakeRoom() {
  if (old_.count != 0) {
    Migrate();
    return;
  }
  if ((table_.used + 1) * 4 <= table_.count * 3) return;
  // Twice the size when entries fill it; the same when removed slots do; half when few are left.
  size_t count = table_.count;
  if (size_ * 2 >= count) {
    count *= 2;
  } else if (size_ * 8 < count && count > kSlotsMin) {
    count /= 2;
  }
  old_ = std::exchange(table_, NewTable(count));
  migrated_ = 0;
  Migrate();
}

// The old table of n slots is empty after n / kMigrateSlots insertions, long before the new one is
// full: of twice the size, it then holds at most (3/4 + 1/16) n entries in 2 n slots; of the same
// size at most (1/2 + 1/16) n in n; of half the size at most (1/8 + 1/16) n in n / 2.
void Index::Migrate() {
  static_assert(kMigrateSlots >= 16);
  for (size_t n = 0; n < kMigrateSlots; ++n) {
    if (migrated_ == old_.count) {
      old_ = Table();
      return;
    }
    uint64_t& slot = old_.slots[migrated_++];
    if (slot > kRemoved) {
      Place(table_, slot, SlotEntry(slot)->hash);
      slot = kRemoved;  // Not empty: probes of the slots still to be moved pass here.
    }
  }
}

void Index::PrefetchSlot(uint64_t hash) const {
  __builtin_prefetch(&table_.slots[hash & table_.mask()]);
}

void Index::PrefetchEntry(uint64_t hash) const {
  size_t i = hash & table_.mask();
  for (size_t n = 0; n < kPrefetchSlotsMax; ++n, i = (i + 1) & table_.mask()) {
    const uint64_t slot = table_.slots[i];
    if (slot == kEmpty) return;
    if (slot == kRemoved || !SameTag(slot, hash)) continue;
    const auto* entry = reinterpret_cast<const char*>(SlotEntry(slot));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
    __builtin_prefetch(entry + 128);
    return;
  }
}

}  // namespace weir::cache
