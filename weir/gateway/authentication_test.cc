// Goal: a connection is nobody until its password has been checked, then who it says, for as long
// as the configuration says so; what follows AUTH waits for it; guesses are counted.
// Method: a whole gateway whose password checks are made when the test says so. Error texts were
// taken from redis-server 7.0.15.
#include "weir/gateway/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/errors.h"
#include "weir/gateway/gateway_rig.h"
#include "weir/users/password.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* kNoAuth = "-NOAUTH Authentication required.";
constexpr const char* kWrongPassword =
    "-WRONGPASS invalid username-password pair or user is disabled.";
constexpr const char* kNoKey =
    "-NOPERM this user has no permissions to access one of the keys used as arguments";

std::string Hash(char letter) {
  return "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" + std::string(42, letter) +
         "A";
}

users::User User(std::string name, users::Rights rights = users::kAllRights,
                 std::vector<std::string> prefixes = {}) {
  return {.name = std::move(name),
          .password_hash = Hash('a'),
          .rights = rights,
          .key_prefixes = std::move(prefixes)};
}

GatewayRig::Options With(std::vector<users::User> users) {
  GatewayRig::Options options;
  options.users = std::move(users);
  return options;
}

// Whose `password` alone fits.
size_t Login(GatewayRig& rig, const std::string& user, const std::string& password = "right") {
  const size_t client = rig.Connect();
  rig.Send(client, {"AUTH", user, password});
  users::PasswordChecks& checks = rig.gateway().authentication().checks();
  if (checks.waiting() > 0) rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(client), ElementsAre("+OK"));
  return client;
}

void SetUsers(GatewayRig& rig, std::vector<users::User> users) {
  rig.gateway().authentication().SetUsers(std::make_shared<const users::Users>(std::move(users)));
}

TEST(Authentication, WithoutUsersEverybodyIsDefaultAsInRedis) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  EXPECT_THAT(rig.Do(a, {"AUTH", "x"}), StartsWith("-ERR AUTH <password> called without any"));
  EXPECT_EQ(rig.Do(a, {"AUTH", "default", "x"}), "+OK");
  EXPECT_EQ(rig.Do(a, {"AUTH", "nobody", "x"}), kWrongPassword);
  EXPECT_EQ(rig.Do(a, {"AUTH", "a", "b", "c"}), "-ERR syntax error");
  EXPECT_EQ(rig.Do(a, {"AUTH"}), "-ERR wrong number of arguments for 'auth' command");
  EXPECT_THAT(rig.Do(a, {"HELLO", "3", "AUTH", "default", "x"}), StartsWith("{server weir"));
  EXPECT_EQ(rig.Do(a, {"HELLO", "3", "AUTH", "nobody", "x"}), kWrongPassword);
  EXPECT_EQ(rig.Do(a, {"ACL", "WHOAMI"}), "default");
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "(nil)");
}

TEST(Authentication, NobodyMayOnlyAuthenticateOrLeave) {
  GatewayRig rig(With({User("default")}));
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"PING"}), kNoAuth);
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), kNoAuth);
  EXPECT_EQ(rig.Do(a, {"CLIENT", "ID"}), kNoAuth);
  EXPECT_EQ(rig.Do(a, {"GET"}), "-ERR wrong number of arguments for 'get' command");
  EXPECT_THAT(rig.Do(a, {"NO-SUCH"}), StartsWith("-ERR unknown command"));
  EXPECT_EQ(rig.Do(a, {"HELLO"}), "-" + std::string(errors::kNoAuthHello));
  EXPECT_EQ(rig.Do(a, {"HELLO", "3", "SETNAME", "x"}), "-" + std::string(errors::kNoAuthHello));
  EXPECT_EQ(rig.Do(a, {"HELLO", "9"}), "-NOPROTO unsupported protocol version");
  EXPECT_EQ(rig.Do(a, {"HELLO", "3", "AUTH", "x"}), "-ERR Syntax error in HELLO option 'AUTH'");
  EXPECT_EQ(rig.Do(a, {"QUIT"}), "+OK");
}

TEST(Authentication, APasswordAloneIsThatOfTheUserDefault) {
  GatewayRig rig(With({User("default"), User("alice")}));
  const size_t a = rig.Connect();
  rig.Send(a, {"AUTH", "right"});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK"));
  EXPECT_EQ(rig.Do(a, {"ACL", "WHOAMI"}), "default");
  GatewayRig without(With({User("alice")}));
  const size_t b = without.Connect();
  without.Send(b, {"AUTH", "right"});
  without.CheckPassword("right");
  EXPECT_THAT(without.Replies(b), ElementsAre(kWrongPassword));
}

TEST(Authentication, WhatFollowsWaitsUntilThePasswordHasBeenChecked) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  rig.Send(a, {"AUTH", "alice", "right"});
  EXPECT_THAT(rig.Replies(a), IsEmpty());
  EXPECT_EQ(rig.client(a).pipeline.room(), 0u);
  EXPECT_FALSE(rig.client(a).pipeline.accepting());
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK"));
  EXPECT_TRUE(rig.client(a).pipeline.accepting());
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "(nil)");
}

TEST(Authentication, HelloAuthenticatesAndSwitchesTheProtocolAtOnce) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  rig.Send(a, {"HELLO", "3", "AUTH", "alice", "wrong", "SETNAME", "me"});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
  rig.Send(a, {"HELLO", "3", "AUTH", "alice", "right", "SETNAME", "me"});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre(HasSubstr("proto :3")));
  EXPECT_EQ(rig.Do(a, {"CLIENT", "GETNAME"}), "me");
  EXPECT_EQ(rig.Do(a, {"ACL", "WHOAMI"}), "alice");
}

TEST(Authentication, AuthWaitsForTheCommandsBeforeIt) {
  GatewayRig rig(With({User("alice"), User("bob", users::kRead)}));
  const size_t a = Login(rig, "alice");
  rig.SendAndHandOn(a, {"SET", "k", "v"});
  rig.Send(a, {"AUTH", "bob", "right"});
  EXPECT_EQ(rig.client(a).pipeline.room(), 0u);  // What follows must be judged as bob's.
  rig.RunAll();
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "+OK"));
  EXPECT_EQ(rig.Do(a, {"SET", "k", "w"}),
            "-NOPERM this user has no permissions to run the 'set' command");
}

TEST(Authentication, AFailureLeavesTheConnectionWhoseItWas) {
  GatewayRig rig(With({User("alice"), User("bob")}));
  const size_t a = Login(rig, "alice");
  rig.Send(a, {"AUTH", "bob", "wrong"});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
  EXPECT_EQ(rig.Do(a, {"ACL", "WHOAMI"}), "alice");
  EXPECT_EQ(rig.stats.errors[errors::PrefixIndex("WRONGPASS")].value(), 1u);
}

TEST(Authentication, AUserWhoDoesNotExistIsCheckedLikeOneWhoDoes) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  users::PasswordChecks& checks = rig.gateway().authentication().checks();
  for (int i = 0; i < 2; ++i) {  // What fits a decoy is remembered and yet lets nobody in.
    rig.Send(a, {"AUTH", "nobody", "right"});
    if (i == 0) {
      std::optional<users::PasswordChecks::Work> work = checks.TryNext();
      ASSERT_TRUE(work.has_value());
      EXPECT_EQ(work->hash, rig.gateway().authentication().users()->decoy_hash());
      checks.Finish(std::move(*work), true);
      rig.Deliver();
    }
    EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
  }
}

TEST(Authentication, ATooLongPasswordIsWrongWithoutACheck) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  const std::string longest(users::kPasswordBytesMax, 'x');
  EXPECT_EQ(rig.Do(a, {"AUTH", "alice", longest + "x"}), kWrongPassword);
  rig.Send(a, {"AUTH", "alice", longest});
  rig.CheckPassword(longest);
  EXPECT_THAT(rig.Replies(a), ElementsAre("+OK"));
}

TEST(Authentication, ACrowdThatComesBackIsOneCheckAndNoGuesser) {
  GatewayRig::Options options = With({User("alice")});
  options.attempts = {.count = 1, .period = std::chrono::hours(1), .burst = 1};
  GatewayRig rig(std::move(options));
  std::vector<size_t> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(rig.Connect());
    rig.Send(crowd.back(), {"AUTH", "alice", "right"});
  }
  // The first has taken the only token; those that join need none.
  EXPECT_EQ(rig.gateway().authentication().checks().waiting(), 1u);
  rig.CheckPassword("right");
  size_t in = 0;
  for (const size_t client : crowd) in += rig.Replies(client)[0] == "+OK" ? 1 : 0;
  EXPECT_EQ(in, 1000u);
  EXPECT_EQ(rig.Do(rig.Connect(), {"AUTH", "alice", "right"}), "+OK");
  EXPECT_EQ(rig.gateway().authentication().checks().counters().fitted, 1u);
}

TEST(Authentication, AGuesserIsThrottledAndOthersAreNot) {
  GatewayRig::Options options = With({User("alice"), User("bob")});
  options.users[1].password_hash = Hash('b');
  options.attempts = {.count = 2, .period = std::chrono::minutes(1), .burst = 2};
  GatewayRig rig(std::move(options));
  const size_t a = rig.Connect();
  const size_t b = rig.Connect();
  rig.client(b).session.client = limit::Address::FromV4({10, 0, 0, 1});
  for (const char* guess : {"1", "2"}) {
    rig.Send(a, {"AUTH", "alice", guess});
    rig.CheckPassword("right");
    EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
  }
  EXPECT_EQ(rig.Do(a, {"AUTH", "alice", "right"}),
            "-THROTTLED retry_after_ms=30000 policy=auth-attempts limit=2/1m scope=client "
            "reason=quota");
  for (const char* user : {"alice", "bob"}) {  // One that fits costs nothing in the end.
    rig.Send(b, {"AUTH", user, "right"});
    rig.CheckPassword("right");
    EXPECT_THAT(rig.Replies(b), ElementsAre("+OK"));
  }
  EXPECT_EQ(rig.Do(a, {"AUTH", "alice", "right"}), "+OK");  // Remembered: no attempt.
  EXPECT_THAT(rig.Do(a, {"AUTH", "alice", "3"}), StartsWith("-THROTTLED"));
  rig.Pass(std::chrono::seconds(30));
  rig.Send(a, {"AUTH", "alice", "3"});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
}

TEST(Authentication, TheQueueOfChecksIsFullAtItsLimit) {
  GatewayRig rig(With({User("alice")}));
  std::vector<size_t> clients;
  for (size_t i = 0; i < users::PasswordChecks::kWaitingMax; ++i) {
    clients.push_back(rig.Connect());
    rig.Send(clients.back(), {"AUTH", "alice", std::to_string(i)});
    ASSERT_THAT(rig.Replies(clients.back()), IsEmpty());
  }
  const size_t late = rig.Connect();
  EXPECT_EQ(rig.Do(late, {"AUTH", "alice", "late"}),
            "-OVERLOADED retry_after_ms=1000 reason=queue : 128 password checks are waiting; try "
            "again later");
  rig.Disconnect(clients[5]);
  EXPECT_EQ(rig.gateway().authentication().checks().waiting(), 127u);
  rig.Send(late, {"AUTH", "alice", "late"});
  EXPECT_THAT(rig.Replies(late), IsEmpty());
}

TEST(Authentication, ACheckForAConnectionThatIsGoneEndsInSilence) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  rig.Send(a, {"AUTH", "alice", "right"});
  users::PasswordChecks& checks = rig.gateway().authentication().checks();
  std::optional<users::PasswordChecks::Work> work = checks.TryNext();
  rig.Disconnect(a);
  checks.Finish(std::move(*work), true);
  EXPECT_TRUE(rig.inbox_empty());
}

TEST(Authentication, RightsAndPrefixesAreThoseOfTheUser) {
  GatewayRig rig(With({User("reader", users::kRead), User("writer", users::kWrite),
                       User("cart", users::kRead | users::kWrite, {"cart:"}), User("root")}));
  const size_t reader = Login(rig, "reader");
  const size_t writer = Login(rig, "writer");
  const size_t cart = Login(rig, "cart");
  const size_t root = Login(rig, "root");
  EXPECT_EQ(rig.Do(writer, {"SET", "k", "1"}), "+OK");
  EXPECT_EQ(rig.Do(reader, {"GET", "k"}), "1");
  EXPECT_EQ(rig.Do(reader, {"set", "k", "2"}),
            "-NOPERM this user has no permissions to run the 'set' command");
  EXPECT_EQ(rig.Do(writer, {"GET", "k"}),
            "-NOPERM this user has no permissions to run the 'get' command");
  EXPECT_EQ(rig.Do(cart, {"CONFIG", "GET", "port"}),
            "-NOPERM this user has no permissions to run the 'config|get' command");
  EXPECT_EQ(rig.Do(cart, {"FLUSHALL"}),
            "-NOPERM this user has no permissions to run the 'flushall' command");
  EXPECT_EQ(rig.Do(cart, {"DBSIZE"}),
            "-NOPERM this user has no permissions to run the 'dbsize' command");
  EXPECT_EQ(rig.Do(cart, {"MSET", "cart:1", "a", "k", "b"}), kNoKey);
  EXPECT_EQ(rig.Do(cart, {"SET", "cart:1", "a"}), "+OK");
  EXPECT_EQ(rig.Do(cart, {"MGET", "cart:1", "k"}), kNoKey);
  EXPECT_EQ(rig.Do(cart, {"SCAN", "0", "COUNT", "100"}), "[0 [cart:1]]");
  EXPECT_THAT(rig.Do(root, {"SCAN", "0", "COUNT", "100"}), HasSubstr("k"));
  EXPECT_EQ(rig.Do(root, {"CONFIG", "GET", "port"}), "[port 6390]");
  EXPECT_EQ(rig.Do(root, {"FLUSHALL"}), "+OK");
  EXPECT_EQ(rig.stats.denied_command.value(), 5u);
  EXPECT_EQ(rig.stats.denied_key.value(), 2u);
}

TEST(Authentication, LimitsMatchUsers) {
  GatewayRig::Options options = With({User("alice"), User("bob")});
  options.policies.push_back({.name = "alice-only",
                              .user = "alice",
                              .per = limit::Per::kPrefix,
                              .rate = {.count = 1, .period = std::chrono::hours(1), .burst = 1}});
  options.policies.push_back({.name = "each",
                              .per = limit::Per::kUser,
                              .rate = {.count = 3, .period = std::chrono::hours(1), .burst = 3}});
  GatewayRig rig(std::move(options));
  const size_t alice = Login(rig, "alice");
  const size_t bob = Login(rig, "bob");
  EXPECT_EQ(rig.Do(alice, {"PING"}), "+PONG");
  EXPECT_THAT(rig.Do(alice, {"PING"}), HasSubstr("policy=alice-only"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.Do(bob, {"PING"}), "+PONG");
  EXPECT_THAT(rig.Do(Login(rig, "bob"), {"PING"}), HasSubstr("policy=each"));
}

TEST(Authentication, NewRightsHoldFromTheNextCommandOn) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = Login(rig, "alice");
  EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}), "+OK");
  SetUsers(rig, {User("alice", users::kRead), User("bob")});
  EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}),
            "-NOPERM this user has no permissions to run the 'set' command");
  EXPECT_EQ(rig.Do(a, {"ACL", "WHOAMI"}), "alice");
}

TEST(Authentication, AConnectionWhoseUserIsGoneOrChangedEndsAtItsNextCommand) {
  users::User changed = User("alice");
  changed.password_hash = Hash('b');
  for (const std::vector<users::User>& later : {std::vector{User("bob")}, std::vector{changed}}) {
    GatewayRig rig(With({User("alice")}));
    const size_t a = Login(rig, "alice");
    rig.SendAndHandOn(a, {"SET", "k", "v"});
    SetUsers(rig, later);
    rig.Send(a, {"GET", "k"});
    EXPECT_EQ(rig.client(a).pipeline.room(), 0u);
    rig.RunAll();  // What was accepted is answered.
    EXPECT_THAT(rig.Replies(a), ElementsAre("+OK", "-" + std::string(errors::kUserChanged)));
    EXPECT_TRUE(rig.client(a).session.closing);
  }
}

TEST(Authentication, UsersThatAppearEndTheConnectionsOfEverybody) {
  GatewayRig rig;
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"PING"}), "+PONG");
  SetUsers(rig, {User("default")});
  EXPECT_EQ(rig.Do(a, {"PING"}), "-" + std::string(errors::kUserChanged));
  EXPECT_TRUE(rig.client(a).session.closing);
  EXPECT_EQ(rig.Do(rig.Connect(), {"PING"}), kNoAuth);
}

TEST(Authentication, WithoutUsersAgainEverybodyMayEverything) {
  GatewayRig rig(With({User("alice", users::kRead)}));
  const size_t a = Login(rig, "alice");
  const size_t b = rig.Connect();
  SetUsers(rig, {});
  EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}), "+OK");
  EXPECT_EQ(rig.Do(b, {"ACL", "WHOAMI"}), "default");
}

TEST(Authentication, AUserWhoChangedDuringTheCheckIsNotLetIn) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = rig.Connect();
  rig.Send(a, {"AUTH", "alice", "right"});
  users::User changed = User("alice");
  changed.password_hash = Hash('b');
  SetUsers(rig, {changed});
  rig.CheckPassword("right");
  EXPECT_THAT(rig.Replies(a), ElementsAre(kWrongPassword));
  EXPECT_EQ(rig.Do(a, {"PING"}), kNoAuth);
}

// CLIENT TRACKING with BCAST, which tells the names of keys.
class WhoIsTold : public ::testing::Test {
 protected:
  size_t Listen(const std::string& user, const Words& prefixes, const std::string& expected) {
    const size_t client = Login(rig, user);
    rig.Do(client, {"HELLO", "3"});
    Words words = {"CLIENT", "TRACKING", "ON", "BCAST"};
    for (const std::string& prefix : prefixes) words.insert(words.end(), {"PREFIX", prefix});
    EXPECT_EQ(rig.Do(client, words), expected);
    return client;
  }
  std::vector<std::string> ToldOfWrites(size_t client) {
    const size_t writer = Login(rig, "all");
    rig.Do(writer, {"SET", "cart:1", "x"});
    rig.Do(writer, {"SET", "secret", "x"});
    return rig.Replies(client);
  }

  GatewayRig rig{With(
      {User("all"), User("cart", users::kRead, {"cart:", "car:"}), User("blind", users::kWrite)})};
};

TEST_F(WhoIsTold, AListenerIsToldOnlyOfWhatItsUserMaySee) {
  const std::string no_command =
      "-NOPERM this user has no permissions to run the 'client|tracking' command";
  EXPECT_THAT(ToldOfWrites(Listen("cart", {}, kNoKey)), IsEmpty());
  EXPECT_THAT(ToldOfWrites(Listen("cart", {"cart:", "s"}, kNoKey)), IsEmpty());
  EXPECT_THAT(ToldOfWrites(Listen("cart", {"ca"}, kNoKey)), IsEmpty());
  EXPECT_THAT(ToldOfWrites(Listen("blind", {"cart:"}, no_command)), IsEmpty());
  EXPECT_THAT(ToldOfWrites(Listen("cart", {"cart:"}, "+OK")), ElementsAre("[invalidate [cart:1]]"));
  EXPECT_THAT(ToldOfWrites(Listen("all", {}, "+OK")),
              ElementsAre("[invalidate [cart:1]]", "[invalidate [secret]]"));
  EXPECT_EQ(rig.stats.denied_key.value(), 3u);
  EXPECT_EQ(rig.stats.denied_command.value(), 1u);
}

TEST_F(WhoIsTold, AListenerWhoseUserMayNoLongerSeeAllOfItEnds) {
  const size_t silent = Listen("all", {}, "+OK");
  const size_t speaks = Listen("all", {}, "+OK");
  const size_t confined = Listen("cart", {"cart:"}, "+OK");
  EXPECT_TRUE(rig.client(silent).pipeline.MayBeTold());
  SetUsers(rig, {User("all", users::kAllRights, {"cart:"}), User("cart", users::kRead, {"cart:"})});
  EXPECT_FALSE(rig.client(silent).pipeline.MayBeTold());
  EXPECT_EQ(rig.Do(speaks, {"PING"}), "-" + std::string(errors::kMayNotBeTold));
  EXPECT_TRUE(rig.client(speaks).session.closing);
  EXPECT_TRUE(rig.client(confined).pipeline.MayBeTold());
  SetUsers(rig, {});
  EXPECT_TRUE(rig.client(confined).pipeline.MayBeTold());
  SetUsers(rig, {User("all")});
  EXPECT_FALSE(rig.client(confined).pipeline.MayBeTold());
}

TEST_F(WhoIsTold, AListenerDoesNotBecomeAUserWhoMayNotSeeAllOfIt) {
  for (const Words& words :
       {Words{"AUTH", "cart", "right"}, Words{"HELLO", "3", "AUTH", "cart", "right"}}) {
    const size_t other_prefix = Listen("cart", {"car:"}, "+OK");
    EXPECT_THAT(rig.Do(other_prefix, words), Not(StartsWith("-")));
    const size_t all = Listen("all", {}, "+OK");
    EXPECT_EQ(rig.Do(all, words), "-" + std::string(errors::kMayNotBeTold));
    EXPECT_TRUE(rig.client(all).session.closing);
  }
}

TEST(Authentication, ATransactionJudgedByOtherRightsIsNotRun) {
  GatewayRig rig(With({User("alice")}));
  const size_t a = Login(rig, "alice");
  EXPECT_EQ(rig.Do(a, {"MULTI"}), "+OK");
  EXPECT_THAT(rig.Do(a, {"AUTH", "alice", "right"}), StartsWith("-ERR "));
  EXPECT_EQ(rig.Do(a, {"RESET"}), "+RESET");
  EXPECT_EQ(rig.Do(a, {"PING"}), kNoAuth);
  EXPECT_EQ(rig.Do(a, {"AUTH", "alice", "right"}), "+OK");
  EXPECT_EQ(rig.Do(a, {"MULTI"}), "+OK");
  EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}), "+QUEUED");
  SetUsers(rig, {User("alice", users::kRead)});
  EXPECT_THAT(rig.Do(a, {"EXEC"}), StartsWith("-EXECABORT"));
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "(nil)");
}

TEST(Authentication, AclShowsTheUsersWithoutTheirPasswords) {
  GatewayRig rig(With({User("root"), User("cart", users::kRead, {"a*[", "b:"})}));
  const size_t root = Login(rig, "root");
  EXPECT_EQ(rig.Do(root, {"ACL", "USERS"}), "[cart root]");
  EXPECT_EQ(rig.Do(root, {"ACL", "LIST"}),
            "[user cart on ~a\\*\\[* ~b:* resetchannels -@all +@read +@connection user root on ~* "
            "resetchannels +@all]");
  EXPECT_EQ(rig.Do(root, {"ACL", "GETUSER", "cart"}),
            "[flags [on] passwords [] commands -@all +@read +@connection keys ~a\\*\\[* ~b:* "
            "channels  selectors []]");
  EXPECT_EQ(rig.Do(root, {"ACL", "GETUSER", "nobody"}), "(nil)");
  for (const Words& words : std::vector<Words>{
           {"ACL", "SETUSER", "x"}, {"ACL", "DELUSER", "x"}, {"ACL", "SAVE"}, {"ACL", "LOAD"}}) {
    EXPECT_EQ(rig.Do(root, words), "-" + std::string(errors::kUsersAreConfigured));
  }
  EXPECT_THAT(rig.Do(root, {"ACL", "CAT"}), StartsWith("[keyspace read write string"));
  EXPECT_THAT(rig.Do(root, {"ACL", "CAT", "String"}), HasSubstr("append"));
  EXPECT_EQ(rig.Do(root, {"ACL", "CAT", "nope"}), "-ERR Unknown category 'nope'");
  EXPECT_EQ(rig.Do(root, {"ACL", "CAT", "a", "b"}),
            "-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.");
  const auto dry = [&](const Words& request) {
    Words words = {"ACL", "DRYRUN", "cart"};
    words.insert(words.end(), request.begin(), request.end());
    return rig.Do(root, words);
  };
  EXPECT_EQ(dry({"GET", "b:1"}), "+OK");
  EXPECT_EQ(dry({"GET", "c:1"}), "This user has no permissions to access the 'c:1' key");
  EXPECT_EQ(dry({"MGET", "b:1", "c"}), "This user has no permissions to access the 'c' key");
  EXPECT_EQ(dry({"SET", "b:1", "v"}), "This user has no permissions to run the 'set' command");
  EXPECT_EQ(dry({"MONITOR"}), "This user has no permissions to run the 'monitor' command");
  const size_t cart = Login(rig, "cart");
  EXPECT_EQ(rig.Do(cart, {"ACL", "WHOAMI"}), "cart");
  EXPECT_EQ(rig.Do(cart, {"ACL", "LIST"}),
            "-NOPERM this user has no permissions to run the 'acl|list' command");
}

}  // namespace
}  // namespace weir::gateway
