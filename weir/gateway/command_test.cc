// Goal: commands answer as redis-server 7.0.15 does, errors to the letter.
// Method: scripts of commands and replies over a whole gateway; the expected replies were taken
// from redis-server 7.0.15, but for those of a "weir:" test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Line {
  Words words;
  std::string reply;
};

class CommandTest : public testing::Test {
 protected:
  std::string Do(const Words& words) { return rig_.Do(client_, words); }
  void Run(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      std::string text;
      for (const std::string& word : line.words) text += word.substr(0, 80) + " ";
      EXPECT_EQ(Do(line.words), line.reply) << text;
    }
  }
  void TearDown() override { EXPECT_THAT(rig_.store().problems(), testing::IsEmpty()); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

constexpr const char* kNotInteger = "-ERR value is not an integer or out of range";
constexpr const char* kSyntax = "-ERR syntax error";

TEST_F(CommandTest, SetWithEveryOption) {
  Run({{{"SET", "k", "v", "XX"}, "(nil)"},
       {{"SET", "k", "v", "XX", "GET"}, "(nil)"},
       {{"SET", "k", "v", "NX"}, "+OK"},
       {{"SET", "k", "w", "NX"}, "(nil)"},
       {{"SET", "k", "w", "nx", "get"}, "v"},
       {{"SET", "k", "w", "XX", "GET"}, "v"},
       {{"SET", "k", "w", "EX", "100"}, "+OK"},
       {{"TTL", "k"}, ":100"},
       {{"SET", "k", "x", "KEEPTTL"}, "+OK"},
       {{"PTTL", "k"}, ":100000"},
       {{"SET", "k", "x"}, "+OK"},
       {{"TTL", "k"}, ":-1"},
       {{"SET", "k", "x", "PX", "1500", "GET", "XX"}, "x"},
       {{"PTTL", "k"}, ":1500"},
       {{"SET", "k", "x", "EXAT", "1700000100"}, "+OK"},
       {{"TTL", "k"}, ":100"},
       {{"SET", "k", "x", "PXAT", "1700000000001"}, "+OK"},
       {{"PTTL", "k"}, ":1"},
       {{"SET", "k", "x", "PXAT", "1"}, "+OK"},
       {{"GET", "k"}, "(nil)"},
       {{"SET", "new", "v", "GET"}, "(nil)"},
       {{"GET", "new"}, "v"}});
}

TEST_F(CommandTest, SetRefusesWhatItDoesNotUnderstandAndChangesNothing) {
  const std::string expire = "-ERR invalid expire time in 'set' command";
  Run({{{"SET", "k", "v"}, "+OK"},
       {{"SET", "k", "w", "NX", "XX"}, kSyntax},
       {{"SET", "k", "w", "FOO"}, kSyntax},
       {{"SET", "k", "w", "EX"}, kSyntax},
       {{"SET", "k", "w", "EX", "10", "PX", "10"}, kSyntax},
       {{"SET", "k", "w", "KEEPTTL", "EX", "10"}, kSyntax},
       {{"SET", "k", "w", "EX", "10", "KEEPTTL"}, kSyntax},
       {{"SET", "k", "w", "EX", "abc"}, kNotInteger},
       {{"SET", "k", "w", "PX", "99999999999999999999"}, kNotInteger},
       {{"SET", "k", "w", "EX", "0"}, expire},
       {{"SET", "k", "w", "PX", "-1"}, expire},
       {{"SET", "k", "w", "EX", "9223372036854775"}, expire},
       {{"SET", "k", "w", "EX", "9223372036854775807"}, expire},
       {{"GET", "k"}, "v"}});
}

TEST_F(CommandTest, NumbersStayWithinSixtyFourBits) {
  const std::string overflow = "-ERR increment or decrement would overflow";
  Run({{{"INCR", "n"}, ":1"},
       {{"INCRBY", "n", "41"}, ":42"},
       {{"DECRBY", "n", "2"}, ":40"},
       {{"DECR", "n"}, ":39"},
       {{"INCRBY", "n", "-40"}, ":-1"},
       {{"INCRBY", "n", "abc"}, kNotInteger},
       {{"INCRBY", "n", "1.5"}, kNotInteger},
       {{"INCRBY", "n", " 1"}, kNotInteger},
       {{"INCRBY", "n", "+1"}, kNotInteger},
       {{"INCRBY", "n", "01"}, kNotInteger},
       {{"INCRBY", "n", "-0"}, kNotInteger},
       {{"INCRBY", "n", ""}, kNotInteger},
       {{"DECRBY", "n", "-9223372036854775808"}, "-ERR decrement would overflow"},
       {{"SET", "n", "9223372036854775807"}, "+OK"},
       {{"INCR", "n"}, overflow},
       {{"SET", "n", "-9223372036854775808"}, "+OK"},
       {{"DECR", "n"}, overflow},
       {{"INCRBY", "n", "-9223372036854775808"}, overflow},
       {{"GET", "n"}, "-9223372036854775808"},
       {{"SET", "n", "text"}, "+OK"},
       {{"INCR", "n"}, kNotInteger},
       {{"SET", "n", ""}, "+OK"},
       {{"INCR", "n"}, kNotInteger},
       {{"SET", "n", "7", "EX", "100"}, "+OK"},
       {{"INCR", "n"}, ":8"},
       {{"TTL", "n"}, ":100"}});
}

TEST_F(CommandTest, ExpireWithEveryOption) {
  Run({{{"EXPIRE", "absent", "10"}, ":0"},
       {{"SET", "k", "v"}, "+OK"},
       {{"EXPIRE", "k", "10", "XX"}, ":0"},
       {{"EXPIRE", "k", "10", "GT"}, ":0"},
       {{"EXPIRE", "k", "20", "LT"}, ":1"},
       {{"EXPIRE", "k", "10", "NX"}, ":0"},
       {{"EXPIRE", "k", "10", "GT"}, ":0"},
       {{"EXPIRE", "k", "20", "GT"}, ":0"},
       {{"EXPIRE", "k", "30", "xx", "gt"}, ":1"},
       {{"PEXPIRE", "k", "40000", "LT"}, ":0"},
       {{"PTTL", "k"}, ":30000"},
       {{"PERSIST", "k"}, ":1"},
       {{"PERSIST", "k"}, ":0"},
       {{"EXPIRE", "k", "10", "NX"}, ":1"},
       {{"EXPIRE", "k", "10", "FOO"}, "-ERR Unsupported option FOO"},
       {{"EXPIRE", "k", "abc", "FOO"}, "-ERR Unsupported option FOO"},
       {{"EXPIRE", "k", "10", "NX", "XX"},
        "-ERR NX and XX, GT or LT options at the same time are not compatible"},
       {{"EXPIRE", "k", "10", "GT", "LT"},
        "-ERR GT and LT options at the same time are not compatible"},
       {{"EXPIRE", "k", "abc"}, kNotInteger},
       {{"EXPIRE", "k", "9223372036854775807"}, "-ERR invalid expire time in 'expire' command"},
       {{"EXPIRE", "k", "-9223372036854775808"}, "-ERR invalid expire time in 'expire' command"},
       {{"PEXPIRE", "k", "9223372036854775807"}, "-ERR invalid expire time in 'pexpire' command"},
       {{"TTL", "k"}, ":10"},
       {{"PEXPIRE", "k", "-9223372036854775808"}, ":1"},
       {{"EXISTS", "k"}, ":0"},
       {{"SET", "k", "v"}, "+OK"},
       {{"EXPIRE", "k", "0"}, ":1"},
       {{"TTL", "k"}, ":-2"},
       {{"DBSIZE"}, ":0"}});
}

TEST_F(CommandTest, TtlRoundsToTheNearestSecond) {
  Run({{{"SET", "k", "v", "PX", "1500"}, "+OK"},
       {{"TTL", "k"}, ":2"},
       {{"SET", "k", "v", "PX", "1499"}, "+OK"},
       {{"TTL", "k"}, ":1"},
       {{"SET", "k", "v", "PX", "499"}, "+OK"},
       {{"TTL", "k"}, ":0"},
       {{"PTTL", "k"}, ":499"},
       {{"PTTL", "absent"}, ":-2"}});
}

TEST_F(CommandTest, StringsAndKeys) {
  Run({{{"APPEND", "s", ""}, ":0"},
       {{"EXISTS", "s"}, ":1"},
       {{"GET", "s"}, ""},
       {{"APPEND", "s", "ab"}, ":2"},
       {{"APPEND", "s", "c"}, ":3"},
       {{"STRLEN", "s"}, ":3"},
       {{"STRLEN", "absent"}, ":0"},
       {{"MSET", "a", "1", "b", "2", "a", "3"}, "+OK"},
       {{"MGET", "a", "absent", "b", "a"}, "[3 (nil) 2 3]"},
       {{"MSET", "a"}, "-ERR wrong number of arguments for 'mset' command"},
       {{"MSET", "a", "b", "c"}, "-ERR wrong number of arguments for 'mset' command"},
       {{"EXISTS", "a", "a", "absent"}, ":2"},
       {{"TYPE", "a"}, "+string"},
       {{"TYPE", "absent"}, "+none"},
       {{"DEL", "a", "a", "absent", "b"}, ":2"},
       {{"GET"}, "-ERR wrong number of arguments for 'get' command"},
       {{"DEL"}, "-ERR wrong number of arguments for 'del' command"}});
}

TEST_F(CommandTest, ConnectionCommands) {
  Run({{{"PING"}, "+PONG"},
       {{"ping", "x"}, "x"},
       {{"PING", "a", "b"}, "-ERR wrong number of arguments for 'ping' command"},
       {{"SELECT", "0"}, "+OK"},
       {{"SELECT", "99"}, "-ERR DB index is out of range"},
       {{"SELECT", "abc"}, kNotInteger},
       {{"HELLO", "4"}, "-NOPROTO unsupported protocol version"},
       {{"HELLO", "abc"}, "-ERR Protocol version is not an integer or out of range"},
       {{"HELLO", "3", "SETNAME"}, "-ERR Syntax error in HELLO option 'SETNAME'"},
       {{"HELLO", "3", "SETNAME", "a b"},
        "-ERR Client names cannot contain spaces, newlines or special characters."},
       {{"CLIENT", "GETNAME"}, "(nil)"},
       {{"CLIENT", "SETNAME", "me"}, "+OK"},
       {{"CLIENT", "GETNAME"}, "me"},
       {{"CLIENT", "SETNAME", "a b"},
        "-ERR Client names cannot contain spaces, newlines or special characters."},
       {{"CLIENT", "ID", "x"}, "-ERR wrong number of arguments for 'client|id' command"},
       {{"CLIENT", "FOO"}, "-ERR unknown subcommand 'FOO'. Try CLIENT HELP."},
       {{"CLIENT"}, "-ERR wrong number of arguments for 'client' command"},
       {{"CONFIG", "GET"}, "-ERR wrong number of arguments for 'config|get' command"},
       {{"CONFIG", "FOO"}, "-ERR unknown subcommand 'FOO'. Try CONFIG HELP."},
       {{"CONFIG", "GET", "MAXmem*", "nope"}, "[maxmemory 0]"},
       {{"COMMAND", "FOO"}, "-ERR unknown subcommand 'FOO'. Try COMMAND HELP."},
       {{"COMMAND", "INFO", "nope"}, "[(nil)]"}});
  EXPECT_THAT(Do({"INFO"}), HasSubstr("redis_version:7.0.15\r\n"));
  EXPECT_THAT(Do({"COMMAND", "INFO", "GET"}), StartsWith("[[get :2 [+readonly +fast] :1 :1 :1 "
                                                         "[+@read +@string +@fast] []"));
  EXPECT_THAT(Do({"COMMAND", "INFO", "client|id"}),
              testing::Eq("[[client|id :2 [+noscript +loading +stale] :0 :0 :0 "
                          "[+@slow +@connection] [] [] []]]"));
  EXPECT_THAT(Do({"CLIENT", "HELP"}), HasSubstr("+GETNAME"));
}

TEST_F(CommandTest, AnUnknownCommandIsNamedWithItsFirstArguments) {
  const std::string begin = "-ERR unknown command 'FOO', with args beginning with: ";
  const auto xs = [](size_t count) { return std::string(count, 'x'); };
  Run({{{"FOO"}, begin},
       {{"FOO", "bar", "baz"}, begin + "'bar' 'baz' "},
       {{"FOO", xs(200), "y"}, begin + "'" + xs(128) + "' "},
       {{"FOO", xs(126), "y"}, begin + "'" + xs(126) + "' "},
       {{"FOO", xs(120), "yyyy", "z"}, begin + "'" + xs(120) + "' 'yyyy' "},
       {{xs(200)}, "-ERR unknown command '" + xs(128) + "', with args beginning with: "}});
}

TEST_F(CommandTest, ScanRefusesWhatItDoesNotUnderstand) {
  Run({{{"SCAN", "abc"}, "-ERR invalid cursor"},
       {{"SCAN", "0", "COUNT", "0"}, kSyntax},
       {{"SCAN", "0", "COUNT", "abc"}, kNotInteger},
       {{"SCAN", "0", "MATCH"}, kSyntax},
       {{"SCAN", "0", "FOO", "x"}, kSyntax},
       {{"SCAN", "0", "TYPE", "list"}, "[0 []]"},
       {{"SCAN", "0"}, "[0 []]"}});
}

// Follows the cursor to the end. Returns the keys.
std::vector<std::string> ScanAll(GatewayRig& rig, size_t client, const Words& options) {
  std::vector<std::string> keys;
  std::string cursor = "0";
  for (int calls = 0; calls < 10'000; ++calls) {
    Words words = {"SCAN", cursor};
    words.insert(words.end(), options.begin(), options.end());
    const std::string reply = rig.Do(client, words);  // "[cursor [key key]]"
    const size_t space = reply.find(' ');
    cursor = reply.substr(1, space - 1);
    std::string list = reply.substr(space + 2, reply.size() - space - 4);
    for (size_t at = 0; at < list.size();) {
      const size_t end = std::min(list.find(' ', at), list.size());
      keys.push_back(list.substr(at, end - at));
      at = end + 1;
    }
    if (cursor == "0") return keys;
  }
  ADD_FAILURE() << "the cursor does not come to an end";
  return keys;
}

TEST(Scan, ItFindsEveryLiveKeyOnceWhateverTheCount) {
  GatewayRig rig({.databases = 2});
  const size_t client = rig.Connect();
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back((i % 2 == 0 ? "{tag}" : "key") + std::to_string(i));
    rig.Do(client, {"SET", expected.back(), "v"});
  }
  rig.Do(client, {"SET", "over", "v", "PX", "1"});
  rig.Pass(std::chrono::milliseconds(1));
  for (const char* count : {"1", "3", "10", "1000", "999999999"}) {
    EXPECT_THAT(ScanAll(rig, client, {"COUNT", count}),
                testing::UnorderedElementsAreArray(expected));
  }
  EXPECT_THAT(ScanAll(rig, client, {"MATCH", "key?"}),
              testing::UnorderedElementsAre("key1", "key3", "key5", "key7", "key9"));
}

// Redis adds half a second here, which does not fit, and answers with a time before 1970.
TEST_F(CommandTest, TheLastExpiryThatThereIsIsShownAsItIs) {
  Run({{{"SET", "k", "v"}, "+OK"},
       {{"PEXPIREAT", "k", "9223372036854775806"}, ":1"},
       {{"PEXPIRETIME", "k"}, ":9223372036854775806"},
       {{"EXPIRETIME", "k"}, ":9223372036854776"}});
}

TEST_F(CommandTest, AnErrorRepeatsNoMoreThanTheBeginningOfALongWord) {
  const std::string word(100'000, 'w');
  Do({"SET", "k", "v"});
  for (const Words& words : {Words{word},
                             {"CLIENT", word},
                             {"EXPIRE", "k", "1", word},
                             {"HELLO", "3", word},
                             {"ACL", "CAT", word},
                             {"CLIENT", "SETINFO", word, "x"},
                             {"CLIENT", "SETINFO", word, "x y"},
                             {"CLIENT", "KILL", "USER", word},
                             {"CLIENT", "LIST", "TYPE", word},
                             {"CONFIG", "SET", word, "x"},
                             {"LATENCY", "GRAPH", word},
                             {"WEIR.SHARD", "MERGE", word}}) {
    const std::string reply = Do(words);
    EXPECT_THAT(reply, AllOf(StartsWith("-ERR "), HasSubstr(std::string(100, 'w')))) << words[0];
    EXPECT_LT(reply.size(), 300u) << words[0];
  }
}

TEST(Append, AtTheLimitOfItsKeyspaceAndOneByteAbove) {
  GatewayRig::Options options;
  options.keyspaces.emplace_back();
  options.keyspaces[0].prefix = "small:";
  options.keyspaces[0].value_bytes_max = 10;
  GatewayRig rig(options);
  const size_t client = rig.Connect();
  const std::string error = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
  EXPECT_EQ(rig.Do(client, {"SET", "small:k", "12345678901"}), error);
  EXPECT_EQ(rig.Do(client, {"MSET", "k", "12345678901", "small:k", "12345678901"}), error);
  EXPECT_EQ(rig.Do(client, {"MSET", "k", "12345678901", "small:k", "1234567890"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"SET", "small:k", "123456789"}), "+OK");
  EXPECT_EQ(rig.Do(client, {"APPEND", "small:k", "0"}), ":10");
  EXPECT_EQ(rig.Do(client, {"APPEND", "small:k", "1"}), error);
  EXPECT_EQ(rig.Do(client, {"STRLEN", "small:k"}), ":10");
}

}  // namespace
}  // namespace weir::gateway
