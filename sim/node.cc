#include "sim/node.h"

#include <algorithm>
#include <utility>

namespace weir::sim {

Node::Node(Scheduler& scheduler, Clock& clock, Options options,
           const std::vector<std::shared_ptr<gateway::ScriptedStore::Contents>>& contents)
    : scheduler_(scheduler),
      clock_(clock),
      random_(options.seed),
      gathers_(options.gathers),
      hand_on_late_one_in_(options.hand_on_late_one_in),
      wake_delay_max_(options.wake_delay_max),
      tick_(options.tick),
      output_bytes_pause_(options.output_bytes_pause) {
  std::vector<std::unique_ptr<store::Store>> stores;
  for (const auto& each : contents) {
    auto store =
        std::make_unique<SimStore>(scheduler, random_.Next(), options.faults, options.limits, each);
    stores_.push_back(store.get());
    stores.push_back(std::move(store));
  }
  options.gateway.ranges.store = [first = stores_[0]](size_t copy, std::string text,
                                                      store::Done<store::CommitNumber> done) {
    first->PutMetadata(kRangeMapNames[copy], std::move(text), std::move(done));
  };
  gateway_ = gateway::Gateway::Create(std::move(options.gateway), std::move(stores), clock).value();
  gateway_->UseClients(this);
  for (size_t i = 0; i < options.loops; ++i) {
    auto loop = std::make_unique<Loop>(*this);
    loop->outbox = gateway_->MakeOutbox(&loop->stats);
    gateway_->AddStats(&loop->stats);
    loops_.push_back(std::move(loop));
  }
  scheduler_.After(tick_, [this, alive = alive_] {
    if (*alive) Tick();
  });
}

Node::~Node() {
  if (*alive_) Kill(false);
}

void Node::Kill(bool late) {
  *alive_ = false;
  for (SimStore* store : stores_) store->Die(late);
  connections_.clear();
  gateway_->StopGathering();
  // What the dead process would still have done is done to nobody, so that its memory can go.
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& loop : loops_) {
      loop->inbox.clear();
      for (auto& writes : loop->outbox.writes) writes.clear();
      for (auto& loads : loop->outbox.loads) loads.clear();
    }
    for (SimStore* store : stores_) moved |= store->Drain();
  }
  gateway_.reset();
}

void Node::SetCalm(bool calm) {
  for (SimStore* store : stores_) store->SetCalm(calm);
}

bool Node::idle() const {
  return std::all_of(stores_.begin(), stores_.end(), [](const SimStore* store) {
    return store->idle() && !store->script().unsettled();
  });
}

bool Node::delivered() const {
  return std::all_of(loops_.begin(), loops_.end(), [](const std::unique_ptr<Loop>& loop) {
    return loop->inbox.empty() && loop->outbox.untold.empty();
  });
}

Connection* Node::Connect(gateway::Session session, Connection::Peer& peer) {
  const uint64_t id = session.id;
  Loop& loop = LoopOf(id);
  ReadClock(loop);
  auto& connection = connections_[id];
  connection = std::make_unique<Connection>(*gateway_, loop, loop.outbox, std::move(session),
                                            output_bytes_pause_, peer);
  return connection.get();
}

void Node::Disconnect(uint64_t id) {
  connections_.erase(id);
}

void Node::Orphan(uint64_t id, std::chrono::nanoseconds after) {
  if (Connection* connection = Find(id)) connection->Orphan();
  scheduler_.After(after, [this, alive = alive_, id] {
    if (*alive) Disconnect(id);
  });
}

void Node::Bring(Connection& connection, std::string_view bytes) {
  Loop& loop = LoopOf(connection.id());
  ReadClock(loop);
  connection.Receive(bytes);
  EndRound(loop);
}

void Node::GoOn(Connection& connection) {
  Loop& loop = LoopOf(connection.id());
  ReadClock(loop);
  connection.Continue();
  EndRound(loop);
}

std::chrono::nanoseconds Node::Delay() {
  return std::chrono::nanoseconds(
      random_.Below(static_cast<uint64_t>(wake_delay_max_.count()) + 1));
}

void Node::ReadClock(Loop& loop) {
  loop.outbox.now = {clock_.Mono(), clock_.Wall()};
}

void Node::Loop::Deliver(gateway::Completions completions) {
  if (!*node.alive_) return;
  for (const auto& write : completions.writes) {
    if (write->misrouted) continue;
    if (Connection* connection = node.Find(write->origin.connection)) {
      connection->peer().OnEffect(*write);
    }
  }
  inbox.push_back(std::move(completions));
  if (std::exchange(wakes, true)) return;
  node.scheduler_.After(node.Delay(), [owner = &node, loop = this, alive = node.alive_] {
    if (*alive) owner->Wake(*loop);
  });
}

// A round with some of what has been delivered, or all of it.
void Node::Wake(Loop& loop) {
  loop.wakes = false;
  ReadClock(loop);
  const size_t count = random_.OneIn(2) ? loop.inbox.size() : 1 + random_.Below(loop.inbox.size());
  for (size_t i = 0; i < count; ++i) {
    gateway::Completions completions = std::move(loop.inbox.front());
    loop.inbox.pop_front();
    Apply(loop, std::move(completions));
  }
  if (!loop.inbox.empty()) loop.Deliver({});
  EndRound(loop);
}

void Node::Apply(Loop& loop, gateway::Completions completions) {
  std::vector<uint64_t> touched;
  const auto touch = [&](const gateway::Origin& origin) {
    touched.push_back(origin.connection);
    Connection* connection = Find(origin.connection);
    return connection == nullptr ? nullptr : &connection->pipeline();
  };
  if (!completions.writes.empty() && gathers_ && !std::exchange(loop.tells, true)) {
    scheduler_.After(Delay(), [this, alive = alive_, &loop] {
      if (!*alive) return;
      loop.tells = false;
      gateway_->OnHomeIdle();
    });
  }
  for (auto& write : completions.writes) {
    if (auto* pipeline = touch(write->origin)) pipeline->OnWrite(std::move(write));
  }
  for (gateway::LoadDone& load : completions.loads) {
    if (auto* pipeline = touch(load.origin)) pipeline->OnLoad(std::move(load));
  }
  for (const gateway::Push& push : completions.pushes) {
    if (auto* pipeline = touch({&loop, push.connection})) pipeline->Tell(push.message);
  }
  for (const auto& operation : completions.operations) {
    if (auto* pipeline = touch(operation->origin())) pipeline->OnOperation(operation);
  }
  for (const Bytes& lines : completions.monitored) {
    for (const auto& [id, connection] : connections_) {
      if (&LoopOf(id) == &loop) connection->ShowIfMonitor(lines);
    }
  }
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const uint64_t id : touched) {
    if (Connection* connection = Find(id)) connection->Continue();
  }
}

// What the round's commands need is handed on now, or with what comes a little later.
void Node::EndRound(Loop& loop) {
  CheckPasswords();
  SetAlarm(loop);
  if (random_.OneIn(2)) {
    HandOn(loop);
    return;
  }
  if (std::exchange(loop.flushes, true)) return;
  const bool late = hand_on_late_one_in_ != 0 && random_.OneIn(hand_on_late_one_in_);
  scheduler_.After((late ? 50 : 1) * Delay(), [this, alive = alive_, &loop] {
    if (!*alive) return;
    loop.flushes = false;
    HandOn(loop);
  });
}

void Node::SetAlarm(Loop& loop) {
  const std::optional<MonoTime> next = loop.outbox.alarms.next();
  if (!next.has_value() || std::exchange(loop.rings, true)) return;
  const auto wait = std::max(*next - clock_.Mono(), std::chrono::nanoseconds(0));
  scheduler_.After(wait + Delay(), [this, alive = alive_, &loop] {
    if (!*alive) return;
    loop.rings = false;
    RingAlarms(loop);
  });
}

void Node::RingAlarms(Loop& loop) {
  ReadClock(loop);
  while (const auto id = loop.outbox.alarms.TakeDue(loop.outbox.now.mono)) {
    Connection* connection = Find(*id);
    if (connection == nullptr) continue;
    connection->pipeline().OnAlarm();
    connection->Continue();
  }
  EndRound(loop);
}

void Node::Visit(gateway::ClientFilter filter, Action action, uint64_t caller, Done done) {
  scheduler_.After(Delay(), [this, alive = alive_, filter = std::move(filter), action, caller,
                             done = std::move(done)] {
    if (!*alive) return;
    std::vector<gateway::ClientFacts> found;
    for (const auto& [id, connection] : connections_) {
      gateway::ClientFacts facts = connection->Facts();
      if (!filter.Fits(facts)) continue;
      found.push_back(std::move(facts));
      if (action == Action::kClose && id != caller) connection->Close();
    }
    done(std::move(found));
  });
}

void Node::ResumePaused() {
  for (const auto& [id, connection] : connections_) {
    if (!connection->pipeline().paused()) continue;
    scheduler_.After(Delay(), [this, alive = alive_, paused = id] {
      Connection* const found = *alive ? Find(paused) : nullptr;
      if (found != nullptr) GoOn(*found);
    });
  }
}

void Node::HandOn(Loop& loop) {
  gateway_->Flush(loop.outbox);
  for (const auto& [id, connection] : connections_) {
    if (&LoopOf(id) != &loop || !connection->pipeline().waits_for_round()) continue;
    scheduler_.After(Delay(), [this, alive = alive_, id = id] {
      if (!*alive) return;
      if (Connection* waiting = Find(id)) GoOn(*waiting);
    });
  }
}

void Node::Tick() {
  gateway_->Tick();
  gateway_->ExpireCached();
  gateway_->warmer().Step();
  if (gateway_->pause().stops() == gateway::ClientPause::Stops::kNothing) ResumePaused();
  scheduler_.After(tick_, [this, alive = alive_] {
    if (*alive) Tick();
  });
}

// A password is right when it is the hash that it is held against with "pw:" in front.
void Node::CheckPasswords() {
  while (std::optional<users::PasswordChecks::Work> work =
             gateway_->authentication().checks().TryNext()) {
    auto held = std::make_shared<users::PasswordChecks::Work>(std::move(*work));
    scheduler_.After(20 * Delay(), [this, alive = alive_, held] {
      if (!*alive) return;
      const bool fits = held->password == "pw:" + held->hash;
      gateway_->authentication().checks().Finish(std::move(*held), fits);
    });
  }
}

Connection* Node::Find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

}  // namespace weir::sim
