// Entries: cached keys and values in slabs, each packed into one piece. Private to Cache.
//
//   previous 4 | next 4 | state, form, key_bytes, value_bytes 4                        (small)
//   previous 4 | next 4 | state, form 4 | hash 4 | key_bytes 4 | value_bytes 4         (large)
//   then, each only when the form says so: a shared value 8, links of TimingWheel 4 + 4, expires_at
//   8, cached_until 8, fresh_until 8, hash 4, version 8; then the key, then the value unless
//   it is shared
//
// A small entry has its hash only where that is not what `hash_seed` makes of its key.
// Threads: single-owner.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "weir/base/bytes.h"
#include "weir/base/key_hash.h"
#include "weir/base/time.h"
#include "weir/cache/slabs.h"
#include "weir/cache/value.h"

namespace weir::cache {

class Entries {
 public:
  using Id = Slabs::Id;
  static constexpr Id kNone = ~Id{0};
  // Values up to this size are stored with the entry, larger ones shared by reference.
  static constexpr size_t kInlineBytesMax = 4096;

  // Keys are mostly put under the low half of SeededHash(key, hash_seed).
  explicit Entries(uint64_t hash_seed) : hash_seed_(hash_seed) {}

  // A negative entry when `value` is nullptr.
  // Requires (here and below): no time of `until` is after the value's expiry.
  Id Make(std::string_view key, uint32_t hash, const Value* value, const Until& until);
  // Takes the value in place of the one before, if its entry would have the same form and size.
  bool Replace(Id id, const Value* value, const Until& until);
  void Free(Id id);
  // Moves up to `most` entries to other numbers, so that memory between them goes back to the
  // system. Calls moved(from, to) for each when it is at `to`; `from` ends with the call.
  template <class Moved>
  void Compact(size_t most, const Moved& moved) {
    slabs_.Compact(most, [&](Id from, Id to) {
      Move(from, to);
      moved(from, to);
    });
  }
  // Lets go of all of them. Cost: O(shared values' pages), see Cache's destructor.
  void Clear() { slabs_.Clear(); }

  // Whether it is the entry of this key under this hash.
  bool Is(Id id, std::string_view key, uint32_t hash) const;
  std::string_view key(Id id) const;
  std::string_view value(Id id) const;
  // nullptr when the value is not shared.
  const Bytes* shared(Id id) const;
  bool absent(Id id) const { return (form(At(id)) & kAbsent) != 0; }
  WallTime expires_at(Id id) const;
  WallTime cached_until(Id id) const;  // When it ends.
  WallTime fresh_until(Id id) const;   // Not after that.
  uint64_t version(Id id) const;

  // Whether the entry ends, and so is in the TimingWheel, which asks for the rest.
  bool timed(Id id) const { return Timed(form(At(id))); }
  Id end_prev(Id id) const { return Load<Id>(EndLinks(At(id))); }
  Id end_next(Id id) const { return Load<Id>(EndLinks(At(id)) + 4); }
  void set_end_prev(Id id, Id to) { SetEndLink(id, 0, to); }
  void set_end_next(Id id, Id to) { SetEndLink(id, 4, to); }

  // What Order asks for.
  Id prev(Id id) const { return Load<Id>(At(id)); }
  Id next(Id id) const { return Load<Id>(At(id) + 4); }
  void set_prev(Id id, Id to) { std::memcpy(slabs_.At(id), &to, sizeof(to)); }
  void set_next(Id id, Id to) { std::memcpy(slabs_.At(id) + 4, &to, sizeof(to)); }
  uint8_t state(Id id) const { return Word(At(id)) & kStateMask; }
  void set_state(Id id, uint8_t to) {
    assert(to <= kStateMask);
    char* piece = slabs_.At(id);
    const uint32_t word = (Word(piece) & ~kStateMask) | to;
    std::memcpy(piece + kWordAt, &word, sizeof(word));
  }
  uint64_t weight(Id id) const;
  uint64_t hash(Id id) const { return SpreadHash(stored_hash(id)); }

  uint32_t stored_hash(Id id) const;
  // The hash that Order and the shadows know a key by: all of 64 bits from the 32 that are stored.
  static uint64_t SpreadHash(uint32_t hash) {
    uint64_t z = hash * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93U;
    return z ^ (z >> 32);
  }

  // Returns the bytes that such an entry counts for.
  uint64_t Weight(std::string_view key, uint32_t hash, const Value* value,
                  const Until& until) const {
    return Weight(key.size(), value, until, hash != OwnHash(key));
  }
  static uint64_t Weight(size_t key_bytes, const Value* value, const Until& until,
                         bool with_hash = false);

  const char* At(Id id) const { return slabs_.At(id); }
  const Slabs& slabs() const { return slabs_; }

 private:
  // Those with a field of their own stand in the order of the fields.
  enum Form : uint16_t {
    kShared = 1,
    kExpires = 2,
    kUntil = 4,  // Ends before the record does.
    kFresh = 8,  // Stops being fresh before it ends.
    kHash = 16,
    kVersion = 32,
    kAbsent = 64,
    kLarge = 128,
  };
  static constexpr uint16_t kForms = 256;
  // The word: state, form, and of a small entry the bytes of its key and of its value.
  static constexpr size_t kWordAt = 8;
  static constexpr uint32_t kStateMask = 15;
  static constexpr unsigned kFormAt = 4;
  static constexpr unsigned kKeyAt = 12;
  static constexpr unsigned kValueAt = 20;
  static constexpr size_t kSmallKeyMax = 255;
  static constexpr size_t kSmallValueMax = 4095;
  static constexpr size_t kLargeHashAt = 12;
  static constexpr size_t kLargeKeyAt = 16;
  static constexpr size_t kLargeValueAt = 20;
  static constexpr size_t kSmallHead = 12;
  static constexpr size_t kLargeHead = 24;

  template <class T>
  static T Load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  static uint32_t Word(const char* piece) { return Load<uint32_t>(piece + kWordAt); }
  static uint16_t form(const char* piece) { return Word(piece) >> kFormAt & (kForms - 1); }
  static constexpr bool Timed(unsigned form) { return (form & (kExpires | kUntil)) != 0; }
  static constexpr uint8_t CountHead(unsigned form);
  static constexpr std::array<uint8_t, kForms> CountHeads();
  static const std::array<uint8_t, kForms> kHeads;

  uint32_t OwnHash(std::string_view key) const {
    return static_cast<uint32_t>(SeededHash(key, hash_seed_));
  }
  static uint16_t FormOf(size_t key_bytes, const Value* value, const Until& until, bool with_hash);
  static size_t HeadBytes(uint16_t form) { return kHeads[form]; }
  static size_t PieceBytes(uint16_t form, size_t key_bytes, size_t inline_bytes);
  static size_t InlineBytes(uint16_t form, const Value* value);
  // Returns where what comes before `field` is over.
  static size_t BytesBefore(uint16_t form, Form field) {
    return kHeads[form & (static_cast<uint16_t>(field - 1) | kLarge)];
  }
  // The links stand before the two times of which one makes the entry timed.
  static size_t FieldAt(uint16_t form, Form field) {
    if (field == kExpires) return BytesBefore(form, kExpires) + 2 * sizeof(Id);
    if (field == kUntil) return BytesBefore(form, kFresh) - sizeof(int64_t);
    return BytesBefore(form, field);
  }
  static size_t KeyBytes(const char* piece);
  static size_t ValueBytes(const char* piece);
  static const Bytes* SharedAt(const char* piece);
  static uint64_t WeightOf(size_t piece_bytes, size_t shared_bytes);
  static const char* EndLinks(const char* piece) {
    return piece + BytesBefore(form(piece), kExpires);
  }
  void SetEndLink(Id id, size_t at, Id to) {
    char* piece = slabs_.At(id);
    std::memcpy(piece + BytesBefore(form(piece), kExpires) + at, &to, sizeof(to));
  }
  void Move(Id from, Id to);
  static void Fill(char* piece, const Value* value, const Until& until);

  uint64_t hash_seed_;
  Slabs slabs_;
};

inline size_t Entries::KeyBytes(const char* piece) {
  const uint32_t word = Word(piece);
  if ((word >> kFormAt & kLarge) != 0) return Load<uint32_t>(piece + kLargeKeyAt);
  return word >> kKeyAt & kSmallKeyMax;
}

inline size_t Entries::ValueBytes(const char* piece) {
  const uint32_t word = Word(piece);
  if ((word >> kFormAt & kLarge) != 0) return Load<uint32_t>(piece + kLargeValueAt);
  return word >> kValueAt;
}

inline const Bytes* Entries::SharedAt(const char* piece) {
  return std::launder(reinterpret_cast<const Bytes*>(piece + kLargeHead));
}

inline std::string_view Entries::value(Id id) const {
  const char* piece = At(id);
  if ((form(piece) & kShared) != 0) return SharedAt(piece)->view();
  return {piece + HeadBytes(form(piece)) + KeyBytes(piece), ValueBytes(piece)};
}

inline const Bytes* Entries::shared(Id id) const {
  const char* piece = At(id);
  return (form(piece) & kShared) != 0 ? SharedAt(piece) : nullptr;
}

inline bool Entries::Is(Id id, std::string_view key, uint32_t hash) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  if (std::string_view(piece + HeadBytes(form), KeyBytes(piece)) != key) return false;
  if ((form & (kHash | kLarge)) == 0) [[likely]]
    return OwnHash(key) == hash;
  return stored_hash(id) == hash;
}

inline std::string_view Entries::key(Id id) const {
  const char* piece = At(id);
  return {piece + HeadBytes(form(piece)), KeyBytes(piece)};
}

inline WallTime Entries::expires_at(Id id) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  return (form & kExpires) != 0 ? WallTime{Load<int64_t>(piece + FieldAt(form, kExpires))} : kNever;
}

inline WallTime Entries::cached_until(Id id) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  if ((form & kUntil) != 0) return {Load<int64_t>(piece + FieldAt(form, kUntil))};
  return expires_at(id);
}

inline WallTime Entries::fresh_until(Id id) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  if ((form & kFresh) == 0) [[likely]]
    return cached_until(id);
  return {Load<int64_t>(piece + FieldAt(form, kFresh))};
}

inline uint64_t Entries::version(Id id) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  if ((form & kVersion) == 0) return 0;
  return Load<uint64_t>(piece + FieldAt(form, kVersion));
}

}  // namespace weir::cache
