// Goal: a configuration is read whole or refused with every error in its place.
// Method: TOML texts with their errors; the shown configuration is read again and must not change.
#include "cmd/weir/load.h"
#include "cmd/weir/options.h"
#include "cmd/weir/policies.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr Machine kMachine{.memory_bytes = uint64_t{8} << 30, .cpus = 2};

Loaded Load(std::string_view text, std::vector<FlagValue> flags = {}) {
  return LoadConfig({.file_name = "f", .text = text, .flags = std::move(flags)}, kMachine);
}

std::string Repeat(std::string_view header, size_t count, std::string_view key) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += std::string(header) + "\n" + std::string(key) + " = \"n" + std::to_string(i) + "\"\n";
    if (header == "[[limit]]") text += "rate = \"1/s\"\n";
  }
  return text;
}

TEST(Config, NothingAtAllIsTheDefaultDerivedFromTheMachine) {
  const Loaded loaded = Load("");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.warnings, IsEmpty());
  const ServerConfig& server = loaded.config.server;
  EXPECT_THAT(server.listen, ElementsAre(Endpoint{"127.0.0.1", 6390}));
  EXPECT_EQ(server.admin, (Endpoint{"127.0.0.1", 6391}));
  EXPECT_EQ(server.memory.bytes, uint64_t{2} << 30);
  EXPECT_EQ(server.threads, 2);
  ASSERT_EQ(loaded.config.shards.size(), 4u);
  EXPECT_EQ(loaded.config.shards[3].data, "./weir-data");
  ASSERT_EQ(loaded.config.keyspaces.size(), 1u);
  EXPECT_EQ(loaded.config.keyspaces[0].prefix, "");
  EXPECT_EQ(loaded.config.keyspaces[0].max_value.bytes, uint64_t{64} << 20);
}

TEST(Config, ATinyMachineStillGetsTheLeastBudget) {
  const Loaded loaded = LoadConfig({}, {.memory_bytes = 1 << 20, .cpus = 200});
  EXPECT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.server.memory.bytes, kBudgetMin);
  EXPECT_EQ(loaded.config.server.threads, 64);
}

TEST(Config, FlagsBeatTheFileWhichBeatsTheDefault) {
  const Loaded loaded = Load("[server]\nshards = 2\nmemory = \"1gb\"\n",
                             {{"shards", {"3"}}, {"listen", {"127.0.0.1:1", "[::1]:2"}}});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.server.shards, 3);
  EXPECT_EQ(loaded.config.server.memory.bytes, uint64_t{1} << 30);
  EXPECT_EQ(loaded.config.server.listen.size(), 2u);
  EXPECT_EQ(loaded.config.server.max_clients, 10'000);
}

TEST(Config, EveryErrorIsReportedInTheOrderOfTheFile) {
  const Loaded loaded = Load(
      "top = 1\n"
      "[server]\n"
      "shards = \"four\"\n"
      "memroy = \"1gb\"\n"
      "max_clients = 0\n"
      "listen = [\"0.0.0.0:1\", \"10.0.0.1:2\"]\n"
      "data = [\"a\"]\n"
      "[caceh]\n"
      "[[limit]]\n"
      "rate = \"100/x\"\n"
      "commands = 4\n"
      "[keyspace]\n",
      {{"threads", {"0"}}});
  EXPECT_THAT(
      loaded.errors,
      ElementsAre(
          "--threads: '0' is below 1", StartsWith("f:1:1: 'top' stands outside any section"),
          "f:3:10: server.shards: write a whole number, without quotes",
          "f:4:1: server: unknown key 'memroy'; did you mean 'memory'?",
          "f:5:15: server.max_clients: '0' is below 1",
          StartsWith("f:6:10: server.listen: '0.0.0.0:1' can be reached from other machines"),
          StartsWith("f:6:10: server.listen: '10.0.0.1:2' can be reached from other machines"),
          "f:7:8: server.data: write one value, without brackets",
          "f:8:2: unknown section 'caceh'; did you mean 'cache'?", "f:9:1: limit.name: is required",
          StartsWith("f:10:8: limit.rate: '100/x' is not a rate; write it as 1000/s"),
          StartsWith("f:11:12: limit.commands: write \"all\" or \"read\""),
          "f:12:2: write [[keyspace]], one for each"));
}

TEST(Config, ASyntaxErrorNamesItsPlace) {
  const Loaded loaded = Load("[server]\nshards = = 4\n");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0], StartsWith("f:2:10: syntax: "));
}

constexpr const char* kHash =
    "password = \"$argon2id$v=19$m=12288,t=3,p=1$fmJ08BGHR6AmA4H2tHqQbA$"
    "Uo/Bf4vIWgS0ZAOcDCULOdyBXIBnDbu7aT9gWjHxQ0k\"\n";
constexpr const char* kDearHash =
    "password = \"$argon2id$v=19$m=65536,t=3,p=1$fmJ08BGHR6AmA4H2tHqQbA$"
    "Uo/Bf4vIWgS0ZAOcDCULOdyBXIBnDbu7aT9gWjHxQ0k\"\n";

std::string User(const std::string& name, const std::string& rest = kHash) {
  return "[[user]]\nname = \"" + name + "\"\n" + rest;
}

TEST(Config, AUserMayReadAndWriteUnlessTheFileSaysOtherwise) {
  const Loaded loaded =
      Load(User("alice") + User("bob", std::string(kHash) + "rights = [\"admin\", \"read\"]\n"
                                                            "key_prefixes = [\"a:\", \"b:\"]\n"));
  ASSERT_THAT(loaded.errors, IsEmpty());
  const std::vector<UserConfig>& users = loaded.config.users;
  ASSERT_EQ(users.size(), 2u);
  EXPECT_THAT(users[0].rights, ElementsAre(UserRight::kRead, UserRight::kWrite));
  EXPECT_THAT(users[0].key_prefixes, IsEmpty());
  EXPECT_THAT(users[1].rights, ElementsAre(UserRight::kAdmin, UserRight::kRead));
  EXPECT_THAT(users[1].key_prefixes, ElementsAre("a:", "b:"));
  EXPECT_EQ(loaded.budget.passwords, uint64_t{24} << 20);
  EXPECT_EQ(ShowConfig(Load(ShowConfig(loaded.config)).config), ShowConfig(loaded.config));
}

TEST(Config, APlainPasswordIsRefusedWithTheRemedyAndNotRepeated) {
  EXPECT_THAT(Load(User("alice", "password = \"hunter2\"\n")).errors,
              ElementsAre("f:3:12: user.password: a plain password must not stand in a file; run "
                          "`weir user hash` and write what it prints"));
}

TEST(Config, UsersAreCheckedWithTheirPlaces) {
  const std::string hash = kHash;
  const auto first = [](const std::string& text) {
    const Loaded loaded = Load(text);
    return loaded.errors.empty() ? "" : loaded.errors[0];
  };
  EXPECT_THAT(first("[[user]]\nname = \"a\"\n"), StartsWith("f:1:1: user.password: is required"));
  EXPECT_THAT(first(User("a b")), StartsWith("f:2:8: user.name: 'a b' is not a name"));
  EXPECT_THAT(first(User("a") + User("a")), HasSubstr("user.name: 'a' is used twice"));
  EXPECT_THAT(first(User("a", hash + "rights = []\n")),
              StartsWith("f:4:10: user.rights: a user needs one right at least"));
  EXPECT_THAT(first(User("a", hash + "rights = [\"swim\"]\n")),
              HasSubstr("write \"read\", \"write\" or \"admin\""));
  EXPECT_THAT(first(User("a", hash + "key_prefixes = [\"\"]\n")),
              HasSubstr("an empty prefix opens every key"));
  EXPECT_THAT(first(User("a") + User("b", kDearHash)),
              StartsWith("f:6:12: user.password: costs another time"));
  EXPECT_THAT(first("[server]\nmemory = \"256mb\"\n" + User("a", kDearHash)),
              HasSubstr("checking two at once takes 128MiB, too much of server.memory"));
  EXPECT_THAT(first("[server]\nmemory = \"64mb\"\n" + User("a")), "");
  EXPECT_THAT(first("[server]\nauth_attempts = \"1kb/s\"\n"), HasSubstr("counts attempts"));
}

TEST(Config, ALimitNamesAUserThatThereIs) {
  const std::string limit = "[[limit]]\nname = \"l\"\nrate = \"1/s\"\nper = \"user\"\n";
  const Loaded loaded = Load(User("alice") + limit + "user = \"alice\"\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(PoliciesOf(loaded.config.limits)[0].user, "alice");
  EXPECT_EQ(PoliciesOf(loaded.config.limits)[0].per, limit::Per::kUser);
  EXPECT_THAT(Load(limit + "user = \"alice\"\n").errors,
              ElementsAre("f:5:8: limit.user: there is no [[user]] 'alice'"));
}

TEST(Config, WithUsersAnyAddressIsListenedOn) {
  EXPECT_THAT(Load("[server]\nlisten = \"0.0.0.0:1\"\n" + User("alice")).errors, IsEmpty());
  EXPECT_THAT(Load("[server]\nadmin = \"0.0.0.0:1\"\nadmin_token_file = \"t\"\n").errors,
              IsEmpty());
  EXPECT_EQ(Load("[server]\nadmin = \"0.0.0.0:1\"\n" + User("alice")).errors.size(), 1u);
}

TEST(Config, ANonLoopbackAddressIsRefusedUntilThereAreUsers) {
  for (const char* key : {"listen", "admin"}) {
    for (const char* address : {"0.0.0.0:1", "[::]:1", "192.0.2.1:1"}) {
      const Loaded loaded = Load("", {{key, {address}}});
      ASSERT_EQ(loaded.errors.size(), 1u) << key << address;
      EXPECT_THAT(loaded.errors[0], StartsWith("--" + std::string(key)));
      EXPECT_THAT(loaded.errors[0], HasSubstr("use 127.0.0.1 or [::1]"));
    }
  }
}

TEST(Config, OneAddressServesOneThing) {
  EXPECT_EQ(Load("[server]\nlisten = \"127.0.0.1:6391\"").errors.size(), 1u);
  EXPECT_EQ(Load("[server]\nlisten = [\"127.0.0.1:1\", \"localhost:1\"]").errors.size(), 1u);
  EXPECT_EQ(Load("[server]\nlisten = []").errors.size(), 1u);
  EXPECT_THAT(Load("[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"").errors,
              IsEmpty());
}

TEST(Config, ATlsListenerNeedsItsFilesAndFilesNeedAListener) {
  const std::string listener = "[server]\ntls_listen = \"127.0.0.1:6392\"\n";
  const std::string pair = "tls_cert = \"c\"\ntls_key = \"k\"\n";
  EXPECT_THAT(
      Load(listener).errors,
      ElementsAre("f:1:2: server.tls_cert: is needed for tls_listen; give the path of a PEM "
                  "file",
                  StartsWith("f:1:2: server.tls_key: is needed for tls_listen")));
  EXPECT_THAT(Load(listener + pair).errors, IsEmpty());
  EXPECT_THAT(Load("[server]\n" + pair).warnings,
              ElementsAre("f:2:12: server.tls_cert: is not used without tls_listen",
                          "f:3:11: server.tls_key: is not used without tls_listen"));
  EXPECT_THAT(
      Load(listener + pair + "tls_client_auth = \"required\"\n").errors,
      ElementsAre(StartsWith("f:1:2: server.tls_client_ca: is needed for tls_client_auth")));
  EXPECT_THAT(Load(listener + pair + "tls_client_ca = \"a\"\n").warnings,
              ElementsAre("f:5:17: server.tls_client_ca: is not used while tls_client_auth is "
                          "\"none\""));
  EXPECT_THAT(Load("[server]\nlisten = []\ntls_listen = \"127.0.0.1:6391\"\n" + pair).errors,
              ElementsAre(HasSubstr("serves clients already")));
  EXPECT_THAT(Load("[server]\nlisten = []\ntls_listen = \"127.0.0.1:1\"\n" + pair).errors,
              IsEmpty());
  EXPECT_THAT(Load("[server]\ntls_listen = \"0.0.0.0:1\"\n" + pair).errors,
              ElementsAre(HasSubstr("can be reached from other machines")));
}

TEST(Config, WhoAsksOverGrpcNeedsRulesAndAPortOfItsOwn) {
  const std::string server = "[server]\ncheck = \"127.0.0.1:1\"\n";
  const std::string rules = "check_rules = [\"r\"]\n";
  EXPECT_THAT(Load(server + "check_grpc = \"127.0.0.1:2\"\n" + rules).errors, IsEmpty());
  EXPECT_THAT(Load("[server]\ncheck_grpc = \"127.0.0.1:0\"\n" + rules).errors, IsEmpty());
  EXPECT_THAT(Load("[server]\ncheck_grpc = \"127.0.0.1:2\"\n").errors,
              ElementsAre("f:2:14: server.check_grpc: needs rules; set check_rules to files of "
                          "envoyproxy/ratelimit's rules"));
  EXPECT_THAT(Load(server + "check_grpc = \"127.0.0.1:1\"\n" + rules).errors,
              ElementsAre(HasSubstr("check_grpc: '127.0.0.1:1' serves others already")));
  EXPECT_THAT(Load(server + "check_grpc = \"0.0.0.0:2\"\n" + rules).errors,
              ElementsAre(HasSubstr("set check_token_file")));
  EXPECT_THAT(
      Load(server + "check_grpc = \"0.0.0.0:2\"\ncheck_token_file = \"t\"\n" + rules).errors,
      IsEmpty());
}

TEST(Config, WhatIsWrongWithAFileIsSaidWhereTheFileIsNamed) {
  const auto read_files = [](const ServerConfig& server) {
    return std::vector<FileProblem>{{"tls_cert", "'" + server.tls_cert + "' has expired", false},
                                    {"tls_key", "'k' cannot be read", true}};
  };
  const Loaded loaded = LoadConfig({.file_name = "f",
                                    .text = "[server]\ntls_listen = \"127.0.0.1:6392\"\n"
                                            "tls_cert = \"c\"\ntls_key = \"k\"\n",
                                    .flags = {},
                                    .read_files = read_files},
                                   {});
  EXPECT_THAT(loaded.errors, ElementsAre("f:4:11: server.tls_key: 'k' cannot be read"));
  EXPECT_THAT(loaded.warnings, ElementsAre("f:3:12: server.tls_cert: 'c' has expired"));
}

TEST(Config, SixteenAddressesAreListenedOnAndNoMore) {
  std::vector<std::string> addresses;
  for (size_t i = 0; i < kListenMax; ++i) {
    addresses.push_back("127.0.0.1:" + std::to_string(i + 1));
  }
  EXPECT_THAT(Load("", {{"listen", addresses}}).errors, IsEmpty());
  EXPECT_THAT(Load("", {{"tls_listen", addresses}, {"tls_cert", {"c"}}, {"tls_key", {"k"}}}).errors,
              IsEmpty());
  addresses.push_back("127.0.0.1:99");
  EXPECT_THAT(Load("", {{"listen", addresses}}).errors,
              ElementsAre("--listen: at most 16 addresses"));
  EXPECT_THAT(Load("", {{"tls_listen", addresses}, {"tls_cert", {"c"}}, {"tls_key", {"k"}}}).errors,
              ElementsAre("--tls-listen: at most 16 addresses"));
}

TEST(Config, SectionsAreCounted) {
  for (const auto& [header, key, most] : std::vector<std::tuple<std::string, std::string, size_t>>{
           {"[[shard]]", "name", 64}, {"[[keyspace]]", "prefix", 256}}) {
    EXPECT_THAT(Load(Repeat(header, most, key)).errors, IsEmpty()) << header;
    EXPECT_THAT(Load(Repeat(header, most + 1, key)).errors,
                ElementsAre(HasSubstr("more than " + std::to_string(most))))
        << header;
  }
}

TEST(Config, SixtyFourLimitsAreKeptAndNoMore) {
  std::string text;
  for (int i = 0; i < 64; ++i) {
    const std::string name = "\"n" + std::to_string(100 + i) + "\"\n";
    text += "[[limit]]\nname = " + name + "key_prefix = " + name + "rate = \"1/s\"\n";
  }
  EXPECT_THAT(Load(text).errors, IsEmpty());
  EXPECT_THAT(Load(text + "[[limit]]\nname = \"z\"\nrate = \"1/s\"\n").errors,
              ElementsAre(HasSubstr("more than 64")));
}

TEST(Config, NamedShardsSetTheirNumber) {
  const Loaded loaded = Load(
      "[server]\ndata = \"d\"\n[[shard]]\nname = \"a\"\n"
      "[[shard]]\nname = \"b\"\ndata = \"e\"\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.server.shards, 2);
  EXPECT_EQ(loaded.config.shards[0].data, "d");
  EXPECT_EQ(loaded.config.shards[1].data, "e");
  EXPECT_THAT(Load("[[shard]]\nname = \"a\"\n", {{"shards", {"2"}}}).errors,
              ElementsAre(StartsWith("--shards: 2 shards, but 1 are named by [[shard]]")));
}

TEST(Config, NamesAndPrefixesDiffer) {
  EXPECT_THAT(Load("[[shard]]\nname = \"a\"\n[[shard]]\nname = \"a\"\n").errors,
              ElementsAre(StartsWith("f:4:8: shard.name: 'a' is used twice")));
  EXPECT_THAT(Load("[[shard]]\nname = \"a b\"\n").errors,
              ElementsAre(StartsWith("f:2:8: shard.name: 'a b' is not a name")));
  EXPECT_THAT(Load("[[keyspace]]\nprefix = \"\"\n[[keyspace]]\nprefix = \"\"\n").errors,
              ElementsAre(StartsWith("f:4:10: keyspace.prefix: '' is used twice")));
}

TEST(Config, KeyspacesInheritFromTheCache) {
  const Loaded loaded = Load(
      "[cache]\nttl = \"1h\"\nnegative_ttl = 0\n"
      "[[keyspace]]\nprefix = \"a\"\n"
      "[[keyspace]]\nprefix = \"b\"\ncache_ttl = \"none\"\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  ASSERT_EQ(loaded.config.keyspaces.size(), 3u);
  EXPECT_EQ(loaded.config.keyspaces[0].cache_ttl, Duration(3'600'000));
  EXPECT_EQ(loaded.config.keyspaces[0].negative_ttl, Duration(0));
  EXPECT_EQ(loaded.config.keyspaces[1].cache_ttl, kUnbounded);
  EXPECT_EQ(loaded.config.keyspaces[2].prefix, "");
  EXPECT_EQ(loaded.config.keyspaces[2].cache_ttl, Duration(3'600'000));
}

TEST(Config, OptionsOfAKeyspaceThatMeanNothingTogetherAreRefused) {
  const std::string space = "[[keyspace]]\nprefix = \"a\"\n";
  EXPECT_THAT(Load(space + "bypass = true\ncache_ttl = \"1m\"\njitter_percent = 5\n").errors,
              ElementsAre("f:5:18: keyspace.jitter_percent: means nothing with bypass = true; "
                          "remove one of the two"));
  for (const char* key : {"jitter_percent = 5", "refresh_ahead_percent = 80",
                          "stale_while_revalidate = \"10s\"", "stale_if_error = \"1h\""}) {
    EXPECT_THAT(Load(space + key).errors, ElementsAre(HasSubstr("needs values whose time ends")));
    EXPECT_THAT(Load(space + "cache_ttl = 0\n" + key).errors,
                ElementsAre(HasSubstr("needs values whose time ends")));
    EXPECT_THAT(Load(space + "cache_ttl = \"1m\"\n" + key).errors, IsEmpty());
    EXPECT_THAT(Load("[cache]\nttl = \"1m\"\n" + space + key).errors, IsEmpty());
  }
  const std::string timed = space + "cache_ttl = \"1m\"\n";
  EXPECT_THAT(Load(timed + "jitter_percent = 90\nrefresh_ahead_percent = 99\n").errors, IsEmpty());
  EXPECT_THAT(Load(timed + "jitter_percent = 91\nrefresh_ahead_percent = 100\n").errors,
              ElementsAre(HasSubstr("'91' is above 90"), HasSubstr("'100' is above 99")));
  EXPECT_THAT(Load(timed + "load_soft_timeout = \"1s\"\n").errors,
              ElementsAre("f:4:21: keyspace.load_soft_timeout: needs something stale to answer; "
                          "set stale_if_error, as in \"1h\""));
  EXPECT_THAT(Load(timed + "stale_if_error = \"1h\"\nload_soft_timeout = \"1s\"\n"
                           "load_hard_timeout = \"1s\"\n")
                  .errors,
              ElementsAre("f:5:21: keyspace.load_soft_timeout: is never reached; set "
                          "load_hard_timeout to a longer time"));
  EXPECT_THAT(Load(space + "load_hard_timeout = \"1s\"\n").errors, IsEmpty());
}

TEST(Config, TheBurstIsOnePeriodsWorthUnlessGiven) {
  const Loaded loaded = Load(
      "[[limit]]\nname = \"a\"\nrate = \"500/10s\"\n"
      "[[limit]]\nname = \"b\"\nrate = \"5/h\"\n"
      "[[limit]]\nname = \"c\"\nrate = \"1mb/s\"\nunit = \"bytes\"\n"
      "[[limit]]\nname = \"d\"\nrate = \"1/s\"\nburst = 7\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.limits[0].burst.count, 500u);
  EXPECT_EQ(loaded.config.limits[1].burst.count, 5u);
  EXPECT_EQ(loaded.config.limits[2].burst.count, uint64_t{1} << 20);
  EXPECT_EQ(loaded.config.limits[3].burst.count, 7u);
}

TEST(Config, ALimitOfRequestsIsNotGivenInBytes) {
  EXPECT_THAT(Load("[[limit]]\nname = \"a\"\nrate = \"1mb/s\"\n").errors,
              ElementsAre(StartsWith("f:3:8: limit.rate: counts bytes; write unit = \"bytes\"")));
  EXPECT_THAT(Load("[[limit]]\nname = \"a\"\nrate = \"1/s\"\nburst = \"1kb\"\n").errors,
              ElementsAre(StartsWith("f:4:9: limit.burst: counts bytes")));
}

TEST(Config, ARateBelowOneADayIsRefused) {
  EXPECT_THAT(Load("[[limit]]\nname = \"a\"\nrate = \"2/2d\"\n").errors, IsEmpty());
  EXPECT_THAT(Load("[[limit]]\nname = \"a\"\nrate = \"1/2d\"\n").errors,
              ElementsAre(StartsWith("f:3:8: limit.rate: limit policy 'a' is out of range")));
}

TEST(Config, MoreLimitsThanMayMeetInOneRequestAreRefused) {
  EXPECT_THAT(Load(Repeat("[[limit]]", limit::kMatchesMax, "name")).errors, IsEmpty());
  EXPECT_THAT(Load(Repeat("[[limit]]", limit::kMatchesMax + 1, "name")).errors,
              ElementsAre(HasSubstr("can match the same request")));
}

TEST(Config, LimitsBecomePolicies) {
  const Loaded loaded = Load(
      "[[limit]]\nname = \"a\"\nclient = \"10.0.0.0/8\"\n"
      "key_prefix = \"k\"\ncommands = \"write\"\nper = \"key\"\n"
      "unit = \"bytes\"\nrate = \"1mb/10s\"\nburst = \"2mb\"\n"
      "[[limit]]\nname = \"b\"\nclient = \"2001:db8::/32\"\n"
      "per = \"client\"\nrate = \"5/s\"\n"
      "[[limit]]\nname = \"c\"\nrate = \"5/s\"\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  const std::vector<limit::Policy> policies = PoliciesOf(loaded.config.limits);
  ASSERT_EQ(policies.size(), 3u);
  EXPECT_EQ(policies[0].client.address, limit::Address::FromV4({10, 0, 0, 0}));
  EXPECT_EQ(policies[0].client.bits, 96 + 8);
  EXPECT_EQ(policies[0].key_prefix, "k");
  EXPECT_EQ(policies[0].command, limit::CommandClass::kWrite);
  EXPECT_EQ(policies[0].per, limit::Per::kKey);
  EXPECT_EQ(policies[0].unit, limit::Unit::kBytes);
  EXPECT_EQ(policies[0].rate.count, uint64_t{1} << 20);
  EXPECT_EQ(policies[0].rate.period, std::chrono::seconds(10));
  EXPECT_EQ(policies[0].rate.burst, uint64_t{2} << 20);
  EXPECT_EQ(policies[1].client.address.bytes[1], 0x01);
  EXPECT_EQ(policies[1].client.bits, 32);
  EXPECT_EQ(policies[1].per, limit::Per::kClient);
  EXPECT_EQ(policies[2].client.bits, 0);
  EXPECT_EQ(policies[2].command, std::nullopt);
  EXPECT_EQ(policies[2].per, limit::Per::kPrefix);
}

TEST(Config, ATextMayHaveABucketAndTheTimeOfDatabasesBeCounted) {
  const Loaded loaded = Load(
      "[[limit]]\nname = \"a\"\nper = \"{user}/{key.1}\"\nunit = \"database_ms\"\n"
      "rate = \"200/s\"\nburst = 1000\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  const std::vector<limit::Policy> policies = PoliciesOf(loaded.config.limits);
  EXPECT_EQ(policies[0].per, limit::Per::kText);
  EXPECT_EQ(policies[0].subject, "{user}/{key.1}");
  EXPECT_EQ(policies[0].unit, limit::Unit::kDatabaseTime);
  EXPECT_EQ(policies[0].rate.count, 200u);
  EXPECT_EQ(policies[0].rate.burst, 1000u);

  const auto errors = [](const std::string& keys) {
    return Load("[[limit]]\nname = \"a\"\nrate = \"5/s\"\n" + keys + "\n").errors;
  };
  EXPECT_THAT(
      errors("per = \"clients\""),
      ElementsAre("f:4:7: limit.per: 'clients' is not known here; write \"all\", \"client\", "
                  "\"key\", \"user\" or a text such as \"{user}/{key.1}\""));
  EXPECT_THAT(errors("per = \"{user}{key}\""),
              ElementsAre(StartsWith("f:4:7: limit.per: '{user}{key}' makes no text: write some "
                                     "text between '{user}' and '{key}'")));
  EXPECT_THAT(errors("unit = \"database_ms\"\ncost = 2"),
              ElementsAre(StartsWith("f:5:8: limit.cost: is for requests; with unit = "
                                     "\"database_ms\"")));
  EXPECT_THAT(
      errors("unit = \"database_ms\"\nburst = \"1mb\""),
      ElementsAre("f:5:9: limit.burst: counts bytes; write a plain number of milliseconds"));
}

TEST(Config, WhatOutgrowsTheBudgetIsLoweredWithAWarning) {
  const Loaded loaded = Load(
      "[server]\nmemory = \"128mb\"\nmax_output_per_client = \"32mb\"\n"
      "[[keyspace]]\nprefix = \"a\"\nmax_value = \"64mb\"\n");
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.warnings,
              ElementsAre(StartsWith("f:2:10: server.memory: below 256MiB"),
                          "f:3:25: server.max_output_per_client: lowered to 4194304 bytes, a "
                          "quarter of the budget's share for client buffers",
                          "f:6:13: keyspace.max_value: lowered to 4194304 bytes, a quarter of "
                          "the budget's share for client buffers"));
  EXPECT_EQ(loaded.config.keyspaces[0].max_value.bytes, loaded.budget.clients / kClientShareOfOne);
  EXPECT_EQ(loaded.config.server.max_output_per_client.bytes,
            loaded.budget.clients / kClientShareOfOne);
}

TEST(Config, AnErrorIsOneLineWhateverItQuotes) {
  for (const char* const text : {"a = fals\n", "[server]\nlog_level = \"a\\nb\"\n", "[[a\nb]]"}) {
    ASSERT_FALSE(Load(text).errors.empty());
    for (const std::string& error : Load(text).errors) EXPECT_EQ(error.find('\n'), error.npos);
  }
}

TEST(Config, WhatIsShownReadsBackAsTheSame) {
  const std::string shown = ShowConfig(
      Load("[server]\nlisten = [\"[::1]:1\", \"127.0.0.1:2\"]\nidle_timeout = \"90s\"\n"
           "store = \"memory\"\n[cache]\nenabled = false\n"
           "[[keyspace]]\nprefix = \"\\u0000\\t\\\"é\\u007f\\\\\"\n"
           "[[limit]]\nname = \"a\"\nclient = \"::/0\"\nrate = \"3mb/10s\"\nunit = \"bytes\"\n")
          .config);
  const Loaded again = Load(shown);
  EXPECT_THAT(again.errors, IsEmpty());
  EXPECT_EQ(ShowConfig(again.config), shown);
  EXPECT_EQ(again.config.keyspaces[0].prefix, std::string("\0\t\"é\x7f\\", 7));
}

}  // namespace
}  // namespace weir::cmd
