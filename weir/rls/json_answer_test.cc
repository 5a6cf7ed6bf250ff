// Goal: a request is answered as envoyproxy/ratelimit answers it, and its limits decide together.
// Method: bodies and answers as text; the decision is scripted, what was asked is compared.
#include "weir/rls/json_answer.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir::rls {
namespace {

using namespace std::chrono_literals;

constexpr const char* kYaml = R"(
domain: shop
descriptors:
  - key: user
    rate_limit: {unit: minute, requests_per_unit: 10, name: per_user}
  - key: ip
    rate_limit: {unit: second, requests_per_unit: 3}
  - key: vip
    rate_limit: {unlimited: true, replaces: [{name: per_user}]}
  - key: banned
    rate_limit: {unit: day, requests_per_unit: 0}
  - key: new
    shadow_mode: true
    rate_limit: {unit: hour, requests_per_unit: 1}
)";

class JsonAnswerTest : public testing::Test {
 protected:
  static Rules MakeRules() {
    const std::vector<Rules::File> files{{"a.yaml", kYaml}};
    return Rules::Create(files).value();
  }
  std::string Ask(const std::string& body) {
    asked_.clear();
    const auto decide = [this](const std::vector<AskedLimit>& limits) {
      for (const AskedLimit& limit : limits) {
        asked_ += limit.key + " " + std::to_string(limit.count) + "/" +
                  std::to_string(limit.period.count()) + " " + std::to_string(limit.cost) +
                  (limit.binding ? "" : " shadow") + (limit.owed ? " owed" : "") + "|";
      }
      return Result<std::vector<LimitOutcome>>(std::vector<LimitOutcome>(
          outcomes_.begin(), outcomes_.begin() + static_cast<long>(limits.size())));
    };
    const JsonReply reply = AnswerJson(body, rules_, decide);
    return std::to_string(reply.status) + " " + reply.body;
  }
  static std::string Of(const std::string& key, const std::string& value,
                        const std::string& more = "") {
    return "{\"entries\":[{\"key\":\"" + key + "\",\"value\":\"" + value + "\"}]" + more + "}";
  }
  static std::string Body(const std::string& descriptors, const std::string& more = "") {
    return "{\"domain\":\"shop\",\"descriptors\":[" + descriptors + "]" + more + "}";
  }

  Rules rules_ = MakeRules();
  std::vector<LimitOutcome> outcomes_{{true, 7, 17500ms}, {true, 0, 1s}};
  std::string asked_;
};

TEST_F(JsonAnswerTest, EachDescriptorHasItsStatus) {
  EXPECT_EQ(
      Ask(Body(Of("user", "7") + "," + Of("none", "x") + "," + Of("ip", "::1"))),
      "200 {\"overallCode\":\"OK\",\"statuses\":[{\"code\":\"OK\",\"currentLimit\":{"
      "\"name\":\"per_user\",\"requestsPerUnit\":10,\"unit\":\"MINUTE\"},\"limitRemaining\":7,"
      "\"durationUntilReset\":\"18s\"},{\"code\":\"OK\"},{\"code\":\"OK\",\"currentLimit\":{"
      "\"requestsPerUnit\":3,\"unit\":\"SECOND\"},\"durationUntilReset\":\"1s\"}]}");
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7MINUTE 10/60 1|rls:4:shop2:ip3:::1SECOND 3/1 1|");
  outcomes_[1].allowed = false;
  EXPECT_EQ(Ask(Body(Of("user", "7") + "," + Of("ip", "::1"))).substr(0, 32),
            "429 {\"overallCode\":\"OVER_LIMIT\",");
}

TEST_F(JsonAnswerTest, CostsAreOfTheRequestOrTheDescriptor) {
  Ask(Body(Of("user", "7") + "," + Of("ip", "x", ",\"hits_addend\":\"5\""), ",\"hitsAddend\":3"));
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7MINUTE 10/60 3|rls:4:shop2:ip1:xSECOND 3/1 5 owed|");
  Ask(Body(Of("user", "7") + "," + Of("user", "7", ",\"hitsAddend\":0")));
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7MINUTE 10/60 1 owed|");
  Ask(Body(Of("user", "7", ",\"limit\":{\"requestsPerUnit\":5,\"unit\":\"HOUR\"}")));
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7HOUR 5/3600 1|");
}

TEST_F(JsonAnswerTest, ACostThatCannotBeCountedIsNotAnotherCost) {
  const std::string half = ",\"hitsAddend\":\"9223372036854775808\"";
  Ask(Body(Of("user", "7", half) + "," + Of("user", "7", half)));
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7MINUTE 10/60 18446744073709551615 owed|");
  EXPECT_EQ(Ask(Body(Of("user", "7"), ",\"hitsAddend\":4294967296")),
            "400 hitsAddend is not of 32 bits\n");
  Ask(Body(Of("user", "7"), ",\"hitsAddend\":4294967295"));
  EXPECT_EQ(asked_, "rls:4:shop4:user1:7MINUTE 10/60 4294967295|");
}

// Each member being held against all before it would take a good part of an hour.
TEST_F(JsonAnswerTest, AnObjectOfVeryManyMembersIsReadInOnePass) {
  std::string members;
  for (int i = 0; i < 500'000; ++i) members += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(Ask(Body(Of("user", "7"), members)), "400 unknown member '0'\n");
}

TEST_F(JsonAnswerTest, RulesAreReplacedShadowedUnlimitedOrOfNothing) {
  EXPECT_EQ(Ask(Body(Of("user", "7") + "," + Of("vip", "y"))),
            "200 {\"overallCode\":\"OK\",\"statuses\":[{\"code\":\"OK\"},"
            "{\"code\":\"OK\",\"limitRemaining\":4294967295}]}");
  EXPECT_EQ(asked_, "");
  outcomes_[0] = {false, 0, 60s};
  EXPECT_EQ(Ask(Body(Of("new", "x"))),
            "200 {\"overallCode\":\"OK\",\"statuses\":[{\"code\":\"OK\",\"currentLimit\":{"
            "\"requestsPerUnit\":1,\"unit\":\"HOUR\"},\"durationUntilReset\":\"60s\"}]}");
  EXPECT_EQ(asked_, "rls:4:shop3:new1:xHOUR 1/3600 1 shadow|");
  EXPECT_EQ(Ask(Body(Of("banned", "x") + "," + Of("ip", "x"))).substr(0, 60),
            "429 {\"overallCode\":\"OVER_LIMIT\",\"statuses\":[{\"code\":\"OVER_LI");
  EXPECT_EQ(asked_, "");  // Nobody else is charged.
}

TEST_F(JsonAnswerTest, WhatIsNullIsNotThere) {
  EXPECT_EQ(
      Ask(Body("{\"entries\":null,\"limit\":null,\"hitsAddend\":null}", ",\"hits_addend\":null")),
      "200 {\"overallCode\":\"OK\",\"statuses\":[{\"code\":\"OK\"}]}");
  EXPECT_EQ(Ask("{\"domain\":null}"), "400 rate limit domain must not be empty\n");
  EXPECT_EQ(Ask("{\"domain\":\"shop\",\"descriptors\":null}"),
            "400 rate limit descriptor list must not be empty\n");
}

TEST_F(JsonAnswerTest, WhatMakesNoSenseIsToldSo) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "400 the body is not a JSON object\n"},
      {"[1]", "400 the body is not a JSON object\n"},
      {"{}", "400 rate limit domain must not be empty\n"},
      {"{\"domain\":\"shop\"}", "400 rate limit descriptor list must not be empty\n"},
      {Body("5"), "400 a descriptor is not an object\n"},
      {Body("{\"entries\":5}"), "400 entries are not a list\n"},
      {Body("{\"entries\":[{}]}"), "400 an entry has no key\n"},
      {Body("{\"entries\":[5]}"), "400 an entry is not an object\n"},
      {Body("{\"entries\":[{\"key\":\"user\",\"value\":7}]}"),
       "400 key and value of an entry are texts\n"},
      {Body("{\"entries\":[{\"key\":\"user\",\"val\":\"7\"}]}"), "400 unknown member 'val'\n"},
      {Body(Of("user", "7", ",\"isNegativeHits\":true")), "400 unknown member 'isNegativeHits'\n"},
      {"{\"domain\":5}", "400 domain is not a text\n"},
      {"{\"domain\":\"shop\",\"descriptors\":{}}", "400 descriptors are not a list\n"},
      {Body(Of("user", "7"), ",\"hitsAddend\":-1"), "400 hitsAddend is not a number\n"},
      {Body(Of("user", "7", ",\"limit\":{\"unit\":\"X\"}")), "400 a limit's unit is not known\n"},
      {Body(Of("user", "7", ",\"limit\":5")), "400 a limit is not an object\n"}};
  for (const auto& [body, answer] : wrong) EXPECT_EQ(Ask(body), answer) << body;
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += (i == 0 ? "" : ",") + Of("user", std::to_string(i));
  EXPECT_EQ(Ask(Body(nine)), "400 at most 8 limits decide together\n");
}

}  // namespace
}  // namespace weir::rls
