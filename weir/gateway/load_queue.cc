#include "weir/gateway/load_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace weir::gateway {

void LoadQueue::Add(std::vector<LoadRequest> requests, MonoTime now) {
  if (Room(now) == 0) {
    Refuse(std::move(requests), Overload::Reason::kCircuit, now);
    return;
  }
  std::vector<LoadRequest> dropped;
  for (LoadRequest& request : requests) {
    const limit::FlowId flow = request.flow;
    waiting_.Push(std::move(request), flow, now, Service(), &dropped);
  }
  Refuse(std::move(dropped), Overload::Reason::kConcurrency, now);
}

size_t LoadQueue::Room(MonoTime now) {
  return stalled_calls_ < kStalledCallsMax ? circuit_.Room(now) : 0;
}

std::optional<LoadQueue::Batch> LoadQueue::Next(size_t room, size_t keys_max, MonoTime now) {
  const size_t most = limit_.limit();
  const bool enough_calls = calls_in_store_ >= kBatchesMax;
  if ((enough_calls || keys_in_store_ >= most) && !waiting_.empty()) {
    limit_.OnLimited(keys_in_store_);
  }
  if (enough_calls || held_keys_ >= kHeldKeysMax) return std::nullopt;
  const size_t free = room > reserved_bytes_ ? room - reserved_bytes_ : 0;
  if (std::optional<Batch> large = NextLarge(free, now)) return large;
  const size_t keys =
      std::min({keys_max, limit_.share(), most - std::min(keys_in_store_, most), Room(now)});
  if (keys == 0) return std::nullopt;
  std::vector<LoadRequest> requests;
  if (!snapshot_) requests = TakeWaiting(keys, now);
  if (requests.empty() && probe_key_) return NextProbe(now);
  probe_key_.reset();
  if (requests.empty()) return NextSnapshot(now);
  Batch batch;
  batch.bytes_max = std::min(kBatchBytesMax, free / kBatchesMax);
  Begin(std::move(requests), &batch, now);
  return batch;
}

std::vector<LoadRequest> LoadQueue::TakeWaiting(size_t keys, MonoTime now) {
  std::vector<LoadRequest> requests;
  std::vector<LoadRequest> dropped;
  while (requests.size() < keys && !snapshot_) {
    std::optional<LoadRequest> next = waiting_.Pop(now, Service(), &dropped);
    if (!next) break;
    if (next->snapshot == nullptr) {
      requests.push_back(std::move(*next));
    } else if (circuit_.closed()) {
      snapshot_ = std::move(next);
    } else {
      probe_key_ = next->key;
      Refuse({std::move(*next)}, Overload::Reason::kCircuit, now);
    }
  }
  Refuse(std::move(dropped), Overload::Reason::kQueueDeadline, now);
  return requests;
}

std::optional<LoadQueue::Batch> LoadQueue::NextSnapshot(MonoTime now) {
  if (!snapshot_) return std::nullopt;
  Batch batch;
  batch.bytes_max = snapshot_->snapshot->bytes_max;
  std::vector<LoadRequest> requests;
  requests.push_back(std::move(*snapshot_));
  snapshot_.reset();
  Begin(std::move(requests), &batch, now);
  return batch;
}

std::optional<LoadQueue::Batch> LoadQueue::NextProbe(MonoTime now) {
  Batch batch;
  batch.call = next_call_++;
  batch.keys.push_back(std::move(*probe_key_));
  probe_key_.reset();
  Call call;
  call.keys = 1;
  call.circuit = circuit_.Begin();
  Enter(&call, now);
  calls_.emplace(batch.call, std::move(call));
  return batch;
}

std::optional<LoadQueue::Batch> LoadQueue::NextLarge(size_t room, MonoTime now) {
  if (large_.empty() || large_.front().bytes > room) return std::nullopt;
  const size_t bytes = large_.front().bytes;
  if (reserved_bytes_ > 0 && reserved_bytes_ + bytes > kLargeBytesMax) return std::nullopt;
  Batch batch;
  batch.bytes_max = batch.reserved_bytes = bytes;
  std::vector<LoadRequest> requests;
  requests.push_back(std::move(large_.front().request));
  large_.pop_front();
  reserved_bytes_ += bytes;
  Begin(std::move(requests), &batch, now);
  return batch;
}

// What is large may take as long as it takes, so it says nothing of the database's state.
void LoadQueue::Begin(std::vector<LoadRequest> requests, Batch* batch, MonoTime now) {
  const bool large = batch->reserved_bytes > 0;
  bool background = false;
  Call call;
  batch->call = next_call_++;
  if (requests.front().snapshot != nullptr) {
    batch->keys = std::move(requests.front().snapshot->keys);
    background = requests.front().snapshot->background;
    call.measured = false;
  } else {
    batch->keys.reserve(requests.size());
    for (const LoadRequest& request : requests) batch->keys.push_back(request.key);
  }
  call.keys = large ? 0 : batch->keys.size();
  call.reserved_bytes = batch->reserved_bytes;
  if (!large && !background) call.circuit = circuit_.Begin();
  call.requests = std::move(requests);
  Enter(&call, now);
  calls_.emplace(batch->call, std::move(call));
}

void LoadQueue::Enter(Call* call, MonoTime now) {
  call->asked = now;
  call->state = Call::State::kInStore;
  ++calls_in_store_;
  keys_in_store_ += call->keys;
}

// Into a state in which it takes no places.
void LoadQueue::Leave(Call* call, Call::State state) {
  if (call->state == Call::State::kInStore) {
    --calls_in_store_;
    keys_in_store_ -= call->keys;
  }
  if (call->state == Call::State::kStalls) --stalled_calls_;
  if (call->state == Call::State::kAnswered) held_keys_ -= call->keys;
  if (state == Call::State::kStalls) ++stalled_calls_;
  if (state == Call::State::kAnswered) held_keys_ += call->keys;
  call->state = state;
}

void LoadQueue::OnAnswered(uint64_t id, bool ok, MonoTime now) {
  Call& call = calls_.at(id);
  Leave(&call, Call::State::kAnswered);
  if (!call.circuit) return;
  if (ok) {
    if (call.measured) limit_.OnAnswer(call.asked, now, call.keys);
    circuit_.OnSuccess(*call.circuit);
  } else {  // Errors tell of the database, not of its load.
    circuit_.OnFailure(*call.circuit, now);
    RefuseAllIfOpen(now);
  }
}

void LoadQueue::OnAskedAgain(uint64_t id, MonoTime now) {
  Call& call = calls_.at(id);
  assert(call.state == Call::State::kAnswered);
  held_keys_ -= call.keys;
  if (call.circuit) call.circuit = circuit_.Begin();
  Enter(&call, now);
}

std::vector<LoadRequest> LoadQueue::Finish(uint64_t id) {
  const auto found = calls_.find(id);
  assert(found != calls_.end());
  Call call = std::move(found->second);
  calls_.erase(found);
  Leave(&call, Call::State::kAnswered);
  held_keys_ -= call.keys;
  assert(reserved_bytes_ >= call.reserved_bytes);
  reserved_bytes_ -= call.reserved_bytes;
  return std::move(call.requests);
}

void LoadQueue::AddLarge(LoadRequest request, size_t bytes, MonoTime now) {
  large_.push_back({std::move(request), bytes, now});
}

void LoadQueue::Tick(MonoTime now) {
  for (auto& [id, call] : calls_) {
    const bool waits = call.circuit && call.state == Call::State::kInStore;
    if (!waits || now - call.asked <= stall_) continue;
    Leave(&call, Call::State::kStalls);
    circuit_.OnStall(*call.circuit, now);
    Refuse(std::exchange(call.requests, {}), Overload::Reason::kCircuit, now);
  }
  RefuseAllIfOpen(now);
  std::vector<LoadRequest> dropped;
  waiting_.Expire(now, Service(), &dropped);
  Refuse(std::move(dropped), Overload::Reason::kQueueDeadline, now);
  if (calls_.empty()) waiting_.LookIdle();
}

std::vector<LoadRequest> LoadQueue::TakeOverdue(MonoTime now) {
  std::vector<LoadRequest> overdue;
  while (!large_.empty() && now - large_.front().since > kLargeWaitMax) {
    overdue.push_back(std::move(large_.front().request));
    large_.pop_front();
  }
  return overdue;
}

std::optional<Overload> LoadQueue::Refusal(limit::FlowId flow, MonoTime now) {
  if (Room(now) == 0) return Because(Overload::Reason::kCircuit, now);
  if (!waiting_.Refuses(flow, Service())) return std::nullopt;
  return Because(Overload::Reason::kConcurrency, now);
}

// Twice what an answer takes: by then what is in the store and what waits have changed.
// Nor is the circuit asked while so many calls stall that there may be no other.
Overload LoadQueue::Because(Overload::Reason reason, MonoTime now) const {
  if (reason == Overload::Reason::kCircuit) {
    const bool tried = stalled_calls_ < kStalledCallsMax;
    return {reason, tried ? circuit_.RetryAfter(now) : limit::Circuit::kPauseMost};
  }
  return {reason, std::min(2 * limit_.recent(), Overload::kRetryMost)};
}

void LoadQueue::Refuse(std::vector<LoadRequest> requests, Overload::Reason reason, MonoTime now) {
  for (LoadRequest& request : requests) {
    refused_.push_back({std::move(request), Because(reason, now)});
    CountRefused(reason);
  }
}

void LoadQueue::RefuseAllIfOpen(MonoTime now) {
  if (circuit_.state() != limit::Circuit::State::kOpen) return;
  std::vector<LoadRequest> dropped;
  if (snapshot_) dropped.push_back(std::move(*snapshot_));
  snapshot_.reset();
  if (!waiting_.empty()) waiting_.Clear(&dropped);
  Refuse(std::move(dropped), Overload::Reason::kCircuit, now);
}

std::vector<std::shared_ptr<SnapshotLoad>> LoadQueue::TakeSnapshots() {
  std::vector<LoadRequest> waiting;
  if (snapshot_) waiting.push_back(std::move(*snapshot_));
  snapshot_.reset();
  if (!waiting_.empty()) waiting_.Clear(&waiting);
  std::vector<std::shared_ptr<SnapshotLoad>> snapshots;
  for (LoadRequest& request : waiting) {
    if (request.snapshot != nullptr) snapshots.push_back(std::move(request.snapshot));
  }
  return snapshots;
}

AdmissionFacts LoadQueue::Facts() const {
  AdmissionFacts facts = facts_;
  facts.limit = limit_.limit();
  facts.under_way = keys_in_store_;
  facts.waiting = waiting_.size() + large_.size() + (snapshot_ ? 1 : 0);
  facts.standing = waiting_.standing();
  facts.circuit_closed = circuit_.closed();
  return facts;
}

}  // namespace weir::gateway
