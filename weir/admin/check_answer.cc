#include "weir/admin/check_answer.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace weir::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Head = http::request<http::empty_body>;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kPath = "/v1/check/";
constexpr std::string_view kHealthPath = "/healthz";  // For a proxy that looks after this server.

enum class Style { kDraft10, kDraft03, kXRateLimit, kNone };

struct Question {
  std::vector<CheckedPolicy> policies;
  bool peek = false;
  int deny_status = 429;
  Style style = Style::kDraft10;
};

std::optional<unsigned> HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

// Undoes percent-encoding and, in a query, pluses. nullopt: it is not well formed.
std::optional<std::string> Decode(std::string_view text, char plus) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? plus : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const std::optional<unsigned> high = HexDigit(text[i + 1]);
    const std::optional<unsigned> low = HexDigit(text[i + 2]);
    if (!high.has_value() || !low.has_value()) return std::nullopt;
    decoded += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return decoded;
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

// Takes what stands before `separator` off the front of `text`.
std::string_view TakeUpTo(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  const std::string_view part = text->substr(0, at);
  text->remove_prefix(at == text->npos ? text->size() : at + 1);
  return part;
}

Error Wrong(std::string why) {
  return Error{ErrorCode::kInvalid, std::move(why)};
}

// Reads path, query and headers of the question, from front to back.
class QuestionReader {
 public:
  Result<Question> Read(std::string_view path, std::string_view query,
                        std::string_view header_key) {
    while (!path.empty()) {
      const std::optional<std::string> name = Decode(TakeUpTo(&path, ','), '+');
      if (!name.has_value()) return Wrong("the policy's name is not well encoded");
      question_.policies.push_back({.name = *name});
    }
    if (question_.policies.empty()) return Wrong("name a policy: /v1/check/<policy>");
    if (question_.policies.size() > kCheckedPoliciesMax) {
      return Wrong("at most 8 policies decide together");
    }
    while (!query.empty()) {
      std::string_view value = TakeUpTo(&query, '&');
      const std::string_view name = TakeUpTo(&value, '=');
      const std::optional<std::string> decoded = Decode(value, ' ');
      if (!decoded.has_value()) return Wrong("the query is not well encoded");
      if (std::string why = Take(name, *decoded); !why.empty()) return Wrong(std::move(why));
    }
    if (keys_.empty() && !header_key.empty()) keys_.emplace_back(header_key);
    if (std::string why = Spread(); !why.empty()) return Wrong(std::move(why));
    return question_;
  }

 private:
  // Returns what is wrong, or nothing.
  std::string Take(std::string_view name, const std::string& value) {
    if (name == "key") {
      keys_.push_back(value);
    } else if (name == "cost") {
      const std::optional<uint64_t> cost = Number(value);
      if (!cost.has_value()) return "cost is not a number";
      costs_.push_back(*cost);
    } else if (name == "peek") {
      if (value != "0" && value != "1") return "peek is 0 or 1";
      question_.peek = value == "1";
    } else if (name == "deny") {
      const uint64_t status = Number(value).value_or(0);
      if (status < 400 || status > 599) return "deny is a status from 400 to 599";
      question_.deny_status = static_cast<int>(status);
    } else if (name == "headers") {
      constexpr std::pair<std::string_view, Style> kStyles[] = {{"draft10", Style::kDraft10},
                                                                {"draft03", Style::kDraft03},
                                                                {"x-ratelimit", Style::kXRateLimit},
                                                                {"none", Style::kNone}};
      const auto* style = std::find_if(std::begin(kStyles), std::end(kStyles),
                                       [&](const auto& one) { return one.first == value; });
      if (style == std::end(kStyles)) return "headers is draft10, draft03, x-ratelimit or none";
      question_.style = style->second;
    } else {
      return "unknown parameter '" + std::string(name.substr(0, 64)) + "'";
    }
    return "";
  }

  // One key and one cost are those of all policies; else there is one for each.
  std::string Spread() {
    const size_t count = question_.policies.size();
    if (keys_.empty()) return "a key is missing: ?key=... or X-Weir-Key";
    if (keys_.size() != 1 && keys_.size() != count) return "give one key, or one for each policy";
    if (costs_.size() > 1 && costs_.size() != count) return "give one cost, or one for each policy";
    for (size_t i = 0; i < count; ++i) {
      question_.policies[i].key = keys_[keys_.size() == 1 ? 0 : i];
      if (!costs_.empty()) question_.policies[i].cost = costs_[costs_.size() == 1 ? 0 : i];
    }
    return "";
  }

  Question question_;
  std::vector<std::string> keys_;
  std::vector<uint64_t> costs_;
};

uint64_t CeilSeconds(std::chrono::nanoseconds duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

// In whole seconds, as the headers count: of a window below one what fits in one.
uint64_t WindowSeconds(const CheckedLimit& limit) {
  return std::max<uint64_t>(CeilSeconds(limit.window), 1);
}
uint64_t QuotaOf(const CheckedLimit& limit) {
  const std::chrono::nanoseconds window = std::chrono::seconds(WindowSeconds(limit));
  const long double share =
      static_cast<long double>(window.count()) / static_cast<long double>(limit.window.count());
  return static_cast<uint64_t>(static_cast<long double>(limit.quota) * share);
}

// Seconds until there is more quota: for one who was refused, enough.
uint64_t UntilMore(const CheckedLimit& limit) {
  if (!limit.allowed) return CeilSeconds(limit.retry_after);
  const auto quota = static_cast<int64_t>(std::max<uint64_t>(limit.quota, 1));
  return std::max<uint64_t>(CeilSeconds(limit.window / quota), 1);
}

bool IsNever(const CheckedLimit& limit) {
  return limit.retry_after == std::chrono::nanoseconds::max();
}

// The limit that a client should know of: the one that refuses for longest, else the one with
// least left. Limits in shadow are not told.
std::optional<size_t> Decisive(const std::vector<CheckedLimit>& limits) {
  std::optional<size_t> decisive;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].binding) continue;
    if (!decisive.has_value()) {
      decisive = i;
      continue;
    }
    const CheckedLimit& best = limits[*decisive];
    const bool longer = !limits[i].allowed && limits[i].retry_after > best.retry_after;
    const bool less = best.allowed && limits[i].allowed && limits[i].remaining < best.remaining;
    if (longer || less || (best.allowed && !limits[i].allowed)) decisive = i;
  }
  return decisive;
}

// RFC 9651 Lists of Strings with parameters.
void AddDraft10(const Question& question, const std::vector<CheckedLimit>& limits,
                Headers* headers) {
  std::string policies;
  std::string left;
  for (size_t i = 0; i < limits.size(); ++i) {
    if (!limits[i].binding) continue;
    const std::string name = '"' + question.policies[i].name + '"';
    const auto list = [](std::string* text) { return text->empty() ? "" : ", "; };
    policies += list(&policies) + name + ";q=" + std::to_string(QuotaOf(limits[i])) +
                ";w=" + std::to_string(WindowSeconds(limits[i]));
    left += list(&left) + name + ";r=" + std::to_string(limits[i].remaining);
    if (!IsNever(limits[i])) left += ";t=" + std::to_string(UntilMore(limits[i]));
  }
  if (policies.empty()) return;
  headers->emplace_back("RateLimit-Policy", policies);
  headers->emplace_back("RateLimit", left);
}

void AddLimitHeaders(const Question& question, const std::vector<CheckedLimit>& limits,
                     Headers* headers) {
  if (question.style == Style::kDraft10) return AddDraft10(question, limits, headers);
  const std::optional<size_t> decisive = Decisive(limits);
  if (question.style == Style::kNone || !decisive.has_value()) return;
  const CheckedLimit& limit = limits[*decisive];
  const std::string prefix = question.style == Style::kXRateLimit ? "X-RateLimit-" : "RateLimit-";
  headers->emplace_back(prefix + "Limit", std::to_string(QuotaOf(limit)));
  headers->emplace_back(prefix + "Remaining", std::to_string(limit.remaining));
  if (!IsNever(limit)) headers->emplace_back(prefix + "Reset", std::to_string(UntilMore(limit)));
}

Response Denied(const Question& question, const CheckedLimit& limit, const std::string& name) {
  Response response{.status = question.deny_status, .content_type = "application/problem+json"};
  if (!IsNever(limit)) {
    response.headers.emplace_back("Retry-After", std::to_string(UntilMore(limit)));
  }
  // Names of policies are of letters, digits and _.:/-, so nothing in them needs an escape.
  response.body =
      "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
      "\"title\":\"Too Many Requests\",\"status\":" +
      std::to_string(question.deny_status) + ",\"violated-policies\":[\"" + name + "\"]}\n";
  return response;
}

Response Decided(const Question& question, const std::vector<CheckedLimit>& limits) {
  const std::optional<size_t> decisive = Decisive(limits);
  const bool denied = decisive.has_value() && !limits[*decisive].allowed;
  const bool shadow = std::any_of(limits.begin(), limits.end(), [](const CheckedLimit& limit) {
    return !limit.binding && !limit.allowed;
  });
  Response response;
  if (denied) {
    response = Denied(question, limits[*decisive], question.policies[*decisive].name);
    response.headers.emplace_back("X-Weir-Policy", question.policies[*decisive].name);
  }
  response.headers.emplace_back("X-Weir-Decision", denied   ? "deny"
                                                   : shadow ? "shadow-deny"
                                                            : "allow");
  AddLimitHeaders(question, limits, &response.headers);
  return response;
}

std::optional<Answer> Refusal(const error_code& parse_error, const Head& head,
                              std::string_view token) {
  if (parse_error) return Refuse(400, "malformed request");
  if (head.target() != kHealthPath && !HasToken(head[http::field::authorization], token)) {
    return Refuse(401, "a token is needed: Authorization: Bearer TOKEN, as in check_token_file");
  }
  const http::verb method = head.method();
  if (method != http::verb::get && method != http::verb::head && method != http::verb::post) {
    Answer refused = Refuse(405, "only GET, HEAD and POST are served");
    refused.response.headers.emplace_back("Allow", "GET, HEAD, POST");
    return refused;
  }
  return std::nullopt;
}

}  // namespace

Answer CheckAnswer(std::string_view text, std::string_view body, const CheckHandlers& handlers,
                   std::string_view token) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeadBytesMax);
  error_code error;
  parser.put(asio::buffer(text.data(), text.size()), error);
  const Head& head = parser.get();
  if (auto refusal = Refusal(error, head, token)) return *std::move(refusal);

  Answer answer{.head_only = head.method() == http::verb::head, .keep_alive = head.keep_alive()};
  std::string_view query = head.target();
  const std::string_view path = TakeUpTo(&query, '?');
  if (path == kHealthPath) {
    answer.response.body = "ok\n";
    return answer;
  }
  if (path == "/json" && head.method() == http::verb::post && handlers.json != nullptr) {
    answer.response = handlers.json(body);
    return answer;
  }
  if (!path.starts_with(kPath)) {
    answer.response = {.status = 404, .body = "no such page; ask /v1/check/<policy>?key=...\n"};
    return answer;
  }
  const Result<Question> question =
      QuestionReader().Read(path.substr(kPath.size()), query, head["X-Weir-Key"]);
  if (!question.ok()) {
    answer.response = {.status = 400, .body = question.error().message + "\n"};
    return answer;
  }
  const Result<std::vector<CheckedLimit>> limits =
      handlers.check(question.value().policies, question.value().peek);
  if (!limits.ok()) {
    answer.response = {.status = 400, .body = limits.error().message + "\n"};
    return answer;
  }
  answer.response = Decided(question.value(), limits.value());
  return answer;
}

}  // namespace weir::admin
