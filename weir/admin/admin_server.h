// AdminServer: a small HTTP/1.1 server for probes, scrapes and read-only views, on its own thread.
//
// A fixed table maps each path to a handler; GET and HEAD are all it knows. It is not a web server
// and not for the data path: no bodies, no TLS, no compression, one thread for everything.
//
//   AdminServer admin({{"/healthz", [] { return Response{.body = "ok\n"}; }}});
//   Result<uint16_t> port = admin.Start("127.0.0.1", 6391);
//
// What it refuses, since a browser on the same machine can reach it too: a Host that is not a name
// of this address (DNS rebinding), a repeated Host, any request body, folded header lines, a head
// over kHeadBytesMax. A refused request is answered, then its connection is closed. No answer ever
// allows another origin (CORS).
//
// Ownership: the handlers are kept until the server is destroyed, and so must be what they borrow.
// Threads: Start, Stop and the destructor are single-owner. Handlers run on the server's thread,
// one at a time; they must not block or throw, for nothing else is answered meanwhile.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/result.h"

namespace weir::admin {

class HttpServer;

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  // Beside those that every answer has; one of these replaces one of those.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

using Handler = std::function<Response()>;
using Routes = std::map<std::string, Handler>;

// Bytes of a request line and its headers, the empty line included; one more is answered 431.
inline constexpr size_t kHeadBytesMax = 8192;
// Open connections. One more takes the place of the one that has been waited for longest, for a
// request or to take an answer, so that clients that say nothing do not keep a probe out.
inline constexpr size_t kConnectionsMax = 32;
// Bytes read and dropped after a final answer, so that the answer is not lost to a reset.
inline constexpr size_t kDiscardedBytesMax = 64 * 1024;

// Paths for probes, which carry no token: they tell whether the server is well, and no more.
inline constexpr std::array<std::string_view, 2> kOpenPaths = {"/healthz", "/readyz"};

struct AdminOptions {
  // From the moment the server waits for a request to the last byte of its answer. A connection
  // past it is closed, and so is one that stays idle as long.
  std::chrono::milliseconds request_deadline{5000};
  // What `Authorization: Bearer` must give for every path but kOpenPaths; empty: nothing. With a
  // token any Host is served, since a page elsewhere does not know it.
  std::string token = {};
};

class AdminServer {
 public:
  // Requires: every path begins with '/' and holds no '?'.
  explicit AdminServer(Routes routes, AdminOptions options = {});
  // Stops the server.
  ~AdminServer();

  // Binds `ip` (an address literal) exclusively, starts the thread and returns the port, which is
  // `port` or, for 0, a free one.
  // Requires: not started before.
  // Errors: kInvalid (`ip` is no address), kUnavailable (in use, or may not be bound).
  Result<uint16_t> Start(const std::string& ip, uint16_t port);

  // Closes all connections and joins the thread. Does nothing when not running.
  void Stop();

 private:
  Routes routes_;
  AdminOptions options_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace weir::admin
