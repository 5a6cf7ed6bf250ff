// Goal: pending writes answer as the newest version of each key, keep their order, move whole, and
// their bytes are pinned. Method: examples, and random batches against a plain map.
#include "weir/store/rocksdb/pending_writes.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

constexpr size_t kSegmentBytes = 4096;

Record RecordOf(std::string_view value, Version version = 1) {
  return {Bytes::Copy(value), kNever, version};
}

std::string PutOf(const Key& key, std::string_view value) {
  std::string bytes;
  AppendPendingPut(key, RecordOf(value), &bytes);
  return bytes;
}

std::string SettledOf(const Key& key) {
  std::string bytes;
  AppendPendingSettled(key, &bytes);
  return bytes;
}

std::string ValueOf(std::optional<std::string_view> stored, const Key& key) {
  if (!stored) return "(absent)";
  std::string stored_key(kPositionBytes, '\0');
  EncodePosition(key.position, stored_key.data());
  const auto record = DecodeRecord(stored_key + key.key, *stored);
  return record ? std::string(record->value) : "(damaged)";
}

std::string NameOf(const PendingRecord& record) {
  return std::string(record.stored_key.substr(kPositionBytes));
}

TEST(PendingFormatTest, TheBytesArePinned) {
  const Key key{3, 0x0102030405060708, "k"};
  std::string bytes;
  AppendPendingPut(key, RecordOf("v", 7), &bytes);
  EXPECT_LE(bytes.size(), PendingPutBytes(key, RecordOf("v", 7)));
  AppendPendingSettled(key, &bytes);
  std::string expected("\x01\x03\0\0\0\x09\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08k\x0e\0\0\0", 22);
  char header[kRecordHeaderBytesMax];
  expected.append(header, EncodeRecordHeader(key.position, key.key, RecordOf("v", 7), header));
  expected += "v";
  expected.append("\x02\x03\0\0\0\x09\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08k", 18);
  EXPECT_EQ(bytes, expected);
}

TEST(PendingFormatTest, WhatIsNotWholeIsRefused) {
  const std::string bytes = PutOf({1, 2, "key"}, "value");
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view cut(bytes.data(), size);
    EXPECT_FALSE(TakePendingWrite(&cut).has_value()) << size;
  }
  std::string unknown = bytes;
  unknown[0] = 9;
  std::string_view left = unknown;
  EXPECT_FALSE(TakePendingWrite(&left).has_value());
}

TEST(PendingWritesTest, TheNewestVersionIsFoundWhicheverSegmentHoldsIt) {
  PendingWrites pending(kSegmentBytes);
  const Key key{0, 5, "a"};
  EXPECT_FALSE(pending.Find(key).has_value());
  pending.Add(1, PutOf(key, "one") + PutOf({1, 5, "a"}, "other shard"));
  EXPECT_EQ(ValueOf(pending.Find(key), key), "one");
  EXPECT_FALSE(pending.Find({0, 5, "b"}).has_value());
  pending.Add(2, PutOf({0, 9, "big"}, std::string(kSegmentBytes, 'x')));  // Seals it.
  EXPECT_EQ(ValueOf(pending.Find(key), key), "one");
  pending.Add(3, PutOf(key, "two"));
  EXPECT_EQ(ValueOf(pending.Find(key), key), "two");
}

TEST(PendingWritesTest, AKeyWrittenDirectlyIsSettledInBothSegments) {
  PendingWrites pending(kSegmentBytes);
  const Key key{0, 5, "a"};
  pending.Add(1, PutOf(key, "one"));
  pending.Add(2, PutOf({0, 9, "big"}, std::string(kSegmentBytes, 'x')));
  pending.Add(3, PutOf(key, "two"));
  pending.Add(4, SettledOf(key));
  EXPECT_FALSE(pending.Find(key).has_value());
  const std::vector<PendingRecord> run = pending.TakeRun(100);
  ASSERT_EQ(run.size(), 1U);
  EXPECT_EQ(NameOf(run[0]), "big");
  pending.Add(5, PutOf(key, "three"));
  EXPECT_EQ(ValueOf(pending.Find(key), key), "three");
}

TEST(PendingWritesTest, AFullSegmentWaitsUntilTheSealedOneHasMoved) {
  PendingWrites pending(kSegmentBytes);
  const std::string big(kSegmentBytes, 'x');
  EXPECT_TRUE(pending.TakeRun(9).empty()) << "nothing is sealed";
  pending.Add(3, PutOf({0, 1, "a"}, big));
  pending.Add(4, PutOf({0, 2, "b"}, big));
  EXPECT_FALSE(pending.taken_all());
  EXPECT_EQ(NameOf(pending.TakeRun(9).at(0)), "a");
  EXPECT_TRUE(pending.taken_all());
  EXPECT_EQ(pending.sealed_commits(), (std::pair<CommitNumber, CommitNumber>(3, 3)));
  pending.Moved();
  pending.Add(5, PutOf({0, 3, "c"}, "small"));
  EXPECT_EQ(pending.sealed_commits(), (std::pair<CommitNumber, CommitNumber>(4, 5)));
}

// Puts of `keys` keys, from the `first` on.
std::string Puts(uint64_t first, uint64_t keys) {
  std::string bytes;
  for (uint64_t i = first; i < first + keys; ++i) {
    bytes += PutOf({0, i << 40, "k"}, std::string(50, 'x'));
  }
  return bytes;
}

TEST(PendingWritesTest, ASealedSegmentMovesEvenlyUntilTheActiveOneIsHalfFull) {
  constexpr size_t kSegment = size_t{1} << 20;
  constexpr uint64_t kBatch = 50;
  PendingWrites pending(kSegment);
  CommitNumber commit = 0;
  uint64_t key = 0;
  EXPECT_EQ(pending.DueWith(kBatch, Puts(0, kBatch).size()), 0U) << "nothing is sealed";
  while (pending.DueWith(1, 1) == 0) {
    pending.Add(++commit, Puts(key, kBatch));
    key += kBatch;
  }
  const uint64_t sealed_keys = key;
  size_t moved = 0;
  for (; !pending.taken_all(); key += kBatch) {
    const std::string bytes = Puts(key, kBatch);
    const size_t due = pending.DueWith(kBatch, bytes.size());
    EXPECT_LE(due, 2 * kBatch + 2) << "twice as many as come";
    moved += pending.TakeRun(std::max<size_t>(due, 1)).size();
    pending.Add(++commit, bytes);
  }
  EXPECT_EQ(moved, sealed_keys);
  EXPECT_NEAR(static_cast<double>(key - sealed_keys), static_cast<double>(sealed_keys) / 2,
              2 * kBatch);
}

TEST(PendingWritesTest, WhatIsLeftWhenItIsHalfFullMovesUntilItIsFull) {
  constexpr uint64_t kKeys = 100;
  const auto bytes = [](uint64_t keys) { return Puts(kKeys, keys).size(); };
  PendingWrites pending(PendingSegment::BytesOf(kKeys, bytes(kKeys)));
  pending.Add(1, Puts(0, kKeys));
  pending.Add(2, Puts(kKeys, 60));  // Without a run.
  EXPECT_EQ(pending.DueWith(20, bytes(20)), kKeys / 2);
  EXPECT_EQ(pending.DueWith(40, bytes(40)), kKeys);
}

TEST(PendingWritesTest, AKeyThatIsPendingAgainDoesNotMoveInItsOlderVersion) {
  PendingWrites pending(kSegmentBytes);
  const Key key{0, 5, "a"};
  std::string filler;  // More keys than are looked for together.
  for (uint64_t i = 0; i < 100; ++i) filler += PutOf({1, i << 50, "f"}, std::string(50, 'x'));
  pending.Add(1, PutOf(key, "one") + PutOf({0, 6, "b"}, "one") + filler);
  pending.Add(2, PutOf(key, "two") + PutOf({1, uint64_t{70} << 50, "f"}, "two"));
  std::set<std::pair<uint32_t, uint64_t>> moved;
  while (!pending.taken_all()) {
    for (const PendingRecord& record : pending.TakeRun(40)) {
      moved.emplace(record.shard, DecodePosition(record.stored_key.data()));
    }
  }
  EXPECT_EQ(moved.size(), 100U);  // All but two.
  EXPECT_EQ(moved.count({0, 5}), 0U);
  EXPECT_EQ(moved.count({0, 6}), 1U);
  EXPECT_EQ(moved.count({1, uint64_t{70} << 50}), 0U);
  pending.Moved();
  EXPECT_EQ(ValueOf(pending.Find(key), key), "two");
}

TEST(PendingWritesTest, WhatAReaderHoldsOutlivesTheMove) {
  PendingWrites pending(kSegmentBytes);
  const Key key{0, 1, "a"};
  pending.Add(1, PutOf(key, std::string(kSegmentBytes, 'x')));
  const PendingWrites::Hold hold = pending.hold();
  const std::optional<std::string_view> found = pending.Find(key);
  pending.TakeRun(9);
  pending.Moved();
  EXPECT_EQ(ValueOf(found, key), std::string(kSegmentBytes, 'x'));
}

using Name = std::tuple<uint32_t, uint64_t, std::string>;

// Everything of `shard` from `from` to `to`, collected in pieces of `enough`.
std::vector<std::string> CollectAll(const PendingWrites& pending, uint32_t shard, uint64_t from,
                                    uint64_t to, size_t enough) {
  std::vector<std::string> all;
  for (;;) {
    std::vector<PendingRecord> found;
    const uint64_t next = pending.Collect(shard, from, to, enough, &found);
    for (const PendingRecord& record : found) all.emplace_back(record.stored_key);
    if (next == to) return all;
    EXPECT_GE(found.size(), enough);
    from = next;
  }
}

TEST(PendingWritesTest, AgreesWithAPlainMapUnderRandomBatches) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    PendingWrites pending(kSegmentBytes);
    std::map<Name, std::string> live;    // What is pending.
    std::map<Name, std::string> tables;  // What was moved or written directly.
    std::map<Name, std::string> all;     // The newest of each.
    for (CommitNumber commit = 1; commit <= 60; ++commit) {
      for (const PendingRecord& record : pending.TakeRun(random.Below(20))) {
        const uint64_t position = DecodePosition(record.stored_key.data());
        const Key key{record.shard, position, NameOf(record)};
        tables[{key.shard, position, key.key}] = ValueOf(record.stored_record, key);
      }
      if (pending.taken_all()) pending.Moved();
      std::string bytes;
      std::set<Name> once;
      for (uint64_t i = random.Below(12); i > 0; --i) {
        const Key key{static_cast<uint32_t>(random.Below(2)),
                      random.Below(64) << 58 | random.Below(2),
                      std::string(1 + random.Below(2), 'k')};
        const Name name{key.shard, key.position, key.key};
        if (!once.insert(name).second) continue;
        const std::string value = std::to_string(commit) + std::string(random.Below(120), 'v');
        all[name] = value;
        if (random.Below(4) > 0) {
          bytes += PutOf(key, value);
        } else {
          if (pending.Find(key)) bytes += SettledOf(key);
          tables[name] = value;
        }
      }
      if (!bytes.empty()) pending.Add(commit, bytes);
      // Pending or, where nothing is, in the tables: always the newest.
      for (const auto& [name, value] : all) {
        const Key key{std::get<0>(name), std::get<1>(name), std::get<2>(name)};
        const std::optional<std::string_view> found = pending.Find(key);
        ASSERT_EQ(found ? ValueOf(found, key) : tables[name], value) << seed << " " << commit;
      }
      const uint64_t from = random.Below(64) << 58;
      const uint64_t to = random.Below(3) == 0 ? 0 : from + (random.Below(9) << 57) + 1;
      std::vector<std::string> expected;
      for (const auto& [name, value] : all) {
        const Key key{std::get<0>(name), std::get<1>(name), std::get<2>(name)};
        if (key.shard != 1 || key.position < from || (to != 0 && key.position >= to)) continue;
        std::string stored(kPositionBytes, '\0');
        EncodePosition(key.position, stored.data());
        if (pending.Find(key)) expected.push_back(stored + key.key);
      }
      if (to == 0 || to > from) {
        ASSERT_EQ(CollectAll(pending, 1, from, to, 1 + random.Below(5)), expected) << seed;
      }
    }
  }
}

}  // namespace
}  // namespace weir::store
