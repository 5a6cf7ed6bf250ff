// Goal: replies are told apart as a full reader tells them, however the bytes are cut.
// Method: texts by eye; every cut of them; against Reader.
#include "weir/resp/reply_scanner.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/resp/reader.h"

namespace weir::resp {
namespace {

using Result = ReplyScanner::Result;

const char kReplies[] =
    "+OK\r\n-OVERLOADED retry_after_ms=3\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n"
    "*2\r\n*1\r\n-ERR "
    "inside\r\n$1\r\nx\r\n%1\r\n+a\r\n~1\r\n_\r\n,1.5\r\n#t\r\n(123\r\n=5\r\ntxt:a\r\n"
    "-NOSPACE\r\n+\r\n";

// One letter for each reply: r, or e and the code.
std::string Scan(ReplyScanner* scanner, std::string_view input) {
  std::string found;
  for (;;) {
    const Result result = scanner->Next(&input);
    if (result == Result::kNeedMore) return found;
    if (result == Result::kBroken) return found + "broken";
    found += result == Result::kError ? "e(" + std::string(scanner->error_code()) + ")" : "r";
  }
}

TEST(ReplyScannerTest, CountsWhatAReaderReads) {
  size_t replies = 0;
  Reader reader;
  std::string_view input = kReplies;
  for (Value value; reader.Next(&input, &value) == ReadResult::kValue;) ++replies;
  ReplyScanner scanner;
  EXPECT_EQ(Scan(&scanner, kReplies), "re(OVERLOADED)rrrrrrrrrrrre(NOSPACE)r");
  EXPECT_EQ(replies, 16U);
}

TEST(ReplyScannerTest, AnyCutGivesTheSame) {
  const std::string_view all = kReplies;
  ReplyScanner whole;
  const std::string expected = Scan(&whole, all);
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    ReplyScanner scanner;
    std::string found = Scan(&scanner, all.substr(0, cut));
    found += Scan(&scanner, all.substr(cut));
    EXPECT_EQ(found, expected) << "cut at " << cut;
  }
  ReplyScanner scanner;
  std::string found;
  for (size_t i = 0; i < all.size(); ++i) found += Scan(&scanner, all.substr(i, 1));
  EXPECT_EQ(found, expected);
}

TEST(ReplyScannerTest, WhatIsNotRespIsBrokenAndStaysSo) {
  for (const char* const text : {"HTTP/1.1 200\r\n", "$x\r\n", "$\r\n", "*1\n", "\r\n", "+OK\n",
                                 "$99999999999999999999\r\n"}) {
    ReplyScanner scanner;
    EXPECT_EQ(Scan(&scanner, text), "broken") << text;
    EXPECT_EQ(Scan(&scanner, "+OK\r\n"), "broken") << text;
  }
  std::string deep;
  for (size_t i = 0; i <= ReplyScanner::kDepthMax; ++i) deep += "*1\r\n";
  ReplyScanner scanner;
  EXPECT_EQ(Scan(&scanner, deep), "broken");
}

}  // namespace
}  // namespace weir::resp
