// Whatever a stranger sends as the head of a request: it is answered, and nothing is served that
// may not be: not past the token, not to a foreign Host, not with a body, and by GET and HEAD
// alone. The same for a proxy's question: nothing is charged without the token, and no answer
// breaks out of its headers.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "weir/admin/answer.h"
#include "weir/admin/check_answer.h"

namespace weir::admin {
namespace {

constexpr std::string_view kSecret = "secret";

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void Check(std::string_view head, std::string_view token) {
  bool open_page = false;
  bool closed_page = false;
  const Routes routes{{"/healthz",
                       [&] {
                         open_page = true;
                         return Response{.body = "ok\n"};
                       }},
                      {"/metrics", [&] {
                         closed_page = true;
                         return Response{.body = "metrics\n"};
                       }}};
  const Answer answer = AnswerTo(head, routes, "127.0.0.2", token);
  const int status = answer.response.status;
  Require(status >= 200 && status < 600, "there is a status");
  Require((status == 200) == (open_page || closed_page), "200 is what a page answers");
  Require(!answer.keep_alive || status == 200 || status == 404, "a refusal ends the connection");
  Require(status != 200 || head.starts_with("GET ") || head.starts_with("HEAD "),
          "only GET and HEAD are served");
  Require(!closed_page || token.empty() || Contains(head, token), "a token is needed");
  Require(status != 200 || !token.empty() || !Contains(head, "\r\nHost: evil\r\n"),
          "a foreign Host is not served");
}

void CheckQuestion(std::string_view head, std::string_view token) {
  bool asked = false;
  const CheckHandlers handlers{.check = [&](const std::vector<CheckedPolicy>& policies,
                                            bool) -> Result<std::vector<CheckedLimit>> {
    asked = true;
    for (const CheckedPolicy& policy : policies) {
      if (policy.name != "api") return Error{ErrorCode::kInvalid, "there is no such policy"};
    }
    return std::vector<CheckedLimit>(policies.size(),
                                     {.quota = 5, .window = std::chrono::seconds(1)});
  }};
  const Answer answer = CheckAnswer(head, "", handlers, token);
  const int status = answer.response.status;
  Require(status >= 200 && status < 600, "a question has a status");
  Require(status != 200 || asked || Contains(head, "/healthz"), "200 is what was decided");
  Require(!asked || token.empty() || Contains(head, token), "a question needs the token");
  for (const auto& [name, value] : answer.response.headers) {
    Require(name.find_first_of("\r\n:") == name.npos, "a header's name is a name");
    Require(value.find_first_of("\r\n") == value.npos, "a header's value is one line");
  }
}

}  // namespace
}  // namespace weir::admin

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string head(reinterpret_cast<const char*>(data), size);
  head.resize(std::min(head.find("\r\n\r\n"), head.size()));
  head += "\r\n\r\n";
  weir::admin::Check(head, "");
  weir::admin::Check(head, weir::admin::kSecret);
  weir::admin::CheckQuestion(head, "");
  weir::admin::CheckQuestion(head, weir::admin::kSecret);
  return 0;
}
