// Goal: inline commands are split as redis-server's sdssplitargs splits them.
// Method: golden lines; and every byte string, quoted by the rules, comes back as it was.
#include "weir/resp/inline_split.h"

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace weir::resp {
namespace {

using Arguments = std::vector<std::string>;

std::optional<Arguments> Split(std::string line) {
  std::vector<std::string_view> args;
  if (!SplitInline(line, &args)) return std::nullopt;
  return Arguments(args.begin(), args.end());
}

TEST(InlineSplitTest, BlanksSeparate) {
  EXPECT_EQ(Split(""), Arguments{});
  EXPECT_EQ(Split(" \t\r\v\f "), Arguments{});
  EXPECT_EQ(Split("  SET\tkey   value \r"), (Arguments{"SET", "key", "value"}));
  EXPECT_EQ(Split("a\vb\fc"), (Arguments{"a\vb\fc"}));
}

TEST(InlineSplitTest, DoubleQuotesDecodeEscapes) {
  EXPECT_EQ(Split(R"("a b" "\n\r\t\b\a\\\"\q" "\x41\xfF\x4g\x4")"),
            (Arguments{"a b", "\n\r\t\b\a\\\"q", "A\xffx4gx4"}));
  EXPECT_EQ(Split(R"("")"), (Arguments{""}));
}

TEST(InlineSplitTest, SingleQuotesDecodeTheirOwnQuoteOnly) {
  EXPECT_EQ(Split(R"('a b' '\'' '\n"' '')"), (Arguments{"a b", "'", "\\n\"", ""}));
}

TEST(InlineSplitTest, QuotesOpenInTheMiddleOfAnArgument) {
  EXPECT_EQ(Split(R"(a"b c" d'e')"), (Arguments{"ab c", "de"}));
  EXPECT_EQ(Split(R"(a\"b")"), (Arguments{"a\\b"}));
}

TEST(InlineSplitTest, UnbalancedQuotesAreRefused) {
  for (const char* line : {"\"", "'", "\"a", "'a", "\"a\"b", "'a'b", "\"a\"\"b\"", "'a''b'",
                           "\"a\\\"", "'a\\'", "x \"\\", "a\"b\"c"}) {
    EXPECT_EQ(Split(line), std::nullopt) << line;
  }
}

std::string Quoted(const std::string& value) {
  std::string quoted = "\"";
  for (const char c : value) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 32 || byte > 126) {
      quoted += {'\\', 'x', kHex[byte / 16], kHex[byte % 16]};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

TEST(InlineSplitTest, QuotedArgumentsComeBack) {
  EXPECT_TRUE(rc::check("quote, split", [](const Arguments& args) {
    std::string line;
    for (const std::string& arg : args) line += Quoted(arg) + " ";
    RC_ASSERT(Split(line) == args);
  }));
}

}  // namespace
}  // namespace weir::resp
