// Goal: configurations of envoyproxy/ratelimit are read as it reads them, and what it refuses is
// refused.
// Method: the examples of its README at commit 008b66a, in our own words, and faults one by one.
#include "weir/rls/rules.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::rls {
namespace {

Rules Read(const std::string& text) {
  const std::vector<Rules::File> files{{"a.yaml", text}};
  Result<Rules> rules = Rules::Create(files);
  EXPECT_TRUE(rules.ok()) << rules.error().message;
  return std::move(rules).value();
}

std::string FaultOf(const std::string& text) {
  const std::vector<Rules::File> files{{"a.yaml", text}};
  const Result<Rules> rules = Rules::Create(files);
  return rules.ok() ? "none" : rules.error().message;
}

// The rule's requests and unit; "none" without one.
std::string Of(const Rules& rules, const std::string& domain, const std::vector<Entry>& entries) {
  const Rule* rule = rules.Find(domain, entries);
  if (rule == nullptr) return "none";
  if (rule->unlimited) return "unlimited";
  return std::to_string(rule->requests_per_unit) + "/" + std::string(UnitName(rule->unit)) +
         (rule->shadow ? " shadow" : "");
}

TEST(Rules, ADescriptorIsFollowedToItsEnd) {
  const Rules rules = Read(R"(
domain: messaging
descriptors:
  - key: message_type
    value: marketing
    descriptors:
      - key: to_number
        rate_limit:
          unit: day
          requests_per_unit: 5
  - key: to_number
    rate_limit: {unit: Minute, requests_per_unit: 100}
  - key: path
    value: /api/*
    shadow_mode: true
    rate_limit: {unit: second, requests_per_unit: 7}
  - key: path
    value: /api/free
    rate_limit: {unlimited: true}
  - key: path
    detailed_metric: true
    rate_limit: {unit: hour, requests_per_unit: 9}
)");
  EXPECT_EQ(Of(rules, "messaging", {{"to_number", "1"}}), "100/MINUTE");
  EXPECT_EQ(Of(rules, "messaging", {{"message_type", "marketing"}, {"to_number", "1"}}), "5/DAY");
  EXPECT_EQ(Of(rules, "messaging", {{"message_type", "marketing"}}), "none");
  EXPECT_EQ(Of(rules, "messaging", {{"message_type", "other"}, {"to_number", "1"}}), "none");
  EXPECT_EQ(Of(rules, "messaging", {{"to_number", "1"}, {"more", "2"}}), "none");
  EXPECT_EQ(Of(rules, "messaging", {{"path", "/api/x"}}), "7/SECOND shadow");
  EXPECT_EQ(Of(rules, "messaging", {{"path", "/api/free"}}), "unlimited");
  EXPECT_EQ(Of(rules, "messaging", {{"path", "/"}}), "9/HOUR");
  EXPECT_EQ(Of(rules, "messaging", {}), "none");
  EXPECT_EQ(Of(rules, "other", {{"to_number", "1"}}), "none");
}

TEST(Rules, NamesAndReplacementsAreKept) {
  const Rules rules = Read(
      "domain: d\ndescriptors:\n- key: k\n  rate_limit:\n    name: mine\n    unit: week\n"
      "    requests_per_unit: 1\n    replaces:\n    - name: a\n    - name: b\n");
  const Rule* rule = rules.Find("d", std::vector<Entry>{{"k", "v"}});
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->name, "mine");
  EXPECT_EQ(rule->replaces, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(LengthOf(rule->unit), std::chrono::hours(168));
}

TEST(Rules, FlagsAreThoseOfYaml) {
  const auto rule_of = [](const std::string& shadow, const std::string& unlimited) {
    return Of(Read("domain: d\ndescriptors:\n- key: k\n  shadow_mode: " + shadow +
                   "\n  rate_limit: {" + unlimited + "}\n"),
              "d", {{"k", "v"}});
  };
  const std::string limited = "unit: day, requests_per_unit: 1";
  for (const char* yes : {"true", "True", "TRUE", "yes", "on", "'true'"}) {
    EXPECT_EQ(rule_of(yes, limited), "1/DAY shadow") << yes;
    EXPECT_EQ(rule_of("", "unlimited: " + std::string(yes)), "unlimited") << yes;
  }
  for (const char* no : {"false", "False", "FALSE", "no", "off", "", "~", "null"}) {
    EXPECT_EQ(rule_of(no, limited), "1/DAY") << no;
    EXPECT_EQ(rule_of("", limited + ", unlimited: " + no), "1/DAY") << no;
  }
  for (const char* odd : {"tRUE", "1", "[true]", "truely"}) {
    EXPECT_EQ(FaultOf("domain: d\ndescriptors:\n- key: k\n  shadow_mode: " + std::string(odd)),
              "a.yaml: shadow_mode is neither true nor false");
    EXPECT_EQ(FaultOf("domain: d\ndescriptors:\n- key: k\n  rate_limit: {unlimited: " +
                      std::string(odd) + "}\n"),
              "a.yaml: unlimited is neither true nor false");
  }
}

TEST(Rules, WhatIsWrongIsNamed) {
  const std::string head = "domain: d\ndescriptors:\n";
  const auto limit = [&](const std::string& text) {
    return FaultOf(head + "- key: k\n  rate_limit: {" + text + "}\n");
  };
  EXPECT_EQ(FaultOf("descriptors: []\n"), "a.yaml: config file cannot have empty domain");
  EXPECT_EQ(FaultOf(head + "- value: v\n"), "a.yaml: descriptor has empty key");
  EXPECT_EQ(FaultOf(head + "- key: k\n- key: k\n"),
            "a.yaml: duplicate descriptor composite key 'd.k'");
  EXPECT_EQ(FaultOf(head + "- key: k\n  colour: red\n"), "a.yaml: unknown key 'colour'");
  EXPECT_EQ(limit("unit: fortnight, requests_per_unit: 1"),
            "a.yaml: invalid rate limit unit 'fortnight'");
  EXPECT_EQ(limit("unit: unknown, requests_per_unit: 1"),
            "a.yaml: invalid rate limit unit 'unknown'");
  EXPECT_EQ(limit("unit: day, unlimited: true"),
            "a.yaml: should not specify rate limit unit when unlimited");
  EXPECT_EQ(limit("unit: day, requests_per_unit: -1"),
            "a.yaml: requests_per_unit is not a number of 32 bits");
  EXPECT_EQ(limit("unit: second, requests_per_unit: 10000001"),
            "a.yaml: the rate is above 10^7 a second");
  EXPECT_EQ(limit("unit: day, requests_per_unit: 1, name: x, replaces: [{name: x}]"),
            "a.yaml: replaces should not contain name of same descriptor");
  EXPECT_EQ(limit("unit: day, requests_per_unit: 1, replaces: [{name: ''}]"),
            "a.yaml: should not have an empty replaces entry");
  EXPECT_EQ(FaultOf("domain: d\ndescriptors: 5\n"), "a.yaml: a list is needed here");
  EXPECT_EQ(FaultOf("- a\n"), "a.yaml: a map is needed here");
  EXPECT_EQ(FaultOf("domain: [\n").substr(0, 13), "a.yaml: line ");
  std::string deep = head;
  for (int i = 0; i < 40; ++i) {
    deep += std::string(static_cast<size_t>(2 * i), ' ') + "- key: k\n" +
            std::string(static_cast<size_t>(2 * i + 2), ' ') + "descriptors:\n";
  }
  EXPECT_EQ(FaultOf(deep), "a.yaml: descriptors are nested deeper than 32");
  const std::vector<Rules::File> twice{{"a.yaml", "domain: d\n"}, {"b.yaml", "domain: d\n"}};
  EXPECT_EQ(Rules::Create(twice).error().message, "b.yaml: duplicate domain 'd' in config file");
}

}  // namespace
}  // namespace weir::rls
