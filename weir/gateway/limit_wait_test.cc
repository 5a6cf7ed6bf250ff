// Goal: LIMIT.WAIT answers as soon as its tokens are there, in order of arrival, never later than
// MAX, and holds no place for a client that is gone. Method: scripts of commands over a whole
// gateway whose clock is moved by hand; one run of many clients against the plain arithmetic.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "weir/gateway/limit_waits_fixture.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;

class LimitWaitTest : public LimitWaitsFixture {
 protected:
  LimitWaitTest() : LimitWaitsFixture(Policies()) {}

  static GatewayRig::Options Policies() {
    GatewayRig::Options options;
    options.policies = {
        {.name = "jobs", .per = limit::Per::kKey, .rate = {10, 1s, 1}, .only_named = true}};
    return options;
  }
  static Words Wait(const std::string& key, const std::string& rate, const std::string& most) {
    return {"LIMIT.WAIT", key, "RATE", rate, "BURST", "1", "MAX", most};
  }

  size_t c_ = rig_.Connect();
};

// Requests that name no limit look at lines only while somebody stands at a policy's bucket.
TEST_F(LimitWaitTest, WhoWaitsForALimitOfHisOwnIsInNobodysWay) {
  LimitWaits& waits = rig_.gateway().admission().waits();
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "100"));
  EXPECT_TRUE(waits.any());
  EXPECT_FALSE(waits.any_at_policies());
  for (int i = 0; i < 10; ++i) rig_.Do(b_, {"LIMIT.CHECK", "k", "POLICY", "jobs"});
  Send(b_, {"LIMIT.WAIT", "k", "POLICY", "jobs", "MAX", "100"});
  EXPECT_TRUE(waits.any_at_policies());
  Pass(100ms);
  EXPECT_FALSE(waits.any());
  EXPECT_FALSE(waits.any_at_policies());
}

TEST_F(LimitWaitTest, WhatIsThereIsTakenAtOnceAndTheRestWhenItComes) {
  EXPECT_EQ(rig_.Do(a_, Wait("k", "10/s", "0")), "[:1 :0 :0 :100 :0 :0]");
  Send(a_, Wait("k", "10/s", "100"));
  EXPECT_EQ(Replies(a_), Strings());
  Pass(99ms);
  EXPECT_EQ(Replies(a_), Strings());
  Pass(1ms);
  EXPECT_EQ(Replies(a_), Strings({"[:1 :0 :0 :100 :0 :100]"}));
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(LimitWaitTest, WhoMayNoMoreTakesNothingWhenItsTokensAreThere) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "100"));
  users::User user{.name = "default",
                   .password_hash = "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" +
                                    std::string(43, 'A'),
                   .rights = users::kRead};
  rig_.gateway().authentication().SetUsers(
      std::make_shared<const users::Users>(std::vector<users::User>{std::move(user)}));
  Pass(100ms);
  const Strings replies = Replies(a_);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(replies[0].starts_with("-NO")) << replies[0];
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(LimitWaitTest, WhatCannotComeInTimeIsRefusedAtOnce) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  EXPECT_EQ(rig_.Do(a_, Wait("k", "10/s", "99")), "[:0 :0 :100 :100 :1 :0]");
  Send(a_, Wait("k", "10/s", "100"));
  // The second in line would wait for 200 ms.
  EXPECT_EQ(rig_.Do(b_, Wait("k", "10/s", "199")), "[:0 :0 :200 :100 :1 :0]");
  EXPECT_EQ(
      rig_.Do(b_, {"LIMIT.WAIT", "k", "RATE", "10/s", "BURST", "1", "COST", "2", "MAX", "9000"}),
      "[:0 :0 :-1 :100 :1 :0]");
  EXPECT_EQ(waiting(), 1u);
}

TEST_F(LimitWaitTest, TheLineIsServedInOrderAndNobodyOvertakesIt) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "5000"));
  Send(b_, Wait("k", "10/s", "5000"));
  Send(c_, Wait("k", "10/s", "5000"));
  const size_t d = rig_.Connect();
  rig_.Pass(100ms);  // The first token is there, and the first in line has not been told yet.
  EXPECT_EQ(rig_.Do(d, {"LIMIT.CHECK", "k", "RATE", "10/s", "BURST", "1"}), "[:0 :1 :300 :0 :1]");
  Pass(0ms);
  EXPECT_EQ(Replies(a_).size(), 1u);
  Pass(100ms);
  EXPECT_EQ(Replies(b_), Strings({"[:1 :0 :0 :100 :0 :200]"}));
  EXPECT_EQ(Replies(c_), Strings());
  Pass(100ms);
  EXPECT_EQ(Replies(c_).size(), 1u);
  Pass(100ms);
  EXPECT_EQ(rig_.Do(d, {"LIMIT.CHECK", "k", "RATE", "10/s", "BURST", "1"}), "[:1 :0 :0 :100 :0]");
}

TEST_F(LimitWaitTest, AClientThatIsGoneGivesUpItsPlace) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "5000"));
  Send(b_, Wait("k", "10/s", "5000"));
  Send(c_, Wait("k", "10/s", "5000"));
  rig_.Disconnect(a_);
  rig_.RunAll();
  EXPECT_EQ(waiting(), 2u);
  Pass(100ms);
  EXPECT_EQ(Replies(b_), Strings({"[:1 :0 :0 :100 :0 :100]"}));
  rig_.client(c_).pipeline.OnClientEnded();
  EXPECT_EQ(Replies(c_), Strings({"[:0 :0 :100 :100 :1 :100]"}));
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(LimitWaitTest, TokensGivenBackArePassedOn) {
  rig_.Do(a_, {"LIMIT.CHECK", "k", "RATE", "10/h"});
  rig_.Do(a_, {"LIMIT.CHECK", "k", "RATE", "10/h", "COST", "9"});
  Send(b_, {"LIMIT.WAIT", "k", "RATE", "10/h", "MAX", "3600000"});
  rig_.Do(a_, {"LIMIT.REFUND", "k", "RATE", "10/h"});
  EXPECT_EQ(Replies(b_), Strings({"[:1 :0 :0 :3600000 :0 :0]"}));
}

TEST_F(LimitWaitTest, WhoWaitsForOneLimitDoesNotHoldUpOthersAtAnother) {
  rig_.Do(a_, Wait("mine", "1/s", "0"));
  Send(a_, {"LIMIT.WAIT", "mine", "RATE", "1/s", "BURST", "1", "AND", "all", "RATE", "5/s", "MAX",
            "5000"});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(rig_.Do(b_, {"LIMIT.CHECK", "all", "RATE", "5/s"}).substr(0, 3), "[:1");
  }
  Send(c_, {"LIMIT.WAIT", "all", "RATE", "5/s", "COST", "5", "MAX", "5000"});
  Pass(1000ms);
  // Of those for whom `all` has too little now, the first is c.
  EXPECT_EQ(Replies(a_), Strings());
  EXPECT_EQ(Replies(c_).size(), 1u);
  Pass(200ms);
  EXPECT_EQ(Replies(a_), Strings({"[:1 :0 :0 :1000 :0 :1200]"}));
}

TEST_F(LimitWaitTest, ItTakesItsTurnAmongTheCommandsOfItsConnection) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  for (const Words& words : std::vector<Words>{{"PING"},
                                               Wait("k", "10/s", "1000"),
                                               {"GET", "x"},
                                               Wait("k", "10/s", "1000"),
                                               {"PING"}}) {
    rig_.Send(a_, words);
  }
  rig_.RunAll();
  EXPECT_EQ(Replies(a_), Strings({"+PONG"}));
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"[:1 :0 :0 :100 :0 :100]", "(nil)"}));
  Pass(100ms);
  EXPECT_EQ(Replies(a_), Strings({"[:1 :0 :0 :100 :0 :100]", "+PONG"}));
}

TEST_F(LimitWaitTest, APolicyThatChangesIsFollowed) {
  const auto wait = [&](size_t client) {
    Send(client, {"LIMIT.WAIT", "k", "POLICY", "jobs", "MAX", "5000"});
  };
  wait(a_);
  EXPECT_EQ(Replies(a_).size(), 1u);
  wait(a_);
  wait(b_);
  Admission& admission = rig_.gateway().admission();
  const limit::Policy faster{
      .name = "jobs", .per = limit::Per::kKey, .rate = {10, 1s, 2}, .only_named = true};
  ASSERT_TRUE(admission.SetPolicies({faster}, rig_.clock.Mono()).ok());
  rig_.RunAll();
  EXPECT_EQ(Replies(a_), Strings({"[:1 :0 :0 :200 :0 :0]"}));
  ASSERT_TRUE(admission.SetPolicies({}, rig_.clock.Mono()).ok());
  rig_.RunAll();
  EXPECT_EQ(Replies(b_), Strings({"-ERR there is no limit policy 'jobs'"}));
}

TEST_F(LimitWaitTest, AServerThatStopsLetsNobodyWait) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "1000"));
  rig_.client(a_).pipeline.OnDrain();
  EXPECT_EQ(Replies(a_), Strings({"[:0 :0 :100 :100 :1 :0]"}));
  EXPECT_EQ(rig_.Do(a_, Wait("k", "10/s", "1000")), "[:0 :0 :100 :100 :1 :0]");
}

TEST_F(LimitWaitTest, AsManyWaitAsMayAndTheNextIsToldSo) {
  rig_.Do(a_, {"LIMIT.CHECK", "k", "RATE", "1/h"});
  LimitWaits& waits = rig_.gateway().admission().waits();
  std::vector<LimitWaits::Seat> seats;
  for (size_t i = 0; i + 1 < limit::WaitingLine::kWaitersMax; ++i) {
    seats.emplace_back(Origin{&rig_.home(), 1000, i, 0}, 1000 + i, true);
    ASSERT_NE(waits.Wait(&seats.back(), 1, 1, true), LimitWaits::Joined::kNoRoom);
  }
  Send(a_, {"LIMIT.WAIT", "k", "RATE", "1/h", "MAX", "3600000"});
  EXPECT_EQ(Replies(a_), Strings());
  EXPECT_EQ(rig_.Do(b_, {"LIMIT.WAIT", "j", "RATE", "1/h", "COST", "1", "MAX", "0"}),
            "[:1 :0 :0 :3600000 :0 :0]");
  EXPECT_EQ(rig_.Do(b_, {"LIMIT.WAIT", "j", "RATE", "1/h", "MAX", "3600000"}),
            "-OVERLOADED retry_after_ms=100 reason=limit : as many commands wait at limits as "
            "may");
}

TEST_F(LimitWaitTest, NobodyHasMorePlacesThanAreFree) {
  LimitWaits& waits = rig_.gateway().admission().waits();
  std::vector<LimitWaits::Seat> seats;
  const auto places = [&](limit::FlowId flow) {
    for (size_t count = 0;; ++count) {
      seats.emplace_back(Origin{&rig_.home(), 1000, seats.size(), 0}, flow, true);
      if (waits.Wait(&seats.back(), 1, 1, true) == LimitWaits::Joined::kNoRoom) return count;
    }
  };
  constexpr size_t kMost = limit::WaitingLine::kWaitersMax;
  EXPECT_EQ(places(1), kMost / 2);
  EXPECT_EQ(places(2), kMost / 4);
  seats.clear();
  EXPECT_EQ(places(2), kMost / 2);
}

// Each of those before it wakes a millisecond late, when the bucket is full, and what would have
// come in that time is lost.
TEST_F(LimitWaitTest, WhoWasLetWaitPassesThoughOthersWakeLate) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "5000"));
  Send(b_, Wait("k", "10/s", "5000"));
  Send(c_, Wait("k", "10/s", "300"));
  Pass(101ms);
  Pass(101ms);
  EXPECT_EQ(Replies(a_).size(), 1u);
  EXPECT_EQ(Replies(b_).size(), 1u);
  Pass(98ms);
  EXPECT_EQ(Replies(c_), Strings());
  Pass(2ms);
  EXPECT_EQ(Replies(c_), Strings({"[:1 :0 :0 :100 :0 :302]"}));
}

TEST_F(LimitWaitTest, WhoIsNotTheFirstIsToldOfThoseBeforeItAlone) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  Send(a_, Wait("k", "10/s", "5000"));
  Send(b_, Wait("k", "10/s", "5000"));
  Send(c_, Wait("k", "10/s", "5000"));
  rig_.client(b_).pipeline.OnClientEnded();
  EXPECT_EQ(Replies(b_), Strings({"[:0 :0 :200 :100 :1 :0]"}));
}

TEST_F(LimitWaitTest, AnotherClientMayEndTheWaiting) {
  rig_.Do(a_, Wait("k", "10/s", "0"));
  const auto id = [&](size_t client) { return rig_.Do(client, {"CLIENT", "ID"}).substr(1); };
  const std::string a = id(a_);
  const std::string b = id(b_);
  Send(a_, Wait("k", "10/s", "5000"));
  Send(b_, Wait("k", "10/s", "5000"));
  const LimitWaits& waits = rig_.gateway().admission().waits();
  EXPECT_EQ(waits.blocked(), 2u);
  EXPECT_EQ(rig_.Do(c_, {"CLIENT", "UNBLOCK", a}), ":1");
  rig_.RunAll();
  EXPECT_EQ(Replies(a_), Strings({"[:0 :0 :100 :100 :1 :0]"}));
  EXPECT_EQ(rig_.Do(c_, {"CLIENT", "UNBLOCK", b, "ERROR"}), ":1");
  rig_.RunAll();
  EXPECT_EQ(Replies(b_), Strings({"-UNBLOCKED client unblocked via CLIENT UNBLOCK"}));
  EXPECT_EQ(rig_.Do(c_, {"CLIENT", "UNBLOCK", b}), ":0");
  EXPECT_EQ(waits.blocked(), 0u);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(LimitWaitTest, WhoIsTakenOutOfTheLineWasNotSlow) {
  rig_.Do(a_, Wait("k", "1/h", "0"));
  const std::string a = rig_.Do(a_, {"CLIENT", "ID"}).substr(1);
  Send(a_, Wait("k", "1/h", "3600000"));
  rig_.Pass(1min);
  EXPECT_EQ(rig_.Do(b_, {"CLIENT", "UNBLOCK", a, "ERROR"}), ":1");
  rig_.RunAll();
  EXPECT_EQ(Replies(a_), Strings({"-UNBLOCKED client unblocked via CLIENT UNBLOCK"}));
  EXPECT_EQ(rig_.Do(b_, {"SLOWLOG", "LEN"}), ":0");
}

TEST_F(LimitWaitTest, OddWordsAreAnErrorAndNothingElse) {
  const auto wait = [&](Words words) {
    words.insert(words.begin(), {"LIMIT.WAIT", "k"});
    return rig_.Do(a_, words);
  };
  EXPECT_EQ(wait({"RATE", "1/s"}), "-ERR wrong number of arguments for 'limit.wait' command");
  EXPECT_EQ(wait({"RATE", "1/s", "BURST", "5"}), "-ERR syntax error");
  EXPECT_EQ(wait({"RATE", "1/s", "MAX", "1", "2"}), "-ERR syntax error");
  EXPECT_EQ(wait({"RATE", "1/s", "FOR", "1"}),
            "-ERR expected RATE count/period or POLICY name, not 'FOR'");
  EXPECT_EQ(wait({"RATE", "1/s", "MAX", "x"}), "-ERR value is not an integer or out of range");
  EXPECT_EQ(wait({"RATE", "1/s", "MAX", "-1"}), "-ERR MAX must be from 0 to 3600000 ms");
  EXPECT_EQ(wait({"RATE", "1/s", "MAX", "3600001"}), "-ERR MAX must be from 0 to 3600000 ms");
  EXPECT_EQ(wait({"POLICY", "none", "MAX", "1"}), "-ERR there is no limit policy 'none'");
  EXPECT_EQ(rig_.Do(a_, {"MULTI"}), "+OK");
  EXPECT_EQ(wait({"RATE", "1/s", "MAX", "1"}), "-ERR Command not allowed inside a transaction");
}

class CountingHome final : public Home {
 public:
  void Deliver(Completions completions) override { delivered += completions.size(); }
  std::atomic<size_t> delivered{0};
};

// For the thread sanitizer, above all.
TEST(LimitWaitsOfManyThreads, AllThatCameAreGoneInTheEnd) {
  constexpr size_t kThreads = 4;
  LimitWaits waits;
  CountingHome home;
  std::atomic<size_t> running{kThreads};
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 1000; ++i) {
        LimitWaits::Seat seat(Origin{&home, thread, i, 0}, thread, i % 2 == 0);
        EXPECT_NE(waits.Wait(&seat, i % 3, 1 + i % 5, i % 4 == 0), LimitWaits::Joined::kNoRoom);
        EXPECT_LE(waits.Ahead(i % 3, &seat), 5 * kThreads);
        waits.Tell(i % 3);
        // Sometimes to the end of another line.
        if (i % 7 == 0) waits.Wait(&seat, (i + 1) % 3, 1, false);
      }
      --running;
    });
  }
  for (uint64_t i = 0; running > 0; ++i) {
    waits.TellAll();
    waits.Unblock(i % kThreads, LimitWaits::Unblocked::kAsAtItsMax);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(waits.any());
  EXPECT_FALSE(waits.any_at_policies());
  EXPECT_EQ(waits.blocked(), 0u);
  EXPECT_EQ(waits.Ahead(0, nullptr), 0u);
  EXPECT_GE(home.delivered, kThreads * 1000);
}

// Tokens come one by one, and are all used: the n-th of those who wait passes n periods later.
TEST_F(LimitWaitTest, NoTokenIsLostAndNoneIsGivenTwice) {
  constexpr int kClients = 200;
  rig_.Do(a_, Wait("k", "100/s", "0"));
  std::vector<size_t> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(rig_.Connect());
    Send(clients.back(), Wait("k", "100/s", "2000"));
  }
  // Every third goes away, so the others come sooner.
  for (size_t i = 0; i < clients.size(); i += 3) rig_.Disconnect(clients[i]);
  rig_.RunAll();
  size_t next = 0;
  for (int ms = 10; next < clients.size(); ms += 10) {
    Pass(10ms);
    while (next < clients.size() && next % 3 == 0) ++next;
    if (next == clients.size()) break;
    EXPECT_EQ(Replies(clients[next]), Strings({"[:1 :0 :0 :10 :0 :" + std::to_string(ms) + "]"}));
    ++next;
  }
  EXPECT_EQ(waiting(), 0u);
}

}  // namespace
}  // namespace weir::gateway
