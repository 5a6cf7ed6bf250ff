// Goal: one of several nodes serves its slots alone, tells clients where the rest is, and speaks
// Redis Cluster's protocol; without a list of nodes that protocol is off.
// Method: a gateway as the first of two nodes, a and b, of 8192 slots each. The slots of the keys
// are those of the specification: foo is in 12182, bar in 5061, hello in 866.
#include <algorithm>

#include <gmock/gmock.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/keys_operation.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::shared_ptr<const nodes::NodeTable> TableOf(std::vector<nodes::Node> list) {
  return std::make_shared<const nodes::NodeTable>(
      nodes::NodeTable::FirstPlacement(std::move(list), "a"));
}

const nodes::Node kA{.id = "a", .ip = "10.0.0.1", .port = 7001};
const nodes::Node kB{.id = "b", .ip = "10.0.0.2", .port = 7002};

GatewayRig::Options AsOneOfTwo() {
  GatewayRig::Options options;
  options.nodes = TableOf({kA, kB});
  return options;
}

constexpr const char* kMoved = "-MOVED 12182 10.0.0.2:7002";
constexpr const char* kCrossSlot = "-CROSSSLOT Keys in request don't hash to the same slot";

TEST(Cluster, AKeyOfAnothersSlotIsAnsweredWhereItIs) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  EXPECT_EQ(rig.Do(client, {"SET", "bar", "v"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"GET", "bar"}), "v");
  for (const Words& words : std::vector<Words>{{"GET", "foo"},
                                               {"SET", "foo", "v"},
                                               {"DEL", "{foo}1", "{foo}2"},
                                               {"WATCH", "foo"},
                                               {"OBJECT", "ENCODING", "foo"},
                                               {"CL.THROTTLE", "foo", "1", "1", "60"}}) {
    EXPECT_EQ(rig.Do(client, words), kMoved) << words[0];
  }
}

// Whether a command is served does not depend on which slots happen to lie together.
TEST(Cluster, KeysOfSeveralSlotsAreRefusedWhereverTheyAre) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  EXPECT_EQ(rig.Do(client, {"MGET", "bar", "hello"}), kCrossSlot);
  EXPECT_EQ(rig.Do(client, {"MSET", "bar", "1", "hello", "2"}), kCrossSlot);
  EXPECT_EQ(rig.Do(client, {"DEL", "bar", "foo"}), kCrossSlot);
  EXPECT_EQ(rig.Do(client, {"MSET", "{bar}1", "1", "{bar}2", "2"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"MGET", "{bar}1", "{bar}2"}), "[1 2]");
}

TEST(Cluster, WhatAnotherNodeServesIsChargedThere) {
  GatewayRig::Options options = AsOneOfTwo();
  options.policies = {
      {.name = "one", .rate = {.count = 1, .period = std::chrono::hours(1), .burst = 1}}};
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.Do(client, {"GET", "foo"}), kMoved);
  EXPECT_EQ(rig.Do(client, {"GET", "bar"}), "(nil)");
  EXPECT_THAT(rig.Do(client, {"GET", "bar"}), StartsWith("-THROTTLED "));
  EXPECT_EQ(rig.Do(client, {"GET", "foo"}), kMoved);
  EXPECT_THAT(rig.Do(client, {"WEIR.RING", "DIGEST"}), StartsWith("[a ")) << "nodes ask it";
}

// Else one of the buckets would be kept here and, by who names it first, on its own node too.
TEST(Cluster, LimitsThatAreAskedTogetherAreOfOneSlot) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  const Words apart = {"bar", "RATE", "10/1m", "AND", "hello", "RATE", "10/1m"};
  const Words together = {"{bar}1", "RATE", "10/1m", "AND", "{bar}2", "RATE", "10/1m"};
  for (const char* command : {"LIMIT.CHECK", "LIMIT.PEEK", "LIMIT.REFUND", "LIMIT.WAIT"}) {
    const Words most = command == std::string("LIMIT.WAIT") ? Words{"MAX", "1000"} : Words{};
    const auto asked = [&](Words words) {
      words.insert(words.begin(), command);
      words.insert(words.end(), most.begin(), most.end());
      return rig.Do(client, words);
    };
    EXPECT_EQ(asked(apart), kCrossSlot) << command;
    EXPECT_THAT(asked(together), StartsWith("[")) << command;
  }
}

TEST(Cluster, ATransactionIsOfOneSlotOfThisNode) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  EXPECT_THAT(rig.All(client, {{"MULTI"}, {"SET", "bar", "1"}, {"SET", "foo", "1"}, {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", kMoved, StartsWith("-EXECABORT")));
  EXPECT_THAT(rig.All(client, {{"MULTI"}, {"SET", "bar", "1"}, {"SET", "hello", "1"}, {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", kCrossSlot, StartsWith("-EXECABORT")));
  EXPECT_THAT(rig.All(client, {{"WATCH", "bar"}, {"MULTI"}, {"SET", "hello", "1"}, {"EXEC"}}),
              ElementsAre("+OK", "+OK", kCrossSlot, StartsWith("-EXECABORT")));
  EXPECT_THAT(rig.All(client, {{"MULTI"}, {"SET", "{bar}1", "1"}, {"GET", "bar"}, {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", "+QUEUED", "[+OK (nil)]"));
  EXPECT_THAT(rig.All(client, {{"MULTI"}, {"SET", "hello", "1"}, {"EXEC"}}),
              ElementsAre("+OK", "+QUEUED", "[+OK]"));
}

TEST(Cluster, ClientsAreToldWhoServesWhat) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  const std::string a = kA.cluster_id();
  const std::string b = kB.cluster_id();
  EXPECT_EQ(
      rig.Do(client, {"CLUSTER", "SLOTS"}),
      "[[:0 :8191 [10.0.0.1 :7001 " + a + " []]] [:8192 :16383 [10.0.0.2 :7002 " + b + " []]]]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "NODES"}),
            a + " 10.0.0.1:7001@7001 myself,master - 0 0 1 connected 0-8191\n" + b +
                " 10.0.0.2:7002@7002 master - 0 0 1 connected 8192-16383\n");
  EXPECT_THAT(rig.Do(client, {"CLUSTER", "SHARDS"}),
              StartsWith("[[slots [:0 :8191] nodes [[id " + a +
                         " port :7001 ip 10.0.0.1 endpoint 10.0.0.1 role master "
                         "replication-offset :0 health online]] id " +
                         a + "] [slots [:8192 :16383]"));
  const std::string info = rig.Do(client, {"CLUSTER", "INFO"});
  EXPECT_THAT(info, StartsWith("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"));
  EXPECT_THAT(info, HasSubstr("cluster_known_nodes:2\r\ncluster_size:2\r\n"));
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "MYID"}), a);
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "MYSHARDID"}), a);
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "KEYSLOT", "x{foo}y"}), ":12182");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "LINKS"}), "[]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "REPLICAS", b}), "[]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNT-FAILURE-REPORTS", b}), ":0");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "REPLICAS", "b"}), "-ERR Unknown node b");
  EXPECT_EQ(rig.Do(client, {"WEIR.RING", "DIGEST"}),
            "[a " + rig.gateway().nodes()->placement_digest() + " " +
                rig.gateway().nodes()->digest() + " a-run]");
  EXPECT_THAT(rig.Do(client, {"CLUSTER", "ADDSLOTS", "1"}), HasSubstr("[[node]]"));
  for (const char* word : {"READONLY", "READWRITE", "ASKING"}) {
    EXPECT_EQ(rig.Do(client, {word}), "+OK");
  }
  EXPECT_THAT(rig.Do(client, {"INFO", "cluster"}), HasSubstr("cluster_enabled:1\r\n"));
  EXPECT_THAT(rig.Do(client, {"INFO", "server"}), HasSubstr("redis_mode:cluster\r\n"));
  EXPECT_THAT(rig.Do(client, {"HELLO"}), HasSubstr("mode cluster"));
}

TEST(Cluster, KeysOfASlotAreCountedAndNamed) {
  GatewayRig::Options options = AsOneOfTwo();
  options.databases = 3;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "5061"}), ":0");
  for (size_t i = 0; i < KeysOperation::kStepRecords + 10; ++i) {
    rig.Send(client, {"SET", "{bar}" + std::to_string(i), "v"});
    if (i % 512 == 0) rig.RunAll();
  }
  rig.Send(client, {"SET", "hello", "v"});
  rig.RunAll();
  (void)rig.Replies(client);
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "5061"}),
            ":" + std::to_string(KeysOperation::kStepRecords + 10));
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "866"}), ":1");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "867"}), ":0");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "16383"}), ":0");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "GETKEYSINSLOT", "866", "10"}), "[hello]");
  const std::string some = rig.Do(client, {"CLUSTER", "GETKEYSINSLOT", "5061", "3"});
  EXPECT_EQ(std::count(some.begin(), some.end(), ' '), 2);
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "GETKEYSINSLOT", "866", "0"}), "[]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "16384"}), "-ERR Invalid slot");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "GETKEYSINSLOT", "0", "-1"}),
            "-ERR Invalid slot or number of keys");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "COUNTKEYSINSLOT", "x"}),
            "-ERR value is not an integer or out of range");
}

// As KEYS and DBSIZE: what looks at more than keys runs after the writes, so none may follow it.
TEST(Cluster, InATransactionNoWriteFollowsWhatCountsKeys) {
  GatewayRig rig(AsOneOfTwo());
  const size_t client = rig.Connect();
  for (const Words& words :
       std::vector<Words>{{"CLUSTER", "COUNTKEYSINSLOT", "5061"},
                          {"CLUSTER", "GETKEYSINSLOT", "5061", "1"},
                          {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "5061", "5061"}}) {
    EXPECT_THAT(rig.All(client, {{"MULTI"}, words, {"SET", "bar", "v"}, {"EXEC"}}),
                ElementsAre("+OK", "+QUEUED", StartsWith("-"), StartsWith("-EXECABORT")))
        << words[1];
  }
  EXPECT_THAT(
      rig.All(client,
              {{"MULTI"}, {"SET", "bar", "v"}, {"CLUSTER", "COUNTKEYSINSLOT", "5061"}, {"EXEC"}}),
      ElementsAre("+OK", "+QUEUED", "+QUEUED", "[+OK :1]"));
}

TEST(Cluster, SlotsAreListedWithTheirKeys) {
  GatewayRig::Options options = AsOneOfTwo();
  options.databases = 3;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  rig.All(client, {{"SET", "hello", "v"}, {"SET", "{bar}1", "v"}, {"SET", "{bar}2", "v"}});
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "865", "867"}),
            "[[:865 [key-count :0]] [:866 [key-count :1]] [:867 [key-count :0]]]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "8190", "16383"}),
            "[[:8190 [key-count :0]] [:8191 [key-count :0]]]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "SLOT-STATS", "ORDERBY", "KEY-COUNT", "LIMIT", "3"}),
            "[[:5061 [key-count :2]] [:866 [key-count :1]] [:0 [key-count :0]]]");
  EXPECT_EQ(rig.Do(client, {"CLUSTER", "SLOT-STATS", "ORDERBY", "key-count", "ASC", "limit", "1"}),
            "[[:0 [key-count :0]]]");
  for (const auto& [words, error] : std::vector<std::pair<Words, std::string>>{
           {{"SLOTSRANGE", "0", "16384"}, "-ERR Invalid or out of range slot"},
           {{"SLOTSRANGE", "2", "1"}, "-ERR Start slot number 2 is greater than end slot number 1"},
           {{"ORDERBY", "cpu-usec"}, "-ERR Unrecognized sort metric for ORDERBY."},
           {{"ORDERBY", "key-count", "LIMIT", "0"},
            "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots)."},
           {{"ORDERBY", "key-count", "LIMIT"}, "-ERR syntax error"},
           {{"SLOTSRANGE", "1"}, "-ERR syntax error"}}) {
    Words all = {"CLUSTER", "SLOT-STATS"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(rig.Do(client, all), error) << words.back();
  }
}

// Until it is known that no other node has another list, nothing is read, written or charged.
TEST(Cluster, NothingIsServedBeforeTheOtherNodesHaveBeenAsked) {
  GatewayRig::Options options = AsOneOfTwo();
  options.serves_at_once = false;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  for (const Words& words : std::vector<Words>{{"SET", "bar", "v"},
                                               {"GET", "bar"},
                                               {"GET", "foo"},
                                               {"PING"},
                                               {"SCAN", "0"},
                                               {"DBSIZE"},
                                               {"WATCH", "bar"},
                                               {"CLUSTER", "SLOTS"},
                                               {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "1"},
                                               {"CONFIG", "SET", "loglevel", "debug"},
                                               {"LIMIT.CHECK", "bar", "RATE", "1/1s"},
                                               {"FLUSHALL"}}) {
    EXPECT_THAT(rig.Do(client, words), StartsWith("-LOADING ")) << words[0];
  }
  EXPECT_THAT(rig.All(client, {{"MULTI"}, {"SET", "bar", "1"}, {"EXEC"}}),
              ElementsAre("+OK", StartsWith("-LOADING "), StartsWith("-EXECABORT")));
  EXPECT_THAT(rig.Do(client, {"WEIR.RING", "DIGEST"}), StartsWith("[a "));
  EXPECT_THAT(rig.Do(client, {"HELLO"}), HasSubstr("mode cluster"));
  EXPECT_THAT(rig.Do(client, {"INFO", "persistence"}), HasSubstr("loading:1\r\n"));
  EXPECT_EQ(rig.Do(client, {"SELECT", "0"}), "+OK");
  rig.gateway().StartServing();
  EXPECT_THAT(rig.Do(client, {"INFO", "persistence"}), HasSubstr("loading:0\r\n"));
  EXPECT_EQ(rig.Do(client, {"GET", "bar"}), "(nil)");
  EXPECT_EQ(rig.Do(client, {"SET", "bar", "v"}), "+OK");
}

// Each reads all names, and holds counters for all slots.
TEST(Cluster, OneClientAtATimeHasSlotsListedWithTheirKeys) {
  GatewayRig rig(AsOneOfTwo());
  const size_t one = rig.Connect();
  const size_t other = rig.Connect();
  const Words ask = {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "0"};
  rig.Send(one, ask);  // Its scan has not been answered.
  EXPECT_THAT(rig.Do(other, ask), StartsWith("-OVERLOADED retry_after_ms=1000 reason=queue "));
  rig.RunAll();
  EXPECT_THAT(rig.Replies(one), ElementsAre("[[:0 [key-count :0]]]"));
  EXPECT_EQ(rig.Do(other, ask), "[[:0 [key-count :0]]]");
}

TEST(Cluster, OneNodeOfAListServesAllAndSpeaksTheProtocol) {
  GatewayRig::Options options;
  options.nodes = TableOf({kA});
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  EXPECT_EQ(rig.Do(client, {"MSET", "foo", "1", "bar", "2"}), "+OK");
  EXPECT_THAT(rig.Do(client, {"CLUSTER", "SLOTS"}), StartsWith("[[:0 :16383 [10.0.0.1 :7001 "));
}

TEST(Cluster, WithoutAListTheProtocolIsOff) {
  GatewayRig rig;
  const size_t client = rig.Connect();
  const std::string off = "-ERR This instance has cluster support disabled";
  for (const Words& words : std::vector<Words>{{"CLUSTER", "SLOTS"},
                                               {"CLUSTER", "MYSHARDID"},
                                               {"CLUSTER", "COUNTKEYSINSLOT", "1"},
                                               {"CLUSTER", "GETKEYSINSLOT", "1", "1"},
                                               {"CLUSTER", "SLOT-STATS", "ORDERBY", "x"},
                                               {"CLUSTER", "MEET", "10.0.0.1", "1"},
                                               {"READONLY"}}) {
    EXPECT_EQ(rig.Do(client, words), off) << words.back();
  }
  EXPECT_EQ(rig.Do(client, {"MSET", "foo", "1", "bar", "2"}), "+OK");
}

}  // namespace
}  // namespace weir::gateway
