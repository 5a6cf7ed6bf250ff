// Goal: an entry is found as long as it is there, and no longer, while the index grows and shrinks.
// Method: random histories beside a map, under good hashes and under ones that crowd a few buckets,
// look alike, or are one; and with numbers of many more bits than those before.

#include "weir/cache/index.h"

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::cache {
namespace {

constexpr uint64_t kHashSeed = 1;

std::string KeyOf(size_t n) {
  return "key:" + std::to_string(n);
}

uint32_t GoodHash(size_t n) {
  return static_cast<uint32_t>(SeededHash(KeyOf(n), kHashSeed));
}
// Of a hundred keys each.
uint32_t CrowdedHash(size_t n) {
  return static_cast<uint32_t>(n / 100);
}

// The first `count` numbers whose SpreadHash `suits`.
template <class Suits>
std::vector<uint32_t> HashesThat(const Suits& suits, size_t count) {
  std::vector<uint32_t> found;
  for (uint32_t hash = 0; found.size() < count; ++hash) {
    if (suits(Entries::SpreadHash(hash))) found.push_back(hash);
  }
  return found;
}
constexpr size_t kSegmentBytes = 128 * 64;  // What a table begins with.
constexpr size_t kFew = 4000;               // More than that has room for.
// Of a sixteenth of all homes, so that what has no room in its own is among those of others.
uint32_t FewHomesHash(size_t n) {
  static const std::vector<uint32_t> hashes =
      HashesThat([](uint64_t hash) { return hash >> 60 == 0; }, kFew);
  return hashes[n];
}
// The slots of one bucket look as if they were of four keys, while numbers have 16 bits.
uint32_t OneTagHash(size_t n) {
  static const std::vector<uint32_t> hashes =
      HashesThat([](uint64_t hash) { return (hash & 0x3fff) == 0; }, kFew);
  return hashes[n];
}

class Twin {
 public:
  explicit Twin(uint32_t (*hash)(size_t)) : hash_(hash), entries_(kHashSeed) {}

  void Put(size_t n) {
    if (n >= ids_.size()) ids_.resize(n + 1, Entries::kNone);
    ids_[n] = entries_.Make(KeyOf(n), hash_(n), nullptr, {});
    index_.Insert(entries_, ids_[n], entries_.hash(ids_[n]));
    ++size_;
  }
  void Erase(size_t n) {
    index_.Remove(entries_, ids_[n], entries_.hash(ids_[n]));
    entries_.Free(std::exchange(ids_[n], Entries::kNone));
    --size_;
  }
  bool Has(size_t n) const { return n < ids_.size() && ids_[n] != Entries::kNone; }
  void Check(size_t n) const {
    const Entries::Id wanted = Has(n) ? ids_[n] : Entries::kNone;
    ASSERT_EQ(index_.Find(entries_, KeyOf(n), hash_(n), Entries::SpreadHash(hash_(n))), wanted);
    ASSERT_EQ(index_.Find(entries_, KeyOf(n), ~hash_(n), Entries::SpreadHash(~hash_(n))),
              Entries::kNone);
  }
  void CheckAll() const {
    for (size_t n = 0; n < ids_.size(); ++n) Check(n);
    ASSERT_EQ(index_.size(), size_);
    size_t visited = 0;
    index_.ForEach([&](Entries::Id) { ++visited; });
    ASSERT_EQ(visited, size_);
  }
  const Index& index() const { return index_; }
  // Entries that are not in the index, so that those after them have numbers of this many bits.
  void TakeNumbers(unsigned bits) {
    const std::string large(Slabs::kClassBytesMax, 'k');  // Takes a page's number by itself.
    while (std::bit_width(entries_.Make(large, 0, nullptr, {})) < bits) continue;
  }

 private:
  uint32_t (*hash_)(size_t);
  Entries entries_;
  Index index_;
  std::vector<Entries::Id> ids_;
  size_t size_ = 0;
};

// Fills to `keys`, and empties, in random order and with steps back.
void CheckHistory(Twin twin, size_t keys) {
  Random random(20261127);
  for (const bool grows : {true, false, true}) {
    for (size_t step = 0; step < 3 * keys; ++step) {
      const size_t n = random.Below(keys);
      const bool put = grows ? !random.OneIn(20) : random.OneIn(20);
      if (put && !twin.Has(n)) twin.Put(n);
      if (!put && twin.Has(n)) twin.Erase(n);
      ASSERT_NO_FATAL_FAILURE(twin.Check(random.Below(keys)));
      if (step % keys != 0) continue;
      ASSERT_NO_FATAL_FAILURE(twin.CheckAll());
    }
    ASSERT_NO_FATAL_FAILURE(twin.CheckAll());
    if (grows) {
      ASSERT_GE(twin.index().bytes(), 3 * kSegmentBytes) << "homes have moved";
    }
  }
}

TEST(Index, EqualsAMapOfWhatIsThere) {
  CheckHistory(Twin(GoodHash), 60'000);  // Their numbers get more than kIdBitsMin bits.
}

TEST(Index, EqualsAMapOfWhatIsThereWhenKeysShareTheirHash) {
  CheckHistory(Twin(CrowdedHash), 4'000);
}

TEST(Index, EqualsAMapOfWhatIsThereWhenKeysCrowdFewHomes) {
  CheckHistory(Twin(FewHomesHash), kFew);
}

TEST(Index, EqualsAMapOfWhatIsThereWhenKeysOfManyHomesLookAlike) {
  CheckHistory(Twin(OneTagHash), kFew);
}

TEST(Index, NumbersThatGetManyMoreBitsAtOnceLoseNoEntry) {
  constexpr size_t kBefore = 3000;
  constexpr size_t kAfter = 6000;
  Twin twin(GoodHash);
  for (size_t n = 0; n < kBefore; ++n) twin.Put(n);
  twin.TakeNumbers(24);
  for (size_t n = kBefore; n < kAfter; ++n) {
    twin.Put(n);
    if (n % 500 == 0) {
      ASSERT_NO_FATAL_FAILURE(twin.CheckAll());
    }
  }
  for (size_t n = 0; n < kAfter; n += 2) twin.Erase(n);
  ASSERT_NO_FATAL_FAILURE(twin.CheckAll());
}

TEST(Index, TakesAboutFiveBytesAnEntryWhileItGrowsAndGivesThemBack) {
  Twin twin(GoodHash);
  for (size_t n = 0; n < 100'000; ++n) {
    twin.Put(n);
    ASSERT_LE(twin.index().bytes(), n * 6 + 2 * 8192);
  }
  for (size_t n = 0; n < 100'000; ++n) twin.Erase(n);
  EXPECT_LE(twin.index().bytes(), size_t{3} * 8192);
}

}  // namespace
}  // namespace weir::cache
