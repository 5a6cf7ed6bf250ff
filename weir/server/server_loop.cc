#include "weir/server/server_loop.h"

#include <algorithm>
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

void ServerLoop::Deliver(gateway::Completions completions) {
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(completions));
  }
  event_loop_.Wake();
}

void ServerLoop::Adopt(net::Stream stream, gateway::Session session) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
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
  retired_.push_back(std::move(found->second));
  connections_.erase(found);
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

void ServerLoop::ContinueLater(uint64_t id) {
  continue_later_.push_back(id);
  event_loop_.Wake();
}

Connection* ServerLoop::Find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ServerLoop::OnWake() {
  std::vector<gateway::Completions> inbox;
  {
    const std::lock_guard lock(mutex_);
    inbox.swap(inbox_);
  }
  ReadClock();
  std::vector<Connection*> touched;
  for (const uint64_t id : std::exchange(continue_later_, {})) {
    if (Connection* connection = Find(id)) touched.push_back(connection);
  }
  for (gateway::Completions& completions : inbox) Apply(completions, &touched);
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (Connection* connection : touched) connection->Continue();
}

void ServerLoop::Apply(gateway::Completions& completions, std::vector<Connection*>* touched) {
  if (!completions.writes.empty()) rounds_after_replies_ = kRoundsAfterReplies;
  for (std::unique_ptr<gateway::WriteItem>& item : completions.writes) {
    Connection* connection = Find(item->origin.connection);
    if (connection == nullptr) continue;
    connection->pipeline().OnWrite(std::move(item));
    touched->push_back(connection);
  }
  for (gateway::LoadDone& load : completions.loads) {
    Connection* connection = Find(load.origin.connection);
    if (connection == nullptr) continue;
    connection->pipeline().OnLoad(std::move(load));
    touched->push_back(connection);
  }
  for (const std::shared_ptr<gateway::Operation>& operation : completions.operations) {
    Connection* connection = Find(operation->origin().connection);
    if (connection == nullptr) continue;
    connection->pipeline().OnOperation(operation);
    touched->push_back(connection);
  }
  for (const Bytes& lines : completions.monitored) {
    for (const uint64_t id : std::vector(monitors_)) {  // One that is closed leaves the list.
      Connection* connection = Find(id);
      connection->Show(lines);
      if (!connection->closed()) touched->push_back(connection);
    }
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
  for (const uint64_t id : std::exchange(continue_at_tick_, {})) ContinueLater(id);
  if (!paused_.empty()) ResumePaused();
  if (++ticks_ % kTicksBetweenDeadlineChecks == 0) CheckDeadlines();
}

void ServerLoop::CheckDeadlines() {
  std::vector<Connection*> all;  // Closing one changes connections_.
  all.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  Connection::Buffers sum;
  Connection::Buffers most;
  for (Connection* connection : all) {
    const Connection::Buffers buffers = connection->buffers();
    sum.input += buffers.input;
    sum.output += buffers.output;
    most.input = std::max(most.input, buffers.input);
    most.output = std::max(most.output, buffers.output);
    connection->CheckDeadlines(outbox_.now.mono);
  }
  stats_.input_buffer_bytes.Set(sum.input);
  stats_.output_buffer_bytes.Set(sum.output);
  stats_.input_buffer_bytes_max.Set(most.input);
  stats_.output_buffer_bytes_max.Set(most.output);
}

bool ServerLoop::OnRoundEnd(bool idle) {
  gateway_.Flush(outbox_);
  retired_.clear();
  if (draining_) EndDrainIfDone();
  if (rounds_after_replies_ == 0) return false;
  if (!idle && --rounds_after_replies_ > 0) return true;
  rounds_after_replies_ = 0;
  gateway_.OnHomeIdle();
  return false;
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
