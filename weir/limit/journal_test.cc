// Goal: a sample is bounded, covers the last hour, and holds all requests of whom it holds at all.
// Method: streams of requests from a seed; what a sample should hold is worked out beside it.
#include "weir/limit/journal.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

JournalEntry EntryAt(MonoTime at, uint64_t draw) {
  JournalEntry entry;
  entry.at = at;
  entry.draw = draw;
  return entry;
}

TEST(Journal, TheFrontOfARequestIsKept) {
  Journal journal(size_t{1} << 20);
  const std::string user(30, 'u');
  const std::string key = "key:" + std::string(40, 'k');
  journal.Note({1, 2, 3}, {.user = user, .key = key, .command = CommandClass::kWrite, .bytes = 7},
               {5});
  ASSERT_EQ(journal.keys.entries().size(), 1u);
  const JournalEntry entry = journal.keys.entries().front();
  EXPECT_EQ(entry.request().user, user.substr(0, JournalEntry::kUserBytesMax));
  EXPECT_EQ(entry.request().key, key.substr(0, JournalEntry::kKeyBytesMax));
  EXPECT_EQ(entry.request().command, CommandClass::kWrite);
  EXPECT_EQ(entry.request().bytes, 7u);
  EXPECT_EQ(entry.key_hash, 3u);
  journal.Note({1, 2, 3}, {.bytes = uint64_t{1} << 40}, {6});
  EXPECT_EQ(journal.keys.entries().size(), 1u);  // It has no key.
  EXPECT_EQ(journal.requests.entries().size(), 2u);
  EXPECT_EQ(journal.clients.entries().back().bytes, UINT32_MAX);
  EXPECT_FALSE(journal.clients.entries().back().request().key.has_value());
}

TEST(Journal, ASampleIsFullAtItsBoundAndHalvesPastIt) {
  JournalSample sample(4);
  for (uint64_t i = 0; i < 4; ++i) sample.Note(EntryAt({1}, i << 62));
  EXPECT_EQ(sample.entries().size(), 4u);
  EXPECT_EQ(sample.rarity(), 0);
  sample.Note(EntryAt({2}, 0));
  EXPECT_EQ(sample.rarity(), 1);
  EXPECT_FALSE(sample.Takes(uint64_t{1} << 63));
  ASSERT_EQ(sample.entries().size(), 3u);
  for (const JournalEntry& entry : sample.entries()) EXPECT_EQ(entry.rarity, 1);
  // All of one draw: nothing drops out, so the oldest does, and the rarity has an end.
  for (int i = 0; i < 100; ++i) sample.Note(EntryAt({3 + i}, 0));
  EXPECT_EQ(sample.entries().size(), 4u);
  EXPECT_EQ(sample.rarity(), JournalSample::kRarityMax);
  EXPECT_EQ(sample.entries().back().at, MonoTime{102});
}

TEST(Journal, WhatIsAnHourOldDropsOutAndASparseSampleTakesMoreAgain) {
  JournalSample sample(16);
  for (uint64_t i = 0; i < 64; ++i) sample.Note(EntryAt({1}, i << 58));
  const uint8_t rare = sample.rarity();
  EXPECT_GE(rare, 2);
  const MonoTime later = MonoTime{1} + JournalSample::kSpan;
  sample.Note(EntryAt(later, 0));
  EXPECT_EQ(sample.entries().size(), 1u);
  EXPECT_EQ(sample.rarity(), rare - 1);
  sample.Note(EntryAt(later + 1min, 0));
  EXPECT_EQ(sample.rarity(), rare - 1);
  sample.Note(EntryAt(later + 10min, 0));
  EXPECT_EQ(sample.rarity(), rare - 2);
}

TEST(Journal, OfAClientItHoldsAllOrNothing) {
  for (uint64_t seed = 1; seed < 6; ++seed) {
    Random random(seed);
    Journal journal(size_t{200} << 10);
    std::map<uint64_t, uint64_t> sent;
    for (int64_t i = 0; i < 200'000; ++i) {
      const uint64_t client = random.Below(3000);
      const uint64_t draw = SeededHash({reinterpret_cast<const char*>(&client), 8}, seed);
      ++sent[draw];
      journal.Note({random.Next(), draw}, {}, {i * 1000});
    }
    const JournalSample& sample = journal.clients;
    EXPECT_LE(sample.entries().size(), sample.entries_max());
    EXPECT_GT(sample.entries().size(), sample.entries_max() / 4);
    std::map<uint64_t, uint64_t> held;
    for (const JournalEntry& entry : sample.entries()) ++held[entry.draw];
    for (const auto& [draw, count] : sent) {
      ASSERT_EQ(held[draw], sample.Takes(draw) ? count : 0) << seed;
    }
  }
}

}  // namespace
}  // namespace weir::limit
