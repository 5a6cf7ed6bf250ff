// TestClient: a blocking client over a real socket.
//
// For tests only. Threads: single-owner.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "weir/net/socket.h"
#include "weir/resp/reader.h"

namespace weir::server {

class TestClient {
 public:
  explicit TestClient(const net::Address& address)
      : socket_(net::Socket::Connect(address).value()) {}

  static std::string Encode(const std::vector<std::string>& words) {
    std::string text = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
      text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return text;
  }

  // Returns whether the server took all of it.
  bool SendBytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const net::Piece piece{bytes.data(), bytes.size()};
      const net::Transfer sent = socket_.Send({&piece, 1});
      if (sent.state == net::Transfer::State::kClosed) return false;
      bytes.remove_prefix(sent.bytes);
    }
    return true;
  }
  bool Send(const std::vector<std::string>& words) { return SendBytes(Encode(words)); }

  // Waits for the next reply. Returns false when the server has closed.
  bool Receive(resp::Value* value) {
    for (;;) {
      std::string_view left = std::string_view(received_).substr(used_);
      const resp::ReadResult result = reader_.Next(&left, value);
      used_ = received_.size() - left.size();
      if (result == resp::ReadResult::kValue) return true;
      EXPECT_EQ(result, resp::ReadResult::kNeedMore) << reader_.error();
      received_.resize(size_t{1} << 16);
      used_ = 0;
      const net::Transfer got = socket_.Receive(received_);
      received_.resize(got.bytes);
      if (got.state == net::Transfer::State::kEnded) return false;
      if (got.state == net::Transfer::State::kClosed) return false;
    }
  }
  // The text or number of the next reply; "(closed)" at the end.
  std::string Next() {
    resp::Value value;
    if (!Receive(&value)) return "(closed)";
    if (value.kind == resp::Value::Kind::kInteger) return std::to_string(value.integer);
    return value.kind == resp::Value::Kind::kNull ? "(nil)" : value.text;
  }
  std::string Do(const std::vector<std::string>& words) {
    return Send(words) ? Next() : "(closed)";
  }

 private:
  net::Socket socket_;
  resp::Reader reader_;
  std::string received_;
  size_t used_ = 0;
};

}  // namespace weir::server
