// Goal: work on large values neither holds a loop or a lane nor takes unbounded memory.
// Method: HeavyWork alone with real threads; reads through a gateway whose heavy work is held by
// the test; batches of large values over a scripted store.
#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/heavy_work.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;

TEST(HeavyWork, RefusesWhatIsBeyondItsLimitsAndTakesItAgainLater) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<size_t> done = 0;
  {
    HeavyWork work(1);
    EXPECT_TRUE(work.TryPost(HeavyWork::kBytesMax, [&, released] {
      released.wait();
      ++done;
    }));
    EXPECT_TRUE(work.TryPost(0, [&] { ++done; }));
    EXPECT_FALSE(work.TryPost(1, [&] { ++done; }));
    for (size_t i = 2; i < HeavyWork::kTasksMax; ++i) ASSERT_TRUE(work.TryPost(0, [&] { ++done; }));
    EXPECT_FALSE(work.TryPost(0, [&] { ++done; }));
    release.set_value();
  }
  EXPECT_EQ(done, HeavyWork::kTasksMax);
}

TEST(HeavyWork, OneTaskMayBeOfAnySize) {
  HeavyWork work(0);
  bool ran = false;
  EXPECT_TRUE(work.TryPost(HeavyWork::kBytesMax * 2, [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

std::string Large(size_t bytes = size_t{1} << 20) {
  return std::string(bytes, '\x01');
}

TEST(HeavyRead, AnswersInItsTurnFromMemoryAndFromTheStore) {
  GatewayRig::Options options;
  options.cache_bytes = size_t{64} << 20;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  rig.Do(client, {"SET", "large", Large()});
  for (const bool in_memory : {true, false}) {
    if (!in_memory) rig.gateway().lanes().Clear();
    rig.Send(client, {"BITCOUNT", "large"});
    rig.Send(client, {"BITPOS", "large", "1"});
    rig.Send(client, {"STRLEN", "large"});
    rig.Send(client, {"BITCOUNT", "large", "0", "x"});
    rig.Send(client, {"INCR", "n"});
    rig.Send(client, {"LCS", "large", "large", "LEN"});
    rig.RunAll();
    EXPECT_THAT(rig.Replies(client),
                ElementsAre(":1048576", ":7", ":1048576",
                            "-ERR value is not an integer or out of range", in_memory ? ":1" : ":2",
                            "-ERR Insufficient memory, transient memory for LCS exceeds "
                            "proto-max-bulk-len"));
  }
}

TEST(HeavyRead, SeesWhatTheKeyHeldAtItsPlaceInTheOrder) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  const std::string text(1000, 'a');
  rig.Do(client, {"MSET", "a", text, "b", text});
  rig.Send(client, {"LCS", "a", "b", "LEN"});
  rig.Send(client, {"SET", "a", "x"});
  rig.Send(client, {"LCS", "a", "b", "LEN"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(client), ElementsAre(":1000", "+OK", ":0"));
}

TEST(HeavyRead, WithinATransactionIsAnsweredWithTheRest) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  const std::string text(1000, 'a');
  for (const Words& words : {Words{"MULTI"},
                             {"MSET", "a", text, "b", text},
                             {"GET", "none"},
                             {"LCS", "a", "b", "LEN"},
                             {"LCS", "a", "b", "LEN", "FOO"},
                             {"BITCOUNT", "a"},
                             {"SET", "a", "x"},
                             {"LCS", "a", "b", "LEN"}}) {
    rig.Do(client, words);
  }
  EXPECT_EQ(rig.Do(client, {"EXEC"}), "[+OK (nil) :1000 -ERR syntax error :3000 +OK :0]");
}

TEST(LargeBatch, WhatMakesTooMuchAtOnceIsLeftForTheNextBatchInOrder) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  const std::string offset = std::to_string((uint64_t{60} << 20) * 8 - 1);
  rig.Send(client, {"SET", "first", "1"});
  rig.HandOn();  // While this is in the store the rest gathers.
  for (int i = 0; i < 8; ++i) rig.Send(client, {"SETBIT", "k" + std::to_string(i), offset, "1"});
  rig.Send(client, {"INCR", "first"});
  rig.HandOn();
  size_t batches = 0;
  while (!rig.inbox_empty() || !rig.store().held().empty()) {
    for (const ScriptedStore::CallId id : rig.store().held()) {
      batches += rig.store().kind(id) == Kind::kApply ? 1 : 0;
      rig.store().Complete(id);
    }
    rig.Deliver();
  }
  EXPECT_GE(batches, 5u) << "the first, and two values in each of the others";
  EXPECT_THAT(rig.Replies(client),
              ElementsAre("+OK", ":0", ":0", ":0", ":0", ":0", ":0", ":0", ":0", ":2"));
}

constexpr size_t kMiB = size_t{1} << 20;

GatewayRig::Options FourMiBForWrites() {
  GatewayRig::Options options;
  options.memory.write_bytes = 4 * kMiB;
  return options;
}

TEST(LargeBatch, OldValuesAreLoadedWithinABoundAndWhoFindsNoRoomIsInTheNextBatch) {
  GatewayRig rig(FourMiBForWrites());
  const size_t client = rig.Connect();
  for (int i = 0; i < 5; ++i) rig.Do(client, {"SET", "k" + std::to_string(i), Large(kMiB - 10)});
  rig.gateway().lanes().Clear();
  rig.SendAndHandOn(client, {"SET", "first", "1"});  // While this is in the store the rest gathers.
  const size_t before = rig.store().batches().size();
  for (int i = 0; i < 5; ++i) rig.Send(client, {"APPEND", "k" + std::to_string(i), "x"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(client),
              ElementsAre("+OK", ":1048567", ":1048567", ":1048567", ":1048567", ":1048567"));
  EXPECT_EQ(rig.store().batches().size() - before, 3u) << "two values fit in each";
}

TEST(LargeBatch, ACommandWhoseOldValuesNeverFitIsToldSo) {
  GatewayRig rig(FourMiBForWrites());
  const size_t client = rig.Connect();
  for (int i = 0; i < 3; ++i) rig.Do(client, {"SET", "k" + std::to_string(i), Large(kMiB - 10)});
  rig.gateway().lanes().Clear();
  EXPECT_THAT(rig.Do(client, {"BITOP", "OR", "d", "k0", "k1", "k2"}),
              StartsWith("-ERR the values that this command looks at are together larger"));
  EXPECT_EQ(rig.Do(client, {"BITOP", "OR", "d", "k0", "k1"}), ":1048566");
}

TEST(LargeBatch, WithoutRoomLargeValuesAreNeitherLoadedNorMadeAndSmallOnesAre) {
  GatewayRig::Options options = FourMiBForWrites();
  options.memory.value_bytes = 16 * kMiB;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  rig.Do(client, {"SET", "large", Large(kMiB - 10)});
  rig.Do(client, {"SET", "small", "x"});
  rig.gateway().lanes().Clear();
  char* data = nullptr;
  std::optional<Bytes> taken = Bytes::Allocate(16 * kMiB, &data);
  const std::string no_room =
      "-OVERLOADED retry_after_ms=1000 reason=memory : the memory for large values is taken; this "
      "write was not applied, try again";
  EXPECT_EQ(rig.Do(client, {"APPEND", "large", "x"}), no_room);
  EXPECT_EQ(rig.Do(client, {"SETRANGE", "new", "100000", "x"}), no_room);
  EXPECT_EQ(rig.Do(client, {"APPEND", "small", "x"}), ":2");
  taken.reset();
  EXPECT_EQ(rig.Do(client, {"APPEND", "large", "x"}), ":1048567");
  EXPECT_EQ(rig.Do(client, {"SETRANGE", "new", "100000", "x"}), ":100001");
}

TEST(LargeBatch, TheRepliesOfManyFieldsCountAsMade) {
  GatewayRig rig(FourMiBForWrites());  // So one batch makes 1 MiB.
  const size_t client = rig.Connect();
  Words fields = {"SET", "u1", "0", "1"};
  for (size_t i = 0; i < kMiB * 11 / 20 / sizeof(Reply); ++i) {
    fields.insert(fields.end(), {"GET", "u1", "0"});
  }
  rig.SendAndHandOn(client, {"SET", "first", "1"});  // While this is in the store the rest gathers.
  const size_t before = rig.store().batches().size();
  for (const char* key : {"a", "b"}) {
    Words words = {"BITFIELD", key};
    words.insert(words.end(), fields.begin(), fields.end());
    rig.Send(client, words);
  }
  rig.Send(client, {"SET", "last", "1"});
  rig.RunAll();
  EXPECT_EQ(rig.store().batches().size() - before, 2u) << "the last finds the batch full";
}

TEST(LargeBatch, ATransactionMakesABoundedAmount) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  rig.Do(client, {"MULTI"});
  const std::string offset = std::to_string((uint64_t{60} << 20) * 8 - 1);
  for (int i = 0; i < 5; ++i) rig.Do(client, {"SETBIT", "k" + std::to_string(i), offset, "1"});
  rig.Do(client, {"DEL", "k0"});
  const std::string error =
      "-OVERLOADED retry_after_ms=-1 reason=memory : the transaction makes more than 64 MB of "
      "values; split it";
  EXPECT_EQ(rig.Do(client, {"EXEC"}), "[:0 :0 " + error + " " + error + " " + error + " :1]");
}

}  // namespace
}  // namespace weir::gateway
