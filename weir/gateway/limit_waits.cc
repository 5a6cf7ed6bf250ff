#include "weir/gateway/limit_waits.h"

#include <vector>

namespace weir::gateway {

LimitWaits::Joined LimitWaits::Wait(Seat* seat, uint64_t bucket, uint64_t cost, bool of_policy) {
  if (seat->taken() && seat->place_.bucket == bucket) {
    const std::lock_guard lock(mutex_);
    return line_.IsFirst(seat->place_) ? Joined::kFirst : Joined::kBehind;
  }
  seat->Leave();
  const std::lock_guard lock(mutex_);
  const size_t free = limit::WaitingLine::kWaitersMax - line_.size();
  if (shares_.Held(seat->flow_) >= free) return Joined::kNoRoom;
  const limit::WaitingLine::Place place = line_.Join(bucket, cost).value();
  turns_.emplace(place.number, seat->turn_);
  count_.store(line_.size(), std::memory_order_relaxed);
  shares_.Add(seat->flow_);
  seat->waits_ = this;
  seat->place_ = place;
  seat->of_policy_ = of_policy;
  if (of_policy) at_policies_.fetch_add(1, std::memory_order_relaxed);
  if (seat->turn_->blocks()) blocked_.fetch_add(1, std::memory_order_relaxed);
  return line_.IsFirst(place) ? Joined::kNowFirst : Joined::kBehind;
}

void LimitWaits::Leave(Seat* seat) {
  const limit::WaitingLine::Place place = std::exchange(seat->place_, {});
  if (seat->of_policy_) at_policies_.fetch_sub(1, std::memory_order_relaxed);
  if (seat->turn_->blocks()) blocked_.fetch_sub(1, std::memory_order_relaxed);
  std::shared_ptr<Turn> next;
  {
    const std::lock_guard lock(mutex_);
    const std::optional<uint64_t> first = line_.Leave(place);
    turns_.erase(place.number);
    shares_.Remove(seat->flow_);
    count_.store(line_.size(), std::memory_order_relaxed);
    if (first.has_value()) next = turns_.at(*first);
  }
  if (next != nullptr) Deliver(std::move(next));
}

uint64_t LimitWaits::Ahead(uint64_t bucket, const Seat* seat) const {
  const std::lock_guard lock(mutex_);
  const bool own = seat != nullptr && seat->taken() && seat->place_.bucket == bucket;
  return own ? line_.Before(seat->place_) : line_.Ahead(bucket);
}

bool LimitWaits::Unblock(uint64_t connection, Unblocked how) {
  std::shared_ptr<Turn> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, turn] : turns_) {
      if (turn->origin().connection != connection || !turn->blocks()) continue;
      found = turn;
      break;
    }
  }
  if (found == nullptr) return false;
  found->unblocked_.store(how, std::memory_order_relaxed);
  Deliver(std::move(found));
  return true;
}

void LimitWaits::Tell(uint64_t bucket) {
  std::shared_ptr<Turn> first;
  {
    const std::lock_guard lock(mutex_);
    const std::optional<uint64_t> number = line_.First(bucket);
    if (number.has_value()) first = turns_.at(*number);
  }
  if (first != nullptr) Deliver(std::move(first));
}

void LimitWaits::TellAll() {
  std::vector<std::shared_ptr<Turn>> firsts;
  {
    const std::lock_guard lock(mutex_);
    line_.ForEachFirst([&](uint64_t number) { firsts.push_back(turns_.at(number)); });
  }
  for (std::shared_ptr<Turn>& turn : firsts) Deliver(std::move(turn));
}

}  // namespace weir::gateway
