// HttpServer: a small HTTP/1.1 server on its own thread, which knows nothing of what it serves.
//
// It reads a request's head, and a body where one is allowed, has it answered by one function, and
// keeps the connection if the answer says so. One thread for everything, no TLS, no compression.
//
// Ownership: keeps the function, and so must be kept what that borrows.
// Threads: Start and the destructor are single-owner. The function runs on the server's thread, one
// call at a time; it must not block or throw, for nothing else is answered meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "weir/admin/answer.h"
#include "weir/base/result.h"

namespace weir::admin {

// `head`: request line and headers, up to and with the empty line.
using AnswerFunction = std::function<Answer(std::string_view head, std::string_view body)>;

struct HttpOptions {
  std::string name = "admin";  // In errors of Start.
  // From the moment the server waits for a request to the last byte of its answer. A connection
  // past it is closed, and so is one that stays idle as long.
  std::chrono::milliseconds request_deadline{5000};
  // Open connections. One more takes the place of the one that has been waited for longest, for a
  // request or to take an answer, so that clients that say nothing keep nobody out.
  size_t connections_max = 32;
  // Bytes of a body; of a longer one the request is refused. 0: bodies are left to the function.
  size_t body_bytes_max = 0;
};

// Returns an address literal as a Host names it: in its usual form, IPv6 in brackets.
std::string HostOf(const std::string& ip);

class HttpServer {
 public:
  HttpServer(AnswerFunction answer, HttpOptions options);
  // Closes all connections and joins the thread.
  ~HttpServer();

  // Binds `ip` (an address literal) exclusively, starts the thread and returns the port, which is
  // `port` or, for 0, a free one.
  // Requires: not started before.
  // Errors: kInvalid (`ip` is no address), kUnavailable (in use, or may not be bound).
  Result<uint16_t> Start(const std::string& ip, uint16_t port);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace weir::admin
