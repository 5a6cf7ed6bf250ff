// GreedyDual: entries in the order of what they are worth for the room they take. Private to Order.
//
// An entry's priority is the priority of what was evicted last when it was asked for, plus what it
// is worth: its level, from how often it was asked for, by a power of its weight. Entries of about
// one weight and of one level are worth the same, so a list of them in the order of their use is in
// the order of their priorities, and the lowest of all is at the end of a list. When the entry at
// an end was asked for is taken to lie evenly between what is known of both ends.
//
// A level is about the logarithm of how often an entry was asked for: from each on half as many
// hits raise it as from the one before.
//
// Nodes: as Order's. An entry here has one of the four states that are those of no list of Order.
//
// When not to use: where entries weigh the same; then it is LRU with four levels.
// Threads: single-owner. Cost: O(1); to find the lowest a look at the end of each list.
// Source: GreedyDual-Size with frequency, Cherkasova, HP Labs 1998; differs: weights to a factor of
// two, four levels in place of counts, whose worth was found by trial, and times by interpolation.
// Counting by chance: Morris, CACM 1978.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weir/base/random.h"

namespace weir::cache {

template <class Nodes>
class GreedyDual {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = ~Id{0};
  static constexpr uint8_t kLevels = 4;

  // Whether a state of Nodes is one of these.
  static bool Has(uint8_t state) {
    return ((state & kOrderMask) == 0 && state != 0) || state == kTopState;
  }
  static uint8_t LevelOf(uint8_t state) {
    assert(Has(state));
    return state == kTopState ? kLevels - 1 : static_cast<uint8_t>((state >> kOrderBits) - 1);
  }
  // Returns the level of an entry of this one that is asked for again.
  uint8_t LevelAfterHit(uint8_t level) {
    const bool rises = level + 1 < kLevels && random_.OneIn(uint64_t{1} << level);
    return static_cast<uint8_t>(level + (rises ? 1 : 0));
  }

  struct Worth {
    // A weight counts as this power of it: 1 prefers many small entries, 0 takes no notice of it.
    double size_power = 1;
    double first_use = 6;  // Of an entry that was asked for again, in such of one that was not.

    bool operator==(const Worth&) const = default;
  };
  const Worth& worth() const { return worth_; }
  // Forgets when entries were asked for, other than beside those of their list.
  void SetWorth(const Worth& worth);

  // Puts an entry that is in no list to those that were just asked for. Allocates for the first of
  // its weight.
  void Push(Nodes& nodes, Id id, uint8_t level);
  // Makes the lists that Push needs for the weight, so that it does not throw. Throws
  // std::bad_alloc.
  void MakeRoomFor(uint64_t weight) { ListFor(weight, 0); }
  // As Push, but to those of its weight and level that were not asked for for longest; where there
  // are none, as not asked for since the beginning.
  void PushBack(Nodes& nodes, Id id, uint8_t level);
  // Takes an entry out. Requires: it is here.
  void Cut(Nodes& nodes, Id id);
  // As Order::Renumber.
  void Renumber(Nodes& nodes, Id to) {
    List& list = ListOf(nodes.weight(to), LevelOf(nodes.state(to)));
    const Id prev = nodes.prev(to);
    const Id next = nodes.next(to);
    prev == kNone ? void(list.head = to) : nodes.set_next(prev, to);
    next == kNone ? void(list.tail = to) : nodes.set_prev(next, to);
  }
  // Returns the entry of the lowest priority, which is to go. Requires: there is one.
  Id Lowest();

  // The entries are in so many lists, those of the higher levels first; Head is the first entry of
  // one, kNone where there is none, and Nodes has the next.
  size_t lists() const { return weights_.size() * kLevels; }
  Id Head(size_t list) const {
    return weights_[list % weights_.size()].lists[kLevels - 1 - list / weights_.size()].head;
  }

  size_t count() const { return count_; }
  size_t memory_bytes() const { return weights_.capacity() * sizeof(Weight); }
  uint64_t bytes() const { return bytes_; }

 private:
  static constexpr unsigned kOrderBits = 2;  // Of a state, for the lists of Order.
  static constexpr uint8_t kOrderMask = (1U << kOrderBits) - 1;
  // Of an entry of Order's last list that was counted to be used, which are none there.
  static constexpr uint8_t kTopState = kOrderMask | 1U << kOrderBits;
  // What the levels from the second on are worth, in that of the first use.
  static constexpr std::array<double, kLevels - 1> kUses = {1, 4, 13};

  struct List {
    Id head = kNone;
    Id tail = kNone;
    uint32_t count = 0;
    // What had been evicted last when the entries at both ends were asked for.
    double tail_age = 0;
    double head_age = 0;
  };
  // The lists of entries of about one weight, one for each level.
  struct Weight {
    double scale = 0;  // What they are worth for each use.
    std::array<List, kLevels> lists;
  };

  static uint8_t StateOf(uint8_t level) {
    return level == kLevels - 1 ? kTopState : static_cast<uint8_t>((level + 1) << kOrderBits);
  }

  // Weights are told apart to a factor of two.
  static size_t BitsOf(uint64_t weight) { return static_cast<size_t>(std::bit_width(weight)); }
  List& ListOf(uint64_t weight, uint8_t level) {
    return weights_[BitsOf(weight) - first_].lists[level];
  }
  // The same, made if there is none.
  List& ListFor(uint64_t weight, uint8_t level) {
    if (BitsOf(weight) - first_ >= weights_.size()) MakeListsOf(weight);
    return ListOf(weight, level);
  }
  // Of an entry that has been linked.
  void Count(Nodes& nodes, Id id, uint8_t level, List& list) {
    ++list.count;
    ++count_;
    bytes_ += nodes.weight(id);
    nodes.set_state(id, StateOf(level));
  }
  void SetScales();
  void MakeListsOf(uint64_t weight);

  Worth worth_;
  std::vector<Weight> weights_;
  size_t first_ = 0;    // The bits of the first of them.
  double evicted_ = 0;  // The highest priority found to be the lowest.
  Random random_{1};
  size_t count_ = 0;
  uint64_t bytes_ = 0;
};

template <class Nodes>
void GreedyDual<Nodes>::SetWorth(const Worth& worth) {
  worth_ = worth;
  evicted_ = 0;
  SetScales();
  for (Weight& weight : weights_) {
    for (List& list : weight.lists) list.tail_age = list.head_age = 0;
  }
}

template <class Nodes>
void GreedyDual<Nodes>::SetScales() {
  for (size_t n = 0; n < weights_.size(); ++n) {
    weights_[n].scale =
        std::pow(std::exp2(static_cast<double>(first_ + n) - 0.5), -worth_.size_power);
  }
}

template <class Nodes>
void GreedyDual<Nodes>::MakeListsOf(uint64_t weight) {
  const size_t bits = BitsOf(weight);
  if (weights_.empty()) first_ = bits;
  if (bits < first_) {
    weights_.insert(weights_.begin(), first_ - bits, Weight());
    first_ = bits;
  }
  weights_.resize(std::max(weights_.size(), bits - first_ + 1));
  SetScales();
}

template <class Nodes>
void GreedyDual<Nodes>::Push(Nodes& nodes, Id id, uint8_t level) {
  List& list = ListFor(nodes.weight(id), level);
  nodes.set_prev(id, kNone);
  nodes.set_next(id, list.head);
  if (list.head != kNone) nodes.set_prev(list.head, id);
  list.head = id;
  list.head_age = evicted_;
  if (list.tail == kNone) {
    list.tail = id;
    list.tail_age = evicted_;
  }
  Count(nodes, id, level, list);
}

template <class Nodes>
void GreedyDual<Nodes>::PushBack(Nodes& nodes, Id id, uint8_t level) {
  List& list = ListFor(nodes.weight(id), level);
  if (list.tail == kNone) {
    Push(nodes, id, level);
    list.tail_age = list.head_age = 0;
    return;
  }
  nodes.set_prev(id, list.tail);
  nodes.set_next(id, kNone);
  nodes.set_next(list.tail, id);
  list.tail = id;
  Count(nodes, id, level, list);
}

template <class Nodes>
void GreedyDual<Nodes>::Cut(Nodes& nodes, Id id) {
  List& list = ListOf(nodes.weight(id), LevelOf(nodes.state(id)));
  const Id prev = nodes.prev(id);
  const Id next = nodes.next(id);
  prev == kNone ? void(list.head = next) : nodes.set_next(prev, next);
  next == kNone ? void(list.tail = prev) : nodes.set_prev(next, prev);
  --list.count;
  if (next == kNone && list.count > 0) {
    list.tail_age += (list.head_age - list.tail_age) / static_cast<double>(list.count);
  }
  nodes.set_state(id, 0);
  --count_;
  bytes_ -= nodes.weight(id);
}

template <class Nodes>
uint32_t GreedyDual<Nodes>::Lowest() {
  assert(count_ > 0);
  Id lowest = kNone;
  double priority = 0;
  for (const Weight& weight : weights_) {
    for (size_t level = 0; level < kLevels; ++level) {
      const List& list = weight.lists[level];
      if (list.tail == kNone) continue;
      const double uses = level == 0 ? 1 : worth_.first_use * kUses[level - 1];
      const double of_tail = list.tail_age + uses * weight.scale;
      if (lowest != kNone && of_tail >= priority) continue;
      lowest = list.tail;
      priority = of_tail;
    }
  }
  evicted_ = std::max(evicted_, priority);
  return lowest;
}

}  // namespace weir::cache
