// Goal: a client hears in time that the database does not answer, whatever else its loop does.
// Method: real sockets over a store whose reads are held until the test lets them go.
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/server/test_client.h"
#include "weir/server/test_server.h"
#include "weir/store/forwarding_store.h"
#include "weir/store/memory/memory_store.h"

namespace weir::server {
namespace {

using testing::StartsWith;

// Threads: thread-safe.
class HeldReads {
 public:
  void Hold(std::function<void()> read) {
    {
      const std::lock_guard lock(mutex_);
      if (holds_) {
        held_.push_back(std::move(read));
        return;
      }
    }
    read();
  }
  void LetGo() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      holds_ = false;
      held.swap(held_);
    }
    for (const std::function<void()>& read : held) read();
  }

 private:
  std::mutex mutex_;
  bool holds_ = true;  // Guarded by mutex_, as held_.
  std::vector<std::function<void()>> held_;
};

class HoldingStore final : public store::ForwardingStore {
 public:
  HoldingStore(std::unique_ptr<store::Store> behind, HeldReads& reads)
      : ForwardingStore(std::move(behind)), reads_(reads) {}

  void LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                  store::Done<store::Loads> done) override {
    reads_.Hold([this, keys = std::move(keys), bytes_max, done = std::move(done)] {
      behind().LoadWithin(keys, bytes_max, done);
    });
  }

 private:
  HeldReads& reads_;
};

class AlarmsTest : public ServerFixture {
 protected:
  std::unique_ptr<store::Store> OpenStore(uint32_t shards) override {
    return std::make_unique<HoldingStore>(
        store::OpenMemoryStore({.shards = shards, .contents = nullptr}), reads_);
  }
  void TearDown() override {
    reads_.LetGo();
    ServerFixture::TearDown();
  }

  HeldReads reads_;
};

TEST_F(AlarmsTest, AReadThatTheDatabaseDoesNotAnswerEndsWithItsTimeout) {
  threads_ = 1;
  Start();
  gateway::Keyspace keyspace;
  keyspace.load_hard_timeout = std::chrono::milliseconds(20);
  gateway_->SetKeyspaces({keyspace});
  constexpr size_t kClients = 300;  // More than one round looks at.
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<TestClient>(address_));
    clients.back()->Send({"GET", "k" + std::to_string(i % 7)});
  }
  for (const auto& client : clients) {
    EXPECT_THAT(client->Next(), StartsWith("OVERLOADED retry_after_ms="));
  }
  reads_.LetGo();
  for (const auto& client : clients) EXPECT_EQ(client->Do({"PING"}), "PONG");
}

TEST_F(AlarmsTest, WhatIsStaleIsAnsweredWhileTheDatabaseDoesNot) {
  Start();
  gateway::Keyspace keyspace;
  keyspace.cache_ttl = std::chrono::milliseconds(1);
  keyspace.stale_if_error = std::chrono::hours(1);
  keyspace.load_soft_timeout = std::chrono::milliseconds(1);
  gateway_->SetKeyspaces({keyspace});
  TestClient client(address_);
  EXPECT_EQ(client.Do({"SET", "k", "v"}), "OK");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.Do({"GET", "k"}), "v");
}

}  // namespace
}  // namespace weir::server
