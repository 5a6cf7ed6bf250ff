// Entries: cached keys and values in slabs, each packed into one piece. Private to Cache.
//
//   previous 4 | next 4 | hash 4 | state 1 | form 1 | key_bytes 1 | value_bytes 2      (small)
//   previous 4 | next 4 | hash 4 | state 1 | form 1 | - 2 | key_bytes 4 | value_bytes 4  (large)
//   then, each only when the form says so: a shared value 8, expires_at 8, cached_until 8, version
//   8, links of TimingWheel 4 + 4, fresh_until 8; then the key, then the value unless it is shared
//
// Threads: single-owner.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "weir/base/bytes.h"
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

  // A negative entry when `value` is nullptr.
  // Requires (here and below): no time of `until` is after the value's expiry.
  Id Make(std::string_view key, uint32_t hash, const Value* value, const Until& until);
  // Takes the value in place of the one before, if its entry would have the same form and size.
  bool Replace(Id id, const Value* value, const Until& until);
  void Free(Id id);
  // Lets go of all of them. Cost: O(shared values' pages), see Cache's destructor.
  void Clear() { slabs_.Clear(); }

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
  bool timed(Id id) const { return (form(At(id)) & kTimed) != 0; }
  Id end_prev(Id id) const { return Load<Id>(EndLinks(At(id))); }
  Id end_next(Id id) const { return Load<Id>(EndLinks(At(id)) + 4); }
  void set_end_prev(Id id, Id to) { SetEndLink(id, 0, to); }
  void set_end_next(Id id, Id to) { SetEndLink(id, 4, to); }

  // What Order asks for.
  Id prev(Id id) const { return Load<Id>(At(id)); }
  Id next(Id id) const { return Load<Id>(At(id) + 4); }
  void set_prev(Id id, Id to) { std::memcpy(slabs_.At(id), &to, sizeof(to)); }
  void set_next(Id id, Id to) { std::memcpy(slabs_.At(id) + 4, &to, sizeof(to)); }
  uint8_t state(Id id) const { return static_cast<uint8_t>(At(id)[kStateAt]); }
  void set_state(Id id, uint8_t to) { slabs_.At(id)[kStateAt] = static_cast<char>(to); }
  uint64_t weight(Id id) const;
  uint64_t hash(Id id) const { return SpreadHash(stored_hash(id)); }

  uint32_t stored_hash(Id id) const { return Load<uint32_t>(At(id) + 8); }
  // The hash that Order and the shadows know a key by: all of 64 bits from the 32 that are stored.
  static uint64_t SpreadHash(uint32_t hash) {
    uint64_t z = hash * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93U;
    return z ^ (z >> 32);
  }

  // Returns the bytes that such an entry counts for.
  static uint64_t Weight(size_t key_bytes, const Value* value, const Until& until);

  const char* At(Id id) const { return slabs_.At(id); }
  const Slabs& slabs() const { return slabs_; }

 private:
  enum Form : uint8_t {
    kAbsent = 1,
    kShared = 2,
    kExpires = 4,
    kUntil = 8,  // Ends before the record does.
    kVersion = 16,
    kLarge = 32,
    kTimed = 64,   // Ends at all.
    kFresh = 128,  // Stops being fresh before it ends.
  };
  static constexpr size_t kStateAt = 12;
  static constexpr size_t kFormAt = 13;
  static constexpr size_t kSmallHead = 17;
  static constexpr size_t kLargeHead = 24;

  template <class T>
  static T Load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  static uint8_t form(const char* piece) { return static_cast<uint8_t>(piece[kFormAt]); }
  static uint8_t FormOf(size_t key_bytes, const Value* value, const Until& until);
  static size_t HeadBytes(uint8_t form);
  static size_t PieceBytes(uint8_t form, size_t key_bytes, size_t inline_bytes);
  static size_t InlineBytes(uint8_t form, const Value* value);
  static size_t FieldAt(uint8_t form, uint8_t field);
  static size_t KeyBytes(const char* piece);
  static size_t ValueBytes(const char* piece);
  static const Bytes* SharedAt(const char* piece);
  static uint64_t WeightOf(size_t piece_bytes, size_t shared_bytes);
  static const char* EndLinks(const char* piece) { return piece + FieldAt(form(piece), kTimed); }
  void SetEndLink(Id id, size_t at, Id to) {
    char* piece = slabs_.At(id);
    std::memcpy(piece + FieldAt(form(piece), kTimed) + at, &to, sizeof(to));
  }
  static void Fill(char* piece, const Value* value, const Until& until);

  Slabs slabs_;
};

}  // namespace weir::cache
