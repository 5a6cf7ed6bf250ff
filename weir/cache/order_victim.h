// How Order finds the entry to evict: a part of order.h, which includes it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "weir/cache/behaviour.h"
#include "weir/cache/order.h"

namespace weir::cache {

template <class Nodes>
uint32_t Order<Nodes>::Evict(Nodes& nodes, Id id, bool from_window) {
  uint64_t& clock = evicted_[from_window ? 1 : 0];
  const bool old = behaviour_->evict == Behaviour::Evict::kWindow &&
                   (Fallen(nodes.state(id)) ||
                    lists_[kWindow].bytes > 2 * WindowTarget() + 2 * nodes.weight(id));
  if (!old) ghosts_.Remember(nodes.hash(id), from_window, evicted_);
  ++clock;
  Unlink(nodes, id);
  return id;
}

template <class Nodes>
uint32_t Order<Nodes>::MainEnd() const {
  return lists_[kMain].tail == kNone ? lists_[kProtected].tail : lists_[kMain].tail;
}

// The end of the window, once what was asked for twice there has moved to the main part.
template <class Nodes>
uint32_t Order<Nodes>::FilteredWindowEnd(Nodes& nodes, uint64_t incoming) {
  while (lists_[kWindow].tail != kNone && lists_[kWindow].bytes + incoming > WindowTarget()) {
    const Id id = lists_[kWindow].tail;
    if (behaviour_->window_hit != Behaviour::WindowHit::kCount || Uses(nodes.state(id)) < 2) {
      return id;
    }
    MoveFront(nodes, kMain, id);
  }
  return kNone;
}

template <class Nodes>
uint32_t Order<Nodes>::LessFrequent(Nodes& nodes, uint64_t incoming) {
  const uint64_t main_target = budget_ - std::min(budget_, WindowTarget());
  // The main part takes without a comparison what it has room for, unless that is only a part of an
  // entry's room and the window would be left with none.
  const auto main_takes = [&](uint64_t weight) {
    const uint64_t bytes = lists_[kMain].bytes + lists_[kProtected].bytes;
    return bytes < main_target && bytes + weight + mean_weight_ <= budget_;
  };
  while (lists_[kWindow].tail != kNone && lists_[kWindow].bytes + incoming > WindowTarget() &&
         main_takes(nodes.weight(lists_[kWindow].tail))) {
    MoveFront(nodes, kMain, lists_[kWindow].tail);
  }
  const Id victim = MainEnd();
  if (lists_[kWindow].tail == kNone) return victim;
  if (victim == kNone) return lists_[kWindow].tail;
  if (lists_[kWindow].bytes + incoming <= WindowTarget()) return victim;
  const Id candidate = lists_[kWindow].tail;
  if (frequencies_.Count(nodes.hash(candidate)) <= frequencies_.Count(nodes.hash(victim))) {
    return candidate;
  }
  MoveFront(nodes, kMain, candidate);
  return victim;
}

// Sizes what is remembered of entries that are gone by how many are held. In a large cache counts
// of use are kept only while they are asked for.
template <class Nodes>
void Order<Nodes>::Prepare() {
  mean_weight_ = bytes() / count_;
  const bool small = count_ <= kSmallMax;
  const bool any = remembers_ == Remembers::kForAny;
  const bool asked_for = any || behaviour_->ghost != Behaviour::Ghost::kNothing;
  const size_t ghosts = !asked_for ? 0 : small ? 2 * count_ : count_;
  if (ghosts_.capacity() < ghosts / 3 * 2 || ghosts_.capacity() / 4 > ghosts) {
    ghosts_.Reset(ghosts);
  }
  const bool counted = (small && any) || behaviour_->evict == Behaviour::Evict::kLessFrequent;
  const size_t counts = counted ? count_ : 0;
  if (frequencies_.capacity() < counts / 3 * 2 || frequencies_.capacity() / 4 > counts) {
    frequencies_.Reset(counts);
  }
}

template <class Nodes>
uint32_t Order<Nodes>::Victim(Nodes& nodes, uint64_t incoming) {
  assert(count_ > 0);
  Prepare();
  Id id = kNone;
  switch (behaviour_->evict) {
    case Behaviour::Evict::kMain:
      id = MainEnd();
      break;
    case Behaviour::Evict::kWindow:
      break;
    case Behaviour::Evict::kWindowAbove:
      id = FilteredWindowEnd(nodes, incoming);
      if (id == kNone) id = MainEnd();
      break;
    case Behaviour::Evict::kLessFrequent:
      id = LessFrequent(nodes, incoming);
      break;
    case Behaviour::Evict::kLeastWorth:
      break;
  }
  // Entries there that no behaviour in force looks at are older than all others.
  if (weighed_.count() > 0) id = weighed_.Lowest();
  if (id == kNone) id = lists_[kWindow].tail;
  if (id == kNone) id = MainEnd();
  return Evict(nodes, id, IsNew(nodes.state(id)));
}

}  // namespace weir::cache
