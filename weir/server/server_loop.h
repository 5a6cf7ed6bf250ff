// ServerLoop: an event loop with its connections: one thread of the server.
//
// It is the home of its connections' commands: results from the databases are delivered here and
// applied on its thread. What a round's commands need of the databases is handed on at its end.
// Threads: Deliver, Adopt, SetLimits, Visit, ResumePaused, BeginDrain and Stop are thread-safe; the
// rest is for its own thread.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/clients.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/gateway/stats.h"
#include "weir/net/event_loop.h"
#include "weir/server/connection.h"
#include "weir/server/peer_links.h"
#include "weir/server/push_inbox.h"

namespace weir::server {

// A visit of all connections (ClientControl::Visit) as one loop takes part in it.
struct LoopVisit {
  gateway::ClientFilter filter;
  bool close = false;
  uint64_t caller = 0;  // Is not closed.
  // Called once, on the loop's thread, with those that fit.
  std::function<void(std::vector<gateway::ClientFacts>)> done;
};

class ServerLoop final : public gateway::Home, public net::EventLoop::Observer {
 public:
  static constexpr auto kTick = std::chrono::milliseconds(100);
  // Connections that one round visits for the operator, looks at for their deadlines, or lets go on
  // after a pause.
  static constexpr size_t kVisitsMax = 128;
  // After write replies, so many rounds may bring more before the committers are told to go on.
  static constexpr int kRoundsAfterReplies = 64;
  // Results from the databases that one round passes on.
  static constexpr size_t kResultsMax = 64;
  // Of connections that have much to say or to hear, so many have a turn in each round, after all
  // others that are ready.
  static constexpr size_t kLateTurnsMax = 2;

  ServerLoop(gateway::Gateway& gateway, const ConnectionLimits& limits);
  ~ServerLoop() override;

  void Run() { event_loop_.Run(); }
  void Stop() { event_loop_.Stop(); }

  void Deliver(gateway::Completions completions) override;
  // As Deliver, on this thread: it is applied in this round or the next.
  void DeliverHere(gateway::Completions completions) { arrived_.push_back(std::move(completions)); }
  // Makes it one that sends to other nodes. Requires: before Run, and that the gateway has any.
  void ConnectPeers(PeerNews news);
  // See gateway::Peers. Requires: ConnectPeers.
  void SendToPeers(std::vector<std::shared_ptr<gateway::Forward>> forwards) {
    peers_->Send(std::move(forwards));
  }
  bool TellsWhenIdle() const override { return true; }
  // Takes a connection over from the acceptor.
  void Adopt(net::Stream stream, gateway::Session session);
  // Lets every connection finish what it has sent, then closes it; newcomers too. Ends Run at the
  // deadline. From then on `check` is called after each round that leaves no connection.
  void BeginDrain(MonoTime deadline, std::function<void()> check);
  // Cuts off who is left after the drain's deadline. Requires: Run has ended.
  void DropConnections();
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  // For connections from their next command on.
  void SetLimits(const ConnectionLimits& limits);
  void Visit(LoopVisit visit);
  // A pause has ended: lets those who waited for that go on.
  void ResumePaused();
  // Calls `run` on this thread at each tick. Requires: before Run.
  void OnEachTick(std::function<void()> run) { each_tick_ = std::move(run); }
  // Makes this the loop that frees cache entries when they are over. Requires: before Run.
  void ExpireCache() { expires_cache_ = true; }

  size_t connections() const { return connection_count_.load(std::memory_order_relaxed); }
  size_t tls_connections() const { return tls_count_.load(std::memory_order_relaxed); }

  net::EventLoop& event_loop() { return event_loop_; }
  gateway::Gateway& gateway() { return gateway_; }
  gateway::Outbox& outbox() { return outbox_; }
  gateway::LoopStats& stats() { return stats_; }
  Clock& clock() { return gateway_.clock(); }
  const ConnectionLimits& limits() const { return limits_; }
  // Changes with them.
  uint32_t limits_version() const { return limits_version_; }
  std::array<resp::Command, Connection::kBurstCommandsMax>& burst() { return burst_; }
  // Of that burst, so that no burst of one clears room for all.
  std::span<gateway::Pipeline::Resolved> resolved() { return resolved_; }
  // For whom another node sends that burst.
  std::span<limit::Address> forwarded_for() { return forwarded_for_; }

  void ReadClock() { outbox_.now = {clock().Mono(), clock().Wall()}; }
  // The connection is closed; it is destroyed at the end of the round.
  void Retire(uint64_t id);
  // Gives the connection a turn at the end of this round or a later one (Connection::TakeTurn).
  void ContinueLater(uint64_t id) { continue_later_.push_back(id); }
  // Calls it when the pause under way has ended.
  void ContinueAfterPause(uint64_t id) { paused_.push_back(id); }
  // Says whether the connection is shown every command. Cost: a branch while there is no monitor.
  void SetMonitor(uint64_t id, bool monitors);
  // Passes on what connections are told by now, so that no command which is executed from now on is
  // answered before what was acknowledged when it was sent. Cost: a load when there is nothing.
  void TakePushes();
  // Sends what the connection was told at the end of this round or a later one.
  void SendToldLater(uint64_t id) { told_.push_back(id); }
  // Calls it after the next tick (Connection::TurnAtTick). Requires: it has not been asked since.
  void ContinueAtTick(uint64_t id) { continue_at_tick_.push_back(id); }
  // Calls the first of those now: there may be memory for one.
  void ContinueFirstAtTick();

 private:
  void OnTick() override;
  void OnTimer() override;
  bool OnRoundEnd(bool idle) override;
  void OnRoundTook(std::chrono::nanoseconds took) override;
  void OnWake() override;
  void ApplySome();
  void SendSomeTold();
  void ApplyNext(std::vector<Connection*>* touched);
  void ShowMonitors(const Bytes& lines, std::vector<Connection*>* touched);
  Connection* Find(uint64_t id);
  void VisitSome(const std::shared_ptr<LoopVisit>& visit,
                 const std::shared_ptr<std::vector<uint64_t>>& ids, size_t begin,
                 std::vector<gateway::ClientFacts> found);
  void BeginDeadlineWalk();
  void CheckSomeDeadlines();
  void ContinueSome();
  bool RingAlarms();
  void EndDrainIfDone();

  // The look at the deadlines of all connections that is under way, and what their buffers hold.
  struct DeadlineWalk {
    std::vector<uint64_t> ids;  // Empty: none is under way.
    size_t next = 0;
    Connection::Buffers sum;
    Connection::Buffers most;
  };

  gateway::Gateway& gateway_;
  ConnectionLimits limits_;
  uint32_t limits_version_ = 1;
  gateway::LoopStats stats_;
  gateway::Outbox outbox_;
  net::EventLoop event_loop_;
  std::array<resp::Command, Connection::kBurstCommandsMax> burst_;
  std::array<gateway::Pipeline::Resolved, Connection::kBurstCommandsMax> resolved_;
  std::array<limit::Address, Connection::kBurstCommandsMax> forwarded_for_;
  std::unique_ptr<PeerLinks> peers_;  // nullptr: there is no other node to send to.
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> retired_;
  std::deque<gateway::Completions> arrived_;
  size_t next_arrived_ = 0;    // Of the first of them: writes, loads, operations, lines.
  std::deque<uint64_t> told_;  // Those who were told something that is not sent.
  std::deque<uint64_t> continue_later_;
  std::deque<uint64_t> continue_at_tick_;
  std::vector<uint64_t> paused_;    // Those who wait for the end of a pause.
  std::vector<uint64_t> monitors_;  // In no order.
  std::atomic<size_t> connection_count_{0};
  std::atomic<size_t> tls_count_{0};  // Of these, over TLS.
  std::function<void()> each_tick_ = [] {};
  bool expires_cache_ = false;
  uint64_t ticks_ = 0;
  DeadlineWalk deadline_walk_;
  int rounds_after_replies_ = 0;  // Left, until the committers are told.
  std::atomic<bool> draining_{false};
  MonoTime drain_deadline_;
  std::function<void()> check_drained_;

  std::mutex mutex_;
  std::vector<gateway::Completions> inbox_;  // Guarded by mutex_, and so is:
  PushInbox pushes_;
  std::atomic<bool> pushes_wait_{false};
};

}  // namespace weir::server
