// Goal: replies are told apart as a full reader tells them, however the bytes are cut.
// Method: texts by eye; every cut of them; against resp::Reader.
#include "cmd/weir/bench/reply_counter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/resp/reader.h"

namespace weir::cmd {
namespace {

using Result = ReplyCounter::Result;

const char kReplies[] =
    "+OK\r\n-OVERLOADED retry_after_ms=3\r\n:-12\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n*-1\r\n*0\r\n"
    "*2\r\n*1\r\n-ERR "
    "inside\r\n$1\r\nx\r\n%1\r\n+a\r\n~1\r\n_\r\n,1.5\r\n#t\r\n(123\r\n=5\r\ntxt:a\r\n"
    "-NOSPACE\r\n+\r\n";

// One letter for each reply: r, or e and the code.
std::string Count(ReplyCounter* counter, std::string_view input) {
  std::string found;
  for (;;) {
    const Result result = counter->Next(&input);
    if (result == Result::kNeedMore) return found;
    if (result == Result::kBroken) return found + "broken";
    found += result == Result::kError ? "e(" + std::string(counter->error_code()) + ")" : "r";
  }
}

TEST(ReplyCounterTest, CountsWhatAReaderReads) {
  size_t replies = 0;
  resp::Reader reader;
  std::string_view input = kReplies;
  for (resp::Value value; reader.Next(&input, &value) == resp::ReadResult::kValue;) ++replies;
  ReplyCounter counter;
  EXPECT_EQ(Count(&counter, kReplies), "re(OVERLOADED)rrrrrrrrrrrre(NOSPACE)r");
  EXPECT_EQ(replies, 16U);
}

TEST(ReplyCounterTest, AnyCutGivesTheSame) {
  const std::string_view all = kReplies;
  ReplyCounter whole;
  const std::string expected = Count(&whole, all);
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    ReplyCounter counter;
    std::string found = Count(&counter, all.substr(0, cut));
    found += Count(&counter, all.substr(cut));
    EXPECT_EQ(found, expected) << "cut at " << cut;
  }
  ReplyCounter counter;
  std::string found;
  for (size_t i = 0; i < all.size(); ++i) found += Count(&counter, all.substr(i, 1));
  EXPECT_EQ(found, expected);
}

TEST(ReplyCounterTest, WhatIsNotRespIsBrokenAndStaysSo) {
  for (const char* const text : {"HTTP/1.1 200\r\n", "$x\r\n", "$\r\n", "*1\n", "\r\n", "+OK\n",
                                 "$99999999999999999999\r\n"}) {
    ReplyCounter counter;
    EXPECT_EQ(Count(&counter, text), "broken") << text;
    EXPECT_EQ(Count(&counter, "+OK\r\n"), "broken") << text;
  }
  std::string deep;
  for (size_t i = 0; i <= ReplyCounter::kDepthMax; ++i) deep += "*1\r\n";
  ReplyCounter counter;
  EXPECT_EQ(Count(&counter, deep), "broken");
}

}  // namespace
}  // namespace weir::cmd
