// Bystander: a client that keeps nothing, beside those that the model follows: it watches what
// others ask (MONITOR), has replies left out (CLIENT REPLY) and starts over (RESET).
//
// It sends a script and knows how many replies come, and to what; the next script is sent when all
// have come. Threads: single-owner.
#pragma once

#include <deque>
#include <string>

#include "sim/connection.h"
#include "sim/op.h"

#include "weir/base/random.h"
#include "weir/resp/reader.h"

namespace weir::sim {

class World;

class Bystander final : public Connection::Peer {
 public:
  Bystander(World& world, uint32_t index, uint64_t seed);

  // Acts again and again while the world does, or a script is not at its end.
  void Act();
  // The node is gone.
  void Lose();
  bool busy() const { return connection_ != nullptr && (!wire_.empty() || !expected_.empty()); }

  void OnExecute() override {}
  void OnReply(std::string_view bytes) override;
  void OnEffect(const gateway::WriteItem&) override {}
  size_t TakesNow() override { return SIZE_MAX; }

 private:
  void Connect();
  void Write();
  void Say(const Words& words);
  void Take(const resp::Value& value);
  Words Any();

  World& world_;
  uint32_t index_;
  Random random_;
  Connection* connection_ = nullptr;
  uint64_t id_ = 0;
  std::string wire_;            // Of the script, not yet sent.
  std::deque<Words> expected_;  // What has no reply yet.
  bool silent_ = false;         // As the script has it where it has come to.
  bool skips_ = false;
  resp::Reader reader_;
};

}  // namespace weir::sim
