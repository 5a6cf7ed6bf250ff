// Goal: a template makes exactly the texts that it says, and what makes none is refused with what
// to write instead. Method: tables.
#include "weir/limit/subject_template.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_THAT(Refusal("a{user}{key}"),
              HasSubstr("write some text between 'a{user}' and '{key}', such as a '/'"));
  EXPECT_EQ(Refusal(std::string(58, 'x') + "{user}"), "");
  EXPECT_THAT(Refusal(std::string(59, 'x') + "{user}"), HasSubstr("above 64 bytes"));
}

}  // namespace
}  // namespace weir::limit
