// Goal: MGET and EXISTS show all their keys at one moment, whatever MSET does beside them.
// Method: a whole gateway over a scripted store on one thread; each test is one interleaving.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = ScriptedStore::Kind;

class MgetTest : public testing::Test {
 protected:
  MgetTest() {
    for (const char* key : {"x", "y"}) {
      rig_.store().Preload(rig_.StoreKey(key), {Bytes::Copy("old"), kNever, 1});
    }
  }
  void Mset() {
    rig_.SendAndHandOn(writer_, {"MSET", "x", "new", "y", "new"});
    rig_.Complete(Kind::kApply);
    rig_.Deliver();
    ASSERT_THAT(rig_.Replies(writer_), ElementsAre("+OK"));
  }

  GatewayRig rig_;
  size_t reader_ = rig_.Connect();
  size_t writer_ = rig_.Connect();
};

TEST_F(MgetTest, AMissBesideAHitThatAnMsetReplacesIsReadAgain) {
  EXPECT_EQ(rig_.Do(reader_, {"GET", "x"}), "old");  // x is in memory, y is not.
  rig_.SendAndHandOn(reader_, {"MGET", "x", "y"});
  rig_.store().Perform(rig_.First(Kind::kLoad));  // It has read the old y.
  Mset();
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(reader_), ElementsAre("[new new]"));
}

TEST_F(MgetTest, AnMsetThatIsDurableButNotPublishedIsSeenWholeOrNotAtAll) {
  EXPECT_EQ(rig_.Do(reader_, {"GET", "x"}), "old");
  rig_.SendAndHandOn(writer_, {"MSET", "x", "new", "y", "new"});
  rig_.store().Perform(rig_.First(Kind::kApply));
  rig_.SendAndHandOn(reader_, {"MGET", "x", "y"});
  rig_.Complete(Kind::kLoad);  // Reads the new y while x in memory is still old.
  rig_.Deliver();
  EXPECT_THAT(rig_.Replies(reader_), IsEmpty());
  rig_.store().Answer(rig_.First(Kind::kApply));
  rig_.RunAll();
  EXPECT_THAT(rig_.Replies(reader_), ElementsAre("[new new]"));
}

TEST_F(MgetTest, WhatCannotBeKeptInMemoryIsReadFromOneSnapshot) {
  GatewayRig::Options options;
  options.fallback.cache_ttl = std::chrono::milliseconds(0);
  GatewayRig rig(options);
  const size_t reader = rig.Connect();
  const size_t writer = rig.Connect();
  rig.Do(writer, {"MSET", "x", "old", "y", "old"});
  rig.SendAndHandOn(reader, {"MGET", "x", "y"});
  rig.Complete(Kind::kLoad);
  rig.SendAndHandOn(writer, {"MSET", "x", "new", "y", "new"});
  rig.Complete(Kind::kApply);
  rig.Deliver();  // Both values are here, but no longer current: a snapshot is asked for.
  EXPECT_THAT(rig.Replies(reader), IsEmpty());
  ASSERT_THAT(rig.store().held(Kind::kLoad), SizeIs(1));
  rig.store().Perform(rig.First(Kind::kLoad));
  rig.SendAndHandOn(writer, {"MSET", "x", "newer", "y", "newer"});
  rig.RunAll();
  EXPECT_THAT(rig.Replies(reader), ElementsAre("[new new]")) << "one snapshot, before the MSET";
  EXPECT_EQ(rig.Do(reader, {"MGET", "x", "y"}), "[newer newer]");
}

TEST_F(MgetTest, ASnapshotThatFailsIsAnError) {
  GatewayRig::Options options;
  options.fallback.cache_ttl = std::chrono::milliseconds(0);
  GatewayRig rig(options);
  const size_t reader = rig.Connect();
  const size_t writer = rig.Connect();
  rig.SendAndHandOn(reader, {"MGET", "x", "y"});
  rig.Complete(Kind::kLoad);
  rig.SendAndHandOn(writer, {"SET", "y", "new"});
  rig.Complete(Kind::kApply);
  rig.Deliver();
  rig.Complete(Kind::kLoad, ScriptedStore::Outcome::kUnavailable);
  rig.RunAll();
  EXPECT_THAT(rig.Replies(reader), ElementsAre("-ERR disk full"));
}

}  // namespace
}  // namespace weir::gateway
