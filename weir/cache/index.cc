#include "weir/cache/index.h"

#include <cassert>
#include <new>
#include <utility>

namespace weir::cache {

Index::Index() : table_(NewTable(kSlotsMin)) {}

// calloc takes a large table as zero pages that the system hands out when they are first touched.
Index::Table Index::NewTable(size_t count) {
  Table table;
  table.slots.reset(static_cast<uint64_t*>(std::calloc(count, sizeof(uint64_t))));
  if (table.slots == nullptr) throw std::bad_alloc();
  table.count = count;
  return table;
}

size_t Index::FindIn(const Table& table, const Entries& entries, std::string_view key,
                     uint32_t hash) {
  if (table.count == 0) return kNowhere;
  for (size_t i = hash & table.mask();; i = (i + 1) & table.mask()) {
    const uint64_t slot = table.slots[i];
    if (slot == kEmpty) return kNowhere;
    if (slot == kRemoved || SlotHash(slot) != hash) continue;
    if (entries.key(SlotId(slot)) == key) return i;
  }
}

size_t Index::FindSlot(const Table& table, uint64_t wanted) {
  if (table.count == 0) return kNowhere;
  for (size_t i = SlotHash(wanted) & table.mask();; i = (i + 1) & table.mask()) {
    const uint64_t slot = table.slots[i];
    if (slot == kEmpty) return kNowhere;
    if (slot == wanted) return i;
  }
}

Index::Id Index::Find(const Entries& entries, std::string_view key, uint32_t hash) const {
  size_t i = FindIn(table_, entries, key, hash);
  if (i != kNowhere) return SlotId(table_.slots[i]);
  i = FindIn(old_, entries, key, hash);
  return i == kNowhere ? Entries::kNone : SlotId(old_.slots[i]);
}

// Requires: the table has an empty slot besides the one that this may take.
void Index::Place(Table& table, uint64_t slot) {
  size_t i = SlotHash(slot) & table.mask();
  while (table.slots[i] > kRemoved) i = (i + 1) & table.mask();
  if (table.slots[i] == kEmpty) ++table.used;
  assert(table.used < table.count);
  table.slots[i] = slot;
}

void Index::Insert(Id id, uint32_t hash) {
  MakeRoom();
  Place(table_, MakeSlot(id, hash));
  ++size_;
}

void Index::Remove(Id id, uint32_t hash) {
  const uint64_t wanted = MakeSlot(id, hash);
  Table* table = &table_;
  size_t i = FindSlot(table_, wanted);
  if (i == kNowhere) {
    table = &old_;
    i = FindSlot(old_, wanted);
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
  if ((table_.used + 1) * 16 <= table_.count * 13) return;
  // Twice the size when entries fill it; the same when removed slots do; half when few are left.
  size_t count = table_.count;
  if (size_ * 8 >= count * 5) {
    count *= 2;
  } else if (size_ * 8 < count && count > kSlotsMin) {
    count /= 2;
  }
  old_ = std::exchange(table_, NewTable(count));
  migrated_ = 0;
  Migrate();
}

// The old table of n slots is empty after n / kMigrateSlots insertions, long before the new one is
// full: of twice the size, it then holds at most (13/16 + 1/16) n entries in 2 n slots; of the same
// size at most (5/8 + 1/16) n in n; of half the size at most (1/8 + 1/16) n in n / 2.
void Index::Migrate() {
  static_assert(kMigrateSlots >= 16);
  for (size_t n = 0; n < kMigrateSlots; ++n) {
    if (migrated_ == old_.count) {
      old_ = Table();
      return;
    }
    uint64_t& slot = old_.slots[migrated_++];
    if (slot > kRemoved) {
      Place(table_, slot);
      slot = kRemoved;  // Not empty: probes of the slots still to be moved pass here.
    }
  }
}

void Index::PrefetchSlot(uint32_t hash) const {
  __builtin_prefetch(&table_.slots[hash & table_.mask()]);
}

void Index::PrefetchEntry(const Entries& entries, uint32_t hash) const {
  size_t i = hash & table_.mask();
  for (size_t n = 0; n < kPrefetchSlotsMax; ++n, i = (i + 1) & table_.mask()) {
    const uint64_t slot = table_.slots[i];
    if (slot == kEmpty) return;
    if (slot == kRemoved || SlotHash(slot) != hash) continue;
    const char* entry = entries.At(SlotId(slot));
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + 64);
    __builtin_prefetch(entry + 128);
    return;
  }
}

}  // namespace weir::cache
