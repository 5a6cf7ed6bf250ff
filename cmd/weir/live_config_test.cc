// Goal: a change comes into force whole or not at all, and what needs a restart is named.
// Method: texts in the place of the file, a list in the place of the server.
#include "cmd/weir/live_config.h"

#include <cstdlib>
#include <filesystem>
#include <map>

#include "cmd/weir/live_limits.h"
#include "cmd/weir/options.h"
#include "cmd/weir/parameters.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Machine kMachine{.memory_bytes = uint64_t{8} << 30, .cpus = 2};
constexpr std::string_view kHash =
    "$argon2id$v=19$m=12288,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

class Live : public testing::Test {
 protected:
  void Start(const std::string& text) {
    file_ = text;
    Loaded loaded = Load();
    ASSERT_THAT(loaded.errors, IsEmpty());
    live_ = std::make_unique<LiveConfig>(
        loaded.config, [this] { return Load(); },
        [this](const Config&, const Loaded& now) -> Result<Ok> {
          if (refuses_) return Error{ErrorCode::kInvalid, "no"};
          applied_.push_back(now.config);
          return Ok{};
        });
  }
  Loaded Load() { return LoadConfig({.file_name = "f", .text = file_, .flags = flags_}, kMachine); }
  LiveConfig::Outcome Reload(const std::string& text) {
    file_ = text;
    return live_->Reload();
  }
  std::string Set(const gateway::Parameters& changes) {
    const Result<Ok> set = live_->Set(changes);
    return set.ok() ? "OK" : set.error().message;
  }
  std::string SetLimit(const std::string& name, const gateway::Parameters& keys) {
    const Result<Ok> set = live_->SetLimit(name, keys);
    return set.ok() ? "OK" : set.error().message;
  }
  std::string DeleteLimit(const std::string& name) {
    const Result<bool> deleted = live_->DeleteLimit(name);
    if (!deleted.ok()) return deleted.error().message;
    return deleted.value() ? "deleted" : "none";
  }
  std::string Get(const std::string& name) {
    for (const auto& [each, value] : *live_->All()) {
      if (each == name) return value;
    }
    return "(none)";
  }

  std::string file_;
  std::vector<FlagValue> flags_;
  bool refuses_ = false;
  std::vector<Config> applied_;
  std::unique_ptr<LiveConfig> live_;
};

// What GET says of a limit, SET takes.
TEST_F(Live, TheRatesOfALimitAreToldAsTheyAreSet) {
  Start("");
  EXPECT_EQ(SetLimit("l", {{"rate", "5/m"}, {"rates", " 20/h, 100/d "}}), "OK");
  EXPECT_EQ(Get("limit.l.rates"), "20/h,100/d");
  EXPECT_EQ(SetLimit("m", {{"rate", "5/m"}, {"rates", Get("limit.l.rates")}}), "OK");
  EXPECT_EQ(SetLimit("l", {{"rate", "5/m"}, {"rates", " "}}), "OK");
  EXPECT_EQ(Get("limit.l.rates"), "");
}

TEST_F(Live, ALiveLimitGoesBeforeThatOfTheFileUntilItIsDeleted) {
  Start("[[limit]]\nname = \"a\"\nrate = \"1/s\"\n");
  EXPECT_EQ(SetLimit("b", {{"RATE", "5/m"}, {"per", "key"}, {"commands", "none"}}), "OK");
  EXPECT_EQ(SetLimit("a", {{"rate", "2/s"}}), "OK");
  EXPECT_EQ(Get("limit.a.rate"), "2/s");
  EXPECT_EQ(Get("limit.b.burst"), "5");
  Reload("[[limit]]\nname = \"a\"\nrate = \"9/s\"\n");
  EXPECT_EQ(Get("limit.a.rate"), "2/s");
  EXPECT_EQ(Get("limit.b.rate"), "5/m");
  EXPECT_EQ(DeleteLimit("a"), "deleted");
  EXPECT_EQ(Get("limit.a.rate"), "9/s");
  EXPECT_EQ(DeleteLimit("a"), "limit 'a' is configured in the file");
  EXPECT_EQ(DeleteLimit("b"), "deleted");
  EXPECT_EQ(DeleteLimit("b"), "none");
  EXPECT_EQ(applied_.back().limits.size(), 1u);
}

TEST_F(Live, ALimitThatCannotBeChangesNothing) {
  Start("");
  EXPECT_EQ(SetLimit("b", {{"rate", "5/m"}, {"colour", "red"}}), "a limit has no 'colour'");
  EXPECT_EQ(SetLimit("b", {{"rate", "5/m"}, {"Rate", "5/m"}}), "'Rate' is given twice");
  EXPECT_EQ(SetLimit("b", {{"per", "key"}}), "a limit needs a rate");
  EXPECT_THAT(SetLimit("b", {{"rate", "5"}}), HasSubstr("rate: '5' is not a rate"));
  EXPECT_THAT(SetLimit("b", {{"rate", "5/m"}, {"per", "{tenant}"}}),
              HasSubstr("per: '{tenant}' makes no text: '{tenant}' is not known here"));
  EXPECT_THAT(SetLimit("b ", {{"rate", "5/m"}}), HasSubstr("limit.name"));
  EXPECT_THAT(SetLimit("b", {{"rate", "1mb/m"}}), HasSubstr("counts bytes"));
  EXPECT_THAT(SetLimit("b", {{"rate", "1/m"}, {"rates", "1/h,1mb/d"}}), HasSubstr("counts bytes"));
  EXPECT_THAT(SetLimit("b", {{"rate", "1/m"}, {"rates", "1/h,"}}), HasSubstr("'' is not a rate"));
  EXPECT_THAT(SetLimit("b", {{"rate", "9/m"}, {"rates", "1/s"}, {"cost", "2"}}),
              HasSubstr("is above the burst of 1, so nothing could ever pass"));
  EXPECT_THAT(applied_, IsEmpty());
}

TEST(LiveLimits, AChangeThatAPowerCutMayUndoIsNoPlainError) {
  std::string directory = testing::TempDir() + "live_limits_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::vector<LimitConfig> limits = {MakeLimit("a", {{"rate", "1/s"}}).value()};
  ASSERT_TRUE(WriteLiveLimits(directory, limits).ok());
  limits.push_back(MakeLimit("b", {{"rate", "2/s"}}).value());
  const Result<Ok> written = WriteLiveLimits(directory, limits, [](const std::string& synced) {
    return Result<Ok>(Error{ErrorCode::kUnavailable, "cannot sync " + synced});
  });
  EXPECT_EQ(written.error().code, ErrorCode::kUnknown);
  EXPECT_EQ(written.error().message, "the change is not in force, but '" + directory +
                                         "/limits.toml' holds it and the next start may bring it: "
                                         "cannot sync " +
                                         directory);
  EXPECT_EQ(ReadLiveLimits(directory).value(), limits);
  std::filesystem::remove_all(directory);
}

TEST(LiveLimits, TheirTextIsReadAsTheSame) {
  std::vector<LimitConfig> limits{
      MakeLimit("a", {{"rate", "5/m"}, {"client", "10.0.0.0/8"}, {"enforced", "10"}}).value(),
      MakeLimit("w", {{"rate", "5/m"}, {"rates", "20/h,100/d"}, {"delay", "20ms"}}).value(),
      MakeLimit("t", {{"rate", "9/s"}, {"per", "{user}/{key.1}"}, {"unit", "database_ms"}}).value(),
      MakeLimit("b.c", {{"rate", "1mb/s"}, {"unit", "bytes"}, {"key_prefix", "\"x\n"}}).value()};
  const std::string text = LimitsText(limits);
  const Loaded loaded = LoadConfig({.file_name = "f", .text = text, .flags = {}}, kMachine);
  EXPECT_THAT(loaded.errors, IsEmpty()) << text;
  EXPECT_EQ(loaded.config.limits, limits);
}

// What they name may be in the configuration alone, so it is not looked for in their file.
TEST(LiveLimits, AreReadFromTheirFileAsTheyWereWritten) {
  const std::string directory = testing::TempDir() + "live_limits";
  std::filesystem::create_directories(directory);
  EXPECT_THAT(ReadLiveLimits(directory).value(), IsEmpty());
  std::vector<LimitConfig> limits{
      MakeLimit("a", {{"rate", "5/m"}, {"user", "bob"}, {"key_prefix", "\xc3\xa4"}}).value()};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(WriteLiveLimits(directory, limits).ok());
    const auto read = ReadLiveLimits(directory);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read.value(), limits);
    limits.push_back(MakeLimit("b", {{"rate", "5/m"}}).value());
  }
  limits[0].key_prefix = "\xff";
  const auto refused = WriteLiveLimits(directory, limits);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("UTF-8"));
  EXPECT_EQ(ReadLiveLimits(directory).value().size(), 2U) << "the file is as it was";
  std::filesystem::remove_all(directory);
}

TEST_F(Live, AReloadChangesWhatItCanAndNamesTheRest) {
  Start("[server]\nmax_clients = 10\nthreads = 1\n");
  const LiveConfig::Outcome outcome =
      Reload("[server]\nmax_clients = 20\nthreads = 2\nmemory = \"4gb\"\n[cache]\nttl = \"1h\"\n");
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(outcome.changed, ElementsAre("cache.ttl", "keyspace..cache_ttl", "max_clients"));
  EXPECT_THAT(outcome.restart, ElementsAre("memory", "threads"));
  ASSERT_EQ(applied_.size(), 1u);
  EXPECT_EQ(applied_[0].server.max_clients, 20);
  EXPECT_EQ(applied_[0].server.threads, 1);
  EXPECT_EQ(applied_[0].server.memory.bytes, uint64_t{2} << 30);
  EXPECT_EQ(Get("max_clients"), "20");
  EXPECT_EQ(Get("threads"), "1");
  EXPECT_THAT(Reload(file_).restart, ElementsAre("memory", "threads")) << "until it is restarted";
}

TEST_F(Live, TheListOfNodesStaysUntilARestart) {
  const std::string list = "[[node]]\nid = \"a\"\naddress = \"127.0.0.1:7001\"\nweight = ";
  flags_ = {{"node", {"a"}}};
  Start(list + "1\n");
  EXPECT_EQ(Get("cluster-enabled"), "yes");
  const LiveConfig::Outcome outcome = Reload(list + "2\n[cache]\nttl = \"1h\"\n");
  EXPECT_THAT(outcome.restart, ElementsAre("node.a.weight"));
  ASSERT_EQ(applied_.size(), 1u);
  EXPECT_EQ(applied_[0].nodes[0].weight, 1);
}

TEST_F(Live, AFileWithAnErrorChangesNothingAndSaysWhere) {
  Start("[server]\nmax_clients = 10\n");
  const LiveConfig::Outcome outcome = Reload("[server]\nmax_clients = 20\nlog_level = \"loud\"\n");
  EXPECT_THAT(outcome.errors, ElementsAre(HasSubstr("f:3:13: server.log_level: 'loud'")));
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_EQ(Get("max_clients"), "10");
}

TEST_F(Live, FlagsStillBeatTheFile) {
  flags_ = {{"max_clients", {"7"}}};
  Start("");
  EXPECT_THAT(Reload("[server]\nmax_clients = 20\n").changed, IsEmpty());
  EXPECT_EQ(Get("max_clients"), "7");
}

TEST_F(Live, WhatWouldBeUnsafeUntilARestartIsRefused) {
  const std::string user = "[[user]]\nname = \"u\"\npassword = \"" + std::string(kHash) + "\"\n";
  Start("[server]\nlisten = [\"0.0.0.0:6390\"]\n" + user);
  // Both together are fine; without users now and the listener later, everybody would get in.
  const LiveConfig::Outcome outcome = Reload("");
  EXPECT_THAT(outcome.errors,
              ElementsAre(testing::AllOf(HasSubstr("server.listen"), HasSubstr("restarted"))));
  EXPECT_THAT(applied_, IsEmpty());
}

TEST_F(Live, WhatTheServerRefusesHasNotChanged) {
  Start("[server]\nmax_clients = 10\n");
  refuses_ = true;
  EXPECT_THAT(Reload("[server]\nmax_clients = 20\n").errors, ElementsAre("no"));
  EXPECT_EQ(Set({{"max_clients", "30"}}), "no");
  EXPECT_EQ(Get("max_clients"), "10");
}

TEST_F(Live, UsersAndLimitsComeAndGoByName) {
  const std::string user = "[[user]]\nname = \"u\"\npassword = \"" + std::string(kHash) + "\"\n";
  Start("");
  EXPECT_THAT(
      Reload(user + "[[limit]]\nname = \"l\"\nrate = \"1/s\"\n").changed,
      ElementsAre("limit.l.burst", "limit.l.client", "limit.l.commands", "limit.l.cost",
                  "limit.l.delay", "limit.l.enforced", "limit.l.key_prefix", "limit.l.name",
                  "limit.l.per", "limit.l.rate", "limit.l.rates", "limit.l.unit", "limit.l.user",
                  "user.u.key_prefixes", "user.u.name", "user.u.password", "user.u.rights"));
  EXPECT_EQ(Get("limit.l.rate"), "1/s");
  EXPECT_EQ(Get("user.u.password"), "(not shown)");
  EXPECT_EQ(applied_.back().users.size(), 1u);
}

TEST_F(Live, SetTakesOwnNamesAndThoseOfRedis) {
  Start("");
  EXPECT_EQ(Set({{"max_clients", "30"}, {"TIMEOUT", "60"}, {"loglevel", "warning"}}), "OK");
  EXPECT_EQ(applied_.back().server.max_clients, 30);
  EXPECT_EQ(applied_.back().server.idle_timeout, std::chrono::seconds(60));
  EXPECT_EQ(applied_.back().server.log_level, LogLevel::kWarn);
  EXPECT_EQ(Get("maxclients"), "30");
  EXPECT_EQ(Get("idle_timeout"), "1m");
  EXPECT_EQ(Set({{"timeout", "0"}}), "OK");
  EXPECT_EQ(Get("idle_timeout"), "none");
  EXPECT_EQ(Set({{"slowlog-log-slower-than", "-1"}, {"slowlog-max-len", "5"}}), "OK");
  EXPECT_EQ(Set({{"latency-monitor-threshold", "250"}}), "OK");
  EXPECT_EQ(applied_.back().server.latency_threshold, std::chrono::milliseconds(250));
  EXPECT_EQ(Reload("").changed.size(), 5u) << "the file says what it said";
}

TEST_F(Live, WhatIsSoAlreadyMayBeSetInAnySpelling) {
  Start("[server]\nmemory = \"256MiB\"\n");
  for (const char* same : {"256MiB", "262144kb", "268435456"}) {
    EXPECT_EQ(Set({{"maxmemory", same}}), "OK") << same;
    EXPECT_EQ(Set({{"memory", same}}), "OK") << same;
  }
  EXPECT_NE(Set({{"maxmemory", "257MiB"}}), "OK");
}

TEST_F(Live, SetIsAllOrNothingAndSaysWhatIsWrong) {
  Start("[[limit]]\nname = \"l\"\nrate = \"1/s\"\n");
  const std::string failed = "CONFIG SET failed (possibly related to argument '";
  const std::map<std::string, gateway::Parameters> wrong = {
      {"Unknown option or number of arguments for CONFIG SET - 'foo'", {{"foo", "1"}}},
      {failed + "maxclients') - '0' is below 1", {{"timeout", "9"}, {"maxclients", "0"}}},
      {failed + "maxclients') - duplicate parameter", {{"max_clients", "9"}, {"maxclients", "8"}}},
      {failed + "maxmemory') - duplicate parameter", {{"maxmemory", "1gb"}, {"maxmemory", "2gb"}}},
      {failed + "maxmemory') - can't set immutable config; restart weir to change memory",
       {{"maxmemory", "1gb"}}},
      {failed + "threads') - can't set immutable config; restart weir to change threads",
       {{"threads", "3"}}},
      {failed + "appendonly') - can't set immutable config", {{"appendonly", "yes"}}},
      {failed + "timeout') - 'x' is not known here", {{"timeout", "x"}}},
      {failed + "loglevel') - 'loud' is not known here; write \"debug\", \"info\", "
                "\"warn\" or \"error\"",
       {{"loglevel", "loud"}}},
      {failed + "limit.l.rate') - change it in the configuration file, then send weir SIGHUP",
       {{"limit.l.rate", "2/s"}}}};
  for (const auto& [error, changes] : wrong) EXPECT_EQ(Set(changes), error);
  EXPECT_THAT(applied_, IsEmpty());
  EXPECT_EQ(Set({{"appendonly", "no"}, {"save", ""}}), "OK") << "it is so";
  for (const char* name : {"maxmemory", "threads", "limit.l.rate", "listen"}) {
    EXPECT_EQ(Set({{name, Get(name)}}), "OK") << name;
  }
}

TEST(Parameters, EveryOptionIsShownAndSaysWhetherItNeedsARestart) {
  const Loaded loaded = LoadConfig({}, kMachine);
  std::map<std::string, std::string> shown;
  for (const auto& [name, value] : AllParameters(loaded.config)) {
    EXPECT_TRUE(shown.emplace(name, value).second) << name;
  }
  for (const Option& option : Options()) {
    if (option.section != "server") continue;
    EXPECT_TRUE(shown.contains(std::string(option.key))) << option.key;
    EXPECT_EQ(NeedsRestart(option.key), !option.reloadable) << option.key;
  }
}

}  // namespace
}  // namespace weir::cmd
