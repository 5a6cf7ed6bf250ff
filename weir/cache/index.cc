#include "weir/cache/index.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::cache {

Index::Index() {
  AddSegment();
}

void Index::AddSegment() {
  segments_.push_back({std::make_unique<Bucket[]>(kSegmentBuckets)});
}

inline uint32_t Index::Match(const Bucket& bucket, uint64_t hash, unsigned id_bits) {
  const uint32_t tag = TagOf(hash, id_bits);
#if defined(__SSE2__)
  static_assert(sizeof(Bucket) == 64 && offsetof(Bucket, slots) == sizeof(uint32_t));
  const auto* from = reinterpret_cast<const __m128i*>(&bucket);
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(id_bits));
  const __m128i wanted = _mm_set1_epi32(static_cast<int>(tag));
  const auto equal = [&](int n) {
    return _mm_cmpeq_epi32(_mm_srl_epi32(_mm_load_si128(from + n), shift), wanted);
  };
  const __m128i bytes =
      _mm_packs_epi16(_mm_packs_epi32(equal(0), equal(1)), _mm_packs_epi32(equal(2), equal(3)));
  // The first of the sixteen is not a slot.
  return static_cast<uint32_t>(_mm_movemask_epi8(bytes)) >> 1;
#else
  uint32_t match = 0;
  for (size_t n = 0; n < kSlots; ++n) {
    match |= uint32_t{bucket.slots[n] >> id_bits == tag} << n;
  }
  return match;
#endif
}

Index::Id Index::Find(const Entries& entries, std::string_view key, uint32_t stored,
                      uint64_t hash) const {
  for (size_t bucket = Home(hash);; ++bucket) {
    const Bucket& here = BucketAt(bucket);
    const unsigned id_bits = SegmentAt(bucket).id_bits;
    for (uint32_t match = Match(here, hash, id_bits); match != 0; match &= match - 1) {
      const Id id = IdOf(here.slots[static_cast<size_t>(std::countr_zero(match))], id_bits);
      if (entries.Is(id, key, stored)) return id;
    }
    if (here.passed == 0) return Entries::kNone;
  }
}

void Index::Place(Id id, uint64_t hash, size_t home) {
  for (size_t bucket = home;; ++bucket) {
    if (bucket == segments_.size() * kSegmentBuckets) AddSegment();
    Segment& segment = SegmentAt(bucket);
    Bucket& here = segment.buckets[bucket % kSegmentBuckets];
    const auto room = std::find(here.slots.begin(), here.slots.end(), kEmpty);
    if (room == here.slots.end()) {
      ++here.passed;
      continue;
    }
    const auto bits = static_cast<unsigned>(std::bit_width(id + 1));
    if (bits > segment.id_bits) Widen(segment, bits);
    *room = SlotOf(id, hash, segment.id_bits);
    return;
  }
}

void Index::Take(Id id, size_t home) {
  for (size_t bucket = home;; ++bucket) {
    const Segment& segment = SegmentAt(bucket);
    Bucket& here = segment.buckets[bucket % kSegmentBuckets];
    for (uint32_t& slot : here.slots) {
      if (slot == kEmpty || IdOf(slot, segment.id_bits) != id) continue;
      slot = kEmpty;
      return;
    }
    assert(here.passed > 0);
    --here.passed;
  }
}

void Index::Renumber(Id from, Id to, uint64_t hash) {
  for (size_t bucket = Home(hash);; ++bucket) {
    Segment& segment = SegmentAt(bucket);
    for (uint32_t& slot : segment.buckets[bucket % kSegmentBuckets].slots) {
      if (slot == kEmpty || IdOf(slot, segment.id_bits) != from) continue;
      const auto bits = static_cast<unsigned>(std::bit_width(to + 1));
      if (bits > segment.id_bits) Widen(segment, bits);
      slot = SlotOf(to, hash, segment.id_bits);
      return;
    }
    assert(BucketAt(bucket).passed > 0);
  }
}

// Numbers take further bits from the hashes.
void Index::Widen(Segment& segment, unsigned id_bits) {
  const uint32_t numbers = (uint32_t{1} << segment.id_bits) - 1;
  for (size_t b = 0; b < kSegmentBuckets; ++b) {
    for (uint32_t& slot : segment.buckets[b].slots) {
      if (slot == kEmpty) continue;
      slot = TagOf(slot >> segment.id_bits, id_bits) << id_bits | (slot & numbers);
    }
  }
  segment.id_bits = id_bits;
}

void Index::Insert(const Entries& entries, Id id, uint64_t hash) {
  ++size_;
  Adapt(entries);
  Place(id, hash, Home(hash));
}

void Index::Remove(const Entries& entries, Id id, uint64_t hash) {
  Take(id, Home(hash));
  --size_;
  Adapt(entries);
}

void Index::Adapt(const Entries& entries) {
  if (Resizing()) return Step(entries);
  if (size_ * 8 > count_ * kSlots * 7) return Begin(count_ + count_ / 5);
  if (size_ * 3 < count_ * kSlots && count_ > kCountMin)
    return Begin(std::max(count_ / 2, kCountMin));
  Trim();
}

void Index::Begin(size_t count) {
  from_ = count_;
  count_ = count;
  // What has moved is the end of all when they become more, and the beginning when fewer: so a
  // bucket's entries go to buckets that have been emptied.
  moved_begin_ = moved_end_ = count > from_ ? from_ : 0;
}

// A table that grows takes up less than the room for one entry in each bucket until it has moved.
void Index::Step(const Entries& entries) {
  if (segments_.size() * kSegmentBuckets < count_) return AddSegment();
  // All that is needed of memory is waited for at once.
  for (size_t n = 0; n < kMovedAtOnce; ++n) {
    const size_t next = count_ > from_ ? moved_begin_ - 1 - n : moved_end_ + n;
    if (next < from_) PrefetchBucket(entries, next);
  }
  for (size_t n = 0; n < kMovedAtOnce; ++n) {
    if (moved_end_ - moved_begin_ == from_) {
      from_ = count_;
      moved_begin_ = moved_end_ = 0;
      return;
    }
    const bool grows = count_ > from_;
    MoveHome(entries, grows ? moved_begin_ - 1 : moved_end_);
    grows ? --moved_begin_ : ++moved_end_;
  }
}

void Index::MoveHome(const Entries& entries, size_t home) {
  moving_.clear();
  for (size_t bucket = home;; ++bucket) {
    const Segment& segment = SegmentAt(bucket);
    Bucket& here = segment.buckets[bucket % kSegmentBuckets];
    const size_t moving_before = moving_.size();
    for (uint32_t& slot : here.slots) {
      if (slot == kEmpty) continue;
      const Id id = IdOf(slot, segment.id_bits);
      const uint64_t hash = entries.hash(id);
      if (HomeAmong(from_, hash) != home) continue;
      moving_.push_back({id, hash});
      slot = kEmpty;
    }
    const auto late = static_cast<uint32_t>(moving_.size() - moving_before);
    for (size_t passed = home; passed < bucket && late > 0; ++passed) {
      Bucket& before = SegmentAt(passed).buckets[passed % kSegmentBuckets];
      assert(before.passed >= late);
      before.passed -= late;
    }
    if (here.passed == 0) break;
  }
  for (const Moving& each : moving_) Place(each.id, each.hash, HomeAmong(count_, each.hash));
}

// What a smaller table has left behind goes a segment at a time.
void Index::Trim() {
  const size_t needed = count_ / kSegmentBuckets + 2;
  if (segments_.size() <= needed) return;
  const Bucket* last = segments_.back().buckets.get();
  const bool empty = std::all_of(last, last + kSegmentBuckets, [](const Bucket& bucket) {
    return std::all_of(bucket.slots.begin(), bucket.slots.end(),
                       [](uint32_t slot) { return slot == kEmpty; });
  });
  if (empty) segments_.pop_back();
}

void Index::PrefetchBucket(const Entries& entries, size_t bucket) const {
  for (const uint32_t slot : BucketAt(bucket).slots) {
    if (slot == kEmpty) continue;
    const char* entry = entries.At(IdOf(slot, SegmentAt(bucket).id_bits));
    Prefetch(entry);
    Prefetch(entry + kKeyBegins);
  }
}

void Index::PrefetchEntry(const Entries& entries, uint64_t hash) const {
  size_t bucket = Home(hash);
  uint32_t match = Match(BucketAt(bucket), hash, SegmentAt(bucket).id_bits);
  if (match == 0) {
    if (BucketAt(bucket).passed == 0) return;
    ++bucket;
    match = Match(BucketAt(bucket), hash, SegmentAt(bucket).id_bits);
    if (match == 0) return;
  }
  const uint32_t slot = BucketAt(bucket).slots[static_cast<size_t>(std::countr_zero(match))];
  const char* entry = entries.At(IdOf(slot, SegmentAt(bucket).id_bits));
  Prefetch(entry);
  Prefetch(entry + 64);
  Prefetch(entry + 128);
}

}  // namespace weir::cache
