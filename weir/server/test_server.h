// ServerFixture: a server on free ports over a store of the test's choice.
//
// For tests only: a header may not name a driver, so the test that includes it opens one.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/clock.h"
#include "weir/server/server.h"
#include "weir/store/store.h"

namespace weir::server {

class ServerFixture : public testing::Test {
 protected:
  static constexpr size_t kThreads = 4;
  static constexpr uint32_t kShards = 4;

  virtual std::unique_ptr<store::Store> OpenStore(uint32_t shards) = 0;

  void Start(Server::Options options = {}, Clock* clock = nullptr) {
    gateway::Gateway::Options made;
    made.placement.hash_seed = 3;
    made.placement.ranges = shard::RangeMap::Even(kShards).value();
    for (uint32_t i = 0; i < kShards; ++i) made.placement.shards.push_back({0, i});
    std::vector<std::unique_ptr<store::Store>> stores;
    stores.push_back(OpenStore(kShards));
    gateway_ = gateway::Gateway::Create(std::move(made), std::move(stores),
                                        clock != nullptr ? *clock : clock_)
                   .value();
    options.listen = {net::ParseAddress("127.0.0.1:0").value()};
    options.threads = threads_;
    server_ = std::make_unique<Server>(*gateway_, options);
    address_ = server_->Start().value().front();
  }
  void TearDown() override {
    if (server_) server_->Stop();
    gateway_.reset();  // Its results still come to the server's loops.
  }

  size_t threads_ = kThreads;
  SystemClock clock_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<Server> server_;
  net::Address address_;
};

}  // namespace weir::server
