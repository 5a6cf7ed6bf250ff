// Goal: of the errors that are told of the commands about limits each can be had, and there are no
// others.
// Method: a request for each error of the table of commands/limit_docs.h, by one who may everything
// and one who may little; then random words. What is wrong with the parameters of a policy is for
// cmd/weir to say; tests/limits_server_test.py asks.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/commands/limit.h"
#include "weir/gateway/commands/limit_docs.h"
#include "weir/gateway/limit_docs_fixture.h"

namespace weir::gateway {
namespace {

using namespace std::chrono_literals;
using resp::Value;

// Whether `text` is `pattern`, in which `*` is any text.
bool Fits(std::string_view text, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  for (size_t at = star; at <= text.size(); ++at) {
    if (Fits(text.substr(at), pattern.substr(star + 1))) return true;
  }
  return false;
}

// Of errors of limits, what follows the name of a command; `whole`: nothing may follow it.
struct Provocation {
  std::string_view error;
  Words words;
  bool whole = false;
};

Words Times(size_t count, const Words& words) {
  Words all;
  for (size_t i = 0; i < count; ++i) all = Joint(all, words);
  return all;
}

std::vector<Provocation> OfLimits() {
  Words keys = {"a", "POLICY", "three"};
  for (const char* key : {"b", "c", "d", "e", "f"}) {
    keys = Joint(keys, {"AND", key, "POLICY", "three"});
  }
  return {
      {errors::kLimitKey, {"k", "RATE", "1/s", "RATE", "1/s", "AND"}, true},
      {"ERR a limit of the key is missing: RATE count/period or POLICY name",
       {"k", "RATE", "1/s", "AND", "j"},
       true},
      {"ERR expected RATE count/period or POLICY name, not '*'", {"k", "BURST", "1", "1", "1"}},
      {"ERR '*' is no rate; write it as 100/s, 5000/15m or 1/250ms", {"k", "RATE", "ten"}},
      {errors::kSyntax, {"k", "RATE", "1/s", "RATE", "1/s", "COST"}, true},
      {errors::kNotInteger, {"k", "RATE", "1/s", "COST", "x"}},
      {errors::kNegativeTokens, {"k", "RATE", "1/s", "COST", "-1"}},
      {errors::kTooManyLimits, Joint({"k"}, Times(9, {"RATE", "1/s"}))},
      {"ERR the rate's count is 0; give at least 1", {"k", "RATE", "0/s"}},
      {"ERR the burst is 0, so nothing could pass; give at least 1",
       {"k", "RATE", "1/s", "BURST", "0"}},
      {"ERR the rate's period must be above 0", {"k", "RATE", "1/0s"}},
      {"ERR the rate is above 10^7 a second; a [[limit]] counts it exactly",
       {"k", "RATE", "10000001/s"}},
      {"ERR the rate is above 10^11 a second", {"k", "RATE", "100000000001/s"}},
      {"ERR the burst is above 2^61",
       {"k", "RATE", "100000000000/s", "BURST", "2305843009213693953"}},
      {"ERR the burst takes more than 10 years to fill at this rate; lower it",
       {"k", "RATE", "1/d", "BURST", "3651"}},
      {"ERR at most 16 rates decide together", keys},
      {"ERR two of these limits have the same bucket", {"k", "POLICY", "named", "POLICY", "named"}},
      {"ERR there is no limit policy '*'", {"k", "POLICY", "none"}},
      {"ERR limit policy '*' has a bucket for each client; give an IP address",
       {"k", "POLICY", "clients"}},
      {"ERR limit policy '*' is for keys that begin with '*'", {"k", "POLICY", "owned"}},
      {errors::kNoKeyPermission, {"user:1", "RATE", "1/s", "AND", "other", "RATE", "1/s"}},
  };
}

// Of the commands, by their names. `*` stands for a long text.
std::multimap<std::string_view, Words> OfCommands() {
  const std::string lone = "0000000000000000";
  return {
      {"limit.check", {"user:1", "POLICY", "owned"}},
      {"limit.refund", {"user:1", "POLICY", "owned"}},
      {"limit.reserve", {"user:1", "POLICY", "owned"}},
      {"limit.wait", {"user:1", "POLICY", "owned", "MAX", "1"}},
      {"limit.wait", {"k", "RATE", "1/s", "MAX", "3600001"}},
      {"limit.reserve", {"k", "RATE", "1/s", "TTL", "0"}},
      {"limit.reserve", {"*", "RATE", "1/s", "AND", "j", "RATE", "1/s"}},
      {"limit.cancel", {"k", lone}},
      {"limit.commit", {"k", lone}},
      {"limit.commit", {"<key>", "<reservation>", "1", "1"}},
      {"limit.commit", {"k", lone, "x"}},
      {"limit.commit", {"k", lone, "-1"}},
      {"limit.acquire", {"k", "MIN", "1", "TTL", "1"}},
      {"limit.acquire", {"k", "MAX", "x", "TTL", "1"}},
      {"limit.acquire", {"k", "MAX", "10001", "TTL", "1"}},
      {"limit.acquire", {"k", "MAX", "1", "TTL", "86400001"}},
      {"limit.explain", {"FROM", "here", "PING"}},
      {"limit.explain", {"nonsense"}},
      {"limit.explain", {"GET"}},
      {"limit.explain", {"AS", "other", "PING"}},
      {"limit.explain", {"LIMIT.OFFENDERS"}},
      {"limit.policy|set", {"p", "rate", "1/s", "burst"}},
      {"limit.whatif", {"p", "rate"}},
      {"limit.whatif", {"none"}},
      {"limit.whatif", {"named"}},
      {"limit.whatif", {"time"}},
      {"limit.whatif", {"long"}},
      {"gcra", {"k", "1", "1", "1", "TOKEN", "1"}},
  };
}

const Words kOfBuckets[] = {{"k", "1", "1", "x"},          {"k", "-1", "1", "1"},
                            {"k", "1", "0", "1"},          {"k", "1", "1", "315360001"},
                            {"k", "1", "1000000001", "1"}, {"k", "400000000", "1", "1"}};

// Collects the errors that requests are answered with.
class LimitErrorsTest : public LimitDocsFixture {
 protected:
  LimitErrorsTest() : LimitDocsFixture(Users()) {
    rig_.Send(a_, {"AUTH", "app", "x"});
    rig_.CheckPassword("x");
    rig_.Send(b_, {"AUTH", "admin", "x"});
    rig_.CheckPassword("x");
    rig_.Replies(a_), rig_.Replies(b_);
    asks_ = b_;
  }
  static std::vector<users::User> Users() {
    const auto hash = [](char letter) {
      return "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" +
             std::string(42, letter) + "A";
    };
    return {{"admin", hash('a'), users::kAllRights, {}},
            {"app", hash('b'), users::kRead | users::kWrite, {"user:"}}};
  }
  void Collect(const CommandSpec& spec, size_t client) {
    for (const Value& value : rig_.client(client).Values()) {
      if (value.kind == Value::Kind::kError) seen_[&spec].insert(value.text);
    }
  }
  // By who may everything, and by who may little.
  void Provoke(const CommandSpec& spec, const Words& words) {
    const Words request = RequestOf(spec, words);
    for (const size_t client : {b_, a_}) {
      Send(client, request);
      if (waiting() > 0) Pass(commands::WaitWords::kMost);
      Collect(spec, client);
    }
  }
  void ProvokeAll(const CommandSpec& spec) {
    const auto [begin, end] = kOfCommands.equal_range(spec.name);
    for (auto of = begin; of != end; ++of) {
      Words words = of->second;
      for (std::string& word : words) {
        if (word == "*") word = std::string(LimitHolds::kKeyBytesMax, 'k');
      }
      Provoke(spec, words);
    }
    if (spec.docs->shared == &docs::kOfBuckets) {
      for (const Words& words : kOfBuckets) Provoke(spec, words);
    }
    if (spec.docs->shared != &docs::kOfLimits) return;
    for (const Provocation& provocation : OfLimits()) {
      Words words = provocation.words;
      if (spec.kind == CommandKind::kWait && !provocation.whole) {
        words = Joint(words, {"MAX", "10"});
      }
      if (spec.name == "limit.explain") words = Joint({"LIMIT.PEEK"}, words);
      Provoke(spec, words);
    }
  }

  // CLIENT UNBLOCK ends a LIMIT.WAIT.
  void UnblockOne() {
    const size_t other = rig_.Connect();
    EXPECT_EQ(rig_.Do(other, {"AUTH", "admin", "x"}), "+OK");  // It was checked before.
    Ask({"LIMIT.CHECK", "user:w", "RATE", "1/h"});
    Send(a_, {"LIMIT.WAIT", "user:w", "RATE", "1/h", "MAX", "3600000"});
    Send(other, {"CLIENT", "UNBLOCK", std::to_string(a_ + 1), "ERROR"});
    Collect(*FindCommand("limit.wait"), a_);
  }
  // As much is held, and as many wait, as may.
  void FillUp() {
    Admission& admission = rig_.gateway().admission();
    const MonoTime now = rig_.clock.Mono();
    for (size_t i = 0; i < limit::kLeasesMax; ++i) {
      const std::string key = "leased" + std::to_string(i / limit::kLeasesOfKeyMax);
      ASSERT_TRUE(admission.holds().Acquire(key, limit::kLeasesOfKeyMax, 1h, now).ok());
    }
    Provoke(*FindCommand("limit.acquire"), {"j", "MAX", "1", "TTL", "1"});
    const Words reserve = {"k", "RATE", "1000000/s", "COST", "0"};
    for (size_t i = 0; i <= LimitHolds::kReservationsMax; ++i) {
      Send(b_, Joint({"LIMIT.RESERVE"}, reserve));
      Collect(*FindCommand("limit.reserve"), b_);
    }
    Ask({"LIMIT.CHECK", "w", "RATE", "1/h"});
    std::vector<LimitWaits::Seat> seats;
    for (size_t i = 0; i < limit::WaitingLine::kWaitersMax; ++i) {
      seats.emplace_back(Origin{&rig_.home(), 1000, i, 0}, 1000 + i, true);
      admission.waits().Wait(&seats.back(), 1, 1, true);
    }
    Provoke(*FindCommand("limit.wait"), {"w", "RATE", "1/h", "MAX", "3600000"});
  }
  void AskOneWithFixedPolicies() {
    GatewayRig fixed;
    const size_t client = fixed.Connect();
    for (const char* name : {"limit.policy|set", "limit.policy|del", "limit.whatif"}) {
      const CommandSpec& spec = *FindCommand(name);
      Words words = Joint(NameOf(spec), {"p"});
      if (spec.arity < 0) words = Joint(words, {"rate", "1/s"});
      seen_[&spec].insert(fixed.Do(client, words).substr(1));
    }
  }

  const std::multimap<std::string_view, Words> kOfCommands = OfCommands();
  std::map<const CommandSpec*, std::set<std::string>> seen_;
};

bool IsAmong(std::string_view error, std::span<const ErrorDocs> told) {
  return std::any_of(told.begin(), told.end(),
                     [&](const ErrorDocs& one) { return Fits(error, one.text); });
}

bool IsOf(std::span<const ErrorDocs> told, const ErrorDocs& error) {
  return std::any_of(told.begin(), told.end(),
                     [&](const ErrorDocs& one) { return one.text == error.text; });
}

// What every command may be answered with.
bool IsOfAll(std::string_view error, const CommandSpec& spec) {
  return error == errors::WrongArity(spec.name) || error == errors::kNoKeyPermission ||
         error == errors::NoCommandPermission(spec.name) || error.starts_with("THROTTLED ");
}

TEST_F(LimitErrorsTest, EachThatIsToldCanBeHad) {
  ForEachTold([&](const CommandSpec& spec) { ProvokeAll(spec); });
  UnblockOne();
  FillUp();
  AskOneWithFixedPolicies();
  ForEachTold([&](const CommandSpec& spec) {
    for (const auto& told : {spec.docs->errors, spec.docs->shared_errors()}) {
      for (const ErrorDocs& error : told) {
        if (IsOf(docs::kParameterErrors, error) || IsOf(docs::kConfiguredErrors, error)) continue;
        const auto& seen = seen_[&spec];
        EXPECT_TRUE(std::any_of(seen.begin(), seen.end(),
                                [&](const std::string& one) { return Fits(one, error.text); }))
            << spec.name << ": " << error.text;
      }
    }
  });
}

TEST_F(LimitErrorsTest, ThereAreNoOthersWhateverTheWords) {
  const Words vocabulary = {"k",
                            "user:1",
                            "RATE",
                            "10/s",
                            "1/h",
                            "POLICY",
                            "named",
                            "owned",
                            "three",
                            "AND",
                            "COST",
                            "1",
                            "BURST",
                            "TTL",
                            "MAX",
                            "0",
                            "-1",
                            "LEASE",
                            "AS",
                            "FROM",
                            "::1",
                            "CL.THROTTLE",
                            "GET",
                            "x",
                            "10001",
                            "TOKENS",
                            "",
                            "9223372036854775807",
                            "clients",
                            "1000",
                            "0000000000000000",
                            "LIMIT.CHECK",
                            "LIMIT.WAIT",
                            "0/s",
                            "1/0s"};
  Random random(7);
  const auto word = [&] { return vocabulary[random.Below(vocabulary.size())]; };
  ForEachTold([&](const CommandSpec& spec) {
    for (int round = 0; round < 400; ++round) {
      Words words;
      for (size_t count = random.Below(9); count > 0; --count) words.push_back(word());
      Provoke(spec, words);
    }
    for (const std::string& error : seen_[&spec]) {
      EXPECT_TRUE(IsOfAll(error, spec) || IsAmong(error, spec.docs->errors) ||
                  IsAmong(error, spec.docs->shared_errors()))
          << spec.name << ": " << error;
    }
  });
}

}  // namespace
}  // namespace weir::gateway
