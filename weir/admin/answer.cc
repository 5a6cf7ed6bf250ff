#include "weir/admin/answer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace weir::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

// Whether `host` (with or without a port) is a name by which this server may be called.
bool IsAllowedHost(std::string_view host, std::string_view bound_host) {
  const size_t name_end = host.starts_with('[') ? host.find(']') : host.find(':');
  std::string_view name = host;
  if (name_end != std::string_view::npos) {
    name = host.substr(0, host.starts_with('[') ? name_end + 1 : name_end);
    const std::string_view port = host.substr(name.size());
    if (!port.empty() && (port.size() < 2 || port[0] != ':' ||
                          port.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
      return false;
    }
  }
  return beast::iequals(name, "localhost") || name == "127.0.0.1" || name == "[::1]" ||
         name == bound_host;
}

// Takes as long whatever part of the token is right.
bool SameSecret(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < secret.size(); ++i) {
    const char letter = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned char>(letter ^ secret[i]);
  }
  return difference == 0;
}

bool IsOpen(std::string_view path) {
  return std::find(kOpenPaths.begin(), kOpenPaths.end(), path) != kOpenPaths.end();
}

// Why the head, as bytes or as parsed, is not a request for this server; nullopt when it is.
std::optional<Answer> Refusal(std::string_view head, const error_code& parse_error,
                              const http::request<http::empty_body>& request,
                              std::string_view bound_host, bool any_host) {
  // Beast joins folded lines; RFC 9112 section 5.2 lets a server refuse them.
  const bool folded = head.find("\r\n ") != head.npos || head.find("\r\n\t") != head.npos;
  if (parse_error || folded) return Refuse(400, "malformed request");
  if (request.count(http::field::host) != 1) return Refuse(400, "exactly one Host is required");
  if (!any_host && !IsAllowedHost(request[http::field::host], bound_host)) {
    return Refuse(403, "this Host is not served here; use localhost or the address of --admin");
  }
  const bool has_body = request.count(http::field::transfer_encoding) != 0 ||
                        (request.count(http::field::content_length) != 0 &&
                         request[http::field::content_length] != "0");
  if (has_body) return Refuse(400, "a request body is not accepted");
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return Refuse(405, "only GET and HEAD are served");
  }
  return std::nullopt;
}

}  // namespace

Answer Refuse(int status, std::string why) {
  return {.response = {.status = status, .body = std::move(why) + "\n"}};
}

std::optional<Answer> BodyRefusal(std::string_view head, size_t most, size_t* bytes) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeadBytesMax);
  parser.body_limit(boost::none);  // Judged below.
  error_code error;
  parser.put(asio::buffer(head.data(), head.size()), error);
  if (error) return Refuse(400, "malformed request");
  const http::request<http::empty_body>& request = parser.get();
  if (request.count(http::field::transfer_encoding) != 0) {
    return Refuse(411, "send the body with a Content-Length");
  }
  const std::string_view length = request[http::field::content_length];
  if (length.empty()) return std::nullopt;
  const auto [end, failure] = std::from_chars(length.data(), length.data() + length.size(), *bytes);
  if (failure != std::errc() || end != length.data() + length.size()) {
    return Refuse(400, "malformed Content-Length");
  }
  if (*bytes > most) return Refuse(413, "the body is too long");
  return std::nullopt;
}

bool HasToken(std::string_view given, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  if (token.empty()) return true;
  if (!beast::iequals(given.substr(0, kScheme.size()), kScheme)) return false;
  return SameSecret(given.substr(kScheme.size()), token);
}

Answer AnswerTo(std::string_view head, const Routes& routes, std::string_view bound_host,
                std::string_view token) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHeadBytesMax);
  error_code error;
  parser.put(asio::buffer(head.data(), head.size()), error);
  const http::request<http::empty_body>& request = parser.get();
  if (auto refusal = Refusal(head, error, request, bound_host, !token.empty())) {
    return *std::move(refusal);
  }

  const std::string_view target = request.target();
  const std::string path(target.substr(0, target.find('?')));
  if (!IsOpen(path) && !HasToken(request[http::field::authorization], token)) {
    return Refuse(401, "a token is needed: Authorization: Bearer TOKEN, as in admin_token_file");
  }
  const auto route = routes.find(path);
  return {.response = route == routes.end() ? Response{.status = 404, .body = "no such page\n"}
                                            : route->second(),
          .head_only = request.method() == http::verb::head,
          .keep_alive = request.keep_alive()};
}

}  // namespace weir::admin
