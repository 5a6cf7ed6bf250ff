#include "weir/limit/bucket_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include <sched.h>

namespace weir::limit {
namespace {

// Of a slot that was used and names no bucket any more; its state is that of a full one.
constexpr uint64_t kEmptyTag = 1;

size_t GroupsWithin(size_t bytes) {
  assert(bytes >= BucketTable::kBytesMin);
  assert(bytes <= BucketTable::kBytesMax);
  constexpr size_t kRegionBytes = (BucketTable::kRegionGroups + 1) * BucketTable::kGroupBytes;
  const size_t rest = bytes % kRegionBytes / BucketTable::kGroupBytes;
  return bytes / kRegionBytes * BucketTable::kRegionGroups + (rest == 0 ? 0 : rest - 1);
}

}  // namespace

void BucketTable::Group::WaitForLock() {
  // Held for nanoseconds, unless its holder has lost the processor; then that thread must run.
  constexpr int kLooksBeforeYield = 128;
  do {
    for (int look = 0; (slots[0].state.load(std::memory_order_relaxed) & kLockBit) != 0; ++look) {
      if (look < kLooksBeforeYield) {
        __builtin_ia32_pause();
      } else {
        ::sched_yield();
      }
    }
  } while (!TryLock());
}

BucketTable::BucketTable(std::span<std::byte> memory, Crowded crowded)
    : rules_(std::make_unique<Known[]>(kRulesMax + 1)), crowded_(crowded) {
  static_assert(sizeof(Region) == kGroupBytes);
  static_assert(sizeof(Group) == kGroupSlots * sizeof(Slot));
  assert(reinterpret_cast<uintptr_t>(memory.data()) % kGroupBytes == 0);
  const size_t groups = GroupsWithin(memory.size());
  const size_t regions = (groups + kRegionGroups - 1) / kRegionGroups;
  assert((groups + regions) * kGroupBytes <= memory.size());
  groups_ = {reinterpret_cast<Group*>(memory.data()), groups};
  regions_ = {reinterpret_cast<Region*>(memory.data() + groups * kGroupBytes), regions};
}

void BucketTable::Adopt() {
  size_t used = 0;
  for (Group& group : groups_) {
    group.Unlock();
    for (const Slot& slot : group.slots) used += slot.tag.load(std::memory_order_relaxed) != 0;
  }
  used_slots_ = used;
  inherits_ = true;
}

void BucketTable::SetRule(RuleId id, const Known& rule) {
  assert(id != kNoRule);
  assert(id <= kRulesMax);
  rules_[id] = rule;
}

void BucketTable::SetTimeRule(RuleId id) {
  Known rule;
  rule.clock = {.units = kTimeUnitsPerNs,
                .period = 1,
                .multiplier = uint64_t{1} << 63,
                .shift = static_cast<uint8_t>(63 - std::countr_zero(kTimeUnitsPerNs))};
  rule.burst_units = kBurstUnitsMax;
  SetRule(id, rule);
  time_rule_ = id;
}

void BucketTable::Reassign(std::span<const RuleId> successors, MonoTime now) {
  reassigning_.store(true);
  for (Group& group : groups_) {
    // A group that was never used is not written, so that its page stays unused. Whoever locks it
    // after the state was read finds the new generation; whoever did before has locked it still, or
    // has written the tag.
    const bool idle = group.slots[0].state.load() == 0;
    if (idle && group.slots[0].tag.load(std::memory_order_relaxed) == 0) continue;
    group.Lock();
    for (Slot& slot : group.slots) {
      const uint64_t tag = slot.tag.load(std::memory_order_relaxed);
      if (tag == 0) break;
      const RuleId from = RuleOf(tag);
      const RuleId to = successors[from];
      if (to == from) continue;
      if (to == kNoRule) {
        SetState(&slot, {});
        slot.tag.store(kEmptyTag, std::memory_order_relaxed);
      } else {
        Convert(&slot, to, now);
      }
    }
    group.Unlock();
  }
  reassigning_.store(false);
}

void BucketTable::Convert(Slot* slot, RuleId to, MonoTime now) const {
  const uint64_t tag = slot->tag.load(std::memory_order_relaxed);
  const Known& before = rules_[RuleOf(tag)];
  const Known& after = rules_[to];
  Uint128 missing = Missing(StateIn(*slot), before.clock.At(now));
  // In units of the finer rule, then rounded up to those of the new one.
  missing <<= after.fraction_bits;
  missing = (missing + (uint64_t{1} << before.fraction_bits) - 1) >> before.fraction_bits;
  const Uint128 kept = std::min<Uint128>(missing, after.burst_units);
  SetState(slot, StateOf(static_cast<uint64_t>(kept), after.clock.At(now)));
  slot->tag.store(TagOf(tag, to), std::memory_order_relaxed);
}

BucketTable::Slot* BucketTable::FindFormer(Group& group, const Name& name, MonoTime now) const {
  Slot* slot = group.Find(TagOf(name.hash, name.former));
  if (slot != nullptr) Convert(slot, name.rule, now);
  return slot;
}

std::chrono::nanoseconds BucketTable::UntilFull(const Slot& slot, MonoTime now) const {
  const UnitClock& clock = rules_[RuleOf(slot.tag.load(std::memory_order_relaxed))].clock;
  const BucketState state = StateIn(slot);
  const uint64_t missing = state.full_at == 0 ? 0 : Missing(state, clock.At(now));
  return missing == 0 ? std::chrono::nanoseconds(0) : clock.Until(missing, now);
}

BucketTable::Slot* BucketTable::Vacancy(const Name& name, bool both, std::span<Slot* const> taken,
                                        MonoTime now) {
  const std::array<Group*, 2> groups{&First(name), &Second(name)};
  const auto usable = std::span(groups).first(both ? 2 : 1);
  Slot* best = nullptr;
  std::chrono::nanoseconds best_wait = std::chrono::nanoseconds::max();
  for (Group* group : usable) {
    for (Slot& slot : group->slots) {
      if (std::find(taken.begin(), taken.end(), &slot) != taken.end()) continue;
      // Slots of a group are used from the front, so the first unused one ends it.
      if (slot.tag.load(std::memory_order_relaxed) == 0) return &slot;
      const std::chrono::nanoseconds wait = UntilFull(slot, now);
      if (wait.count() == 0) return &slot;
      if (wait < best_wait) {
        best_wait = wait;
        best = &slot;
      }
    }
  }
  if (best == nullptr) return nullptr;
  for (Group* group : usable) {
    // Its last slot may be taken and yet unused, if in the end nothing is charged.
    if (group->slots.back().tag.load(std::memory_order_relaxed) == 0) continue;
    for (Slot& slot : group->slots) {
      if (std::find(taken.begin(), taken.end(), &slot) != taken.end()) continue;
      if (Displace(&slot, now)) return &slot;
    }
  }
  return best;
}

// The lock of the third group is out of order, so it is only tried. One that this thread holds
// already fails like any other.
bool BucketTable::Displace(Slot* slot, MonoTime now) {
  const uint64_t tag = slot->tag.load(std::memory_order_relaxed);
  Group& other = groups_[SecondIndex(tag)];
  if (!other.TryLock()) return false;
  // While rules change, the other group may have been seen to and this one not yet: a bucket that
  // went there would keep a rule that is gone. Asked when both are locked: what was seen to before
  // that is known to have been.
  const std::span<Slot> rooms = reassigning_.load() ? std::span<Slot>() : std::span(other.slots);
  bool moved = false;
  for (Slot& room : rooms) {
    const bool unused = room.tag.load(std::memory_order_relaxed) == 0;
    if (!unused && UntilFull(room, now).count() > 0) continue;
    if (unused) used_slots_.fetch_add(1, std::memory_order_relaxed);
    Mark({tag, RuleOf(tag)});  // A save under way may have looked there already, and not here.
    SetState(&room, StateIn(*slot));
    room.tag.store(tag, std::memory_order_relaxed);
    slot->tag.store(kEmptyTag, std::memory_order_relaxed);
    SetState(slot, {});
    moved = true;
    break;
  }
  other.Unlock();
  return moved;
}

size_t BucketTable::ClassOf(std::chrono::nanoseconds until_full) {
  constexpr size_t kFirstBits = 30;
  const auto bits = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(until_full.count())));
  return bits <= kFirstBits ? 0 : std::min(kClasses - 1, (bits - kFirstBits + 3) / 4);
}

void BucketTable::NoteForgotten(const Slot& slot, std::chrono::nanoseconds until_full,
                                MonoTime now) {
  const auto* group = reinterpret_cast<const Group*>(reinterpret_cast<uintptr_t>(&slot) &
                                                     ~uintptr_t{kGroupBytes - 1});
  const auto index = static_cast<size_t>(group - groups_.data());
  std::atomic<int64_t>& full_ns = regions_[index / kRegionGroups].full_ns[ClassOf(until_full)];
  const int64_t at_ns = (now + until_full).ns;
  int64_t before = full_ns.load(std::memory_order_relaxed);
  while (before < at_ns && !full_ns.compare_exchange_weak(before, at_ns)) {
  }
  inherits_.store(true);
  evicted_live_.fetch_add(1, std::memory_order_relaxed);
}

uint64_t BucketTable::Inherited(const Name& name, uint64_t burst, MonoTime now) const {
  if (!inherits_.load()) return 0;
  const uint64_t emptied = Emptied(name, burst, now);
  const UnitClock& clock = rules_[name.rule].clock;
  const size_t classes = ClassOf(clock.Until(burst, now)) + 1;
  int64_t full_ns = now.ns;
  for (const size_t index : {FirstIndex(name.hash), SecondIndex(name.hash)}) {
    const Region& region = regions_[index / kRegionGroups];
    for (size_t i = 0; i < classes; ++i) {
      full_ns = std::max(full_ns, region.full_ns[i].load(std::memory_order_relaxed));
    }
  }
  if (full_ns <= now.ns) return emptied;
  if (clock.Until(burst, now).count() <= full_ns - now.ns) return burst;
  const uint64_t forgotten = (clock.At({full_ns}) - clock.At(now)) & kUnitMask;
  return std::min(burst, std::max(emptied, forgotten));
}

// What was empty at a time has what has come since.
uint64_t BucketTable::Emptied(const Name& name, uint64_t burst, MonoTime now) const {
  if (name.rule != time_rule_ || empty_since_.empty()) return 0;
  const MonoTime since = empty_since_[PartOf(name.hash)];
  if (since == kNeverEmpty) return 0;
  const auto come = static_cast<uint64_t>(std::max<int64_t>(now.ns - since.ns, 0));
  const uint64_t units = std::min(come, kBurstUnitsMax / kTimeUnitsPerNs) * kTimeUnitsPerNs;
  return burst - std::min(burst, units);
}

void BucketTable::Save(size_t group, MonoTime now, std::vector<SavedBucket>* buckets) {
  Group& locked = groups_[group];
  // As in Reassign: whoever locks it later marks what it takes as not in this save.
  if (locked.slots[0].state.load() == 0 &&
      locked.slots[0].tag.load(std::memory_order_relaxed) == 0) {
    return;
  }
  locked.Lock();
  for (const Slot& slot : locked.slots) {
    const uint64_t tag = slot.tag.load(std::memory_order_relaxed);
    if (tag == 0) break;
    if (RuleOf(tag) != time_rule_) continue;
    const uint64_t missing = Missing(StateIn(slot), rules_[time_rule_].clock.At(now));
    if (missing == 0) continue;
    buckets->push_back({static_cast<uint32_t>(group), tag & ~(kRuleMask << kHashBits), missing});
  }
  locked.Unlock();
}

std::vector<BucketTable::SavedRegion> BucketTable::SaveRegions(MonoTime now) const {
  std::vector<SavedRegion> regions;
  for (size_t i = 0; i < regions_.size(); ++i) {
    for (size_t of = 0; of < kClasses; ++of) {
      const int64_t full_ns = regions_[i].full_ns[of].load(std::memory_order_relaxed);
      if (full_ns <= now.ns) continue;
      regions.push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(of), full_ns});
    }
  }
  return regions;
}

bool BucketTable::Restore(const SavedBucket& bucket, MonoTime now) {
  if (bucket.group >= groups_.size() || bucket.hash >> kHashBits != 0) return false;
  if (bucket.missing > 2 * kBurstUnitsMax) return false;
  Group& group = groups_[bucket.group];
  for (Slot& slot : group.slots) {
    if (slot.tag.load(std::memory_order_relaxed) != 0) continue;
    used_slots_.fetch_add(1, std::memory_order_relaxed);
    restored_second_ |= SecondIndex(bucket.hash) == bucket.group;
    SetState(&slot, StateOf(bucket.missing, rules_[time_rule_].clock.At(now)));
    slot.tag.store(TagOf(bucket.hash, time_rule_), std::memory_order_relaxed);
    return true;
  }
  return false;
}

bool BucketTable::Restore(const SavedRegion& region) {
  if (region.region >= regions_.size() || region.time_class >= kClasses) return false;
  regions_[region.region].full_ns[region.time_class] = region.full_ns;
  inherits_.store(true);
  return true;
}

void BucketTable::AssumeEmpty(std::vector<MonoTime> since) {
  assert(since.size() == kParts);
  empty_since_ = std::move(since);
  inherits_.store(true);
}

void BucketTable::Move(const Name& name, Slot* slot, BucketState state, MonoTime now) {
  if (slot->tag.load(std::memory_order_relaxed) == 0) {
    used_slots_.fetch_add(1, std::memory_order_relaxed);
  } else if (const auto wait = UntilFull(*slot, now); wait.count() > 0) {
    NoteForgotten(*slot, wait, now);
  }
  SetState(slot, state);
  slot->tag.store(TagOf(name.hash, name.rule), std::memory_order_relaxed);
}

}  // namespace weir::limit
