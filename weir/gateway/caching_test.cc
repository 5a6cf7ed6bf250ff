// Goal: WEIR.GETX says truly where a value comes from; what is invalidated is not answered again,
// in whatever order the loads end; a bypassed keyspace asks the database each time; the limits of
// jitter. Method: a whole gateway over a scripted store that others write to as well, on a clock
// that the test moves.
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/users/user.h"

namespace weir::gateway {
namespace {

using Kind = ScriptedStore::Kind;
using std::chrono::milliseconds;
using testing::StartsWith;

GatewayRig::Options WithTtl(milliseconds ttl, milliseconds negative_ttl) {
  GatewayRig::Options options;
  options.fallback.cache_ttl = ttl;
  options.fallback.negative_ttl = negative_ttl;
  return options;
}

// Somebody else writes to the database.
void WriteBehind(GatewayRig& rig, const std::string& key, std::string_view value) {
  rig.store().Preload(rig.StoreKey(key), {Bytes::Copy(value), kNever, 1});
}

TEST(Getx, SaysWhereTheValueComesFromHowOldItIsAndHowLongItIsFresh) {
  GatewayRig rig(WithTtl(milliseconds(1000), milliseconds(300)));
  WriteBehind(rig, "k", "v");
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value v age :0 ttl :1000 state loaded]");
  rig.Pass(milliseconds(400));
  EXPECT_EQ(rig.Do(a, {"weir.getx", "k"}), "[value v age :400 ttl :600 state fresh]");
  rig.Pass(milliseconds(599));
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value v age :999 ttl :1 state fresh]");
  rig.Pass(milliseconds(1));
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value v age :0 ttl :1000 state loaded]");
  EXPECT_EQ(rig.Do(a, {"SET", "k", "w"}), "+OK");
  rig.Pass(milliseconds(10));
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value w age :10 ttl :990 state fresh]");
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "none"}), "[value (nil) age :0 ttl :300 state loaded]");
  rig.Pass(milliseconds(299));
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "none"}), "[value (nil) age :299 ttl :1 state fresh]");
}

TEST(Getx, IsAMapInResp3) {
  GatewayRig rig(WithTtl(milliseconds(1000), milliseconds(300)));
  const size_t a = rig.Connect();
  rig.Do(a, {"HELLO", "3"});
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "{value (nil) age :0 ttl :300 state loaded}");
}

TEST(Getx, TellsNoAgeThatIsNotRemembered) {
  GatewayRig rig;  // Values stay as long as there is room.
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "k", "v"});
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value v age (nil) ttl :-1 state fresh]");
  rig.Do(a, {"SET", "k", "v", "PX", "50"});
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "[value v age (nil) ttl :50 state fresh]");
  rig.Pass(milliseconds(50));
  EXPECT_THAT(rig.Do(a, {"WEIR.GETX", "k"}), StartsWith("[value (nil) age :0 "));
}

TEST(Getx, TakesOneKeyAndNoPlaceInATransaction) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX"}), "-ERR wrong number of arguments for 'weir.getx' command");
  rig.Do(a, {"MULTI"});
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "k"}), "-ERR Command not allowed inside a transaction");
}

// What the cache takes for look-ups decides which entries it keeps, and what it says of other
// sizes.
TEST(Lookups, AReadIsOneForEachOfItsKeysHoweverItIsAnswered) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  uint64_t before = 0;
  const auto lookups = [&] {
    const uint64_t all = rig.gateway().lanes().Sum().cache.lookups;
    return all - std::exchange(before, all);
  };
  for (const char* key : {"k", "l", "m"}) WriteBehind(rig, key, "v");
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "v");
  EXPECT_EQ(lookups(), 1U) << "a miss";
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "v");
  EXPECT_EQ(lookups(), 1U) << "a hit";
  EXPECT_EQ(rig.Do(a, {"MGET", "k", "l", "none"}), "[v v (nil)]");
  EXPECT_EQ(lookups(), 3U) << "some are missing";
  EXPECT_EQ(rig.Do(a, {"MGET", "k", "l", "none"}), "[v v (nil)]");
  EXPECT_EQ(lookups(), 3U);
  rig.All(a, {{"GET", "m"}, {"GET", "k"}, {"MGET", "l", "other"}, {"GET", "another"}});
  EXPECT_EQ(lookups(), 5U) << "in a queue";
}

TEST(Bypass, EveryReadAsksTheDatabaseAndSeesWhatOthersWrote) {
  GatewayRig::Options options;
  options.keyspaces.emplace_back().prefix = "b:";
  options.keyspaces.back().bypass = true;
  options.keyspaces.back().cache_ttl = milliseconds(1000);
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "b:k", "mine"});
  WriteBehind(rig, "b:k", "theirs");
  EXPECT_EQ(rig.Do(a, {"GET", "b:k"}), "theirs");
  WriteBehind(rig, "b:k", "theirs again");
  EXPECT_EQ(rig.Do(a, {"WEIR.GETX", "b:k"}), "[value theirs again age :0 ttl :0 state loaded]");
  EXPECT_EQ(rig.Do(a, {"GET", "b:none"}), "(nil)");
  WriteBehind(rig, "b:none", "now");
  EXPECT_EQ(rig.Do(a, {"GET", "b:none"}), "now");
}

TEST(Bypass, TurnedOnWhileItRunsForgetsWhatIsCachedAndWhatIsBeingLoaded) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  const size_t b = rig.Connect();
  rig.Do(a, {"SET", "b:k", "mine"});
  rig.Do(a, {"SET", "other", "mine"});
  rig.SendAndHandOn(b, {"GET", "b:none"});
  rig.store().Perform(rig.First(Kind::kLoad));
  Keyspace bypassed;
  bypassed.prefix = "b:";
  bypassed.bypass = true;
  rig.gateway().SetKeyspaces({bypassed});
  rig.RunAll();
  WriteBehind(rig, "b:k", "theirs");
  WriteBehind(rig, "b:none", "theirs");
  WriteBehind(rig, "other", "theirs");
  EXPECT_EQ(rig.Do(a, {"GET", "b:k"}), "theirs");
  EXPECT_EQ(rig.Do(a, {"GET", "b:none"}), "theirs");
  EXPECT_EQ(rig.Do(a, {"GET", "other"}), "mine");
}

TEST(Bypass, TakesOverTheKeysOfAKeyspaceThatIsNoMore) {
  GatewayRig::Options options;
  options.keyspaces.emplace_back().prefix = "b:";
  options.keyspaces.back().bypass = true;
  const Keyspace bypassed = options.keyspaces.back();
  options.keyspaces.emplace_back().prefix = "b:cached:";
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "b:cached:k", "mine"});
  rig.gateway().SetKeyspaces({bypassed});
  WriteBehind(rig, "b:cached:k", "theirs");
  EXPECT_EQ(rig.Do(a, {"GET", "b:cached:k"}), "theirs");
}

struct Invalidation {
  const char* name;
  Words command;
};

class InvalidateTest : public testing::TestWithParam<Invalidation> {
 protected:
  InvalidateTest() {
    GatewayRig::Options options;
    options.keyspaces.emplace_back().prefix = "a:";
    rig_ = std::make_unique<GatewayRig>(options);
    reader_ = rig_->Connect();
    other_ = rig_->Connect();
    WriteBehind(*rig_, kKey, "old");
  }
  std::string Invalidate() { return rig_->Do(other_, GetParam().command); }
  std::string Get() { return rig_->Do(reader_, {"GET", kKey}); }

  static constexpr const char* kKey = "a:{t}";
  std::unique_ptr<GatewayRig> rig_;
  size_t reader_ = 0;
  size_t other_ = 0;
};

// All of them concern the key "a:{t}".
INSTANTIATE_TEST_SUITE_P(All, InvalidateTest,
                         testing::Values(Invalidation{"Key", {"WEIR.INVALIDATE", "KEY", "a:{t}"}},
                                         Invalidation{"Tag", {"weir.invalidate", "tag", "t"}},
                                         Invalidation{"Tags", {"WEIR.INVALIDATE", "TAG", "{t}"}},
                                         Invalidation{"Prefix",
                                                      {"WEIR.INVALIDATE", "PREFIX", "a:"}}),
                         [](const auto& with) { return std::string(with.param.name); });

TEST_P(InvalidateTest, TheNextReadSeesWhatOthersWrote) {
  EXPECT_EQ(Get(), "old");
  WriteBehind(*rig_, kKey, "new");
  EXPECT_EQ(Get(), "old");
  EXPECT_EQ(Invalidate(), "+OK");
  EXPECT_EQ(Get(), "new");
}

TEST_P(InvalidateTest, ALoadThatBeganBeforeAnswersItsReaderAndFillsNothing) {
  rig_->SendAndHandOn(reader_, {"GET", kKey});
  const auto before = rig_->First(Kind::kLoad);
  rig_->store().Perform(before);
  WriteBehind(*rig_, kKey, "new");
  rig_->SendAndHandOn(other_, GetParam().command);
  EXPECT_THAT(rig_->Replies(other_), testing::ElementsAre("+OK"));
  rig_->SendAndHandOn(other_, {"GET", kKey});
  ASSERT_EQ(rig_->store().held(Kind::kLoad).size(), 2U) << "it does not join the one before";
  rig_->store().Answer(before);
  rig_->Deliver();
  EXPECT_THAT(rig_->Replies(reader_), testing::ElementsAre("old"));
  rig_->RunAll();
  EXPECT_THAT(rig_->Replies(other_), testing::ElementsAre("new"));
  EXPECT_EQ(Get(), "new");
}

TEST_P(InvalidateTest, ItTakesEffectInTheOrderSentOnItsConnection) {
  EXPECT_EQ(Get(), "old");
  WriteBehind(*rig_, kKey, "new");
  const auto replies = rig_->All(
      reader_,
      {{"GET", "none"}, {"GET", kKey}, GetParam().command, {"GET", kKey}, {"GET", "none"}});
  EXPECT_THAT(replies, testing::ElementsAre("(nil)", "old", "+OK", "new", "(nil)"));
}

TEST_P(InvalidateTest, AWriteOnItsWayIsSeenAfterIt) {
  rig_->SendAndHandOn(reader_, {"SET", kKey, "mine"});
  EXPECT_EQ(Invalidate(), "+OK");
  rig_->RunAll();
  EXPECT_THAT(rig_->Replies(reader_), testing::ElementsAre("+OK"));
  EXPECT_EQ(Get(), "mine");
}

TEST_P(InvalidateTest, AKeyInDoubtStaysInDoubt) {
  rig_->SendAndHandOn(reader_, {"SET", kKey, "mine"});
  rig_->Complete(Kind::kApply, ScriptedStore::Outcome::kUnknownLost);
  rig_->Deliver();
  EXPECT_THAT(rig_->Replies(reader_), testing::ElementsAre(StartsWith("-UNKNOWN")));
  EXPECT_EQ(Invalidate(), "+OK");
  rig_->RunAll();
  rig_->gateway().Tick();
  rig_->RunAll();
  EXPECT_EQ(Get(), "old");
}

TEST(Invalidate, ItIsCountedByKeyspace) {
  GatewayRig::Options options;
  options.keyspaces.emplace_back().prefix = "a:";
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  rig.Do(a, {"WEIR.INVALIDATE", "KEY", "a:1"});
  rig.Do(a, {"WEIR.INVALIDATE", "TAG", "a:2"});
  rig.Do(a, {"WEIR.INVALIDATE", "PREFIX", "a:"});
  rig.Do(a, {"WEIR.INVALIDATE", "KEY", "other"});
  EXPECT_EQ(rig.gateway().placement().FindKeyspace("a:")->counters->invalidations, 3U);
  Keyspace again;
  again.prefix = "a:";
  rig.gateway().SetKeyspaces({again});
  EXPECT_EQ(rig.gateway().placement().FindKeyspace("a:")->counters->invalidations, 3U);
}

TEST(Invalidate, OddInputIsAnErrorAndNothingElse) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  EXPECT_THAT(rig.Do(a, {"WEIR.INVALIDATE", "PREFIX", "a:"}),
              StartsWith("-ERR no [[keyspace]] has exactly this prefix"));
  EXPECT_THAT(rig.Do(a, {"WEIR.INVALIDATE", "ALL", "a:"}), StartsWith("-ERR unknown subcommand"));
  EXPECT_THAT(rig.Do(a, {"WEIR.INVALIDATE", "KEY"}), StartsWith("-ERR wrong number of arguments"));
  EXPECT_EQ(rig.Do(a, {"WEIR.INVALIDATE", "KEY", ""}), "+OK");
  EXPECT_EQ(rig.Do(a, {"WEIR.INVALIDATE", "TAG", ""}), "+OK");
}

TEST(Invalidate, WhoMayWriteAKeyMayForgetItAndAnAdminAPrefix) {
  const auto hash = [](char letter) {
    return "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" + std::string(42, letter) +
           "A";
  };
  GatewayRig::Options options;
  options.keyspaces.emplace_back().prefix = "a:";
  options.users = {{"reader", hash('a'), users::kRead, {}},
                   {"writer", hash('b'), users::kWrite, {}},
                   {"confined", hash('c'), users::kWrite, {"a:"}},
                   {"admin", hash('d'), users::kAdmin, {}}};
  GatewayRig rig(options);
  const auto allowed = [&](const std::string& user) {
    const size_t a = rig.Connect();
    rig.Send(a, {"AUTH", user, "x"});
    rig.CheckPassword("x");
    std::string text;
    for (const Words& words :
         {Words{"WEIR.GETX", "a:1"}, Words{"WEIR.INVALIDATE", "KEY", "a:1"},
          Words{"WEIR.INVALIDATE", "KEY", "b:1"}, Words{"WEIR.INVALIDATE", "TAG", "a:1"},
          Words{"WEIR.INVALIDATE", "PREFIX", "a:"}}) {
      rig.Send(a, words);
      rig.RunAll();
      text += rig.Replies(a).back().starts_with("-NOPERM") ? '-' : '+';
    }
    return text;
  };
  EXPECT_EQ(allowed("reader"), "+----");
  EXPECT_EQ(allowed("writer"), "-+++-");
  EXPECT_EQ(allowed("confined"), "-+---");
  EXPECT_EQ(allowed("admin"), "----+");
}

TEST(Jitter, ShortensEachKeysTimeByItsOwnShareAndNeverLengthensOne) {
  Keyspace keyspace;
  keyspace.cache_ttl = milliseconds(100'000);
  keyspace.negative_ttl = milliseconds(1000);
  EXPECT_EQ(keyspace.TtlOf(5, false), milliseconds(100'000));
  keyspace.jitter_percent = 50;
  std::vector<int> tenths(10);
  for (uint64_t key = 0; key < 10'000; ++key) {
    const uint64_t hash = SeededHash(std::to_string(key), 3);
    const int64_t ttl = keyspace.TtlOf(hash, false)->count();
    ASSERT_GT(ttl, 50'000);
    ASSERT_LE(ttl, 100'000);
    ASSERT_EQ(ttl, keyspace.TtlOf(hash, false)->count()) << "a key always has the same";
    ++tenths[static_cast<size_t>((ttl - 50'001) / 5000)];
    EXPECT_NEAR(static_cast<double>(keyspace.TtlOf(hash, true)->count()), ttl / 100.0, 1.0);
  }
  for (const int count : tenths) EXPECT_NEAR(count, 1000, 150);
  keyspace.jitter_percent = Keyspace::kJitterPercentMax;
  EXPECT_GE(keyspace.TtlOf(~uint64_t{0} / 3, false)->count(), 10'000);
  keyspace.cache_ttl.reset();
  EXPECT_EQ(keyspace.TtlOf(5, false), std::nullopt);
}

TEST(Jitter, GetxTellsTheAgeAllTheSame) {
  GatewayRig::Options options = WithTtl(milliseconds(1000), milliseconds(300));
  options.fallback.jitter_percent = 80;
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  rig.Do(a, {"SET", "k", "v"});
  rig.Pass(milliseconds(100));
  EXPECT_THAT(rig.Do(a, {"WEIR.GETX", "k"}), StartsWith("[value v age :100 ttl :"));
}

}  // namespace
}  // namespace weir::gateway
