// LimitWaitsFixture: two clients of a gateway, one of whom may wait at its limits.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {

class LimitWaitsFixture : public testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  explicit LimitWaitsFixture(const GatewayRig::Options& options) : rig_(options) {}

  void Pass(std::chrono::milliseconds time) {
    rig_.Pass(time);
    rig_.RingAlarms();
    rig_.RunAll();
  }
  void Send(size_t client, const Words& words) {
    rig_.Send(client, words);
    rig_.RunAll();
  }
  Strings Replies(size_t client) { return rig_.Replies(client); }
  size_t waiting() { return rig_.gateway().admission().waits().count(); }

  GatewayRig rig_;
  size_t a_ = rig_.Connect();
  size_t b_ = rig_.Connect();
};

}  // namespace weir::gateway
