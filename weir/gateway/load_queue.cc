#include "weir/gateway/load_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace weir::gateway {

void LoadQueue::Add(std::vector<LoadRequest> requests, MonoTime now) {
  if (circuit_.Room(now) == 0) {
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

std::optional<LoadQueue::Batch> LoadQueue::Next(size_t room, size_t keys_max, MonoTime now) {
  const size_t most = limit_.limit();
  const bool enough_calls = calls_.size() - stalled_calls_ >= kBatchesMax;
  if ((enough_calls || keys_in_store_ >= most) && !waiting_.empty()) {
    limit_.OnLimited(keys_in_store_);
  }
  if (enough_calls) return std::nullopt;
  const size_t free = room > reserved_bytes_ ? room - reserved_bytes_ : 0;
  if (std::optional<Batch> large = NextLarge(free, now)) return large;
  const size_t keys = std::min(
      {keys_max, limit_.share(), most - std::min(keys_in_store_, most), circuit_.Room(now)});
  if (keys == 0) return std::nullopt;
  Batch batch;
  batch.bytes_max = std::min(kBatchBytesMax, free / kBatchesMax);
  std::vector<LoadRequest> dropped;
  while (batch.requests.size() < keys) {
    std::optional<LoadRequest> next = waiting_.Pop(now, Service(), &dropped);
    if (!next) break;
    batch.requests.push_back(std::move(*next));
  }
  Refuse(std::move(dropped), Overload::Reason::kQueueDeadline, now);
  if (batch.requests.empty()) return std::nullopt;
  circuit_.Begin();
  Begin(&batch, batch.requests.size(), now);
  return batch;
}

std::optional<LoadQueue::Batch> LoadQueue::NextLarge(size_t room, MonoTime now) {
  if (large_.empty() || large_.front().bytes > room) return std::nullopt;
  const size_t bytes = large_.front().bytes;
  if (reserved_bytes_ > 0 && reserved_bytes_ + bytes > kLargeBytesMax) return std::nullopt;
  Batch batch;
  batch.bytes_max = batch.reserved_bytes = bytes;
  batch.requests.push_back(std::move(large_.front().request));
  large_.pop_front();
  reserved_bytes_ += bytes;
  Begin(&batch, 0, now);
  return batch;
}

void LoadQueue::Begin(Batch* batch, size_t keys, MonoTime now) {
  batch->call = next_call_++;
  calls_[batch->call] = {now, keys};
  keys_in_store_ += keys;
}

void LoadQueue::Finish(Batch batch, bool answered, const std::vector<store::Loads::LeftOut>& left,
                       MonoTime now) {
  const auto found = calls_.find(batch.call);
  assert(found != calls_.end());
  assert(reserved_bytes_ >= batch.reserved_bytes);
  const Call call = found->second;
  calls_.erase(found);
  reserved_bytes_ -= batch.reserved_bytes;
  if (call.stalls) {
    --stalled_calls_;
  } else {
    keys_in_store_ -= call.keys;
  }
  // Errors tell of the database, not of its load.
  if (answered && call.keys > 0) limit_.OnAnswer(call.began, now, call.keys);
  if (answered && call.keys > 0) circuit_.OnSuccess();
  if (!answered && call.keys > 0) {
    circuit_.OnFailure(now);
    RefuseAllIfOpen(now);
  }
  for (const store::Loads::LeftOut& item : left) {
    large_.push_back({std::move(batch.requests[item.index]), item.bytes, now});
  }
}

void LoadQueue::Tick(MonoTime now) {
  for (auto& [id, call] : calls_) {
    // What is large may take as long as it takes.
    if (call.keys == 0 || call.stalls || now - call.began <= stall_) continue;
    call.stalls = true;
    ++stalled_calls_;
    keys_in_store_ -= call.keys;
    circuit_.OnStall(now);
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
  if (circuit_.Room(now) == 0) return Because(Overload::Reason::kCircuit, now);
  if (!waiting_.Refuses(flow, Service())) return std::nullopt;
  return Because(Overload::Reason::kConcurrency, now);
}

// Twice what an answer takes: by then what is in the store and what waits have changed.
Overload LoadQueue::Because(Overload::Reason reason, MonoTime now) const {
  if (reason == Overload::Reason::kCircuit) return {reason, circuit_.RetryAfter(now)};
  return {reason, std::min(2 * limit_.recent(), Overload::kRetryMost)};
}

void LoadQueue::Refuse(std::vector<LoadRequest> requests, Overload::Reason reason, MonoTime now) {
  for (LoadRequest& request : requests) {
    refused_.push_back({std::move(request), Because(reason, now)});
    CountRefused(reason);
  }
}

void LoadQueue::RefuseAllIfOpen(MonoTime now) {
  if (circuit_.state() != limit::Circuit::State::kOpen || waiting_.empty()) return;
  std::vector<LoadRequest> dropped;
  waiting_.Clear(&dropped);
  Refuse(std::move(dropped), Overload::Reason::kCircuit, now);
}

AdmissionFacts LoadQueue::Facts() const {
  AdmissionFacts facts = facts_;
  facts.limit = limit_.limit();
  facts.under_way = keys_in_store_;
  facts.waiting = waiting_.size();
  facts.standing = waiting_.standing();
  facts.circuit_closed = circuit_.closed();
  return facts;
}

}  // namespace weir::gateway
