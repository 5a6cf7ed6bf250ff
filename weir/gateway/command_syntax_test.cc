// Goal: whatever words a command comes with, it answers with Redis's error or does its work, and
// an error changes nothing.
// Method: generated from the command table, over a whole gateway: each row with every number of
// words around its arity, each container with a subcommand it has not, each key too long, in RESP2
// and RESP3; then hostile words in every place.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The words that name the row: one, or two for a subcommand.
Words NameOf(const CommandSpec& spec) {
  const std::string name(spec.name);
  const size_t bar = name.find('|');
  if (bar == std::string::npos) return {name};
  return {name.substr(0, bar), name.substr(bar + 1)};
}

Words WithArguments(const CommandSpec& spec, size_t words) {
  Words all = NameOf(spec);
  while (all.size() < words) all.push_back("1");
  return all;
}

// Commands that end the connection, or after which clients wait or get more than replies.
bool IsLeftOut(const CommandSpec& spec) {
  return spec.name == "quit" || spec.name == "monitor" || spec.name == "client|pause";
}

class EveryCommand : public testing::TestWithParam<int> {
 protected:
  EveryCommand() {
    if (GetParam() == 3) rig_.Do(client_, {"HELLO", "3"});
  }
  std::string Do(const Words& words) { return rig_.Do(client_, words); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};
INSTANTIATE_TEST_SUITE_P(Protocols, EveryCommand, testing::Values(2, 3));

TEST_P(EveryCommand, WithTooFewOrTooManyWordsSaysSoByItsFullName) {
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.kind == CommandKind::kExec) continue;  // Its error is EXECABORT.
    const auto words = static_cast<size_t>(std::abs(spec.arity));
    const std::string error =
        "-ERR wrong number of arguments for '" + std::string(spec.name) + "' command";
    if (words > NameOf(spec).size()) {
      EXPECT_EQ(Do(WithArguments(spec, words - 1)), error);
    }
    if (spec.arity > 0) {
      EXPECT_EQ(Do(WithArguments(spec, words + 1)), error);
    }
  }
}

TEST_P(EveryCommand, ThatHasSubcommandsNamesTheOneItDoesNotHave) {
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.subcommands == 0) continue;
    std::string upper(spec.name);
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(Do({std::string(spec.name), "No-Such", "a"}),
              "-ERR unknown subcommand 'No-Such'. Try " + upper + " HELP.");
    EXPECT_THAT(Do({std::string(spec.name), "HELP"}), StartsWith("[+" + upper + " <subcommand>"));
  }
}

TEST_P(EveryCommand, RefusesAKeyThatNoDatabaseTakesAndTakesOneThatJustFits) {
  const size_t most = rig_.gateway().key_bytes_max();
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.keys.first == 0) continue;
    const size_t words = std::max<size_t>(static_cast<size_t>(std::abs(spec.arity)),
                                          static_cast<size_t>(spec.keys.first) + 1);
    Words call = WithArguments(spec, words);
    const std::string error(errors::kKeyTooLong);
    call[static_cast<size_t>(spec.keys.first)] = std::string(most + 1, 'k');
    EXPECT_EQ(Do(call), "-" + error) << spec.name;
    call[static_cast<size_t>(spec.keys.first)] = std::string(most, 'k');
    EXPECT_NE(Do(call), "-" + error) << spec.name;
  }
}

TEST_P(EveryCommand, OnAnAbsentKeyThatIsOnlyReadAnswersNothingOrZeroAndMakesNoKey) {
  for (const CommandSpec& spec : AllCommands()) {
    // WEIR.GETX tells of an absent key where it knows that from.
    if (spec.kind != CommandKind::kRead || spec.name == "watch" || spec.name == "weir.getx")
      continue;
    const std::string reply = Do(WithArguments(spec, static_cast<size_t>(std::abs(spec.arity))));
    EXPECT_THAT(reply, testing::AnyOf("(nil)", "[(nil)]", ":0", ":-1", ":-2", "+none", "", "[]"))
        << spec.name;
  }
  EXPECT_EQ(Do({"DBSIZE"}), ":0");
}

// Words that parsers trip over.
const std::vector<std::string>& HostileWords() {
  static const std::vector<std::string> words = {"",
                                                 "0",
                                                 "-1",
                                                 "1",
                                                 "9223372036854775807",
                                                 "-9223372036854775808",
                                                 "9223372036854775808",
                                                 "1.5",
                                                 "nan",
                                                 "u8",
                                                 "i64",
                                                 "#5",
                                                 "GET",
                                                 "SET",
                                                 "INCRBY",
                                                 "OVERFLOW",
                                                 "SAT",
                                                 "EX",
                                                 "PX",
                                                 "EXAT",
                                                 "PERSIST",
                                                 "KEEPTTL",
                                                 "NX",
                                                 "XX",
                                                 "GT",
                                                 "LT",
                                                 "IFEQ",
                                                 "MATCH",
                                                 "COUNT",
                                                 "TYPE",
                                                 "BIT",
                                                 "BYTE",
                                                 "AND",
                                                 "NOT",
                                                 "LEN",
                                                 "IDX",
                                                 "MINMATCHLEN",
                                                 "WITHMATCHLEN",
                                                 "REPLACE",
                                                 "DB",
                                                 "SAMPLES",
                                                 "FILTERBY",
                                                 "*",
                                                 "[",
                                                 "\\",
                                                 "k",
                                                 std::string("\0\r\n", 3),
                                                 std::string(3000, 'x')};
  return words;
}

TEST_P(EveryCommand, WithAnyWordsHasOneAnswerAndLeavesTheStoreSound) {
  Random random(17);
  const auto word = [&]() -> const std::string& {
    return HostileWords()[random.Below(HostileWords().size())];
  };
  for (int round = 0; round < 60; ++round) {
    for (const CommandSpec& spec : AllCommands()) {
      if (IsLeftOut(spec) || spec.kind == CommandKind::kExec) continue;
      if ((spec.flags & kFlagTransaction) != 0) continue;
      Words call = NameOf(spec);
      const auto least = static_cast<size_t>(std::abs(spec.arity));
      while (call.size() < least) call.push_back(word());
      for (size_t more = random.Below(6); spec.arity < 0 && more > 0; --more) {
        call.push_back(word());
      }
      if (spec.name == "hello") continue;  // It would change what the test reads.
      Do(call);                            // Asserts that there is one reply.
    }
  }
  EXPECT_THAT(rig_.store().problems(), testing::IsEmpty());
  EXPECT_EQ(Do({"PING"}), "+PONG");
}

}  // namespace
}  // namespace weir::gateway
