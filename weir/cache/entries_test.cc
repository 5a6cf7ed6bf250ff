// Goal: every field of an entry comes back, whichever other fields it has and however large it is.
// Method: all combinations of times, versions, hashes and sizes at the limits of the small form.

#include "weir/cache/entries.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"

namespace weir::cache {
namespace {

constexpr uint64_t kHashSeed = 1;
constexpr WallTime kEnd{9000};

struct Wanted {
  std::string key;
  uint32_t hash = 0;
  bool absent = false;
  Value value;
  Until until;
};

void ExpectAll(const Entries& entries, Entries::Id id, const Wanted& wanted) {
  EXPECT_EQ(entries.key(id), wanted.key);
  EXPECT_TRUE(entries.Is(id, wanted.key, wanted.hash));
  EXPECT_FALSE(entries.Is(id, wanted.key, wanted.hash + 1));
  EXPECT_FALSE(entries.Is(id, wanted.key + "x", wanted.hash));
  EXPECT_EQ(entries.stored_hash(id), wanted.hash);
  EXPECT_EQ(entries.absent(id), wanted.absent);
  EXPECT_EQ(entries.cached_until(id), wanted.until.kept);
  EXPECT_EQ(entries.fresh_until(id), wanted.until.fresh);
  EXPECT_EQ(entries.timed(id), wanted.until.kept != kNever);
  EXPECT_EQ(entries.value(id), wanted.value.bytes.view());
  EXPECT_EQ(entries.shared(id) != nullptr, wanted.value.bytes.size() > Entries::kInlineBytesMax);
  EXPECT_EQ(entries.expires_at(id), wanted.value.expires_at);
  EXPECT_EQ(entries.version(id), wanted.value.version);
}

// Writes links and state, which must leave all else alone, and reads everything.
void CheckOne(Entries& entries, const Wanted& wanted) {
  const Value* value = wanted.absent ? nullptr : &wanted.value;
  const Entries::Id id = entries.Make(wanted.key, wanted.hash, value, wanted.until);
  EXPECT_EQ(entries.weight(id), entries.Weight(wanted.key, wanted.hash, value, wanted.until));
  entries.set_state(id, 9);
  entries.set_prev(id, 0x01020304);
  entries.set_next(id, 0x05060708);
  if (entries.timed(id)) {
    entries.set_end_prev(id, 0x11121314);
    entries.set_end_next(id, 0x15161718);
  }
  ExpectAll(entries, id, wanted);
  EXPECT_TRUE(entries.Replace(id, value, wanted.until));
  ExpectAll(entries, id, wanted);
  EXPECT_EQ(entries.state(id), 9);
  EXPECT_EQ(entries.prev(id), 0x01020304U);
  EXPECT_EQ(entries.next(id), 0x05060708U);
  if (entries.timed(id)) {
    EXPECT_EQ(entries.end_prev(id), 0x11121314U);
    EXPECT_EQ(entries.end_next(id), 0x15161718U);
  }
  entries.Free(id);
}

void CheckTimes(Entries& entries, Wanted wanted) {
  for (const WallTime expires_at : {kNever, kEnd}) {
    if (wanted.absent && expires_at != kNever) continue;
    wanted.value.expires_at = expires_at;
    for (const WallTime kept : {expires_at, WallTime{8000}}) {
      for (const WallTime fresh : {kept, WallTime{7000}}) {
        wanted.until = {fresh, kept};
        CheckOne(entries, wanted);
      }
    }
  }
}

TEST(Entries, EveryFieldComesBackInEveryForm) {
  Entries entries(kHashSeed);
  for (const size_t key_bytes : {0, 1, 255, 256, 300}) {
    Wanted wanted;
    wanted.key = std::string(key_bytes, 'k');
    const auto own_hash = static_cast<uint32_t>(SeededHash(wanted.key, kHashSeed));
    for (const uint32_t hash : {own_hash, own_hash + 1}) {
      wanted.hash = hash;
      wanted.absent = true;
      wanted.value = {};
      CheckTimes(entries, wanted);
      wanted.absent = false;
      for (const size_t value_bytes : {0, 1, 4095, 4096, 4097}) {
        wanted.value.bytes = Bytes::Copy(std::string(value_bytes, 'v'));
        for (const uint64_t version :
             {uint64_t{0}, uint64_t{0x0102030405}, uint64_t{1} << 40, ~uint64_t{0}}) {
          wanted.value.version = version;
          CheckTimes(entries, wanted);
        }
      }
    }
  }
  EXPECT_EQ(entries.slabs().piece_bytes(), 0U);
}

TEST(Entries, AKeyAndAValueOfTwelveBytesAndTheirVersionWeigh50Bytes) {
  const Value value{Bytes::Copy("twelve bytes"), kNever, 1};
  EXPECT_EQ(Entries::Weight(12, &value, {}), 50U);
}

}  // namespace
}  // namespace weir::cache
