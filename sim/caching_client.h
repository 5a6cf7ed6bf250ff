// CachingClient: a simulated client that keeps what it reads in a cache of its own, and forgets
// what CLIENT TRACKING tells it to.
//
// When everything has come to rest, what it keeps must be what the databases hold. So an
// invalidation that was lost, or that came before the reply that it is about, is found. No order
// need explain what it reads; now and then it writes a key, which is one more operation of the
// history. What it has written it forgets by itself, since with NOLOOP nobody tells it.
// Threads: single-owner.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/connection.h"
#include "sim/op.h"

#include "weir/base/random.h"
#include "weir/resp/reader.h"

namespace weir::sim {

class World;

class CachingClient final : public Connection::Peer {
 public:
  CachingClient(World& world, uint32_t index, uint64_t seed);

  // Reads what it does not have, again and again.
  void Act();
  // The node is gone.
  void Lose();
  bool connected() const { return connection_ != nullptr; }
  void BeginRound(uint32_t session) { session_ = session; }

  // Requests that an answer may still come for.
  size_t outstanding() const {
    return connection_ == nullptr || connection_->over() ? 0 : sent_.size();
  }
  // What each key held when it was last read; nullopt: nothing.
  const std::map<std::string, std::optional<std::string>>& cache() const { return cache_; }

  void OnExecute() override {}
  void OnReply(std::string_view bytes) override;
  void OnEffect(const gateway::WriteItem& item) override;
  size_t TakesNow() override { return SIZE_MAX; }

 private:
  enum class Mode : uint8_t { kShown, kOptIn, kOptOut, kAll, kPrefix };
  struct Sent {
    std::vector<std::string> kept;  // The keys whose values are in the reply, and may be kept.
    Op* write = nullptr;
  };

  void Connect();
  void Ask();
  void Write();
  void Send(const Words& words, std::vector<std::string> kept = {}, Op* write = nullptr);
  void TakeReply(const resp::Value& value);
  void TakePush(const resp::Value& push);
  void Keep(const std::string& key, const resp::Value& value);

  World& world_;
  uint32_t index_;
  Random random_;
  Connection* connection_ = nullptr;
  uint64_t id_ = 0;
  uint32_t session_ = 0;
  Mode mode_ = Mode::kShown;
  uint64_t written_ = 0;  // Values, so that each is another.
  resp::Reader reader_;
  std::deque<Sent> sent_;
  std::map<std::string, std::optional<std::string>> cache_;
};

}  // namespace weir::sim
