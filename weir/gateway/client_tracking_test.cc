// Clients with caches of their own: what they are told, when, and in what order with the replies.
// Method: two or three clients of one gateway, over stores that answer when the test says so.
#include "weir/gateway/client_tracking.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "weir/gateway/client_tracking_rig.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

TEST_F(ClientTrackingTest, AKeyThatWasReadIsToldOnceWhenItChanges) {
  ASSERT_EQ(Track(reader), "+OK");
  EXPECT_EQ(rig->Do(reader, {"GET", "k"}), "old");
  EXPECT_EQ(Info("tracking_total_keys"), "1");
  rig->Do(writer, {"SET", "other", "x"});
  EXPECT_EQ(Told(reader), Replies());
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
  rig->Do(writer, {"SET", "k", "newer"});
  EXPECT_EQ(Told(reader), Replies());
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ClientTrackingTest, TheMessageComesBeforeTheWriterIsAnswered) {
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  rig->SendAndHandOn(writer, {"DEL", "k"});
  rig->Complete(Kind::kApply);
  rig->DeliverOne();
  EXPECT_EQ(rig->Replies(reader), Replies{kInvalidated});
  EXPECT_EQ(rig->Replies(writer), Replies());
}

TEST_F(ClientTrackingTest, AbsenceIsToldOfToo) {
  Track(reader);
  EXPECT_EQ(rig->Do(reader, {"MGET", "k", "none"}), "[old (nil)]");
  rig->Do(writer, {"SETNX", "none", "1"});
  EXPECT_EQ(Told(reader), Replies{"[invalidate [none]]"});
}

// The read is answered with what stood before a write that has been told already.
TEST_F(ClientTrackingTest, AReplyThatAWriteHasPassedIsFollowedByItsInvalidation) {
  Open(GatewayRig::WithoutCache());
  Track(reader);
  rig->SendAndHandOn(reader, {"GET", "k"});
  const ScriptedStore::CallId load = rig->First(Kind::kLoad);
  rig->store().Perform(load);  // It has read, and answers later.
  rig->SendAndHandOn(writer, {"SET", "k", "new"});
  rig->Complete(Kind::kApply);
  rig->Deliver();
  EXPECT_EQ(rig->Replies(writer), Replies{"+OK"});
  // Who asks after the writer has heard OK knows from then on.
  rig->Send(reader, {"PING"});
  EXPECT_EQ(rig->Replies(reader), Replies());
  rig->store().Answer(load);
  EXPECT_EQ(Told(reader), (Replies{"old", kInvalidated, "+PONG"}));
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ClientTrackingTest, AnotherConnectionIsToldOfAReplyThatAWriteHasPassed) {
  Open(GatewayRig::WithoutCache());
  const size_t target = Resp3();
  Track(reader, {"REDIRECT", std::to_string(Id(target))});
  rig->SendAndHandOn(reader, {"GET", "k"});
  EXPECT_EQ(rig->Do(writer, {"SET", "k", "new"}), "+OK");
  EXPECT_EQ(Told(reader), Replies{"old"});
  EXPECT_EQ(Told(target), Replies{kInvalidated});
}

TEST_F(ClientTrackingTest, ATransactionThatOnlyReadsIsTracked) {
  Track(reader);
  EXPECT_EQ(rig->All(reader, {{"MULTI"}, {"GET", "k"}, {"EXEC"}}),
            (Replies{"+OK", "+QUEUED", "[old]"}));
  rig->Do(writer, {"APPEND", "k", "er"});
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
}

TEST_F(ClientTrackingTest, ATransactionIsAnsweredBeforeItsOwnWriteIsTold) {
  Track(reader);
  const Replies replies = rig->All(reader, {{"MULTI"}, {"GET", "k"}, {"SET", "k", "1"}, {"EXEC"}});
  EXPECT_EQ(replies.back(), kInvalidated);
}

TEST_F(ClientTrackingTest, ATransactionThatWaitsForAStepIsAnsweredBeforeItsReadsAreTold) {
  Track(reader);
  for (const Words& words : {Words{"MULTI"}, {"GET", "k"}, {"KEYS", "*"}, {"EXEC"}}) {
    rig->SendAndHandOn(reader, words);
  }
  rig->Deliver();
  EXPECT_EQ(rig->Replies(reader), (Replies{"+OK", "+QUEUED", "+QUEUED"}));
  const ScriptedStore::CallId scan = rig->First(Kind::kScan);
  rig->SendAndHandOn(writer, {"SET", "k", "new"});
  rig->Complete(Kind::kApply);
  rig->Deliver();
  EXPECT_EQ(rig->Replies(writer), Replies{"+OK"});
  EXPECT_EQ(rig->Replies(reader), Replies());
  rig->store().Complete(scan);
  EXPECT_EQ(Told(reader), (Replies{"[old [k]]", kInvalidated}));
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ClientTrackingTest, ATransactionThatTurnsItOffIsToldNothingOfWhatItRead) {
  Track(reader);
  rig->All(reader, {{"MULTI"}, {"GET", "k"}, {"CLIENT", "TRACKING", "OFF"}, {"EXEC"}});
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(reader), Replies());
}

TEST_F(ClientTrackingTest, WhatExpiresIsTold) {
  Track(reader);
  const size_t listener = Resp3();
  Track(listener, {"BCAST"});
  rig->Do(writer, {"PEXPIRE", "k", "10"});
  rig->Do(reader, {"GET", "k"});
  Told(listener);
  rig->Pass(std::chrono::milliseconds(400));
  rig->gateway().Tick();
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
  EXPECT_EQ(Told(listener), Replies{kInvalidated});
}

// A loop's clock stands behind the one that removed the record.
TEST_F(ClientTrackingTest, WhatHasBeenToldAsExpiredIsNotShownAfterwards) {
  Track(reader);
  rig->Do(writer, {"PEXPIRE", "k", "10"});
  rig->Do(reader, {"GET", "k"});
  const WallTime before = rig->clock.Wall();
  rig->Pass(std::chrono::milliseconds(400));
  rig->gateway().Tick();
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
  const KeyHash hash = rig->gateway().placement().Hash("k");
  EXPECT_FALSE(rig->gateway().lanes().Lock(hash.lane)->Find("k", hash.hash, before).has_value());
}

TEST_F(ClientTrackingTest, WhatHasBeenRemovedAsExpiredBeforeAnybodyTrackedIsNotKept) {
  rig->Do(writer, {"PEXPIRE", "k", "10"});
  EXPECT_EQ(rig->Do(reader, {"GET", "k"}), "old");
  rig->Pass(std::chrono::milliseconds(400));
  rig->gateway().Tick();
  rig->Complete(Kind::kExpire);
  // The clock of the reader's round stands still.
  rig->client(reader).Execute({"CLIENT", "TRACKING", "ON"});
  rig->client(reader).Execute({"GET", "k"});
  EXPECT_EQ(Told(reader), (Replies{"+OK", "old", kInvalidated}));
}

TEST_F(ClientTrackingTest, WhatIsInvalidatedIsToldOf) {
  Keyspace keyspace;
  keyspace.prefix = "k";
  GatewayRig::Options options;
  options.keyspaces = {keyspace};
  Open(std::move(options));
  Track(reader);
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"WEIR.INVALIDATE", "KEY", "k"}, kInvalidated},
      {{"WEIR.INVALIDATE", "TAG", "k"}, kAllInvalidated},
      {{"WEIR.INVALIDATE", "PREFIX", "k"}, kAllInvalidated}};
  for (const auto& [words, told] : cases) {
    rig->Do(reader, {"GET", "k"});
    EXPECT_EQ(rig->Do(writer, words), "+OK");
    EXPECT_EQ(Told(reader), Replies{told}) << words[1];
    EXPECT_EQ(Info("tracking_total_keys"), "0");
  }
}

// A load that began before is answered to who asked before; it is not kept.
TEST_F(ClientTrackingTest, AReplyThatAnInvalidationHasPassedIsFollowedByIt) {
  Open(GatewayRig::WithoutCache());
  Track(reader);
  rig->SendAndHandOn(reader, {"GET", "k"});
  EXPECT_EQ(rig->Do(writer, {"WEIR.INVALIDATE", "KEY", "k"}), "+OK");
  EXPECT_EQ(Told(reader), (Replies{"old", kInvalidated}));
}

TEST_F(ClientTrackingTest, AnUnknownOutcomeIsToldAtOnceAndAllKeysWhenItIsKnown) {
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  rig->SendAndHandOn(writer, {"SET", "k", "new"});
  rig->Complete(Kind::kApply, Outcome::kUnknownApplied);
  rig->DeliverOne();
  EXPECT_EQ(rig->Replies(reader), Replies{kInvalidated});
  rig->RunAll();
  rig->gateway().Tick();
  EXPECT_EQ(Told(reader), Replies{kAllInvalidated});
}

TEST_F(ClientTrackingTest, FlushTellsOfAllKeys) {
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  const size_t listener = Resp3();
  Track(listener, {"BCAST", "PREFIX", "x"});
  rig->Do(writer, {"FLUSHALL"});
  EXPECT_EQ(Told(reader), Replies{kAllInvalidated});
  EXPECT_EQ(Told(listener), Replies{kAllInvalidated});
  EXPECT_EQ(Info("tracking_total_items"), "0");
}

TEST_F(ClientTrackingTest, BroadcastTellsOfEveryKeyWithThePrefix) {
  ASSERT_EQ(Track(reader, {"BCAST", "PREFIX", "user:", "PREFIX", "item:"}), "+OK");
  rig->Do(writer, {"MSET", "user:1", "a", "item:2", "b", "user:3", "c", "else", "d"});
  EXPECT_EQ(Told(reader), (Replies{"[invalidate [item:2]]", "[invalidate [user:1 user:3]]"}));
  EXPECT_EQ(Info("tracking_total_prefixes"), "2");
  rig->Disconnect(reader);
  EXPECT_EQ(Info("tracking_total_prefixes"), "0");
  EXPECT_EQ(Info("tracking_clients"), "0");
}

// A message has as many keys as its bytes allow; no key is left out or told twice.
TEST_F(ClientTrackingTest, BroadcastTellsOfManyKeysInSeveralMessages) {
  ASSERT_EQ(Track(reader, {"BCAST"}), "+OK");
  Words words = {"MSET"};
  std::multiset<std::string> written;
  for (int i = 0; i < 1500; ++i) {
    words.insert(words.end(), {"key:" + std::to_string(i), "v"});
    written.insert("key:" + std::to_string(i));
  }
  rig->Do(writer, words);
  const Replies messages = Told(reader);
  EXPECT_GT(messages.size(), 1U);
  std::multiset<std::string> told;
  for (const std::string& message : messages) {
    ASSERT_TRUE(message.starts_with("[invalidate ["));
    EXPECT_LE(message.size(), ClientTracking::kMessageBytesMax);
    std::istringstream keys(message.substr(13, message.size() - 15));
    for (std::string key; keys >> key;) told.insert(key);
  }
  EXPECT_EQ(told, written);
}

TEST_F(ClientTrackingTest, WhoWantsMorePrefixesThanThereMayBeGetsNone) {
  constexpr size_t kEach = ClientTracking::kPrefixesPerClientMax;
  constexpr size_t kMost = tracking::Prefixes::kPrefixesMax;
  for (size_t i = 0; i < kMost; i += kEach) {
    Words words = {"BCAST"};
    const size_t last = i + kEach == kMost ? kEach - 1 : kEach;
    for (size_t j = 0; j < last; ++j) {
      words.insert(words.end(), {"PREFIX", "p" + std::to_string(i + j) + "."});
    }
    ASSERT_EQ(Track(Resp3(), words), "+OK");
  }
  const std::string left = std::to_string(kMost - 1);
  EXPECT_EQ(Info("tracking_total_prefixes"), left);
  EXPECT_TRUE(Track(reader, {"BCAST", "PREFIX", "k", "PREFIX", "l"}).starts_with("-ERR too many"));
  EXPECT_EQ(Info("tracking_total_prefixes"), left);
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(reader), Replies());
  EXPECT_EQ(Track(reader, {"BCAST", "PREFIX", "k"}), "+OK");
  EXPECT_TRUE(Track(reader, {"BCAST", "PREFIX", "l"}).starts_with("-ERR too many"));
  rig->Do(writer, {"MSET", "k", "newer", "l", "new"});
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
  EXPECT_EQ(Track(Resp3(), {"BCAST"}), "+OK") << "all keys can always be had";
}

TEST_F(ClientTrackingTest, WithNoloopAClientIsNotToldOfWhatItAloneWrote) {
  for (const bool broadcast : {false, true}) {
    const size_t client = Resp3();
    Track(client, broadcast ? Words{"NOLOOP", "BCAST"} : Words{"NOLOOP"});
    rig->Do(client, {"GET", "k"});
    EXPECT_EQ(rig->Do(client, {"SET", "k", "mine"}), "+OK");
    EXPECT_EQ(Told(client), Replies());
    rig->Do(client, {"GET", "k"});
    rig->SendAndHandOn(writer, {"PING"});
    // One batch with a write of each.
    rig->Send(client, {"SET", "k", "mine"});
    rig->Send(writer, {"SET", "k", "theirs"});
    rig->HandOn();
    EXPECT_EQ(Told(client), (Replies{kInvalidated, "+OK"}));
    rig->Disconnect(client);
    rig->Replies(writer);
  }
}

TEST_F(ClientTrackingTest, OptinTracksTheCommandAfterCachingYesAlone) {
  Track(reader, {"OPTIN"});
  rig->Do(reader, {"GET", "k"});
  rig->All(reader, {{"CLIENT", "CACHING", "YES"}, {"CLIENT", "ID"}, {"GET", "a"}, {"GET", "b"}});
  rig->Do(writer, {"MSET", "k", "1", "a", "1", "b", "1"});
  EXPECT_EQ(Told(reader), Replies{"[invalidate [a]]"});
  rig->All(reader, {{"CLIENT", "CACHING", "YES"}, {"MULTI"}, {"GET", "a"}, {"GET", "b"}, {"EXEC"}});
  rig->Do(reader, {"GET", "k"});
  rig->Do(writer, {"MSET", "k", "1", "a", "1", "b", "1"});
  EXPECT_EQ(Told(reader), (Replies{"[invalidate [a]]", "[invalidate [b]]"}));
}

TEST_F(ClientTrackingTest, OptoutTracksAllButTheCommandAfterCachingNo) {
  Track(reader, {"OPTOUT"});
  rig->All(reader, {{"CLIENT", "CACHING", "NO"}, {"GET", "a"}, {"GET", "b"}});
  rig->All(reader, {{"CLIENT", "CACHING", "NO"}, {"NONE"}, {"GET", "k"}});
  rig->Do(writer, {"MSET", "k", "1", "a", "1", "b", "1"});
  EXPECT_EQ(Told(reader), (Replies{"[invalidate [k]]", "[invalidate [b]]"}));
}

TEST_F(ClientTrackingTest, AnotherConnectionIsToldInstead) {
  const size_t target = Resp3();
  const size_t resp2 = rig->Connect();
  ASSERT_EQ(Track(resp2, {"REDIRECT", std::to_string(Id(target))}), "+OK");
  rig->Do(resp2, {"GET", "k"});
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(resp2), Replies());
  EXPECT_EQ(Told(target), Replies{kInvalidated});
  EXPECT_EQ(rig->Do(resp2, {"CLIENT", "GETREDIR"}), ":" + std::to_string(Id(target)));
}

TEST_F(ClientTrackingTest, ARedirectionThatIsBrokenIsSaid) {
  const size_t target = Resp3();
  Track(reader, {"REDIRECT", std::to_string(Id(target))});
  rig->Do(reader, {"GET", "k"});
  const std::string id = std::to_string(Id(target));
  rig->Disconnect(target);
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(reader), Replies{"[tracking-redir-broken :" + id + "]"});
  EXPECT_EQ(rig->Do(reader, {"CLIENT", "TRACKINGINFO"}),
            "{flags [on broken_redirect] redirect :" + id + " prefixes []}");
}

TEST_F(ClientTrackingTest, NobodyIsToldWhereTheOtherConnectionNoLongerSpeaksResp3) {
  for (const Words& words : {Words{"RESET"}, {"HELLO", "2"}}) {
    const size_t target = Resp3();
    Track(reader, {"REDIRECT", std::to_string(Id(target))});
    rig->Do(target, words);
    rig->Do(reader, {"GET", "k"});
    rig->Do(writer, {"SET", "k", "new"});
    EXPECT_EQ(Told(reader), Replies());
    EXPECT_EQ(Told(target), Replies());
    rig->Do(target, {"HELLO", "3"});
    rig->Do(reader, {"GET", "k"});
    rig->Do(writer, {"SET", "k", "newer"});
    EXPECT_EQ(Told(target), Replies{kInvalidated});
    EXPECT_EQ(rig->Do(reader, {"CLIENT", "TRACKING", "OFF"}), "+OK");
  }
}

TEST_F(ClientTrackingTest, AClientThatSpeaksResp2IsToldNothing) {
  const size_t resp2 = rig->Connect();
  EXPECT_EQ(Track(resp2), "+OK");
  rig->Do(resp2, {"GET", "k"});
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(resp2), Replies());
}

TEST_F(ClientTrackingTest, ARepliesOffClientIsToldAllTheSame) {
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  rig->Send(reader, {"CLIENT", "REPLY", "OFF"});
  rig->Do(writer, {"SET", "k", "new"});
  EXPECT_EQ(Told(reader), Replies{kInvalidated});
}

TEST_F(ClientTrackingTest, AKeyForWhichThereIsNoRoomIsGivenUpAndToldOf) {
  GatewayRig::Options options;
  options.tracked_keys_max = 1;
  Open(std::move(options));
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  rig->Send(reader, {"GET", "another"});
  EXPECT_EQ(Told(reader), (Replies{"(nil)", kInvalidated}));
  EXPECT_EQ(Info("tracking_total_keys"), "1");
}

TEST_F(ClientTrackingTest, TheTableIsChargedToTheMemoryOfClients) {
  const size_t before = rig->gateway().memory().clients().used();
  Track(reader);
  rig->Do(reader, {"GET", "k"});
  EXPECT_GT(rig->gateway().memory().clients().used(), before);
  rig->Do(reader, {"CLIENT", "TRACKING", "OFF"});
  EXPECT_EQ(rig->gateway().memory().clients().used(), before);
}

TEST_F(ClientTrackingTest, ThePrefixesOfAClientAreHeldByIt) {
  const size_t before = rig->client(reader).pipeline.held_bytes();
  Track(reader, {"BCAST", "PREFIX", std::string(1000, 'p')});
  EXPECT_GT(rig->client(reader).pipeline.held_bytes(), before + 3000);
  rig->Do(reader, {"CLIENT", "TRACKING", "OFF"});
  EXPECT_EQ(rig->client(reader).pipeline.held_bytes(), before);
}

TEST_F(ClientTrackingTest, WhoTurnsItOffOrResetsIsToldNoMore) {
  for (const Words& end : {Words{"CLIENT", "TRACKING", "OFF"}, Words{"RESET"}}) {
    const size_t client = Resp3();
    Track(client);
    rig->Do(client, {"GET", "k"});
    rig->Do(client, end);
    rig->Do(client, {"HELLO", "3"});
    rig->Do(writer, {"SET", "k", "new"});
    EXPECT_EQ(Told(client), Replies());
  }
}

TEST_F(ClientTrackingTest, AReadOfVeryManyKeysIsNotTracked) {
  Track(reader);
  Words words = {"EXISTS"};
  for (size_t i = 0; i <= ManyKeysRead::kKeysAtOnceMax; ++i) words.push_back("k");
  rig->Send(reader, words);
  const Replies told = Told(reader);
  EXPECT_EQ(told.front(), ":1025");
  size_t named = 0;
  for (size_t i = 1; i < told.size(); ++i) {
    EXPECT_LE(told[i].size(), ClientTracking::kMessageBytesMax);
    EXPECT_TRUE(told[i].starts_with("[invalidate [k k")) << told[i];
    named += static_cast<size_t>(std::count(told[i].begin(), told[i].end(), 'k'));
  }
  EXPECT_EQ(named, words.size() - 1);
  EXPECT_LT(told.size(), 16u);
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ClientTrackingTest, AReadOfMoreKeysThanAreNamedIsToldAsAllKeys) {
  Track(reader);
  Words words = {"EXISTS"};
  for (size_t i = 0; i < 2000; ++i) words.push_back(std::string(100, 'k'));
  rig->Send(reader, words);
  EXPECT_EQ(Told(reader), (Replies{":0", kAllInvalidated}));
}

TEST_F(ClientTrackingTest, AReadThatIsAnsweredWithAnErrorIsNotTracked) {
  Track(reader);
  EXPECT_TRUE(rig->Do(reader, {"GETRANGE", "k", "x", "y"}).starts_with("-ERR"));
  rig->SendAndHandOn(reader, {"GET", "other"});
  rig->Complete(Kind::kLoad, Outcome::kUnavailable);
  const Replies told = Told(reader);
  ASSERT_EQ(told.size(), 1u) << "no message follows";
  EXPECT_TRUE(told[0].starts_with("-")) << told[0];
  EXPECT_EQ(Info("tracking_total_keys"), "0");
}

TEST_F(ClientTrackingTest, WhatDoesNotGoTogetherIsRefusedAsInRedis) {
  const std::string e = "-ERR ";
  EXPECT_EQ(Track(reader, {"PREFIX", "a"}), e + "PREFIX option requires BCAST mode to be enabled");
  EXPECT_EQ(Track(reader, {"BCAST", "OPTIN"}),
            e + "OPTIN and OPTOUT are not compatible with BCAST");
  EXPECT_EQ(Track(reader, {"OPTIN", "OPTOUT"}),
            e + "You can't specify both OPTIN mode and OPTOUT mode");
  EXPECT_EQ(Track(reader, {"REDIRECT", "987654"}),
            e + "The client ID you want redirect to does not exist");
  EXPECT_EQ(Track(reader, {"REDIRECT", "x"}), e + "value is not an integer or out of range");
  EXPECT_EQ(Track(reader, {"REDIRECT"}), e + "syntax error");
  EXPECT_NE(Track(reader, {"REDIRECT", std::to_string(Id(writer))}).find("HELLO 3"),
            std::string::npos);
  EXPECT_EQ(Track(reader, {"BCAST", "PREFIX", "ab", "PREFIX", "a"}),
            e + "Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single "
                "client must not overlap.");
  EXPECT_EQ(Track(reader, {"BCAST", "PREFIX", "ab"}), "+OK");
  EXPECT_EQ(Track(reader, {"BCAST", "PREFIX", "a"}),
            e + "Prefix 'a' overlaps with an existing prefix 'ab'. Prefixes for a single client "
                "must not overlap.");
  EXPECT_EQ(Track(reader),
            e + "You can't switch BCAST mode on/off before disabling tracking for this client, "
                "and then re-enabling it with a different mode.");
  const std::string id = std::to_string(Id(Resp3()));
  EXPECT_EQ(Track(writer, {"REDIRECT", id, "REDIRECT", id}),
            e + "A client can only redirect to a single other client");
  const std::string echoed(128, 'k');
  EXPECT_EQ(
      Track(Resp3(), {"BCAST", "PREFIX", std::string(500, 'k'), "PREFIX", std::string(501, 'k')}),
      e + "Prefix '" + echoed + "' overlaps with another provided prefix '" + echoed +
          "'. Prefixes for a single client must not overlap.");
  const std::string switched =
      e +
      "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
      "re-enabling it with a different mode.";
  for (const bool in : {false, true}) {
    const size_t client = Resp3();
    EXPECT_EQ(Track(client, {in ? "OPTIN" : "OPTOUT"}), "+OK");
    EXPECT_EQ(Track(client, {in ? "OPTOUT" : "OPTIN"}), switched);
  }
  EXPECT_EQ(rig->Do(writer, {"CLIENT", "CACHING", "YES"}),
            e + "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN "
                "or OPTOUT mode enabled");
}

}  // namespace
}  // namespace weir::gateway
