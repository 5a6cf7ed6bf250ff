#include "weir/admin/http_server.h"

#include <array>
#include <cassert>
#include <list>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace weir::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kAcceptRetryDelay{100};

http::response<http::string_body> Encode(const Answer& answer) {
  http::response<http::string_body> encoded(static_cast<http::status>(answer.response.status), 11);
  encoded.set(http::field::content_type, answer.response.content_type);
  encoded.set(http::field::cache_control, "no-store");
  encoded.set("X-Content-Type-Options", "nosniff");
  if (answer.response.status == 401) encoded.set(http::field::www_authenticate, "Bearer");
  if (answer.response.status == 405) encoded.set(http::field::allow, "GET, HEAD");
  for (const auto& [name, value] : answer.response.headers) encoded.set(name, value);
  encoded.keep_alive(answer.keep_alive);
  encoded.content_length(answer.response.body.size());
  if (!answer.head_only) encoded.body() = answer.response.body;
  return encoded;
}

// Closing a socket with unread input resets it, and the peer may lose the answer to the reset.
asio::awaitable<void> CloseGently(beast::tcp_stream& stream) {
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 4096> discarded;
  for (size_t total = 0; total < kDiscardedBytesMax;) {
    const auto [error, size] =
        co_await stream.async_read_some(asio::buffer(discarded), kAwaitTuple);
    if (error) break;
    total += size;
  }
}

}  // namespace

class HttpServer::Server {
 public:
  Server(AnswerFunction answer, HttpOptions options)
      : answer_(std::move(answer)), options_(std::move(options)) {}
  ~Server() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<uint16_t> Start(const std::string& ip, uint16_t port) {
    error_code error;
    const asio::ip::address address = asio::ip::make_address(ip, error);
    if (error)
      return Error{ErrorCode::kInvalid, options_.name + ": '" + ip + "' is not an IP address"};

    const tcp::endpoint endpoint(address, port);
    acceptor_.open(endpoint.protocol(), error);
    // On Linux this only skips TIME_WAIT; a second listener still gets "address in use".
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      const bool in_use = error == asio::error::address_in_use;
      return Error{ErrorCode::kUnavailable,
                   options_.name + ": cannot listen on " + HostOf(ip) + ":" + std::to_string(port) +
                       ": " +
                       (in_use ? "address in use; stop the other program or choose another port"
                               : error.message())};
    }
    const uint16_t bound_port = acceptor_.local_endpoint().port();
    asio::co_spawn(io_, Accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
    return bound_port;
  }

 private:
  // A connection's place among the open ones, until it is closed to make room or its coroutine
  // ends.
  class Place {
   public:
    // The one that has been waited for longest comes first.
    using List = std::list<Place*>;

    Place(List& list, beast::tcp_stream& stream) : list_(list), stream_(stream) {
      at_ = list_.insert(list_.end(), this);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { Leave(); }

    // It is waited for anew.
    void ToTheEnd() {
      if (listed_) list_.splice(list_.end(), list_, at_);
    }
    // Its coroutine ends when it learns of this.
    void Close() {
      Leave();
      stream_.close();
    }

   private:
    void Leave() {
      if (std::exchange(listed_, false)) list_.erase(at_);
    }

    List& list_;
    beast::tcp_stream& stream_;
    List::iterator at_;
    bool listed_ = true;
  };

  asio::awaitable<void> Accept() {
    asio::steady_timer retry(io_);
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwaitTuple);
      if (error) {  // Mostly: out of file descriptors, which passes.
        retry.expires_after(kAcceptRetryDelay);
        co_await retry.async_wait(kAwaitTuple);
      } else {
        if (places_.size() >= options_.connections_max) places_.front()->Close();
        asio::co_spawn(io_, Serve(beast::tcp_stream(std::move(socket))), asio::detached);
      }
    }
  }

  asio::awaitable<void> Serve(beast::tcp_stream stream) {
    Place place(places_, stream);
    std::string input;
    bool keep_alive = true;
    while (keep_alive) {
      place.ToTheEnd();
      stream.expires_after(options_.request_deadline);
      const auto [error, head_bytes] = co_await asio::async_read_until(
          stream, asio::dynamic_buffer(input, kHeadBytesMax), "\r\n\r\n", kAwaitTuple);
      const bool too_large = error == asio::error::not_found;
      if (error && !too_large) co_return;
      size_t body_bytes = 0;
      std::optional<Answer> refused;
      if (too_large) {
        refused = Refuse(431, "request head over 8192 bytes");
      } else if (options_.body_bytes_max > 0) {
        refused = BodyRefusal(std::string_view(input).substr(0, head_bytes),
                              options_.body_bytes_max, &body_bytes);
      }
      while (!refused.has_value() && input.size() < head_bytes + body_bytes) {
        std::array<char, 4096> piece;
        const auto [body_error, size] =
            co_await stream.async_read_some(asio::buffer(piece), kAwaitTuple);
        if (body_error) co_return;
        input.append(piece.data(), size);
      }
      const std::string_view request = input;
      const Answer answer = refused.has_value() ? *refused
                                                : answer_(request.substr(0, head_bytes),
                                                          request.substr(head_bytes, body_bytes));
      input.erase(0, head_bytes + body_bytes);

      http::response<http::string_body> encoded = Encode(answer);
      const auto [write_error, written] = co_await http::async_write(stream, encoded, kAwaitTuple);
      if (write_error) co_return;
      keep_alive = answer.keep_alive;
    }
    co_await CloseGently(stream);
  }

  const AnswerFunction answer_;
  const HttpOptions options_;
  Place::List places_;  // Before io_, which destroys the coroutines that stand here.
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  std::thread thread_;
};

std::string HostOf(const std::string& ip) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(ip, error);
  if (error) return ip;
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

HttpServer::HttpServer(AnswerFunction answer, HttpOptions options)
    : server_(std::make_unique<Server>(std::move(answer), std::move(options))) {}

HttpServer::~HttpServer() = default;

Result<uint16_t> HttpServer::Start(const std::string& ip, uint16_t port) {
  return server_->Start(ip, port);
}

}  // namespace weir::admin
