#include "weir/gateway/write_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace weir::gateway {
namespace {

constexpr size_t kBatchWritesLeast = 8;
// A commit this quick is no sign of congestion: fsyncs alone differ by more than reads do.
constexpr auto kQuickCommit = std::chrono::milliseconds(5);

}  // namespace

WriteQueue::WriteQueue(const limit::QueueDelay::Options& delay, size_t writes_max)
    : stall_(delay.deadline),
      limit_({.least = std::min(kBatchWritesLeast, writes_max),
              .first = writes_max,
              .most = writes_max,
              .quick = kQuickCommit}),
      delay_(delay) {}

std::optional<Overload> WriteQueue::Push(std::unique_ptr<WriteItem>* write, size_t bytes_max,
                                         MonoTime now) {
  WriteItem& item = **write;
  const bool full =
      queue_.size() >= kWritesMax || (bytes_ > 0 && bytes_ + item.bytes() > bytes_max);
  std::optional<Overload> refused =
      full ? Because(Overload::Reason::kConcurrency) : Refusal(item.flow);
  if (refused) {
    CountRefused(refused->reason);
    return refused;
  }
  item.since = now;
  Queued queued{std::move(*write), nullptr, nullptr};
  Enter(&queued);
  queue_.push_back(std::move(queued));
  return std::nullopt;
}

bool WriteQueue::PushTurn(Queued turn) {
  if (queue_.size() >= kWritesMax) return false;
  queue_.push_back(std::move(turn));
  return true;
}

void WriteQueue::PushFirst(Queued turn) {
  if (turn.write != nullptr) Enter(&turn);
  queue_.push_front(std::move(turn));
}

WriteQueue::Queued WriteQueue::Pop() {
  Queued first = std::move(queue_.front());
  queue_.pop_front();
  if (first.write != nullptr) Leave(first);
  return first;
}

// One without a key, such as a transaction that names none, is work as well.
void WriteQueue::Enter(Queued* queued) {
  const WriteItem& write = *queued->write;
  queued->keys = std::max<size_t>(write.KeyCount(), 1);
  keys_ += queued->keys;
  bytes_ += write.bytes();
  shares_.Add(write.flow, queued->keys);
}

void WriteQueue::Leave(const Queued& queued) {
  assert(bytes_ >= queued.write->bytes());
  assert(keys_ >= queued.keys);
  bytes_ -= queued.write->bytes();
  keys_ -= queued.keys;
  shares_.Remove(queued.write->flow, queued.keys);
}

std::vector<WriteQueue::Queued> WriteQueue::TakeAll() {
  std::vector<Queued> all;
  while (!queue_.empty()) all.push_back(Pop());
  delay_.LookEmpty();
  return all;
}

std::vector<WriteQueue::Refused> WriteQueue::OnTaken(size_t writes, MonoTime now) {
  under_way_ = writes;
  taken_at_ = now;
  const bool full = writes >= limit_.limit();
  const bool left = !queue_.empty() && write_first();
  if (full || left) limit_.OnLimited(writes);
  // A batch that is not full says nothing of a queue that turned some away.
  const bool turned_away = std::exchange(turned_away_, false);
  if (!left) {
    if (full || turned_away) {
      delay_.Look(now, now);
    } else {
      delay_.LookEmpty();
    }
    return {};
  }
  delay_.Look(now, first_write().since);
  return TakeOverdue(now);
}

void WriteQueue::OnEnded(bool answered, MonoTime now) {
  // What came meanwhile had to wait for the whole of it.
  if (!queue_.empty()) limit_.OnLimited(under_way_);
  if (answered) limit_.OnAnswer(taken_at_, now, under_way_);
  under_way_ = 0;
  stalls_ = false;
}

std::vector<WriteQueue::Refused> WriteQueue::Tick(MonoTime now) {
  stalls_ = under_way_ > 0 && now - taken_at_ > stall_;
  if (queue_.empty() && under_way_ == 0) delay_.LookIdle();
  return TakeOverdue(now);
}

std::vector<WriteQueue::Refused> WriteQueue::TakeOverdue(MonoTime now) {
  std::vector<Refused> overdue;
  const auto keep = std::find_if(queue_.begin(), queue_.end(), [&](const Queued& queued) {
    return queued.write == nullptr || !delay_.Overdue(now, queued.write->since);
  });
  for (auto each = queue_.begin(); each != keep; ++each) {
    Leave(*each);
    const auto reason = stalls_ ? Overload::Reason::kCircuit : Overload::Reason::kQueueDeadline;
    CountRefused(reason);
    overdue.push_back({std::move(each->write), Because(reason)});
  }
  queue_.erase(queue_.begin(), keep);
  return overdue;
}

std::optional<Overload> WriteQueue::Refusal(limit::FlowId flow) const {
  if (stalls_) return Because(Overload::Reason::kCircuit);
  if (!delay_.standing()) return std::nullopt;
  const size_t most = limit_.limit();
  if (keys_ < most || shares_.Within(flow, most)) return std::nullopt;
  return Because(Overload::Reason::kConcurrency);
}

// A stalled log is looked at again at the next tick; else by then what waits now is done.
Overload WriteQueue::Because(Overload::Reason reason) const {
  if (reason == Overload::Reason::kCircuit) return {reason, std::chrono::milliseconds(100)};
  return {reason, std::min(2 * limit_.recent(), Overload::kRetryMost)};
}

AdmissionFacts WriteQueue::Facts() const {
  AdmissionFacts facts = facts_;
  facts.limit = limit_.limit();
  facts.under_way = under_way_;
  facts.waiting = queue_.size();
  facts.standing = delay_.standing();
  facts.circuit_closed = !stalls_;
  return facts;
}

}  // namespace weir::gateway
