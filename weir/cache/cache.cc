#include "weir/cache/cache.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "weir/cache/entry.h"

namespace weir::cache {
namespace {

// What an allocation takes beside its bytes, which are then rounded up to 16.
constexpr size_t kAllocationOverhead = 8;
// Two slots: the index is kept about half full.
constexpr size_t kIndexShare = 16;
// The count and size in front of the bytes of a shared value, and its allocation.
constexpr size_t kSharedOverhead = 16 + kAllocationOverhead;

bool IsInline(const Value& value) {
  return value.bytes.size() <= Cache::kInlineBytesMax;
}

// Requires: the entry was made for a value of this size.
void SetValue(Entry* entry, const Value& value, WallTime cached_until) {
  entry->expires_at = value.expires_at;
  entry->cached_until = cached_until;
  entry->version = value.version;
  if (!IsInline(value)) {
    entry->big = value.bytes;
    return;
  }
  const std::string_view bytes = value.bytes.view();
  assert(entry->value_bytes == bytes.size());
  if (!bytes.empty()) std::memcpy(entry->data() + entry->key_bytes, bytes.data(), bytes.size());
}

// A negative entry when `value` is nullptr.
Entry* NewEntry(std::string_view key, uint64_t hash, const Value* value, WallTime cached_until) {
  assert(key.size() <= std::numeric_limits<uint32_t>::max());
  const size_t value_bytes = value != nullptr && IsInline(*value) ? value->bytes.size() : 0;
  void* memory = ::operator new(sizeof(Entry) + key.size() + value_bytes);
  auto* entry = new (memory) Entry;
  entry->hash = hash;
  entry->key_bytes = static_cast<uint32_t>(key.size());
  entry->value_bytes = static_cast<uint32_t>(value_bytes);
  if (!key.empty()) std::memcpy(entry->data(), key.data(), key.size());
  if (value != nullptr) {
    SetValue(entry, *value, cached_until);
  } else {
    entry->absent = true;
    entry->cached_until = cached_until;
  }
  return entry;
}

void DeleteEntry(Entry* entry) {
  entry->~Entry();
  ::operator delete(entry);
}

size_t EntryCost(const Entry& entry) {
  return Cache::Cost(entry.key_bytes, entry.big.empty() ? entry.value_bytes : entry.big.size());
}

}  // namespace

Cache::Cache(Options options) : options_(options) {}

// The index goes as a whole, so entries are not taken out of it one by one.
Cache::~Cache() {
  if (hand_ == nullptr) return;
  hand_->previous->next = nullptr;
  while (hand_ != nullptr) DeleteEntry(std::exchange(hand_, hand_->next));
  if (options_.shared_values != nullptr) options_.shared_values->Give(shared_bytes_);
}

Cache::Cache(Cache&& other) noexcept
    : options_(other.options_),
      index_(std::exchange(other.index_, Index())),
      hand_(std::exchange(other.hand_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      shared_bytes_(std::exchange(other.shared_bytes_, 0)),
      counters_(std::exchange(other.counters_, Counters())) {}

Cache& Cache::operator=(Cache&& other) noexcept {
  Cache moved(std::move(other));
  std::swap(options_, moved.options_);
  std::swap(index_, moved.index_);
  std::swap(hand_, moved.hand_);
  std::swap(bytes_, moved.bytes_);
  std::swap(shared_bytes_, moved.shared_bytes_);
  std::swap(counters_, moved.counters_);
  return *this;
}

Cache Cache::TakeEntries() {
  Cache taken(options_);
  std::swap(taken.index_, index_);
  std::swap(taken.hand_, hand_);
  std::swap(taken.bytes_, bytes_);
  std::swap(taken.shared_bytes_, shared_bytes_);
  return taken;
}

size_t Cache::Cost(size_t key_bytes, size_t value_bytes) {
  const size_t shared = value_bytes > kInlineBytesMax ? kSharedOverhead : 0;
  const size_t bytes = sizeof(Entry) + key_bytes + value_bytes + shared + kAllocationOverhead;
  return (bytes + 15) / 16 * 16 + kIndexShare;
}

std::optional<Cache::Hit> Cache::Find(std::string_view key, uint64_t hash, WallTime now) {
  Entry* entry = index_.Find(key, hash);
  if (entry == nullptr) return std::nullopt;
  if (entry->cached_until <= now) {
    Remove(entry);
    ++counters_.expired;
    return std::nullopt;
  }
  if (entry->uses < kUsesMax) ++entry->uses;
  return Hit{entry->absent, entry->value(), entry->big.empty() ? nullptr : &entry->big,
             entry->expires_at, entry->version};
}

void Cache::Put(std::string_view key, uint64_t hash, const Value& value, WallTime cached_until,
                WallTime now) {
  const WallTime until = std::min(cached_until, value.expires_at);
  if (Entry* entry = index_.Find(key, hash)) {
    const bool same_size = !entry->absent && entry->value().size() == value.bytes.size();
    if (same_size && until > now) return SetValue(entry, value, until);
    Remove(entry);
  }
  if (until > now) Insert(key, hash, &value, until);
}

void Cache::PutAbsent(std::string_view key, uint64_t hash, WallTime cached_until, WallTime now) {
  Erase(key, hash);
  if (cached_until <= now) return;
  Insert(key, hash, nullptr, cached_until);
}

void Cache::Erase(std::string_view key, uint64_t hash) {
  if (Entry* entry = index_.Find(key, hash)) Remove(entry);
}

// The one place where bytes are added; Remove is the one place where they are taken away.
void Cache::Insert(std::string_view key, uint64_t hash, const Value* value, WallTime cached_until) {
  const size_t cost = Cost(key.size(), value == nullptr ? 0 : value->bytes.size());
  if (cost > options_.budget_bytes / 8) {
    ++counters_.rejected;
    return;
  }
  while (bytes_ + cost > options_.budget_bytes) EvictOne();
  Entry* entry = NewEntry(key, hash, value, cached_until);
  assert(EntryCost(*entry) == cost);
  index_.Insert(entry, hash);
  if (hand_ == nullptr) {
    hand_ = entry->next = entry->previous = entry;
  } else {  // Behind the hand: the last that it will reach.
    entry->next = hand_;
    entry->previous = hand_->previous;
    entry->previous->next = entry;
    hand_->previous = entry;
  }
  bytes_ += cost;
  CountShared(*entry);
}

void Cache::CountShared(const Entry& entry) {
  if (options_.shared_values == nullptr || entry.big.empty()) return;
  shared_bytes_ += entry.big.size();
  options_.shared_values->Take(entry.big.size());
}

void Cache::UncountShared(const Entry& entry) {
  if (options_.shared_values == nullptr || entry.big.empty()) return;
  shared_bytes_ -= entry.big.size();
  options_.shared_values->Give(entry.big.size());
}

void Cache::Remove(Entry* entry) {
  index_.Remove(entry, entry->hash);
  if (entry->next == entry) {
    hand_ = nullptr;
  } else {
    if (hand_ == entry) hand_ = entry->next;
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
  }
  const size_t cost = EntryCost(*entry);
  assert(bytes_ >= cost);
  bytes_ -= cost;
  UncountShared(*entry);
  DeleteEntry(entry);
}

void Cache::EvictOne() {
  assert(hand_ != nullptr);
  for (size_t step = 0; step < kHandStepsMax && hand_->uses > 0; ++step) {
    --hand_->uses;
    hand_ = hand_->next;
  }
  Remove(hand_);
  ++counters_.evicted;
}

}  // namespace weir::cache
