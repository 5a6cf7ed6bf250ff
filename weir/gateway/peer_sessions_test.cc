// Goal: what another node sends runs as the user and for the client that it names, and nothing that
// concerns a connection is taken; who has not proven to be a node gets nowhere.
// Method: a gateway with nodes, its pipelines without sockets.
#include "weir/gateway/peer_sessions.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

limit::Address Client() {
  return limit::Address::FromV4({10, 1, 2, 3});
}

resp::Command Parse(std::string_view text, resp::InputBuffer* input) {
  resp::Command command;
  while (!text.empty()) {
    const std::span<char> room = input->Writable();
    const size_t size = std::min(room.size(), text.size());
    std::copy_n(text.begin(), size, room.begin());
    input->Commit(size);
    text.remove_prefix(size);
  }
  resp::Parser parser;
  EXPECT_EQ(parser.Next(*input, &command), resp::ParseResult::kCommand);
  return command;
}

std::string RequestOf(const std::vector<std::string_view>& words) {
  Forward::Asked asked;
  asked.client = Client();
  return ForwardedRequest(Forward({}, std::move(asked), OwnedArgs(Args(words))));
}

TEST(PeerSessionsTest, WhatOneNodeWritesTheOtherReads) {
  const std::string big(size_t{40} << 10, 'v');
  resp::InputBuffer input;
  resp::Command command = Parse(RequestOf({"SET", "k", big, "PX", "5"}), &input);
  const std::optional<limit::Address> client = TakeForwarded(&command);
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ(*client, Client());
  EXPECT_THAT(command.args(), testing::ElementsAre("SET", "k", big, "PX", "5"));
  EXPECT_EQ(command.ArgBytes(2).view(), big) << "by its new place";
  EXPECT_EQ(command.ArgBytes(1).view(), "k");
}

TEST(PeerSessionsTest, WhatIsNoForwardedRequestIsLeftAsItIs) {
  for (const std::string& text :
       {std::string("PING\r\n"), std::string("WEIR.FORWARDED 0123456789abcdef\r\n"),
        std::string("WEIR.FORWARDED 0123456789abcde GET k\r\n"),
        std::string("GET 0123456789abcdef GET k\r\n")}) {
    resp::InputBuffer input;
    resp::Command command = Parse(text, &input);
    const size_t words = command.args().size();
    EXPECT_FALSE(TakeForwarded(&command).has_value()) << text;
    EXPECT_EQ(command.args().size(), words);
  }
}

TEST(PeerSessionsTest, WhatConcernsAConnectionIsNotTaken) {
  for (const char* const name : {"multi",
                                 "exec",
                                 "discard",
                                 "watch",
                                 "unwatch",
                                 "auth",
                                 "hello",
                                 "reset",
                                 "quit",
                                 "select",
                                 "client|reply",
                                 "client|tracking",
                                 "monitor",
                                 "config|set",
                                 "shutdown",
                                 "weir.peer|hello",
                                 "weir.peer|prove",
                                 "weir.shard|add",
                                 "readonly",
                                 "asking"}) {
    const CommandSpec* const command = FindCommand(name);
    ASSERT_NE(command, nullptr) << name;
    EXPECT_FALSE(MayBeForwarded(*command)) << name;
  }
  for (const char* const name : {"get", "mget", "set", "incr", "scan", "keys", "dbsize", "flushall",
                                 "randomkey", "cl.throttle", "limit.take"}) {
    const CommandSpec* const command = FindCommand(name);
    ASSERT_NE(command, nullptr) << name;
    EXPECT_TRUE(MayBeForwarded(*command)) << name;
  }
}

TEST(PeerSessionsTest, NoNonceComesTwice) {
  PeerSessions sessions({.secret = "0123456789abcdef", .key = {1}});
  std::set<nodes::PeerNonce> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(sessions.NewNonce()).second);
  PeerSessions other({.secret = "0123456789abcdef", .key = {2}});
  EXPECT_TRUE(seen.insert(other.NewNonce()).second);
}

}  // namespace
}  // namespace weir::gateway
