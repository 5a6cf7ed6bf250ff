// Goal: a list of nodes is read whole or refused with every error in its place.
// Method: TOML texts and flags, with their errors.
#include <string>
#include <vector>

#include "cmd/weir/load.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/nodes/peer_greeting.h"
#include "weir/users/password.h"

namespace weir::cmd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr Machine kMachine{.memory_bytes = uint64_t{8} << 30, .cpus = 2};

Loaded Load(const std::string& text, std::vector<FlagValue> flags) {
  return LoadConfig({.file_name = "f",
                     .text = text,
                     .flags = std::move(flags),
                     .use = ConfigSources::Use::kServe},
                    kMachine);
}

constexpr std::string_view kTwoNodes =
    "[[node]]\nid = \"n1\"\naddress = \"127.0.0.1:7001\"\n"
    "[[node]]\nid = \"n2\"\naddress = \"127.0.0.1:7002\"\nweight = 2\n";

TEST(ConfigNodes, ANodeOfAListListensWhereTheListSaysUnlessItIsTold) {
  const std::string list(kTwoNodes);
  Loaded loaded = Load(list, {{"node", {"n2"}}});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_EQ(loaded.config.nodes[0], (NodeConfig{"n1", {"127.0.0.1", 7001}, 1}));
  EXPECT_EQ(loaded.config.nodes[1], (NodeConfig{"n2", {"127.0.0.1", 7002}, 2}));
  EXPECT_THAT(loaded.config.server.listen, ElementsAre(Endpoint{"127.0.0.1", 7002}));
  loaded = Load(list, {{"node", {"n2"}}, {"listen", {"127.0.0.1:1"}}});
  EXPECT_THAT(loaded.config.server.listen, ElementsAre(Endpoint{"127.0.0.1", 1}));
  loaded = Load(list +
                    "[server]\ntls_listen = \"127.0.0.1:7002\"\ntls_cert = \"c\"\n"
                    "tls_key = \"k\"\n",
                {{"node", {"n2"}}});
  ASSERT_THAT(loaded.errors, IsEmpty());
  EXPECT_THAT(loaded.config.server.listen, ElementsAre(Endpoint{"127.0.0.1", 6390}));
}

// A port is taken once: where TLS is heard on all addresses, no plain listener is added.
TEST(ConfigNodes, ANodeThatListensByTlsOnItsPortHasNoPlainListenerThere) {
  const auto listen_beside = [](const std::string& tls) {
    return Load(std::string(kTwoNodes) + "[server]\ntls_listen = \"" + tls +
                    "\"\ntls_cert = \"c\"\ntls_key = \"k\"\n",
                {{"node", {"n2"}}})
        .config.server.listen;
  };
  EXPECT_THAT(listen_beside("0.0.0.0:7002"), ElementsAre(Endpoint{"127.0.0.1", 6390}));
  EXPECT_THAT(listen_beside("[::]:7002"), ElementsAre(Endpoint{"127.0.0.1", 7002}));
  EXPECT_THAT(listen_beside("0.0.0.0:7003"), ElementsAre(Endpoint{"127.0.0.1", 7002}));
}

TEST(ConfigNodes, AnAddressMustLeadClientsToTheNode) {
  const auto list = [](const std::string& first, const std::string& second) {
    return "[[node]]\nid = \"n1\"\naddress = \"" + first +
           "\"\n[[node]]\nid = \"n2\"\naddress = \"" + second + "\"\n";
  };
  const auto read = [](const std::string& text) {
    return LoadConfig({.file_name = "f", .text = text, .flags = {}}, kMachine);
  };
  EXPECT_THAT(read(list("0.0.0.0:7001", "10.0.0.2:7001")).errors,
              ElementsAre("f:3:11: node.address: '0.0.0.0:7001' is every address of a machine; "
                          "write the one that clients use, and --listen 0.0.0.0:7001"));
  EXPECT_THAT(read(list("10.0.0.1:7001", "[::]:7001")).errors,
              ElementsAre(HasSubstr("'[::]:7001' is every address")));
  const Loaded mixed = read(list("127.0.0.1:7001", "10.0.0.2:7001"));
  EXPECT_THAT(mixed.errors, IsEmpty());
  EXPECT_THAT(mixed.warnings, ElementsAre(HasSubstr("'127.0.0.1:7001' is found on its own")));
  EXPECT_THAT(read(list("127.0.0.1:7001", "127.0.0.1:7002")).warnings, IsEmpty());
}

TEST(ConfigNodes, NodesNeedASecretUnlessAllWhoReachThemMayEverything) {
  const std::string far =
      "[[node]]\nid = \"n1\"\naddress = \"10.0.0.1:7001\"\n"
      "[[node]]\nid = \"n2\"\naddress = \"10.0.0.2:7001\"\n";
  const std::string user = "[[user]]\nname = \"default\"\npassword = \"" +
                           users::HashPassword("secret", users::kCostMin).value() + "\"\n";
  const auto errors = [](const std::string& text, const std::string& secret) {
    const std::string server = secret.empty() ? "" : "[server]\npeer_secret = \"" + secret + "\"\n";
    return Load(server + text, {{"node", {"n1"}}}).errors;
  };
  const std::string secret(nodes::kPeerSecretBytesMin, 's');
  const std::string near(kTwoNodes);
  EXPECT_THAT(errors(near, ""), IsEmpty());
  EXPECT_THAT(errors(near + user, ""),
              ElementsAre(HasSubstr("server.peer_secret: is needed where there are nodes and")));
  EXPECT_THAT(errors(near + user, secret), IsEmpty());
  EXPECT_THAT(errors(user + far, ""), ElementsAre(HasSubstr("is needed where nodes are on other")));
  EXPECT_THAT(errors(user + far, secret), IsEmpty());
  EXPECT_THAT(errors(near, secret.substr(1)), ElementsAre(HasSubstr("shorter than 16 bytes")));
}

TEST(ConfigNodes, ANodeThatOthersFindByTlsAloneIsToldThatNobodyCanForwardToIt) {
  const Loaded loaded = Load(std::string(kTwoNodes) +
                                 "[server]\ntls_listen = \"127.0.0.1:7002\"\ntls_cert = \"c\"\n"
                                 "tls_key = \"k\"\n",
                             {{"node", {"n2"}}});
  EXPECT_THAT(loaded.warnings, Contains(HasSubstr("nodes cannot forward over TLS yet")));
}

TEST(ConfigNodes, WhoeverOnlyLooksAtAListNeedNotBeOnIt) {
  const std::string list(kTwoNodes);
  EXPECT_THAT(LoadConfig({.file_name = "f", .text = list, .flags = {}}, kMachine).errors,
              IsEmpty());
}

TEST(ConfigNodes, AListOfNodesMustBeOneAndNameThisProcess) {
  const std::string list(kTwoNodes);
  const auto errors = [](const std::string& text, std::vector<FlagValue> flags) {
    return Load(text, std::move(flags)).errors;
  };
  const std::vector<FlagValue> first = {{"node", {"n1"}}};
  EXPECT_THAT(errors(list, {}), ElementsAre(HasSubstr("server.node: is needed where there are "
                                                      "[[node]] sections; say which of them this "
                                                      "is (n1, n2)")));
  EXPECT_THAT(errors(list, {{"node", {"n3"}}}),
              ElementsAre("--node: 'n3' is none of the [[node]] sections (n1, n2); "
                          "name one of them"));
  EXPECT_THAT(errors("", first), ElementsAre(StartsWith("--node: 'n1' is of no list")));
  const auto second = [](const std::string& keys) {
    return "[[node]]\nid = \"n1\"\naddress = \"127.0.0.1:7001\"\n[[node]]\n" + keys + "\n";
  };
  EXPECT_THAT(errors(second("id = \"n1\"\naddress = \"127.0.0.1:1\""), first),
              ElementsAre(StartsWith("f:5:6: node.id: 'n1' is used twice")));
  EXPECT_THAT(errors(second("id = \"n 2\"\naddress = \"127.0.0.1:1\""), first),
              ElementsAre(StartsWith("f:5:6: node.id: 'n 2' is not a name")));
  EXPECT_THAT(errors(second("id = \"n2\"\naddress = \"127.0.0.1:7001\""), first),
              ElementsAre(StartsWith("f:6:11: node.address: '127.0.0.1:7001' is that of another "
                                     "node")));
  EXPECT_THAT(errors(second("id = \"n2\"\naddress = \"127.0.0.1:0\""), first),
              ElementsAre(StartsWith("f:6:11: node.address: '127.0.0.1:0' names no port")));
  EXPECT_THAT(errors(second("id = \"n2\""), first),
              ElementsAre(StartsWith("f:4:1: node.address: is required")));
  EXPECT_THAT(errors(second("id = \"n2\"\naddress = \"127.0.0.1:1\"\nweight = 1001"), first),
              ElementsAre(StartsWith("f:7:10: node.weight: '1001' is above 1000")));
  EXPECT_THAT(errors("[[node]]\nid = \"n1\"\naddress = \"127.0.0.1:1\"\nweight = 0\n", first),
              ElementsAre(StartsWith("f:4:10: node.weight: all nodes have weight 0")));
}

}  // namespace
}  // namespace weir::cmd
