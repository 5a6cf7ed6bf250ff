#include "weir/gateway/committer.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/command.h"

namespace weir::gateway {
namespace {

const Error kRecovering{ErrorCode::kUnavailable,
                        "the database is recovering from a failed write; this write was not "
                        "applied, try again"};

}  // namespace

Committer::Committer(store::Store& store, Lanes& lanes, const Placement& placement,
                     VersionClock& versions, const Memory& memory, CommitGate& gate, Clock& clock,
                     HeavyWork& heavy_batches, ClientTracking& tracking, LatencyEvents* events,
                     const limit::QueueDelay::Options& waits)
    : store_(store),
      lanes_(lanes),
      versions_(versions),
      placement_(placement),
      memory_(memory),
      gate_(gate),
      clock_(clock),
      heavy_batches_(heavy_batches),
      tracking_(tracking),
      events_(events),
      batch_(lanes, placement, versions, memory),
      queue_(waits, kBatchWritesMax),
      load_(placement.RandomSeed(), clock.Mono()) {}

Committer::~Committer() {
  assert(queue_.empty());
}

void Committer::Submit(std::vector<std::unique_ptr<WriteItem>> items) {
  std::vector<std::unique_ptr<WriteItem>> refused;
  bool work = false;
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.Mono();
    for (std::unique_ptr<WriteItem>& item : items) {
      if (in_doubt_) {
        item->reply = ErrorReply(kRecovering);
      } else if (const auto why = queue_.Push(&item, memory_.queued_bytes_max(), now)) {
        item->reply = ReplyOf(*why, *item);
      } else {
        continue;
      }
      refused.push_back(std::move(item));
      ++counters_.refused;
    }
    if (!busy_ && !queue_.empty()) work = busy_ = true;
  }
  if (!refused.empty()) Deliver(std::move(refused));
  if (work) Work();
}

std::optional<Error> Committer::Refusal(std::string_view key, limit::FlowId flow) {
  if (!sheds_.load(std::memory_order_relaxed)) [[likely]]
    return std::nullopt;
  const std::lock_guard lock(mutex_);
  const std::optional<Overload> why = queue_.Refusal(flow);
  if (!why) return std::nullopt;
  queue_.CountRefused(why->reason);
  ++counters_.refused;
  return OverloadError(*why, placement_.ShardAt(placement_.Place(key).position));
}

Reply Committer::ReplyOf(const Overload& why, const WriteItem& item) const {
  const std::optional<std::string_view> key = item.first_key();
  const uint64_t position = key ? placement_.Place(*key).position : 0;
  return ErrorReply(OverloadError(why, placement_.ShardAt(position)));
}

void Committer::RefuseOverdue(std::vector<WriteQueue::Refused> overdue) {
  if (overdue.empty()) return;
  std::vector<std::unique_ptr<WriteItem>> items;
  for (auto& [write, why] : overdue) {
    write->reply = ReplyOf(why, *write);
    items.push_back(std::move(write));
  }
  Deliver(std::move(items));
}

AdmissionFacts Committer::Facts() const {
  const std::lock_guard lock(mutex_);
  return queue_.Facts();
}

void Committer::SubmitClear(ClearDone done) {
  bool work = false;
  std::optional<Error> refused;
  {
    const std::lock_guard lock(mutex_);
    if (in_doubt_) {
      refused = kRecovering;
    } else if (queue_.PushTurn({nullptr, done, nullptr})) {
      if (!busy_) work = busy_ = true;
    } else {
      refused = OverloadError({Overload::Reason::kConcurrency}, 0);
    }
  }
  if (refused) done(*refused);
  if (work) Work();
}

void Committer::SubmitStoreWrite(StoreWrite write, ClearDone done, Unknown unknown) {
  Queued turn{nullptr, std::move(done), nullptr, std::move(write)};
  turn.repeats = unknown == Unknown::kRepeats;
  SubmitFirst(std::move(turn));
}

void Committer::SubmitHold(HoldDone held) {
  SubmitFirst({nullptr, nullptr, std::move(held)});
}

void Committer::SubmitFirst(Queued turn) {
  bool work = false;
  bool refused = false;
  {
    const std::lock_guard lock(mutex_);
    refused = in_doubt_ || stopping_;
    if (!refused) {
      queue_.PushFirst(std::move(turn));
      if (!busy_) work = busy_ = true;
    }
  }
  if (refused) (turn.clear ? turn.clear : turn.hold)(kRecovering);
  if (work) Work();
}

// Whoever holds the log has the right to work.
void Committer::Release() {
  Work();
}

void Committer::Tick() {
  std::vector<WriteQueue::Refused> overdue;
  {
    const std::lock_guard lock(mutex_);
    overdue = queue_.Tick(clock_.Mono());
    counters_.refused += overdue.size();
    NoteQueue();
  }
  RefuseOverdue(std::move(overdue));
  {
    const std::lock_guard lock(mutex_);
    const bool gathers = std::exchange(gathering_, 0) > 0;
    if (!gathers && (busy_ || stopping_)) return;
    busy_ = true;
  }
  Work();
}

void Committer::EndTurns() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

void Committer::Stop() {
  StopGathering();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return !busy_ && queue_.empty(); });
  const StoreTurn turn = std::exchange(unsettled_, {});
  lock.unlock();
  // Who opens the database next finds out.
  if (turn.write != nullptr) turn.done(Error{ErrorCode::kUnknown, "the server is stopping"});
}

Committer::Counters Committer::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

shard::LoadSample Committer::Load() const {
  const std::lock_guard lock(mutex_);
  return load_;
}

LatencyTotals Committer::Durations() const {
  LatencyTotals totals;
  totals.Add(commit_latency_);
  return totals;
}

// Goes on until something is in the store's hands, whose callback comes back here, or until there
// is nothing to do.
void Committer::Work() {
  for (;;) {
    Queued whole_turn;
    switch (TakeTurn(&whole_turn)) {
      case Turn::kNone:
        return;
      case Turn::kBatch:
        RefuseOverdue(std::exchange(overdue_, {}));
        if (!misrouted_.empty()) Deliver(std::exchange(misrouted_, {}));
        if (taken_.empty()) {
          gate_.EndBatch();
          break;
        }
        if (StartBatch()) return;
        break;
      case Turn::kClear:
        StartClear(std::move(whole_turn.clear));
        return;
      case Turn::kStoreWrite:
        StartStoreWrite(
            {std::move(whole_turn.store_write), std::move(whole_turn.clear), whole_turn.repeats});
        return;
      case Turn::kHold:
        whole_turn.hold(Ok{});
        return;
      case Turn::kExpire:
        StartExpire();
        return;
      case Turn::kSettle:
        StartSettle();
        return;
    }
  }
}

Committer::Turn Committer::TakeTurn(Queued* whole_turn) {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_.Wall();
  if (in_doubt_ || !opened_) {
    if (settle_due_ && !stopping_) {
      settle_due_ = false;
      return Turn::kSettle;
    }
    settle_due_ = true;  // Again at the next Tick.
    return Rest();
  }
  const bool expire = next_expiry_ <= now && expire_after_ <= now && !stopping_;
  if (expire && (queue_.empty() || !expired_last_)) {
    expired_last_ = true;
    return Turn::kExpire;
  }
  expired_last_ = false;
  if (queue_.empty()) return Rest();
  if (!queue_.write_first()) {
    *whole_turn = queue_.Pop();
    if (whole_turn->store_write) return Turn::kStoreWrite;
    return whole_turn->clear ? Turn::kClear : Turn::kHold;
  }
  TakeBatch();
  return Turn::kBatch;
}

// Requires: mutex_ is held.
Committer::Turn Committer::Rest() {
  busy_ = false;
  idle_.notify_all();
  return Turn::kNone;
}

// Requires: mutex_ is held and a write is at the front.
void Committer::TakeBatch() {
  // After its writes came, so that none is judged by a time before it was sent.
  batch_now_ = gate_.BeginBatch(clock_);
  size_t writes = 0;
  size_t bytes = 0;
  taken_.clear();
  // Keys of this database do not move until the batch has ended: that is a turn of this log.
  const uint64_t routes = placement_.routes();
  const size_t writes_max = std::min(batch_writes_max_, queue_.batch_writes());
  while (!queue_.empty() && queue_.write_first()) {
    const WriteItem& item = queue_.first_write();
    if (item.routes != routes) {
      misrouted_.push_back(queue_.Pop().write);
      misrouted_.back()->misrouted = true;
      continue;
    }
    bytes += item.bytes();
    writes += item.KeyCount();
    // One that does not fit goes alone, so that it cannot take others down with it; and one that
    // asks for the whole database.
    const bool fits = writes <= writes_max && bytes <= memory_.batch_bytes_max() && !item.whole();
    if (!fits && !taken_.empty()) {
      writes -= item.KeyCount();
      break;
    }
    if (item.whole()) writes = kBatchWritesMax;
    taken_.push_back(queue_.Pop().write);
  }
  overdue_ = queue_.OnTaken(writes, clock_.Mono());
  counters_.refused += overdue_.size();
  NoteQueue();
  counters_.writes += taken_.size();
}

void Committer::NoteEnded(bool answered) {
  const std::lock_guard lock(mutex_);
  queue_.OnEnded(answered, clock_.Mono());
  NoteQueue();
}

void Committer::OnApplied(const Result<store::Applied>& applied) {
  const auto took_ns =
      static_cast<uint64_t>(std::max<int64_t>((clock_.Mono() - apply_began_).count(), 0));
  commit_latency_.Record(took_ns, 1);
  NoteEnded(applied.ok());
  if (events_ != nullptr) events_->Note(LatencyEvents::Event::kCommit, took_ns, clock_.Wall());
  if (applied.ok()) {
    Reach(CommitObserver::Step::kPostCommit);
    TellFollower();
    batch_.Publish(applied.value());
    TellOfBatch();
    Reach(CommitObserver::Step::kPrePublish);
    gate_.Publish(applied.value().commit);
    batch_.Reveal();
    {
      const std::lock_guard lock(mutex_);
      ++counters_.batches;
      load_.Note(batch_.written(), clock_.Mono(), [this](size_t i) {
        const std::string_view key = batch_.WrittenAt(i);
        return shard::LoadSample::Request{shard::PositionOf(key), key};
      });
      next_expiry_ = std::min(next_expiry_, batch_expiry_);
    }
    if (FinishAndGather()) return;
  } else if (applied.error().code == ErrorCode::kUnknown) {
    TellFollower();
    batch_.Doubt(applied.error());
    TellOfBatch();
    gate_.EndBatch();  // Its readers find the store closed to them until it is settled.
    std::vector<Queued> refused = BeginDoubt();
    Deliver(
        batch_.TakeItems(clock_.Mono() - batch_began_));  // The batch itself stays, to be settled.
    RefuseAll(std::move(refused));
  } else {
    batch_.Refuse(applied.error());
    FinishBatch();
  }
  Work();
}

void Committer::RefuseAll(std::vector<Queued> refused) {
  std::vector<std::unique_ptr<WriteItem>> items;
  for (Queued& queued : refused) {
    if (queued.write == nullptr) {
      (queued.clear ? queued.clear : queued.hold)(kRecovering);
      continue;
    }
    queued.write->reply = ErrorReply(kRecovering);
    items.push_back(std::move(queued.write));
  }
  Deliver(std::move(items));
}

// Returns what the batch was made of, with its replies, and makes ready for the next.
std::vector<std::unique_ptr<WriteItem>> Committer::EndBatch() {
  std::vector<std::unique_ptr<WriteItem>> items = batch_.TakeItems(clock_.Mono() - batch_began_);
  batch_.Clear();
  batch_expiry_ = kNever;
  gate_.EndBatch();
  return items;
}

void Committer::FinishBatch() {
  Deliver(EndBatch());
}

void Committer::StopGathering() {
  {
    const std::lock_guard lock(mutex_);
    may_gather_ = false;
    if (std::exchange(gathering_, 0) == 0) return;
  }
  Work();
}

// Returns whether what follows on the replies is waited for.
bool Committer::FinishAndGather() {
  std::vector<std::unique_ptr<WriteItem>> items = EndBatch();
  size_t writes = 0;
  for (const std::unique_ptr<WriteItem>& item : items) writes += item->KeyCount();
  const size_t homes = writes <= kGatherAfterWritesMax ? CountThatTell(items) : 0;
  bool gathers = false;
  {
    // Before the replies are out, after which a home may be idle at any moment.
    const std::lock_guard lock(mutex_);
    // What waits already may be enough, or may have to go alone.
    const bool enough =
        queue_.size() > kGatherAfterWritesMax || (!queue_.empty() && !queue_.write_first());
    gathering_ = may_gather_ && !enough ? homes : 0;
    gathers = gathering_ > 0;
  }
  Reach(CommitObserver::Step::kPreReply);
  Deliver(std::move(items));
  return gathers;
}

size_t Committer::CountThatTell(const std::vector<std::unique_ptr<WriteItem>>& items) {
  std::vector<Home*> homes;
  for (const std::unique_ptr<WriteItem>& item : items) {
    Home* home = item->origin.home;
    if (home->TellsWhenIdle() && std::find(homes.begin(), homes.end(), home) == homes.end()) {
      homes.push_back(home);
    }
  }
  return homes.size();
}

void Committer::OnHomeIdle() {
  {
    const std::lock_guard lock(mutex_);
    if (gathering_ == 0 || --gathering_ > 0) return;
  }
  Work();
}

// Returns what was queued, to be refused.
std::vector<Committer::Queued> Committer::BeginDoubt() {
  const std::lock_guard lock(mutex_);
  ++counters_.unknown;
  in_doubt_ = true;
  settle_due_ = true;
  counters_.refused += queue_.size();
  NoteQueue();
  return queue_.TakeAll();
}

void Committer::Deliver(std::vector<std::unique_ptr<WriteItem>> items) {
  // Homes are few: one for each event loop.
  std::vector<std::pair<Home*, Completions>> by_home;
  for (std::unique_ptr<WriteItem>& item : items) {
    Home* home = item->origin.home;
    auto found = std::find_if(by_home.begin(), by_home.end(),
                              [home](const auto& entry) { return entry.first == home; });
    if (found == by_home.end()) found = by_home.insert(found, {home, Completions{}});
    found->second.writes.push_back(std::move(item));
  }
  for (auto& [home, completions] : by_home) home->Deliver(std::move(completions));
}

}  // namespace weir::gateway
