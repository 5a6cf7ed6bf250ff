#include "weir/admin/admin_server.h"

#include <cassert>
#include <string_view>
#include <utility>

#include "weir/admin/answer.h"
#include "weir/admin/http_server.h"

namespace weir::admin {

AdminServer::AdminServer(Routes routes, AdminOptions options)
    : routes_(std::move(routes)), options_(std::move(options)) {
  for (const auto& [path, handler] : routes_) {
    assert(path.starts_with('/'));
    assert(path.find('?') == path.npos);
    assert(handler);
  }
}

AdminServer::~AdminServer() = default;

Result<uint16_t> AdminServer::Start(const std::string& ip, uint16_t port) {
  assert(server_ == nullptr);
  server_ = std::make_unique<HttpServer>(
      [this, host = HostOf(ip)](std::string_view head, std::string_view) {
        return AnswerTo(head, routes_, host, options_.token);
      },
      HttpOptions{.request_deadline = options_.request_deadline,
                  .connections_max = kConnectionsMax});
  Result<uint16_t> started = server_->Start(ip, port);
  if (!started) server_.reset();
  return started;
}

void AdminServer::Stop() {
  server_.reset();
}

}  // namespace weir::admin
