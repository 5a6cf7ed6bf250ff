// ClientTrackingTest: clients with caches of their own, of one gateway (gateway_rig.h).
//
// For tests only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {

using Replies = std::vector<std::string>;

class ClientTrackingTest : public ::testing::Test {
 protected:
  ClientTrackingTest() { Open({}); }

  void Open(GatewayRig::Options options) {
    rig = std::make_unique<GatewayRig>(std::move(options));
    reader = Resp3();
    writer = rig->Connect();
    rig->Do(writer, {"SET", "k", "old"});
  }
  size_t Resp3() {
    const size_t client = rig->Connect();
    rig->Do(client, {"HELLO", "3"});
    return client;
  }
  std::string Track(size_t client, Words options = {}) {
    Words words = {"CLIENT", "TRACKING", "ON"};
    words.insert(words.end(), options.begin(), options.end());
    return rig->Do(client, words);
  }
  // What the client has been sent since it was last asked, once everything has happened.
  Replies Told(size_t client) {
    rig->RunAll();
    return rig->Replies(client);
  }
  std::string Info(const std::string& field) {
    const std::string text = rig->Do(writer, {"INFO", "all"});
    const size_t at = text.find(field + ":") + field.size() + 1;
    return text.substr(at, text.find('\r', at) - at);
  }
  uint64_t Id(size_t client) { return rig->client(client).session.id; }

  std::unique_ptr<GatewayRig> rig;
  size_t reader = 0;
  size_t writer = 0;
};

inline const std::string kInvalidated = "[invalidate [k]]";
inline const std::string kAllInvalidated = "[invalidate (nil)]";

}  // namespace weir::gateway
