// Order: which entry goes next. The replacement policy of a cache, apart from its keys and values.
//
// Entries are numbers; their links, state and weight live with the owner (`Nodes`), so that a cache
// can keep them beside its keys and a simulation beside nothing. Entries stand in three lists, the
// window, the main part and its protected part; a Behaviour says how they move between them. Under
// one that weighs entries they stand in the lists of a GreedyDual.
//
// Nodes gives for an id: prev, next, state (a byte), weight (bytes) and hash, the first three with
// setters, the last for entries in a list only. A new entry's state is 0.
//
// When not to use: outside of a cache; it never looks at keys.
// Invariant: the bytes of each part are the sum of the weights of its entries.
// Threads: single-owner. Cost: O(1), amortised where hits are only counted; no allocation on a hit,
// but for the first entry of a weight after a change to a behaviour that weighs.
// Source: see behaviour.h. Differs: LIRS's stack is known by marks in the main list, not by entry.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "weir/cache/behaviour.h"
#include "weir/cache/frequency_sketch.h"
#include "weir/cache/ghosts.h"
#include "weir/cache/greedy_dual.h"
#include "weir/cache/marks.h"

namespace weir::cache {

template <class Nodes>
class Order {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = ~Id{0};
  static constexpr uint8_t kUsesMax = 3;

  // What is remembered of keys: all that any behaviour may ask for; or what its first one does.
  enum class Remembers : uint8_t { kForAny, kForItsOwn };

  // With kForItsOwn the behaviour must stay.
  Order(const Behaviour& behaviour, uint64_t budget_bytes, Remembers remembers = Remembers::kForAny)
      : behaviour_(&behaviour), remembers_(remembers), budget_(budget_bytes) {}

  const Behaviour& behaviour() const { return *behaviour_; }
  void SetBehaviour(const Behaviour& behaviour) {
    assert(remembers_ == Remembers::kForAny);
    behaviour_ = &behaviour;
  }
  void SetBudget(uint64_t bytes) { budget_ = std::max<uint64_t>(bytes, 1); }

  // Before all that is there, as what has just been asked for; or behind it.
  enum class End : uint8_t { kFront, kBack };
  // Puts an entry that is in no list where the behaviour wants it. Requires: its weight is set.
  void Insert(Nodes& nodes, Id id, uint64_t hash, End end = End::kFront);
  void Hit(Nodes& nodes, Id id, uint64_t hash);
  // Takes the entry to evict before one of `incoming` bytes is inserted out of its list.
  // Requires: there is an entry.
  Id Victim(Nodes& nodes, uint64_t incoming);
  void Remove(Nodes& nodes, Id id) { Unlink(nodes, id); }
  // An entry that is in a list has another number, under which Nodes has all of it.
  void Renumber(Nodes& nodes, Id to) {
    if (GreedyDual<Nodes>::Has(nodes.state(to))) return weighed_.Renumber(nodes, to);
    List& list = lists_[ListOf(nodes.state(to))];
    const Id prev = Prev(nodes, to);
    const Id next = Next(nodes, to);
    prev == kNone ? void(list.head = to) : SetNext(nodes, prev, to);
    next == kNone ? void(list.tail = to) : SetPrev(nodes, next, to);
  }

  // Memory for what is remembered of entries that are gone.
  size_t history_bytes() const {
    return ghosts_.bytes() + frequencies_.bytes() + weighed_.memory_bytes();
  }
  uint64_t bytes() const {
    return lists_[0].bytes + lists_[1].bytes + lists_[2].bytes + weighed_.bytes();
  }
  size_t count() const { return count_; }
  // How far a walk has come. Ends with any call that is not const.
  struct Cursor {
    size_t lists = 0;  // That it is through with.
    Id last = kNone;   // That it has visited of the next; kNone: none.
  };
  // Calls `visit` with the entries behind `*at`, those in the part that is kept longest first,
  // until it returns false. Returns whether it has come to the end.
  template <class Visit>
  bool Walk(const Nodes& nodes, Cursor* at, const Visit& visit) const {
    constexpr std::array kLists = {kProtected, kMain, kWindow};
    const auto head = [&](size_t n) {
      return n < kLists.size() ? lists_[kLists[n]].head : weighed_.Head(n - kLists.size());
    };
    for (; at->lists < kLists.size() + weighed_.lists(); ++at->lists, at->last = kNone) {
      Id id = at->last == kNone ? head(at->lists) : Next(nodes, at->last);
      for (; id != kNone; id = Next(nodes, id)) {
        if (Marks::IsMark(id)) continue;
        at->last = id;
        if (!visit(id)) return false;
      }
    }
    return true;
  }
  bool Holds(const Nodes& nodes, Id id) const { return nodes.state(id) != 0; }

 private:
  enum ListName : uint8_t { kWindow = 0, kMain = 1, kProtected = 2 };
  struct List {
    Id head = kNone;
    Id tail = kNone;
    uint64_t bytes = 0;
  };
  static constexpr double kProtectedShare = 0.8;
  static constexpr size_t kSmallMax = 4096;
  // Levels of weighed_ of what was asked for a few times, and is so where a ghost or the protected
  // part says it.
  static constexpr uint8_t kLevelOfFew = 2;
  // Entries of each part that one call brings from or to the lists of weighed_.
  static constexpr size_t kMovedAtOnce = 2;
  // Entries that one call brings back from a part that is above its share, which may have become
  // much smaller with the budget.
  static constexpr size_t kBackAtOnce = 64;

  bool Weighs() const { return behaviour_->evict == Behaviour::Evict::kLeastWorth; }

  static uint8_t Uses(uint8_t state) { return state >> 2 & 3; }
  bool Fallen(uint8_t state) const {
    return behaviour_->evict == Behaviour::Evict::kWindow && !GreedyDual<Nodes>::Has(state) &&
           Uses(state) != 0;
  }
  static uint8_t State(ListName list, uint8_t uses) {
    return static_cast<uint8_t>((list + 1) | uses << 2);
  }
  static ListName ListOf(uint8_t state) {
    assert((state & 3) != 0);
    return static_cast<ListName>((state & 3) - 1);
  }

  // A window that is not empty has room for an entry: in a small cache its share may be less.
  uint64_t WindowTarget() const {
    const double budget = static_cast<double>(budget_);
    if (behaviour_->ghost == Behaviour::Ghost::kMovesShare) {
      return static_cast<uint64_t>(adaptive_share_ * budget);
    }
    if (behaviour_->window_share == 0) return 0;
    return std::max(static_cast<uint64_t>(behaviour_->window_share * budget), mean_weight_);
  }

  Id Prev(const Nodes& nodes, Id id) const {
    return Marks::IsMark(id) ? marks_[id].prev : nodes.prev(id);
  }
  Id Next(const Nodes& nodes, Id id) const {
    return Marks::IsMark(id) ? marks_[id].next : nodes.next(id);
  }
  void SetPrev(Nodes& nodes, Id id, Id to) {
    Marks::IsMark(id) ? void(marks_[id].prev = to) : nodes.set_prev(id, to);
  }
  void SetNext(Nodes& nodes, Id id, Id to) {
    Marks::IsMark(id) ? void(marks_[id].next = to) : nodes.set_next(id, to);
  }

  void LinkFront(Nodes& nodes, List& list, Id id) {
    SetPrev(nodes, id, kNone);
    SetNext(nodes, id, list.head);
    if (list.head != kNone) SetPrev(nodes, list.head, id);
    list.head = id;
    if (list.tail == kNone) list.tail = id;
  }
  void LinkBack(Nodes& nodes, List& list, Id id) {
    SetPrev(nodes, id, list.tail);
    SetNext(nodes, id, kNone);
    if (list.tail != kNone) SetNext(nodes, list.tail, id);
    list.tail = id;
    if (list.head == kNone) list.head = id;
  }
  void Cut(Nodes& nodes, List& list, Id id) {
    const Id prev = Prev(nodes, id);
    const Id next = Next(nodes, id);
    prev == kNone ? void(list.head = next) : SetNext(nodes, prev, next);
    next == kNone ? void(list.tail = prev) : SetPrev(nodes, next, prev);
  }
  void PushFront(Nodes& nodes, ListName name, Id id, uint8_t uses = 0) {
    Push(nodes, name, id, uses, End::kFront);
  }
  void Push(Nodes& nodes, ListName name, Id id, uint8_t uses, End end) {
    List& list = lists_[name];
    end == End::kFront ? LinkFront(nodes, list, id) : LinkBack(nodes, list, id);
    list.bytes += nodes.weight(id);
    nodes.set_state(id, State(name, uses));
    ++count_;
  }
  void Unlink(Nodes& nodes, Id id) {
    if (GreedyDual<Nodes>::Has(nodes.state(id))) {
      weighed_.Cut(nodes, id);
      --count_;
      return;
    }
    const ListName name = ListOf(nodes.state(id));
    Cut(nodes, lists_[name], id);
    lists_[name].bytes -= nodes.weight(id);
    nodes.set_state(id, 0);
    --count_;
    if (name == kMain) PopMarks(nodes);
  }
  void MoveFront(Nodes& nodes, ListName to, Id id, uint8_t uses = 0) {
    if (lists_[to].head == id) return;
    Unlink(nodes, id);
    PushFront(nodes, to, id, uses);
  }

  // Marks: at the front of the main list with the tick of that moment. What is behind a mark was
  // last used before it.
  void PopMarks(Nodes& nodes) {
    List& list = lists_[kMain];
    while (list.tail != kNone && Marks::IsMark(list.tail)) {
      const Id mark = list.tail;
      Cut(nodes, list, mark);
      marks_.Free(mark);
    }
  }
  void PlaceMark(Nodes& nodes) {
    List& list = lists_[kMain];
    if (list.head == kNone || Marks::IsMark(list.head)) return;
    if (marks_.full()) {
      bool drop = false;
      for (Id id = marks_.oldest(); id != kNone;) {
        const Id newer = marks_.newer(id);
        if (drop) {
          Cut(nodes, list, id);
          marks_.Free(id);
        }
        drop = !drop;
        id = newer;
      }
    }
    LinkFront(nodes, list, marks_.Make(evicted_[1]));
  }
  bool YoungerThanMain(uint64_t tick) const {
    // The oldest mark is the first that all of the oldest entries were used before.
    return marks_.oldest() != kNone && tick > marks_[marks_.oldest()].tick;
  }

  // Evictions from the window while an entry passes through it.
  uint64_t InWindow() const { return mean_weight_ == 0 ? 0 : WindowTarget() / mean_weight_; }
  void Prepare();
  std::optional<Ghosts::Ghost> TakeGhost(uint64_t hash);
  void MoveShare(const Ghosts::Ghost& ghost, uint64_t weight);
  void Settle(Nodes& nodes);
  // The part of weighed_ in what the others say of all.
  void PushWeighed(Nodes& nodes, Id id, uint8_t level, End end = End::kFront);
  void HitWeighed(Nodes& nodes, Id id);
  void SettleWeighed(Nodes& nodes);
  // Whether the entry is one of the window or the like, and may have been asked for once or twice.
  static bool IsNew(uint8_t state) {
    return GreedyDual<Nodes>::Has(state) ? GreedyDual<Nodes>::LevelOf(state) < kLevelOfFew
                                         : ListOf(state) == kWindow;
  }
  Id Evict(Nodes& nodes, Id id, bool from_window);
  Id MainEnd() const;
  Id FilteredWindowEnd(Nodes& nodes, uint64_t incoming);
  Id LessFrequent(Nodes& nodes, uint64_t incoming);

  const Behaviour* behaviour_;
  Remembers remembers_;
  uint64_t budget_;
  std::array<List, 3> lists_;
  size_t count_ = 0;
  uint64_t mean_weight_ = 0;           // At the last eviction.
  std::array<uint64_t, 2> evicted_{};  // From the main part; from the window.
  double adaptive_share_ = 0;
  Marks marks_;
  Ghosts ghosts_;
  FrequencySketch frequencies_;
  GreedyDual<Nodes> weighed_;
};

template <class Nodes>
void Order<Nodes>::PushWeighed(Nodes& nodes, Id id, uint8_t level, End end) {
  const typename GreedyDual<Nodes>::Worth worth{behaviour_->size_power, behaviour_->first_use};
  if (weighed_.worth() != worth) weighed_.SetWorth(worth);
  end == End::kFront ? weighed_.Push(nodes, id, level) : weighed_.PushBack(nodes, id, level);
  ++count_;
}

// To the level above, or to the front of its own.
template <class Nodes>
void Order<Nodes>::HitWeighed(Nodes& nodes, Id id) {
  const uint8_t state = nodes.state(id);
  const bool few = !GreedyDual<Nodes>::Has(state) && ListOf(state) == kProtected;
  const uint8_t level = GreedyDual<Nodes>::Has(state) ? GreedyDual<Nodes>::LevelOf(state)
                        : few                         ? kLevelOfFew
                                                      : uint8_t{0};
  weighed_.MakeRoomFor(nodes.weight(id));
  Unlink(nodes, id);
  PushWeighed(nodes, id, weighed_.LevelAfterHit(level));
}

// Brings what another behaviour left to the lists of weighed_, or back.
template <class Nodes>
void Order<Nodes>::SettleWeighed(Nodes& nodes) {
  if (!Weighs()) {
    for (size_t n = 0; n < kMovedAtOnce && weighed_.count() > 0; ++n) {
      MoveFront(nodes, kMain, weighed_.Lowest());
    }
    return;
  }
  for (const ListName part : {kWindow, kMain, kProtected}) {
    for (size_t n = 0; n < kMovedAtOnce && lists_[part].tail != kNone; ++n) {
      const Id id = lists_[part].tail;
      weighed_.MakeRoomFor(nodes.weight(id));
      Unlink(nodes, id);
      PushWeighed(nodes, id, static_cast<uint8_t>(part));
    }
  }
}

template <class Nodes>
void Order<Nodes>::Hit(Nodes& nodes, Id id, uint64_t hash) {
  frequencies_.Add(hash);
  const uint8_t state = nodes.state(id);
  if (Weighs()) {
    HitWeighed(nodes, id);
    return SettleWeighed(nodes);
  }
  if (GreedyDual<Nodes>::Has(state)) {
    MoveFront(nodes, kMain, id);
    return Settle(nodes);
  }
  const ListName list = ListOf(state);
  const auto count = [&] {
    if (Uses(state) < kUsesMax) {
      nodes.set_state(id, State(list, static_cast<uint8_t>(Uses(state) + 1)));
    }
  };
  if (list == kWindow) {
    switch (behaviour_->window_hit) {
      case Behaviour::WindowHit::kNothing:
        return;
      case Behaviour::WindowHit::kCount:
        return count();
      case Behaviour::WindowHit::kToFront:
        return MoveFront(nodes, kWindow, id);
      case Behaviour::WindowHit::kPromote:
        // What fell out of the main part was last used before all that is there now.
        MoveFront(nodes, Fallen(state) ? kWindow : kMain, id);
        if (Fallen(state)) nodes.set_state(id, State(kWindow, 0));
        return Settle(nodes);
    }
  }
  switch (behaviour_->main_hit) {
    case Behaviour::MainHit::kToFront:
      return MoveFront(nodes, kMain, id);
    case Behaviour::MainHit::kProtect:
      MoveFront(nodes, kProtected, id);
      return Settle(nodes);
  }
}

template <class Nodes>
void Order<Nodes>::Insert(Nodes& nodes, Id id, uint64_t hash, End end) {
  frequencies_.Add(hash);
  bool to_main = behaviour_->evict == Behaviour::Evict::kMain;
  uint8_t level = 0;
  if (const std::optional<Ghosts::Ghost> ghost = TakeGhost(hash)) {
    switch (behaviour_->ghost) {
      case Behaviour::Ghost::kNothing:
        break;
      case Behaviour::Ghost::kToMain:
        to_main = true;
        break;
      case Behaviour::Ghost::kToMainIfYounger:
        to_main = YoungerThanMain(evicted_[1] - std::min(evicted_[1], ghost->age + InWindow()));
        break;
      case Behaviour::Ghost::kMovesShare:
        to_main = true;
        MoveShare(*ghost, nodes.weight(id));
        break;
      case Behaviour::Ghost::kRaises:
        level = ghost->from_window ? 1 : kLevelOfFew;
        break;
    }
  }
  if (Weighs()) {
    PushWeighed(nodes, id, end == End::kFront ? level : uint8_t{0}, end);
    return SettleWeighed(nodes);
  }
  if (behaviour_->evict == Behaviour::Evict::kWindow &&
      lists_[kMain].bytes + lists_[kProtected].bytes + nodes.weight(id) + WindowTarget() <=
          budget_) {
    to_main = true;
  }
  Push(nodes, to_main ? kMain : kWindow, id, 0, end);
  if (behaviour_->ghost == Behaviour::Ghost::kToMainIfYounger && marks_.Due(evicted_[1])) {
    PlaceMark(nodes);
  }
  Settle(nodes);
}

template <class Nodes>
std::optional<Ghosts::Ghost> Order<Nodes>::TakeGhost(uint64_t hash) {
  if (behaviour_->ghost == Behaviour::Ghost::kNothing) return std::nullopt;
  const auto most = [&](bool from_window) {
    double share = behaviour_->ghost_share;
    if (behaviour_->ghost == Behaviour::Ghost::kMovesShare) {
      const uint64_t held =
          from_window ? lists_[kWindow].bytes : lists_[kMain].bytes + lists_[kProtected].bytes;
      // A budget that has become smaller may be less than what is held.
      share = std::max(0.0, 1 - static_cast<double>(held) / static_cast<double>(budget_));
    } else if (!from_window && behaviour_->ghost != Behaviour::Ghost::kRaises) {
      return uint64_t{0};
    }
    return static_cast<uint64_t>(share * static_cast<double>(count_));
  };
  std::optional<Ghosts::Ghost> ghost = ghosts_.Take(hash, evicted_);
  if (ghost.has_value() && ghost->age >= most(ghost->from_window)) ghost.reset();
  return ghost;
}

// ARC: a ghost of the window asks for a larger window, one of the main part for a smaller.
template <class Nodes>
void Order<Nodes>::MoveShare(const Ghosts::Ghost& ghost, uint64_t weight) {
  const auto window = static_cast<double>(std::max<size_t>(1, ghosts_.count(true)));
  const auto main = static_cast<double>(std::max<size_t>(1, ghosts_.count(false)));
  const double step = static_cast<double>(weight) / static_cast<double>(budget_);
  adaptive_share_ += ghost.from_window ? step * std::max(1.0, main / window)
                                       : -step * std::max(1.0, window / main);
  adaptive_share_ = std::clamp(adaptive_share_, 0.0, 1.0);
}

// Brings parts that are above their share back to it, and what another behaviour left to where this
// one looks for it, a little with each call.
template <class Nodes>
void Order<Nodes>::Settle(Nodes& nodes) {
  if (weighed_.count() > 0) SettleWeighed(nodes);
  if (behaviour_->main_hit == Behaviour::MainHit::kProtect) {
    const auto most = static_cast<uint64_t>(
        kProtectedShare * static_cast<double>(budget_ - std::min(budget_, WindowTarget())));
    for (size_t n = 0; n < kBackAtOnce && lists_[kProtected].bytes > most; ++n) {
      MoveFront(nodes, kMain, lists_[kProtected].tail);
    }
  } else if (lists_[kProtected].tail != kNone) {
    MoveFront(nodes, kMain, lists_[kProtected].tail);
  }
  if (behaviour_->evict == Behaviour::Evict::kWindow) {
    const auto too_much = [&] {
      return lists_[kMain].bytes + lists_[kProtected].bytes + WindowTarget() > budget_;
    };
    for (size_t n = 0; n < kBackAtOnce && too_much() && lists_[kMain].tail != kNone; ++n) {
      MoveFront(nodes, kWindow, lists_[kMain].tail, 1);
    }
  }
  if (behaviour_->evict == Behaviour::Evict::kMain && lists_[kWindow].tail != kNone) {
    MoveFront(nodes, kMain, lists_[kWindow].tail);
  }
}

}  // namespace weir::cache

#include "weir/cache/order_victim.h"  // IWYU pragma: export
