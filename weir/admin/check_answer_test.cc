// Goal: a proxy's question is answered with the status and the headers that proxies read, and one
// that makes no sense with what is wrong.
// Method: heads of requests and scripted decisions; answers compared as text.
#include "weir/admin/check_answer.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using namespace std::chrono_literals;

// The answer as text: status, then headers in order, each on a line of its own, then the body.
std::string Show(const Answer& answer) {
  std::string text = std::to_string(answer.response.status) + "\n";
  for (const auto& [name, value] : answer.response.headers) text += name + ": " + value + "\n";
  return text + answer.response.body;
}

class CheckAnswerTest : public testing::Test {
 protected:
  // What `target` is answered; the decision is `limits_`.
  std::string Ask(const std::string& target, const std::string& headers = "",
                  const std::string& token = "") {
    const std::string head = "GET " + target + " HTTP/1.1\r\nHost: any\r\n" + headers + "\r\n";
    const auto check = [this](const std::vector<CheckedPolicy>& policies,
                              bool peek) -> Result<std::vector<CheckedLimit>> {
      asked_.clear();
      for (const CheckedPolicy& policy : policies) {
        asked_ += policy.name + "|" + policy.key + "|" + std::to_string(policy.cost) + " ";
        if (policy.name == "none") return Error{ErrorCode::kInvalid, "there is no such policy"};
      }
      asked_ += peek ? "peek" : "take";
      return std::vector<CheckedLimit>(limits_.begin(),
                                       limits_.begin() + static_cast<long>(policies.size()));
    };
    return Show(CheckAnswer(head, "", {.check = check}, token));
  }

  std::string asked_;
  std::vector<CheckedLimit> limits_{{.quota = 100, .window = 60s, .remaining = 7},
                                    {.quota = 5, .window = 100ms, .remaining = 1}};
};

TEST_F(CheckAnswerTest, WhatPassesIsToldWhatIsLeft) {
  EXPECT_EQ(Ask("/v1/check/api?key=user%3A7&cost=3"),
            "200\nX-Weir-Decision: allow\nRateLimit-Policy: \"api\";q=100;w=60\n"
            "RateLimit: \"api\";r=7;t=1\n");
  EXPECT_EQ(asked_, "api|user:7|3 take");
  EXPECT_EQ(Ask("/v1/check/api?key=a+b&peek=1&headers=draft03"),
            "200\nX-Weir-Decision: allow\nRateLimit-Limit: 100\nRateLimit-Remaining: 7\n"
            "RateLimit-Reset: 1\n");
  EXPECT_EQ(asked_, "api|a b|1 peek");
  EXPECT_EQ(Ask("/v1/check/api?key=a&headers=x-ratelimit"),
            "200\nX-Weir-Decision: allow\nX-RateLimit-Limit: 100\nX-RateLimit-Remaining: 7\n"
            "X-RateLimit-Reset: 1\n");
  EXPECT_EQ(Ask("/v1/check/api?headers=none", "X-Weir-Key: a b\r\n"),
            "200\nX-Weir-Decision: allow\n");
  EXPECT_EQ(asked_, "api|a b|1 take");
}

TEST_F(CheckAnswerTest, ARefusalSaysWhenToComeBack) {
  limits_[0] = {.allowed = false, .quota = 100, .window = 60s, .retry_after = 1400ms};
  const std::string body =
      "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
      "\"title\":\"Too Many Requests\",\"status\":429,\"violated-policies\":[\"api\"]}\n";
  EXPECT_EQ(Ask("/v1/check/api?key=a&headers=none"),
            "429\nRetry-After: 2\nX-Weir-Policy: api\nX-Weir-Decision: deny\n" + body);
  EXPECT_EQ(Ask("/v1/check/api?key=a&deny=403").substr(0, 19), "403\nRetry-After: 2\n");
  EXPECT_NE(Ask("/v1/check/api?key=a").find("RateLimit: \"api\";r=0;t=2\n"), std::string::npos);
  limits_[0].retry_after = std::chrono::nanoseconds::max();
  EXPECT_EQ(Ask("/v1/check/api?key=a&headers=none"),
            "429\nX-Weir-Policy: api\nX-Weir-Decision: deny\n" + body);
}

TEST_F(CheckAnswerTest, SeveralPoliciesAreOneDecision) {
  EXPECT_EQ(Ask("/v1/check/api,burst?key=u&key=t&cost=1&cost=20"),
            "200\nX-Weir-Decision: allow\n"
            "RateLimit-Policy: \"api\";q=100;w=60, \"burst\";q=50;w=1\n"
            "RateLimit: \"api\";r=7;t=1, \"burst\";r=1;t=1\n");
  EXPECT_EQ(asked_, "api|u|1 burst|t|20 take");
  limits_[1].allowed = false;
  limits_[1].retry_after = 20ms;
  EXPECT_EQ(Ask("/v1/check/api,burst?key=u&headers=x-ratelimit").substr(0, 55),
            "429\nRetry-After: 1\nX-Weir-Policy: burst\nX-Weir-Decision");
  limits_[1].binding = false;
  EXPECT_EQ(Ask("/v1/check/api,burst?key=u"),
            "200\nX-Weir-Decision: shadow-deny\nRateLimit-Policy: \"api\";q=100;w=60\n"
            "RateLimit: \"api\";r=7;t=1\n");
}

TEST_F(CheckAnswerTest, ATokenGuardsEverythingButHealth) {
  EXPECT_EQ(Ask("/v1/check/api?key=a", "", "secret").substr(0, 3), "401");
  EXPECT_EQ(Ask("/v1/check/api?key=a", "Authorization: Bearer secreT\r\n", "secret").substr(0, 3),
            "401");
  EXPECT_EQ(Ask("/v1/check/api?key=a", "Authorization: bearer secret\r\n", "secret").substr(0, 3),
            "200");
  EXPECT_EQ(Ask("/healthz", "", "secret"), "200\nok\n");
}

TEST_F(CheckAnswerTest, JsonIsAnsweredWhereThereAreRules) {
  const std::string post = "POST /json HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto json = [](std::string_view body) {
    return Response{.status = 429, .body = std::string(body)};
  };
  EXPECT_EQ(Show(CheckAnswer(post, "{}", {nullptr, json}, "")), "429\n{}");
  EXPECT_EQ(CheckAnswer(post, "{}", {}, "").response.status, 404);
  EXPECT_EQ(CheckAnswer(post, "{}", {nullptr, json}, "secret").response.status, 401);
}

TEST_F(CheckAnswerTest, ABodyIsTooLongHoweverLongItIs) {
  const auto status_of = [](const std::string& length) {
    const std::string head =
        "POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n";
    size_t bytes = 0;
    const std::optional<Answer> refused = BodyRefusal(head, kCheckBodyBytesMax, &bytes);
    return refused.has_value() ? refused->response.status : 200;
  };
  EXPECT_EQ(status_of(std::to_string(kCheckBodyBytesMax)), 200);
  EXPECT_EQ(status_of(std::to_string(kCheckBodyBytesMax + 1)), 413);
  EXPECT_EQ(status_of("1048577"), 413);
  EXPECT_EQ(status_of("18446744073709551615"), 413);
  EXPECT_EQ(status_of("18446744073709551616"), 400);
}

TEST_F(CheckAnswerTest, WhatMakesNoSenseIsToldSo) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"/v1/check/?key=a", "400\nname a policy: /v1/check/<policy>\n"},
      {"/v1/check/api", "400\na key is missing: ?key=... or X-Weir-Key\n"},
      {"/v1/check/none?key=a", "400\nthere is no such policy\n"},
      {"/v1/check/api?key=%4", "400\nthe query is not well encoded\n"},
      {"/v1/check/api?key=%zz", "400\nthe query is not well encoded\n"},
      {"/v1/check/%?key=a", "400\nthe policy's name is not well encoded\n"},
      {"/v1/check/api?key=a&cost=-1", "400\ncost is not a number\n"},
      {"/v1/check/api?key=a&deny=200", "400\ndeny is a status from 400 to 599\n"},
      {"/v1/check/api?key=a&headers=all",
       "400\nheaders is draft10, draft03, x-ratelimit or none\n"},
      {"/v1/check/api?key=a&peek=yes", "400\npeek is 0 or 1\n"},
      {"/v1/check/api?key=a&speed=1", "400\nunknown parameter 'speed'\n"},
      {"/v1/check/api?key=a&key=b", "400\ngive one key, or one for each policy\n"},
      {"/v1/check/a,b?key=a&cost=1&cost=1&cost=1", "400\ngive one cost, or one for each policy\n"},
      {"/v1/check/a,b,c,d,e,f,g,h,i?key=a", "400\nat most 8 policies decide together\n"},
      {"/v1/chec", "404\nno such page; ask /v1/check/<policy>?key=...\n"}};
  for (const auto& [target, answer] : wrong) EXPECT_EQ(Ask(target), answer) << target;
  const auto never = [](const auto&, bool) -> Result<std::vector<CheckedLimit>> {
    return Error{ErrorCode::kInvalid, "asked"};
  };
  EXPECT_EQ(CheckAnswer("PUT /v1/check/a?key=k HTTP/1.1\r\nHost: a\r\n\r\n", "", {never}, "")
                .response.status,
            405);
  EXPECT_EQ(CheckAnswer("nonsense\r\n\r\n", "", {never}, "").response.status, 400);
  EXPECT_TRUE(CheckAnswer("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "", {never}, "").head_only);
}

}  // namespace
}  // namespace weir::admin
