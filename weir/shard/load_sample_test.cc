// Goal: a sample tells how many requests there are and which keys they are about, within what
// chance allows, in a fixed memory and over the last seconds only.
// Method: seeded requests in virtual time whose rates are known, among them those of Zipf's law;
// what the entries stand for is compared with what was sent.
#include "weir/shard/load_sample.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "weir/shard/zipf_rig.h"

namespace weir::shard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Requests a second by key, as the sample has it.
std::map<std::string, double> RatesOf(const LoadSample& sample, MonoTime now) {
  std::map<std::string, double> rates;
  const double span = std::chrono::duration<double>(sample.Span(now)).count();
  for (const LoadSample::Entry& entry : sample.entries()) {
    if (now - entry.at > sample.Span(now)) continue;
    rates[std::string(entry.KeyText())] += entry.stands_for / span;
  }
  return rates;
}

double SumOf(const std::map<std::string, double>& rates) {
  double sum = 0;
  for (const auto& [key, rate] : rates) sum += rate;
  return sum;
}

// Notes `count` requests of `key` at once.
void NoteAll(LoadSample& sample, const std::string& key, size_t count, MonoTime now) {
  sample.Note(count, now, [&](size_t) { return LoadSample::Request{PositionOf(key), key}; });
}

TEST(LoadSample, RatesOfZipfAreWithinWhatChanceAllows) {
  constexpr size_t kKeys = 10'000;
  constexpr size_t kEachMillisecond = 50;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Zipf zipf(kKeys, 0.99);
    Random random(seed);
    MonoTime now;
    LoadSample sample(seed, now);
    for (int i = 0; i < 12'000; ++i) {
      now = now + milliseconds(1);
      std::string key;
      sample.Note(kEachMillisecond, now, [&](size_t) {
        key = std::to_string(zipf.Draw(random));
        return LoadSample::Request{PositionOf(key), key};
      });
    }
    const std::map<std::string, double> rates = RatesOf(sample, now);
    const double all = kEachMillisecond * 1000.0;
    const auto kept = static_cast<double>(sample.entries().size());
    // Five standard deviations, with room for the gaps, which vary.
    EXPECT_NEAR(SumOf(rates), all, all * 5 / std::sqrt(kept)) << seed;
    for (size_t rank : {0, 1, 2, 5, 10}) {
      const double part = zipf.PartOf(rank);
      const auto found = rates.find(std::to_string(rank));
      ASSERT_NE(found, rates.end()) << seed;
      EXPECT_NEAR(found->second / all, part, 6 * std::sqrt(part / kept)) << seed << " " << rank;
    }
  }
}

TEST(LoadSample, FewRequestsAreAllCounted) {
  LoadSample sample(1, {});
  MonoTime now;
  for (int i = 0; i < 100; ++i) {
    now = now + milliseconds(100);
    NoteAll(sample, i % 4 == 0 ? "a" : "b", 1, now);
  }
  EXPECT_EQ(sample.Span(now), seconds(10));
  const auto rates = RatesOf(sample, now);
  EXPECT_NEAR(rates.at("a"), 2.5, 1e-6);
  EXPECT_NEAR(rates.at("b"), 7.5, 1e-6);
}

TEST(LoadSample, APeriodInTheRequestsIsNotOneInTheSample) {
  LoadSample sample(3, {});
  MonoTime now;
  for (int i = 0; i < 5'000; ++i) {
    now = now + milliseconds(1);
    sample.Note(64, now, [](size_t at) {
      const char* key = at % 2 == 0 ? "even" : "odd";
      return LoadSample::Request{PositionOf(key), key};
    });
  }
  const auto rates = RatesOf(sample, now);
  EXPECT_NEAR(rates.at("even"), 32'000, 3'000);
  EXPECT_NEAR(rates.at("odd"), 32'000, 3'000);
}

TEST(LoadSample, WhatIsOlderThanTheWindowCountsNoLonger) {
  LoadSample sample(1, {});
  NoteAll(sample, "a", 10, {});
  EXPECT_DOUBLE_EQ(SumOf(RatesOf(sample, {})), 10);  // The least span is a second.
  const MonoTime end = MonoTime{} + LoadSample::kWindow;
  EXPECT_DOUBLE_EQ(SumOf(RatesOf(sample, end)), 1);
  EXPECT_DOUBLE_EQ(SumOf(RatesOf(sample, {end.ns + 1})), 0);
}

TEST(LoadSample, ItHoldsSoManyEntriesAndNoMore) {
  LoadSample sample(1, {});
  MonoTime now;
  size_t noted = 0;
  // Few enough at a time that all are kept.
  const auto note = [&] {
    now = now + milliseconds(4);
    NoteAll(sample, std::to_string(noted++), 1, now);
  };
  while (noted < LoadSample::kEntriesMax) note();
  EXPECT_EQ(sample.entries().size(), LoadSample::kEntriesMax);
  EXPECT_EQ(sample.entries()[0].KeyText(), "0");
  note();
  EXPECT_EQ(sample.entries().size(), LoadSample::kEntriesMax);
  EXPECT_EQ(sample.entries()[0].KeyText(), std::to_string(LoadSample::kEntriesMax));
}

TEST(LoadSample, ABurstAtOneMomentIsThinnedOut) {
  LoadSample sample(1, {});
  MonoTime now;
  for (int i = 0; i < 100; ++i) NoteAll(sample, "burst", 2048, now);
  EXPECT_LT(sample.entries().size(), 2048U);
  EXPECT_NEAR(SumOf(RatesOf(sample, now)), 204'800, 60'000);
}

// How many requests the entries of the last `span` stand for.
uint64_t SeenWithin(const LoadSample& sample, std::chrono::nanoseconds span, MonoTime now) {
  uint64_t seen = 0;
  for (const LoadSample::Entry& entry : sample.entries()) {
    if (now - entry.at < span) seen += entry.stands_for;
  }
  return seen;
}

TEST(LoadSample, WhatIsRareAfterABurstIsCountedOneByOneWithinASecond) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (const bool at_once : {true, false}) {
      MonoTime now = MonoTime{} + seconds(100);
      LoadSample sample(seed, {});
      if (at_once) {
        NoteAll(sample, "burst", 16'384, now);
      } else {
        for (int i = 0; i < 10'000; ++i) {
          now = now + milliseconds(1);
          NoteAll(sample, "burst", 300, now);
        }
      }
      for (int second = 0; second < 20; ++second) {
        for (int i = 0; i < 10; ++i) {
          now = now + milliseconds(100);
          NoteAll(sample, "rare", 1, now);
        }
        if (second == 0) continue;
        EXPECT_EQ(SeenWithin(sample, seconds(1), now), 10U) << seed;
      }
      EXPECT_NEAR(RatesOf(sample, now).at("rare"), 10, 0.1) << seed;
    }
  }
}

TEST(LoadSample, OfALongKeyTheBeginningIsKept) {
  LoadSample sample(1, {});
  const std::string fits(LoadSample::kKeyBytesMax, 'f');
  const std::string longer(LoadSample::kKeyBytesMax + 1, 'l');
  NoteAll(sample, fits, 1, {});
  NoteAll(sample, longer, 1, {});
  ASSERT_EQ(sample.entries().size(), 2U);
  EXPECT_EQ(sample.entries()[0].KeyText(), fits);
  EXPECT_FALSE(sample.entries()[0].key_is_cut);
  EXPECT_EQ(sample.entries()[1].KeyText(), longer.substr(0, LoadSample::kKeyBytesMax));
  EXPECT_TRUE(sample.entries()[1].key_is_cut);
  EXPECT_EQ(sample.entries()[1].position, PositionOf(longer));
}

}  // namespace
}  // namespace weir::shard
