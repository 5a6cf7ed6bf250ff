#include "weir/server/server_loop.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::server {
namespace {

// Deadlines are in seconds; looking every second is enough.
constexpr uint64_t kTicksBetweenDeadlineChecks = 10;

}  // namespace

ServerLoop::ServerLoop(gateway::Gateway& gateway, const ConnectionLimits& limits)
    : gateway_(gateway),
      limits_(limits),
      outbox_(gateway.MakeOutbox(&stats_)),
      event_loop_(this, kTick) {
  ReadClock();
}

ServerLoop::~ServerLoop() = default;

void ServerLoop::ConnectPeers(PeerNews news) {
  peers_ = std::make_unique<PeerLinks>(
      event_loop_, gateway_,
      [this](gateway::Completions completions) { DeliverHere(std::move(completions)); },
      std::move(news));
}

void ServerLoop::Deliver(gateway::Completions completions) {
  {
    const std::lock_guard lock(mutex_);
    if (!completions.pushes.empty()) {
      pushes_.Add(std::exchange(completions.pushes, {}));
      pushes_wait_ = true;
    }
    if (completions.size() > 0) inbox_.push_back(std::move(completions));
  }
  event_loop_.Wake();
}

void ServerLoop::Adopt(net::Stream stream, gateway::Session session) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  if (stream.is_tls()) tls_count_.fetch_add(1, std::memory_order_relaxed);
  // std::function must be copyable; a stream is not.
  auto held = std::make_shared<net::Stream>(std::move(stream));
  event_loop_.Post([this, held, session = std::move(session)] {
    stats_.connections.Add(1);
    const uint64_t id = session.id;
    std::unique_ptr<Connection>& connection = connections_[id];
    connection = std::make_unique<Connection>(*this, std::move(*held), session);
    // A handshake may have brought the first commands with it.
    if (connection->has_pending()) ContinueLater(id);
    if (draining_) connection->Drain();
  });
}

void ServerLoop::Retire(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second->is_tls()) tls_count_.fetch_sub(1, std::memory_order_relaxed);
  retired_.push_back(std::move(found->second));
  connections_.erase(found);
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

void ServerLoop::DropConnections() {
  while (!connections_.empty()) Retire(connections_.begin()->first);
  retired_.clear();
}

Connection* ServerLoop::Find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ServerLoop::OnWake() {
  const std::lock_guard lock(mutex_);
  std::move(inbox_.begin(), inbox_.end(), std::back_inserter(arrived_));
  inbox_.clear();
}

void ServerLoop::TakePushes() {
  if (!outbox_.untold.empty()) gateway_.tracking().Tell(&outbox_.untold);
  if (!pushes_wait_) return;
  std::vector<gateway::Push> pushes;
  {
    const std::lock_guard lock(mutex_);
    pushes = pushes_.Take();
    pushes_wait_ = false;
  }
  for (const gateway::Push& push : pushes) {
    if (Connection* const connection = Find(push.connection)) connection->Tell(push.message);
  }
}

void ServerLoop::SendSomeTold() {
  for (size_t left = std::min(told_.size(), kResultsMax); left > 0; --left) {
    Connection* const connection = Find(told_.front());
    told_.pop_front();
    if (connection != nullptr) connection->SendTold();
  }
}

// Passes on as many results as one round may, then lets their connections go on.
void ServerLoop::ApplySome() {
  if (arrived_.empty()) return;
  ReadClock();
  std::vector<Connection*> touched;
  for (size_t i = 0; i < kResultsMax && !arrived_.empty(); ++i) ApplyNext(&touched);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (Connection* connection : touched) connection->Continue();
}

void ServerLoop::ApplyNext(std::vector<Connection*>* touched) {
  gateway::Completions& front = arrived_.front();
  const auto apply = [&](const gateway::Origin& origin, auto result) {
    Connection* const connection = Find(origin.connection);
    if (connection == nullptr) return;
    result(connection->pipeline());
    touched->push_back(connection);
  };
  size_t index = next_arrived_++;
  if (index < front.writes.size()) {
    rounds_after_replies_ = kRoundsAfterReplies;
    std::unique_ptr<gateway::WriteItem>& item = front.writes[index];
    apply(item->origin, [&](gateway::Pipeline& to) { to.OnWrite(std::move(item)); });
  } else if (index -= front.writes.size(); index < front.loads.size()) {
    gateway::LoadDone& load = front.loads[index];
    apply(load.origin, [&](gateway::Pipeline& to) { to.OnLoad(std::move(load)); });
  } else if (index -= front.loads.size(); index < front.operations.size()) {
    const std::shared_ptr<gateway::Operation>& done = front.operations[index];
    apply(done->origin(), [&](gateway::Pipeline& to) { to.OnOperation(done); });
  } else if (index -= front.operations.size(); index < front.monitored.size()) {
    ShowMonitors(front.monitored[index], touched);
  }
  if (next_arrived_ >= front.size()) {
    arrived_.pop_front();
    next_arrived_ = 0;
  }
}

void ServerLoop::ShowMonitors(const Bytes& lines, std::vector<Connection*>* touched) {
  for (const uint64_t id : std::vector(monitors_)) {  // One that is closed leaves the list.
    Connection* connection = Find(id);
    connection->Show(lines);
    if (!connection->closed()) touched->push_back(connection);
  }
}

void ServerLoop::SetMonitor(uint64_t id, bool monitors) {
  if (!monitors && monitors_.empty()) return;
  const auto known = std::find(monitors_.begin(), monitors_.end(), id);
  if (monitors && known == monitors_.end()) monitors_.push_back(id);
  if (!monitors && known != monitors_.end()) monitors_.erase(known);
}

void ServerLoop::SetLimits(const ConnectionLimits& limits) {
  event_loop_.Post([this, limits] {
    limits_ = limits;
    ++limits_version_;
  });
}

void ServerLoop::Visit(LoopVisit visit) {
  auto held = std::make_shared<LoopVisit>(std::move(visit));
  event_loop_.Post([this, held] {
    auto ids = std::make_shared<std::vector<uint64_t>>();
    if (held->filter.ids.empty()) {
      ids->reserve(connections_.size());
      for (const auto& [id, connection] : connections_) ids->push_back(id);
    } else {
      *ids = held->filter.ids;
    }
    VisitSome(held, ids, 0, {});
  });
}

// One slice; the next comes in a later round.
void ServerLoop::VisitSome(const std::shared_ptr<LoopVisit>& visit,
                           const std::shared_ptr<std::vector<uint64_t>>& ids, size_t begin,
                           std::vector<gateway::ClientFacts> found) {
  ReadClock();
  const size_t end = std::min(begin + kVisitsMax, ids->size());
  for (size_t i = begin; i < end; ++i) {
    Connection* connection = Find((*ids)[i]);
    if (connection == nullptr) continue;
    gateway::ClientFacts facts = connection->Facts();
    if (!visit->filter.Fits(facts)) continue;
    if (visit->close && connection->id() != visit->caller) connection->Kill();
    found.push_back(std::move(facts));
  }
  if (end == ids->size()) return visit->done(std::move(found));
  event_loop_.Post([this, visit, ids, end, found = std::move(found)]() mutable {
    VisitSome(visit, ids, end, std::move(found));
  });
}

void ServerLoop::ResumePaused() {
  event_loop_.Post([this] {
    if (gateway_.pause().stops() != gateway::ClientPause::Stops::kNothing) return;
    const size_t count = std::min(kVisitsMax, paused_.size());
    for (size_t i = 0; i < count; ++i) {
      ContinueLater(paused_.back());
      paused_.pop_back();
    }
    if (!paused_.empty()) ResumePaused();
  });
}

void ServerLoop::OnTick() {
  ReadClock();
  each_tick_();
  if (peers_ != nullptr) peers_->OnTick(outbox_.now.mono);
  if (expires_cache_) OnTimer();
  for (const uint64_t id : std::exchange(continue_at_tick_, {})) {
    if (Connection* const connection = Find(id)) connection->TurnAtTick();
  }
  if (!paused_.empty()) ResumePaused();
  if (++ticks_ % kTicksBetweenDeadlineChecks == 0) BeginDeadlineWalk();
}

void ServerLoop::OnTimer() {
  if (const auto wait = gateway_.ExpireCached()) event_loop_.SetTimer(*wait);
}

void ServerLoop::ContinueFirstAtTick() {
  while (!continue_at_tick_.empty()) {
    Connection* const connection = Find(continue_at_tick_.front());
    continue_at_tick_.pop_front();
    if (connection == nullptr) continue;
    connection->TurnAtTick();
    return;
  }
}

void ServerLoop::BeginDeadlineWalk() {
  if (!deadline_walk_.ids.empty()) return;
  deadline_walk_.ids.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) deadline_walk_.ids.push_back(id);
  CheckSomeDeadlines();
}

// One slice; the next comes in a later round.
void ServerLoop::CheckSomeDeadlines() {
  DeadlineWalk& walk = deadline_walk_;
  const size_t end = std::min(walk.next + kVisitsMax, walk.ids.size());
  for (; walk.next < end; ++walk.next) {
    Connection* connection = Find(walk.ids[walk.next]);
    if (connection == nullptr) continue;
    const Connection::Buffers buffers = connection->buffers();
    walk.sum.input += buffers.input;
    walk.sum.output += buffers.output;
    walk.most.input = std::max(walk.most.input, buffers.input);
    walk.most.output = std::max(walk.most.output, buffers.output);
    connection->CheckDeadlines(outbox_.now.mono);
  }
  if (end < walk.ids.size()) {
    event_loop_.Post([this] {
      ReadClock();
      CheckSomeDeadlines();
    });
    return;
  }
  stats_.input_buffer_bytes.Set(walk.sum.input);
  stats_.output_buffer_bytes.Set(walk.sum.output);
  stats_.input_buffer_bytes_max.Set(walk.most.input);
  stats_.output_buffer_bytes_max.Set(walk.most.output);
  walk = DeadlineWalk();
}

void ServerLoop::ContinueSome() {
  if (continue_later_.empty()) return;
  ReadClock();
  size_t turns = std::min(continue_later_.size(), kLateTurnsMax);
  for (; turns > 0; --turns) {
    Connection* connection = Find(continue_later_.front());
    continue_later_.pop_front();
    if (connection != nullptr) connection->TakeTurn();
  }
}

// Those that are due, or as many as one round may. Returns whether there are more.
bool ServerLoop::RingAlarms() {
  gateway::Alarms& alarms = outbox_.alarms;
  if (!alarms.next().has_value()) return false;
  ReadClock();
  const MonoTime now = outbox_.now.mono;
  for (size_t i = 0; i < kVisitsMax && *alarms.next() <= now;) {
    Connection* connection = Find(*alarms.TakeDue(now));
    if (connection != nullptr) {
      connection->pipeline().OnAlarm();
      connection->Continue();
      ++i;
    }
    if (!alarms.next().has_value()) return false;
  }
  event_loop_.WaitAtMost(*alarms.next() - now);
  return *alarms.next() <= now;
}

bool ServerLoop::OnRoundEnd(bool idle) {
  TakePushes();
  ApplySome();
  SendSomeTold();
  ContinueSome();
  const bool alarms_left = RingAlarms();
  gateway_.Flush(outbox_);
  retired_.clear();
  if (draining_) EndDrainIfDone();
  const bool more = alarms_left || !continue_later_.empty() || !arrived_.empty() || !told_.empty();
  if (rounds_after_replies_ == 0) return more;
  if ((more || !idle) && --rounds_after_replies_ > 0) return true;
  rounds_after_replies_ = 0;
  gateway_.OnHomeIdle();
  return more;
}

void ServerLoop::OnRoundTook(std::chrono::nanoseconds took) {
  stats_.rounds.Record(static_cast<uint64_t>(took.count()), 1);
}

void ServerLoop::BeginDrain(MonoTime deadline, std::function<void()> check) {
  event_loop_.Post([this, deadline, check = std::move(check)] {
    drain_deadline_ = deadline;
    check_drained_ = check;
    draining_.store(true, std::memory_order_release);
    std::vector<Connection*> all;
    for (const auto& [id, connection] : connections_) all.push_back(connection.get());
    for (Connection* connection : all) connection->Drain();
  });
}

void ServerLoop::EndDrainIfDone() {
  if (clock().Mono() >= drain_deadline_) event_loop_.Stop();
  if (connections_.empty()) check_drained_();
}

}  // namespace weir::server
