// Goal: a template makes exactly the texts that it says, and what makes none is refused with what
// to write instead. Method: tables.
#include "weir/limit/subject_template.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/limit/policy.h"

namespace weir::limit {
namespace {

using testing::HasSubstr;

std::string Made(std::string_view text, const Request& request) {
  SubjectText made;
  SubjectTemplate::Parse(text).value().FillIn(request, &made);
  return std::string(made.view());
}

std::string Refusal(std::string_view text) {
  const Result<SubjectTemplate> parsed = SubjectTemplate::Parse(text);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(SubjectTemplate, PlacesAreFilledInFromTheRequest) {
  const Request request{
      .user = "ann", .client = Address::FromV4({10, 0, 0, 7}), .key = "acme:job:7"};
  EXPECT_EQ(Made("{user}", request), "ann");
  EXPECT_EQ(Made("{user}/{client}", request), "ann/10.0.0.7");
  EXPECT_EQ(Made("of-{key.1}", request), "of-acme");
  EXPECT_EQ(Made("{key.2}@{user}!", request), "job@ann!");
  EXPECT_EQ(Made("{key}#{key.3}", request), "acme:job:7#7");
}

TEST(SubjectTemplate, APartThatAKeyDoesNotHaveIsEmpty) {
  EXPECT_EQ(Made("<{key.2}>", {.key = "acme"}), "<>");
  EXPECT_EQ(Made("<{key.1}>", {.key = ""}), "<>");
  EXPECT_EQ(Made("<{key.1},{key.2},{key.3}>", {.key = ":a"}), "<,a,>");
}

TEST(SubjectTemplate, DifferentPartsNeverMakeOneText) {
  const auto of = [](std::string_view user, std::string_view key) {
    return Request{.user = user, .client = Address::FromV4({10, 0, 0, 7}), .key = key};
  };
  const Address v6 = *ParseAddress("2001:db8::5");
  const struct {
    std::string_view text;
    Request one;
    Request other;
  } kPairs[] = {
      {"{user}/{key.1}", of("a", "b/c:1"), of("a/b", "c:1")},
      {"{user}/{key.1}", of("a%2Fb", "c"), of("a/b", "c")},
      {"{user}/{key.1}", of("a%", "c"), of("a%25", "c")},
      {"{key.1}/{key.2}", of("", "a/b:c"), of("", "a:b/c")},
      {"{key.1}x{key.2}", of("", "axb:c"), of("", "a:bxc")},
      {"{key.1}2{key.2}", of("", "a2b:c"), of("", "a:b2c")},
      {"{user}//{key}", of("a/", "b"), of("a", "/b")},
      {"{client}.{key}",
       {.client = Address::FromV4({1, 2, 3, 4}), .key = "5"},
       {.client = Address::FromV4({1, 2, 3, 45}), .key = ""}},
      {"{client}1{key}",
       {.client = Address::FromV4({1, 2, 3, 4}), .key = "1x"},
       {.client = Address::FromV4({1, 2, 3, 41}), .key = "x"}},
      {"{client}/{key}",
       {.client = v6, .key = "x"},
       {.client = Address::FromV4({10, 0, 0, 7}), .key = "64/x"}},
  };
  for (const auto& pair : kPairs) {
    EXPECT_NE(Made(pair.text, pair.one), Made(pair.text, pair.other)) << pair.text;
  }
  EXPECT_EQ(Made("{user}/{key.1}", of("a/b", "c/d")), "a%2Fb/c/d");
}

// The parts are read back from the text alone.
TEST(SubjectTemplate, EachTextTellsItsParts) {
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    constexpr std::string_view kBytes = "%/2F5a";
    const std::string between(1, kBytes[1 + random.Below(kBytes.size() - 1)]);
    const auto any = [&] {
      std::string part;
      for (uint64_t i = random.Below(5); i > 0; --i) part += kBytes[random.Below(kBytes.size())];
      return part;
    };
    const std::string user = any();
    const std::string key = any();
    const std::string made = Made("{user}" + between + "{key}", {.user = user, .key = key});
    std::string read;
    size_t at = 0;
    while (made[at] != between[0]) {
      if (made[at] == '%') {
        read += static_cast<char>(std::stoi(made.substr(at + 1, 2), nullptr, 16));
        at += 3;
      } else {
        read += made[at++];
      }
    }
    EXPECT_EQ(read, user) << made;
    EXPECT_EQ(made.substr(at + 1), key) << made;
  }
}

TEST(SubjectTemplate, ASubscriberOfIpv6IsOneClient) {
  const std::string made = Made("{client}", {.client = *ParseAddress("2001:db8:1:2:3::4")});
  EXPECT_EQ(made, "2001:db8:1:2:0:0:0:0/64");
  EXPECT_EQ(Made("{client}", {.client = *ParseAddress("2001:db8:1:2::5")}), made);
}

TEST(SubjectTemplate, LongTextsAreMadeWhole) {
  for (const size_t bytes : {size_t{0}, SubjectText::kNearBytes - 3, SubjectText::kNearBytes - 2,
                             SubjectText::kNearBytes - 1, SubjectText::kNearBytes, size_t{9000}}) {
    const std::string key(bytes, 'k');
    EXPECT_EQ(Made("a{key}b{user}", {.user = "u", .key = key}), "a" + key + "bu") << bytes;
  }
}

TEST(SubjectTemplate, ItKnowsOnWhatItDepends) {
  const auto depends = [](std::string_view text) {
    const SubjectTemplate made = SubjectTemplate::Parse(text).value();
    return std::vector<bool>{made.tells_clients(), made.tells_keys(), made.names_key()};
  };
  EXPECT_EQ(depends("{user}"), std::vector<bool>({false, false, false}));
  EXPECT_EQ(depends("{client}/{key.1}"), std::vector<bool>({true, false, true}));
  EXPECT_EQ(depends("{user}/{key}"), std::vector<bool>({false, true, true}));
}

TEST(SubjectTemplate, WhatMakesNoTextIsRefused) {
  EXPECT_THAT(Refusal(""), HasSubstr("all would share one bucket"));
  EXPECT_THAT(Refusal("all"), HasSubstr("all would share one bucket"));
  EXPECT_THAT(Refusal("{tenant}"), HasSubstr("'{tenant}' is not known here; write {client}, "));
  EXPECT_THAT(Refusal("{key.0}"), HasSubstr("not known"));
  EXPECT_THAT(Refusal("{key.10}"), HasSubstr("not known"));
  EXPECT_THAT(Refusal("{User}"), HasSubstr("not known"));
  EXPECT_THAT(Refusal("a{user"), HasSubstr("no '}' after it"));
  EXPECT_THAT(Refusal("user}"), HasSubstr("no '{' before it"));
  EXPECT_THAT(Refusal("{user} {key}"), HasSubstr("without blanks"));
  EXPECT_THAT(Refusal("{user}%{key}"), HasSubstr("and '%'"));
  EXPECT_THAT(Refusal("a{user}{key}"),
              HasSubstr("write some text between 'a{user}' and '{key}', such as a '/'"));
  EXPECT_EQ(Refusal(std::string(58, 'x') + "{user}"), "");
  EXPECT_THAT(Refusal(std::string(59, 'x') + "{user}"), HasSubstr("above 64 bytes"));
}

}  // namespace
}  // namespace weir::limit
