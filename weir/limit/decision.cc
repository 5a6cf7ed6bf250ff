#include "weir/limit/decision.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "weir/base/prefetch.h"

namespace weir::limit {
namespace {

using Group = BucketTable::Group;
using Slot = BucketTable::Slot;

bool IsStale(const Terms& terms) {
  return terms.generation != nullptr && terms.generation->load() != terms.expected;
}

// The buckets of a decision, with all locks that it needs; without buckets if it is stale.
class Held {
 public:
  Held(std::span<const Charge> charges, MonoTime now, const Terms& terms)
      : charges_(charges), now_(now) {
    for (size_t i = 0; i < charges.size(); ++i) {
      if (charges[i].table->Overflows(charges[i].name)) overflowing_ |= uint32_t{1} << i;
    }
    // What was seen before the locks were held may have changed by now; then once more, with more
    // locks. Each round adds a group, so there are few.
    for (;;) {
      Lock();
      // Before anything is looked for: rules of a later set may have the numbers of earlier ones.
      stale_ = IsStale(terms);
      if (stale_) return;
      const uint32_t lacking = Find();
      if (lacking == 0) return;
      Unlock();
      overflowing_ |= lacking;
    }
  }
  ~Held() { Unlock(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  bool stale() const { return stale_; }
  Slot* slot(size_t i) const { return slots_[i]; }
  bool newcomer(size_t i) const { return newcomers_ >> i & 1; }
  // Finds a slot for a newcomer; nullptr when there is none.
  Slot* MakeRoom(size_t i) {
    slots_[i] = charges_[i].table->Vacancy(charges_[i].name, (overflowing_ >> i & 1) != 0,
                                           {slots_.data(), charges_.size()}, now_);
    return slots_[i];
  }
  void Store(size_t i, BucketState state) {
    charges_[i].table->Mark(charges_[i].name);
    if (newcomer(i)) {
      charges_[i].table->Move(charges_[i].name, slots_[i], state, now_);
    } else {
      BucketTable::SetState(slots_[i], state);
    }
  }

 private:
  void Add(Group* group) {
    size_t at = groups_count_;
    while (at > 0 && groups_[at - 1] > group) --at;
    if (at > 0 && groups_[at - 1] == group) return;
    std::copy_backward(groups_.begin() + at, groups_.begin() + groups_count_,
                       groups_.begin() + groups_count_ + 1);
    groups_[at] = group;
    ++groups_count_;
  }
  void Lock() {
    groups_count_ = 0;
    for (size_t i = 0; i < charges_.size(); ++i) {
      const Charge& charge = charges_[i];
      Add(&charge.table->First(charge.name));
      if ((overflowing_ >> i & 1) != 0) Add(&charge.table->Second(charge.name));
    }
    for (size_t i = 0; i < groups_count_; ++i) groups_[i]->Lock();
  }
  void Unlock() {
    for (size_t i = 0; i < groups_count_; ++i) groups_[i]->Unlock();
  }
  // Returns the charges whose second group must be held too.
  uint32_t Find() {
    newcomers_ = 0;
    uint32_t lacking = 0;
    for (size_t i = 0; i < charges_.size(); ++i) {
      const BucketTable& table = *charges_[i].table;
      const BucketTable::Name& name = charges_[i].name;
      slots_[i] = table.FindIn(table.First(name), name, now_);
      if (slots_[i] != nullptr) continue;
      if (table.Overflows(name)) {
        if ((overflowing_ >> i & 1) == 0) {
          lacking |= uint32_t{1} << i;
          continue;
        }
        slots_[i] = table.FindIn(table.Second(name), name, now_);
      }
      if (slots_[i] != nullptr) continue;
      if (Competes(i) && (overflowing_ >> i & 1) == 0) lacking |= uint32_t{1} << i;
      newcomers_ |= uint32_t{1} << i;
    }
    return lacking;
  }
  // Whether an earlier newcomer may take the room that charge i has in its first group.
  bool Competes(size_t i) const {
    const Group* first = &charges_[i].table->First(charges_[i].name);
    for (size_t earlier = 0; earlier < i; ++earlier) {
      const Charge& other = charges_[earlier];
      if (!newcomer(earlier)) continue;
      if (&other.table->First(other.name) == first) return true;
      if ((overflowing_ >> earlier & 1) != 0 && &other.table->Second(other.name) == first) {
        return true;
      }
    }
    return false;
  }

  std::span<const Charge> charges_;
  MonoTime now_;
  bool stale_ = false;
  size_t groups_count_ = 0;
  uint32_t newcomers_ = 0;
  uint32_t overflowing_ = 0;  // Charges whose second groups are locked too.
  std::array<Slot*, kChargesMax> slots_;
  std::array<Group*, 2 * kChargesMax + 1> groups_;
};

uint64_t MissingNow(const Held& held, const Charge& charge, size_t i, MonoTime now) {
  if (held.newcomer(i)) [[unlikely]] {
    return charge.table->Inherited(charge.name, charge.burst, now);
  }
  return Missing(BucketTable::StateIn(*held.slot(i)), charge.flowed);
}

// Judges a charge for which there is no room. Returns its verdict.
Verdict JudgeCrowded(const Charge& charge, const Slot* nearest, bool peek, MonoTime now,
                     Part* part) {
  part->charged = false;
  part->crowded = true;
  if (charge.table->crowded() == Crowded::kAllow) {
    charge.table->CountCrowdedAllowed();
    return Verdict::kAllowed;
  }
  if (!peek) charge.table->CountCrowdedDenied();
  // As if it lacked what flows until the nearest bucket is full.
  const auto wait =
      nearest == nullptr ? std::chrono::milliseconds(1) : charge.table->UntilFull(*nearest, now);
  const uint64_t flow = (charge.clock->At(now + wait) - charge.flowed) & kUnitMask;
  part->missing = charge.burst - charge.cost + std::max<uint64_t>(flow, 1);
  return Verdict::kLater;
}

// Whether charge i, a newcomer, finds no slot but that of a bucket which must be kept.
bool IsCrowdedOut(Held& held, const Charge& charge, size_t i, MonoTime now) {
  const Slot* slot = held.MakeRoom(i);
  if (slot == nullptr) return true;
  if (charge.table->crowded() == Crowded::kShare) return false;
  return slot->tag.load(std::memory_order_relaxed) != 0 &&
         charge.table->UntilFull(*slot, now).count() > 0;
}

Verdict Judge(Held& held, const Charge& charge, size_t i, const Terms& terms, MonoTime now,
              Part* part) {
  part->charged = false;
  part->crowded = false;
  part->missing = MissingNow(held, charge, i, now);
  if (charge.cost > charge.burst) [[unlikely]]
    return Verdict::kNever;
  if (charge.cost == 0) return Verdict::kAllowed;
  if (part->missing + charge.cost > charge.burst) return Verdict::kLater;
  if (!terms.peek) part->charged = true;
  if (!held.newcomer(i)) [[likely]]
    return Verdict::kAllowed;
  if (terms.peek && charge.table->crowded() != Crowded::kDeny) return Verdict::kAllowed;
  if (!IsCrowdedOut(held, charge, i, now)) return Verdict::kAllowed;
  return JudgeCrowded(charge, held.slot(i), terms.peek, now, part);
}

void Commit(Held& held, std::span<const Charge> charges, std::span<Part> parts) {
  for (size_t i = 0; i < charges.size(); ++i) {
    const Charge& charge = charges[i];
    if (!parts[i].charged) continue;
    parts[i].missing += charge.cost;
    held.Store(i, StateOf(parts[i].missing, charge.flowed));
  }
}

// What becomes of a charge of a bucket that lacks part->missing, but for the others' say.
void JudgeFound(const Charge& charge, bool peek, Part* part) {
  part->crowded = false;
  part->charged = false;
  part->verdict = Verdict::kAllowed;
  if (charge.cost > charge.burst) [[unlikely]] {
    part->verdict = Verdict::kNever;
  } else if (part->missing + charge.cost > charge.burst && charge.cost > 0) {
    part->verdict = Verdict::kLater;
  } else {
    part->charged = !peek && charge.cost > 0;
  }
}

// The decision about a bucket that stands where it is looked for first, in `group`: by far the most
// frequent one. nullopt: it does not stand there, and nothing was done.
[[gnu::always_inline]] inline std::optional<Ruling> DecideOne(Group& group, const Charge& charge,
                                                              MonoTime now, const Terms& terms,
                                                              Part* part) {
  group.Lock();
  if (IsStale(terms)) [[unlikely]] {
    group.Unlock();
    return Ruling::kStale;
  }
  Slot* slot = charge.table->FindIn(group, charge.name, now);
  if (slot == nullptr) [[unlikely]] {
    group.Unlock();
    return std::nullopt;
  }
  Part judged;
  judged.missing = Missing(BucketTable::StateIn(*slot), charge.flowed);
  JudgeFound(charge, terms.peek, &judged);
  if (judged.charged) [[likely]] {
    judged.missing += charge.cost;
    charge.table->Mark(charge.name);
    group.StoreAndUnlock(slot, StateOf(judged.missing, charge.flowed));
    *part = judged;
    return Ruling::kAllowed;
  }
  group.Unlock();
  *part = judged;
  const bool refused = charge.binding && judged.verdict != Verdict::kAllowed;
  return refused ? Ruling::kRefused : Ruling::kAllowed;
}

// The locks of the groups where the charges' buckets are looked for first.
class FirstGroups {
 public:
  explicit FirstGroups(std::span<const Charge> charges) : count_(charges.size()) {
    for (size_t i = 0; i < count_; ++i) {
      of_[i] = ordered_[i] = &charges[i].table->First(charges[i].name);
    }
    Order();
    for (size_t i = 0; i < count_; ++i) {
      if (IsAgain(i)) [[unlikely]]
        apart_ = false;
      else
        ordered_[i]->Lock();
    }
  }
  ~FirstGroups() {
    if (released_) return;
    for (size_t i = 0; i < count_; ++i) {
      if (!IsAgain(i)) ordered_[i]->Unlock();
    }
  }
  FirstGroups(const FirstGroups&) = delete;
  FirstGroups& operator=(const FirstGroups&) = delete;

  // That of a charge.
  Group& of(size_t i) const { return *of_[i]; }
  // Whether no two charges share one, so that each may be unlocked by itself; Released says that
  // all have been.
  bool apart() const { return apart_; }
  void Released() { released_ = true; }

 private:
  // Which of two addresses is the lower one cannot be predicted, so there are no branches for the
  // usual counts.
  void Order() {
    switch (count_) {
      case 4:
        Order(0, 1), Order(2, 3), Order(0, 2), Order(1, 3), Order(1, 2);
        return;
      case 3:
        Order(0, 2), Order(0, 1), Order(1, 2);
        return;
      case 2:
        Order(0, 1);
        return;
      default:
        std::sort(ordered_.begin(), ordered_.begin() + count_);
    }
  }
  void Order(size_t a, size_t b) {
    Group* const one = ordered_[a];
    Group* const other = ordered_[b];
    const bool ordered = one < other;
    ordered_[a] = ordered ? one : other;
    ordered_[b] = ordered ? other : one;
  }
  bool IsAgain(size_t i) const { return i > 0 && ordered_[i] == ordered_[i - 1]; }

  size_t count_;
  bool apart_ = true;
  bool released_ = false;
  std::array<Group*, kChargesMax> of_;
  std::array<Group*, kChargesMax> ordered_;
};

// Takes what has been judged to be taken, and unlocks.
void CommitFound(std::span<const Charge> charges, std::span<Part> parts,
                 std::span<Slot* const> slots, FirstGroups& held) {
  for (size_t i = 0; i < charges.size(); ++i) {
    if (!parts[i].charged) {
      if (held.apart()) held.of(i).Unlock();
      continue;
    }
    parts[i].missing += charges[i].cost;
    charges[i].table->Mark(charges[i].name);
    const BucketState state = StateOf(parts[i].missing, charges[i].flowed);
    if (held.apart()) [[likely]] {
      held.of(i).StoreAndUnlock(slots[i], state);
    } else {
      BucketTable::SetState(slots[i], state);
    }
  }
  if (held.apart()) held.Released();
}

// The same for several buckets.
std::optional<Ruling> DecideFound(std::span<const Charge> charges, MonoTime now, const Terms& terms,
                                  std::span<Part> parts) {
  FirstGroups held(charges);
  if (IsStale(terms)) [[unlikely]]
    return Ruling::kStale;
  std::array<Slot*, kChargesMax> slots;
  Ruling ruling = Ruling::kAllowed;
  for (size_t i = 0; i < charges.size(); ++i) {
    const Charge& charge = charges[i];
    slots[i] = charge.table->FindIn(held.of(i), charge.name, now);
    if (slots[i] == nullptr) return std::nullopt;
    Part judged;
    judged.missing = Missing(BucketTable::StateIn(*slots[i]), charge.flowed);
    JudgeFound(charge, terms.peek, &judged);
    parts[i] = judged;
    if (charge.binding && judged.verdict != Verdict::kAllowed) ruling = Ruling::kRefused;
  }
  if (ruling != Ruling::kAllowed && terms.combine == Combine::kAll) {
    for (Part& part : parts.first(charges.size())) part.charged = false;
    return ruling;
  }
  CommitFound(charges, parts, slots, held);
  return ruling;
}

}  // namespace

std::chrono::nanoseconds Part::RetryAfter(const Charge& charge, MonoTime now) const {
  if (verdict == Verdict::kNever) return std::chrono::nanoseconds::max();
  if (verdict == Verdict::kAllowed) return std::chrono::nanoseconds(0);
  return charge.clock->Until(missing + charge.cost - charge.burst, now);
}

std::chrono::nanoseconds Part::ResetAfter(const Charge& charge, MonoTime now) const {
  return missing == 0 ? std::chrono::nanoseconds(0) : charge.clock->Until(missing, now);
}

void DecideEach(std::span<const Charge> charges, MonoTime now, const Terms& terms,
                std::span<Part> parts) {
  constexpr size_t kAtOnce = 32;
  std::array<Group*, kAtOnce> groups;
  for (size_t begin = 0; begin < charges.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, charges.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      const Charge& charge = charges[begin + i];
      groups[i] = &charge.table->First(charge.name);
      Prefetch(groups[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      const Charge& charge = charges[begin + i];
      Part& part = parts[begin + i];
      if (!DecideOne(*groups[i], charge, now, terms, &part).has_value()) [[unlikely]] {
        Decide(charges.subspan(begin + i, 1), now, terms, {&part, 1});
      }
    }
  }
}

Ruling Decide(std::span<const Charge> charges, MonoTime now, const Terms& terms,
              std::span<Part> parts) {
  assert(charges.size() <= kChargesMax);
  assert(parts.size() >= charges.size());
  if (charges.empty()) return Ruling::kAllowed;
  const std::optional<Ruling> found =
      charges.size() == 1
          ? DecideOne(charges[0].table->First(charges[0].name), charges[0], now, terms, &parts[0])
          : DecideFound(charges, now, terms, parts);
  if (found.has_value()) [[likely]]
    return *found;
  Held held(charges, now, terms);
  if (held.stale()) [[unlikely]]
    return Ruling::kStale;
  Ruling ruling = Ruling::kAllowed;
  for (size_t i = 0; i < charges.size(); ++i) {
    parts[i].verdict = Judge(held, charges[i], i, terms, now, &parts[i]);
    if (charges[i].binding && parts[i].verdict != Verdict::kAllowed) ruling = Ruling::kRefused;
  }
  if (ruling == Ruling::kRefused && terms.combine == Combine::kAll) {
    for (Part& part : parts.first(charges.size())) part.charged = false;
    return ruling;
  }
  Commit(held, charges, parts);
  return ruling;
}

bool Refund(std::span<const Charge> charges, MonoTime now, const Terms& terms) {
  if (charges.empty()) return true;
  Held held(charges, now, terms);
  if (held.stale()) [[unlikely]]
    return false;
  for (size_t i = 0; i < charges.size(); ++i) {
    if (held.newcomer(i)) continue;
    const uint64_t missing = MissingNow(held, charges[i], i, now);
    held.Store(i, StateOf(missing - std::min(missing, charges[i].cost), charges[i].flowed));
  }
  return true;
}

bool Force(std::span<const Charge> charges, MonoTime now, const Terms& terms) {
  if (charges.empty()) return true;
  Held held(charges, now, terms);
  if (held.stale()) [[unlikely]]
    return false;
  for (size_t i = 0; i < charges.size(); ++i) {
    const Charge& charge = charges[i];
    const uint64_t missing = MissingNow(held, charge, i, now);
    const uint64_t after =
        std::min(missing + std::min(charge.cost, charge.burst), 2 * charge.burst);
    if (held.newcomer(i) && IsCrowdedOut(held, charge, i, now)) continue;
    held.Store(i, StateOf(std::max(missing, after), charge.flowed));
  }
  return true;
}

}  // namespace weir::limit
