// Goal: patterns match as in Redis, and none takes longer than pattern times text.
// Method: cases with redis-server's answers; a naive recursive matcher on all short strings;
// hostile patterns of a size at which exponential time would never end.
#include "weir/gateway/glob.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::gateway {
namespace {

TEST(GlobMatch, CasesAsInRedis) {
  struct Case {
    const char* pattern;
    const char* text;
    bool match;
  };
  for (const Case& c : std::initializer_list<Case>{{"", "", true},
                                                   {"", "a", false},
                                                   {"*", "", true},
                                                   {"**", "", false},
                                                   {"*", "abc", true},
                                                   {"a*c", "abbc", true},
                                                   {"a*c", "abcd", false},
                                                   {"a?c", "abc", true},
                                                   {"a?c", "ac", false},
                                                   {"h[ae]llo", "hello", true},
                                                   {"h[ae]llo", "hillo", false},
                                                   {"h[^e]llo", "hallo", true},
                                                   {"h[^e]llo", "hello", false},
                                                   {"h[a-c]llo", "hbllo", true},
                                                   {"h[c-a]llo", "hbllo", true},
                                                   {"h[a-c]llo", "hdllo", false},
                                                   {"a\\*b", "a*b", true},
                                                   {"a\\*b", "axb", false},
                                                   {"[\\]]", "]", true},
                                                   {"[a", "a", true},
                                                   {"[", "[", false},
                                                   {"a\\", "a\\", true},
                                                   {"**a**", "bab", true},
                                                   {"*a*b*", "xaxbx", true},
                                                   {"*.txt", "a.txt.txt", true}}) {
    EXPECT_EQ(GlobMatch(c.pattern, c.text), c.match) << c.pattern << " " << c.text;
  }
}

bool Naive(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return Naive(pattern.substr(1), text) || (!text.empty() && Naive(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         Naive(pattern.substr(1), text.substr(1));
}

TEST(GlobMatch, AgreesWithTheNaiveMatcher) {
  Random random(5);
  const auto draw = [&](std::string_view letters) {
    std::string text(random.Below(8), ' ');
    for (char& c : text) c = letters[random.Below(letters.size())];
    return text;
  };
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = draw("ab*?");
    const std::string text = "a" + draw("ab");  // Of an empty one Redis has its own idea.
    ASSERT_EQ(GlobMatch(pattern, text), Naive(pattern, text)) << pattern << " " << text;
  }
}

TEST(GlobMatch, APatternMadeToTakeLongIsGivenUp) {
  const std::string text(10'000, 'a');
  EXPECT_EQ(TryGlobMatch("*" + std::string(5'000, 'a') + "b", text), std::nullopt);
  EXPECT_EQ(TryGlobMatch("*[" + std::string(5'000, 'b') + "]", text), std::nullopt);
  EXPECT_EQ(TryGlobMatch(std::string(1'000'000, '*') + "b", text), std::nullopt);
}

TEST(GlobMatch, ManyStarsAloneDoNotTakeLong) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_EQ(TryGlobMatch(pattern + "b", std::string(60'000, 'a')), false);
  EXPECT_EQ(TryGlobMatch(pattern, std::string(60'000, 'a')), true);
}

TEST(GlobMatch, TakesAsManyStepsAsItsLimit) {
  EXPECT_EQ(TryGlobMatch("aaa", "aaa", 6), true);
  EXPECT_EQ(TryGlobMatch("aaa", "aaa", 4), std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
