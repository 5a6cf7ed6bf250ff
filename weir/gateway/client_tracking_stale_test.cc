// Goal: nobody keeps an answer that was past its time, or what others have written to the database.
// Method: two or three clients of one gateway, over stores that answer when the test says so.
#include "weir/gateway/client_tracking_rig.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

// A keyspace whose values are fresh for a second and stale for a second more, in a database that
// others write to as well.
class ForeignWritesTest : public ClientTrackingTest {
 protected:
  ForeignWritesTest() {
    Keyspace keyspace;
    keyspace.cache_ttl = std::chrono::seconds(1);
    keyspace.negative_ttl = std::chrono::seconds(1);
    keyspace.stale_while_revalidate = std::chrono::seconds(1);
    keyspace.stale_if_error = std::chrono::seconds(3);
    GatewayRig::Options options;
    options.keyspaces = {keyspace};
    Open(std::move(options));
    Track(reader);
  }
  void WriteBehind(std::string_view value) {
    rig->store().Preload(rig->StoreKey("k"), {Bytes::Copy(value), kNever, ++version_});
  }
  // What is answered, and told, without waiting for the store.
  Replies AtOnce(size_t client, const Words& words) {
    rig->SendAndHandOn(client, words);
    rig->Deliver();
    return rig->Replies(client);
  }

 private:
  store::Version version_ = store::Version{1} << 60;
};

TEST_F(ForeignWritesTest, WhatWasFreshIsToldWhenALoadFindsAnotherVersion) {
  EXPECT_EQ(rig->Do(reader, {"GET", "k"}), "old");
  rig->Pass(std::chrono::seconds(3));
  EXPECT_EQ(rig->Do(writer, {"GET", "k"}), "old");
  EXPECT_EQ(Told(reader), Replies()) << "it is as it was shown";
  WriteBehind("new");
  rig->Pass(std::chrono::seconds(3));
  EXPECT_EQ(rig->Do(writer, {"GET", "k"}), "new");
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ForeignWritesTest, WhatIsStaleIsFollowedByItsInvalidation) {
  WriteBehind("new");
  rig->Pass(std::chrono::milliseconds(1500));
  EXPECT_EQ(AtOnce(reader, {"GET", "k"}), (Replies{"old", kInvalidated}));
  EXPECT_EQ(AtOnce(reader, {"MGET", "k", "k"}), (Replies{"[old old]", kInvalidated, kInvalidated}));
  EXPECT_EQ(Info("tracking_total_keys"), "0");
  rig->RunAll();
  EXPECT_EQ(AtOnce(reader, {"GET", "k"}), Replies{"new"});
  EXPECT_EQ(Info("tracking_total_keys"), "1");
}

TEST_F(ForeignWritesTest, WhatIsStaleForWantOfTheDatabaseIsNotKeptEither) {
  rig->Pass(std::chrono::milliseconds(2500));
  EXPECT_EQ(AtOnce(reader, {"GET", "k"}), Replies());
  rig->Complete(Kind::kLoad, Outcome::kUnavailable);
  EXPECT_EQ(Told(reader), (Replies{"old", kInvalidated}));
  EXPECT_EQ(AtOnce(reader, {"MGET", "k", "k"}), Replies());
  rig->Complete(Kind::kLoad, Outcome::kUnavailable);
  EXPECT_EQ(Told(reader), (Replies{"[old old]", kInvalidated, kInvalidated}));
}

TEST_F(ForeignWritesTest, AListenerIsToldOfItsOwnStaleAnswer) {
  const size_t listener = Resp3();
  Track(listener, {"BCAST", "PREFIX", "k"});
  rig->Pass(std::chrono::milliseconds(1500));
  EXPECT_EQ(AtOnce(listener, {"GET", "k"}), (Replies{"old", kInvalidated}));
}

}  // namespace
}  // namespace weir::gateway
