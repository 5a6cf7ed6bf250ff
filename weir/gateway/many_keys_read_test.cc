// Goal: a read of more keys than a loop looks at by itself says what the same read of fewer says.
// Method: a whole gateway over a scripted store on one thread, at the limit and one past it. That
// it shows one moment beside writers is shown with real threads in weir/server/server_test.cc.
#include "weir/gateway/many_keys_read.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = ScriptedStore::Kind;

constexpr size_t kMax = ManyKeysRead::kKeysAtOnceMax;

class ManyKeys : public testing::Test {
 protected:
  static Words Command(const std::string& name, size_t keys) {
    Words words = {name};
    for (size_t i = 0; i < keys; ++i) words.push_back("k" + std::to_string(i));
    return words;
  }
  static void Fill(GatewayRig& rig, size_t client, size_t keys) {
    Words words = {"MSET"};
    for (size_t i = 0; i < keys; ++i) words.insert(words.end(), {"k" + std::to_string(i), "v"});
    ASSERT_EQ(rig.Do(client, words), "+OK");
  }
  void Fill(size_t keys) { Fill(rig_, client_, keys); }
  static std::string Values(size_t present, size_t absent) {
    std::string text;
    for (size_t i = 0; i < present + absent; ++i) text += i < present ? " v" : " (nil)";
    return "[" + text.substr(1) + "]";
  }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

TEST_F(ManyKeys, AtTheLimitAreLookedAtByTheLoopAndOneMoreAreNot) {
  Fill(kMax + 1);
  rig_.Send(client_, Command("MGET", kMax));
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(Values(kMax, 0)));
  rig_.Send(client_, Command("MGET", kMax + 1));
  EXPECT_THAT(rig_.Replies(client_), IsEmpty());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(Values(kMax + 1, 0)));
  EXPECT_THAT(rig_.store().held(), IsEmpty()) << "all of them are in memory";
}

TEST_F(ManyKeys, ThatAreNotInMemoryAreReadFromOneSnapshot) {
  Fill(kMax);
  rig_.gateway().lanes().Clear();
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.Deliver();
  EXPECT_THAT(rig_.store().held(Kind::kLoad), SizeIs(1));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(Values(kMax, 1)));
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(Values(kMax, 1))) << "they have been kept";
}

TEST_F(ManyKeys, ThatWereWrittenMeanwhileAreNotKeptAsTheyWere) {
  Fill(kMax + 1);
  rig_.gateway().lanes().Clear();
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.Deliver();
  rig_.store().Perform(rig_.First(Kind::kLoad));  // It has read the old k0.
  const size_t writer = rig_.Connect();
  EXPECT_EQ(rig_.Do(writer, {"DEL", "k0"}), ":1");
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(Values(kMax + 1, 0)));
  EXPECT_EQ(rig_.Do(client_, {"GET", "k0"}), "(nil)");
  EXPECT_EQ(rig_.Do(client_, {"GET", "k1"}), "v");
}

TEST_F(ManyKeys, OfSeveralCommandsBeyondTheLimitOfARoundWaitForTheNext) {
  Fill(kMax);
  constexpr size_t kRound = Outbox::kRoundKeysMax / kMax;
  for (size_t i = 0; i < kRound + 2; ++i) rig_.Send(client_, Command("EXISTS", kMax));
  EXPECT_THAT(rig_.Replies(client_), SizeIs(kRound));
  EXPECT_TRUE(rig_.client(client_).pipeline.waits_for_round());
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(client_), SizeIs(2));
  EXPECT_FALSE(rig_.client(client_).pipeline.waits_for_round());
}

TEST_F(ManyKeys, ThatWaitedForAWriteAreReadAFewInEachRound) {
  Fill(kMax);
  constexpr size_t kRound = Outbox::kRoundKeysMax / kMax;
  rig_.Send(client_, {"SET", "k0", "v"});
  for (size_t i = 0; i < kRound + 1; ++i) rig_.Send(client_, Command("EXISTS", kMax));
  rig_.HandOn();
  rig_.Complete(Kind::kApply);
  rig_.DeliverOne();
  // Each is looked at when it begins and when it is taken.
  const size_t first = rig_.Replies(client_).size() - 1;
  EXPECT_LE(first, kRound / 2 + 1);
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_), SizeIs(kRound + 1 - first));
}

TEST_F(ManyKeys, OneThatHasExpiredIsAbsent) {
  Fill(kMax + 1);
  rig_.Do(client_, {"PEXPIRE", "k0", "100"});
  rig_.Pass(std::chrono::milliseconds(100));
  EXPECT_EQ(rig_.Do(client_, Command("EXISTS", kMax + 1)), ":" + std::to_string(kMax));
}

// A write that believed in it would not take the record's end away, which then ends the new one.
TEST_F(ManyKeys, OneThatHasExpiredButStandsIsNotKeptAsNothing) {
  Fill(kMax + 1);
  rig_.Do(client_, {"PEXPIRE", "k0", "100"});
  rig_.Pass(std::chrono::milliseconds(100));
  rig_.gateway().lanes().Clear();
  EXPECT_EQ(rig_.Do(client_, Command("MGET", kMax + 1)).substr(0, 6), "[(nil)");
  const KeyHash hash = rig_.gateway().placement().Hash("k0");
  const Lanes::Locked lane = rig_.gateway().lanes().Lock(hash.lane);
  EXPECT_FALSE(lane->Find("k0", hash.hash, rig_.clock.Wall()).has_value());
}

TEST_F(ManyKeys, AreReadAfterWhatWasSentBeforeAndBeforeWhatWasSentAfter) {
  Fill(kMax + 1);
  rig_.Send(client_, {"DEL", "k0"});
  rig_.Send(client_, {"GET", "k0"});
  rig_.Send(client_, Command("EXISTS", kMax + 1));
  rig_.Send(client_, {"DEL", "k1"});
  rig_.Send(client_, Command("TOUCH", kMax + 1));
  rig_.Send(client_, {"GET", "k1"});
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre(":1", "(nil)", ":" + std::to_string(kMax), ":1",
                                                 ":" + std::to_string(kMax - 1), "(nil)"));
}

TEST_F(ManyKeys, AreAnsweredInTheProtocolThatIsSpokenInTheirTurn) {
  rig_.Send(client_, {"GET", "none"});  // What follows waits for it.
  rig_.Send(client_, {"HELLO", "3"});
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.RunAll();
  rig_.client(client_).Replies();
  std::array<resp::OutputBuffer::Span, 1> span;
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.RunAll();
  ASSERT_EQ(rig_.client(client_).output.Spans(span), 1u);
  EXPECT_EQ(std::string_view(span[0].data, span[0].size).substr(0, 10), "*1025\r\n_\r\n");
}

TEST_F(ManyKeys, OfASnapshotThatFailsAreAnError) {
  rig_.Send(client_, Command("MGET", kMax + 1));
  rig_.Deliver();
  rig_.Complete(Kind::kLoad, ScriptedStore::Outcome::kUnavailable);
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(client_), ElementsAre("-ERR disk full"));
  EXPECT_EQ(rig_.Do(client_, Command("EXISTS", kMax + 1)), ":0");
}

TEST_F(ManyKeys, OfMoreBytesThanOneReplyMayHaveAreAnError) {
  GatewayRig::Options options;
  options.memory.client_bytes = 2 * (kMax + 1);
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  Fill(rig, client, kMax + 1);
  EXPECT_EQ(rig.Do(client, Command("MGET", kMax + 1)), Values(kMax + 1, 0));
  rig.Do(client, {"SET", "k0", "vv"});
  EXPECT_EQ(rig.Do(client, Command("MGET", kMax + 1)), "-" + std::string(errors::kReplyTooLarge));
  EXPECT_EQ(rig.Do(client, Command("EXISTS", kMax + 1)), ":" + std::to_string(kMax + 1));
}

TEST_F(ManyKeys, AreCountedAsHitsAndMisses) {
  Fill(kMax);
  const uint64_t hits = rig_.stats.hits.value();
  const uint64_t misses = rig_.stats.misses.value();
  rig_.Do(client_, Command("EXISTS", kMax + 3));
  EXPECT_EQ(rig_.stats.hits.value() - hits, kMax);
  EXPECT_EQ(rig_.stats.misses.value() - misses, 3u);
}

}  // namespace
}  // namespace weir::gateway
