// Node: one process of weir: a gateway over simulated databases, its event loops and connections,
// without a thread or a socket.
//
// It is the way to its connections for CLIENT LIST and the like, and keeps changes of the range map
// in the first database, as the server does. Loops take what the databases deliver in rounds, at
// random moments; what a round's commands need of the databases is handed on at its end, or a
// little later. Kill ends the process as kill -9 does: connections are gone, and of the databases
// stays what was durable. Threads: single-owner.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/connection.h"
#include "sim/scheduler.h"
#include "sim/sim_store.h"

#include "weir/gateway/gateway.h"

namespace weir::sim {

// What the first database calls the copies of the range map.
inline constexpr std::array kRangeMapNames = {"ranges.0", "ranges.1"};

class Node final : public gateway::ClientControl {
 public:
  struct Options {
    gateway::Gateway::Options gateway;
    StoreFaults faults;
    store::Limits limits;
    size_t loops = 1;
    bool gathers = false;  // Loops tell when they are idle, so committers wait for them.
    // Rounds of a loop whose hand-over comes only after many others; 0: none.
    uint64_t hand_on_late_one_in = 0;
    std::chrono::nanoseconds wake_delay_max = std::chrono::microseconds(50);
    std::chrono::nanoseconds tick = std::chrono::milliseconds(100);
    size_t output_bytes_pause = size_t{1} << 20;
    uint64_t seed = 0;
  };

  // The contents of the databases outlive the node.
  Node(Scheduler& scheduler, Clock& clock, Options options,
       const std::vector<std::shared_ptr<gateway::ScriptedStore::Contents>>& contents);
  // Ends as Kill does, if that has not been called.
  ~Node() override;

  // `late`: what the databases were about to write may still happen.
  void Kill(bool late);

  gateway::Gateway& gateway() { return *gateway_; }
  SimStore& store(size_t database) { return *stores_[database]; }
  size_t databases() const { return stores_.size(); }
  void SetCalm(bool calm);
  // Whether the databases have nothing to do and nothing is in doubt.
  bool idle() const;
  // Whether loops have taken what was delivered, and handed on what they have to say.
  bool delivered() const;

  Connection* Connect(gateway::Session session, Connection::Peer& peer);
  void Disconnect(uint64_t id);
  // The client is gone, and the node learns it after a while.
  void Orphan(uint64_t id, std::chrono::nanoseconds after);
  // The network brings something. Requires: the connection reads.
  void Bring(Connection& connection, std::string_view bytes);
  // The client may take more replies, or the connection may read on.
  void GoOn(Connection& connection);

  void Visit(gateway::ClientFilter filter, Action action, uint64_t caller, Done done) override;
  void ResumePaused() override;

 private:
  struct Loop final : gateway::Home {
    explicit Loop(Node& owner) : node(owner) {}
    void Deliver(gateway::Completions completions) override;
    bool TellsWhenIdle() const override { return node.gathers_; }

    Node& node;
    gateway::LoopStats stats;
    gateway::Outbox outbox;
    std::deque<gateway::Completions> inbox;
    bool wakes = false;    // A round is coming.
    bool flushes = false;  // Its work will be handed on.
    bool tells = false;    // It will say that it is idle.
    bool rings = false;    // It will look who has waited too long.
  };

  std::chrono::nanoseconds Delay();
  Loop& LoopOf(uint64_t connection) { return *loops_[connection % loops_.size()]; }
  void ReadClock(Loop& loop);
  void Wake(Loop& loop);
  void Apply(Loop& loop, gateway::Completions completions);
  void EndRound(Loop& loop);
  void HandOn(Loop& loop);
  void SetAlarm(Loop& loop);
  void RingAlarms(Loop& loop);
  void Tick();
  void CheckPasswords();
  Connection* Find(uint64_t id);

  Scheduler& scheduler_;
  Clock& clock_;
  Random random_;
  bool gathers_;
  uint64_t hand_on_late_one_in_;
  std::chrono::nanoseconds wake_delay_max_;
  std::chrono::nanoseconds tick_;
  size_t output_bytes_pause_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<SimStore*> stores_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace weir::sim
