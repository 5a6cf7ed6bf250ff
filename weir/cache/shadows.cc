#include "weir/cache/shadows.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace weir::cache {
namespace {

constexpr Chooser<Shadows::kWays>::Ways WaysThatWeigh() {
  Chooser<Shadows::kWays>::Ways ways = 0;
  for (size_t way = 0; way < Shadows::kWays; ++way) {
    if (kBehaviours[way].evict == Behaviour::Evict::kLeastWorth) ways |= 1U << way;
  }
  return ways;
}
constexpr Chooser<Shadows::kWays>::Ways kWaysThatWeigh = WaysThatWeigh();

}  // namespace

Shadows::Shadows(const Options& options)
    : options_(options),
      records_max_(options.memory_bytes / kBytesOfKey),
      chooser_(options.first, kChangeCostMin) {}

void Shadows::Start(uint64_t entries) {
  bound_ = kAll;
  while (static_cast<uint64_t>(static_cast<double>(entries) * SampleRate()) > records_max_) {
    bound_ /= 2;
  }
  found_after_ = static_cast<uint64_t>(static_cast<double>(entries) * SampleRate());
  records_.reserve(records_max_ + 1);
  buckets_.assign(std::bit_ceil(records_max_), kNone);
  orders_.reserve(kWays);
  for (const Behaviour& behaviour : kBehaviours) {
    orders_.emplace_back(behaviour, SampleBudget(), Order<View>::Remembers::kForItsOwn);
  }
  if (options_.found || !weights_.Differ()) return;
  chooser_.SetChoice(options_.count_bytes ? kWeighingForBytes : kWeighing);
}

Shadows::Report Shadows::report() const {
  return {SampleRate(), lookups_, chooser_.changes(), hits_};
}

Shadows::Id Shadows::Lookup(uint64_t hash) {
  Id id = Bucket(hash);
  while (id != kNone && records_[id].hash != hash) id = records_[id].chain;
  return id;
}

Shadows::Id Shadows::Make(uint64_t hash) {
  if (free_ == kNone) {
    records_.emplace_back();
    free_ = static_cast<Id>(records_.size() - 1);
  }
  const Id id = free_;
  free_ = records_[id].chain;
  ++live_;
  records_[id] = Record();
  records_[id].hash = hash;
  records_[id].chain = Bucket(hash);
  Bucket(hash) = id;
  return id;
}

void Shadows::LetGo(Id id) {
  Record& record = records_[id];
  assert(record.holders > 0);
  if (--record.holders > 0) return;
  Id* link = &Bucket(record.hash);
  while (*link != id) link = &records_[*link].chain;
  *link = record.chain;
  --live_;
  record.chain = free_;
  free_ = id;
}

void Shadows::Drop(Id id) {
  ++records_[id].holders;  // Held here too, so that it stays until the end.
  for (size_t way = 0; way < kWays; ++way) {
    if (records_[id].states[way] == 0) continue;
    View view{records_, way};
    orders_[way].Remove(view, id);
    LetGo(id);
  }
  LetGo(id);
}

bool Shadows::FindSampled(uint64_t hash, WallTime now) {
  Id id = Lookup(hash);
  if (id != kNone && records_[id].until <= now) {
    Drop(id);
    id = kNone;
  }
  ++lookups_;
  for (size_t way = 0; id != kNone && way < kWays; ++way) {
    if (records_[id].states[way] == 0) continue;
    View view{records_, way};
    orders_[way].Hit(view, id, hash);
    ++hits_[way];
    gains_[way] += options_.count_bytes ? static_cast<double>(records_[id].weight) : 1.0;
  }
  const bool held_by_all = id != kNone && records_[id].holders == kWays;
  if (++round_ * kRoundsOfSample > orders_[choice()].count()) EndRound();
  return held_by_all;
}

void Shadows::EndRound() {
  const Order<View>& order = orders_[choice()];
  const auto count = static_cast<double>(order.count());
  // In bytes an entry is worth what the mean one weighs.
  const double worth =
      options_.count_bytes && order.count() > 0 ? static_cast<double>(order.bytes()) / count : 1.0;
  Chooser<kWays>::Ways open = Chooser<kWays>::kAll;
  if (!weights_.Differ()) open &= ~kWaysThatWeigh;
  chooser_.SetCost(std::max(kChangeCostMin, kChangeCost * count) * worth);
  chooser_.Add(gains_, open);
  gains_.fill(0);
  round_ = 0;
}

void Shadows::PutSampled(uint64_t hash, uint64_t weight, WallTime until) {
  Id id = Lookup(hash);
  if (id != kNone && records_[id].weight != weight) {
    Drop(id);
    id = kNone;
  }
  if (id == kNone) {
    id = Make(hash);
    records_[id].weight = weight;
  }
  records_[id].until = until;
  ++records_[id].holders;  // Until all have taken it or not.
  for (size_t way = 0; way < kWays; ++way) {
    if (records_[id].states[way] == 0) Insert(id, way);
  }
  LetGo(id);
  if (live_ > records_max_) Halve();
}

void Shadows::Insert(Id id, size_t way) {
  const uint64_t weight = records_[id].weight;
  const uint64_t budget = SampleBudget();
  if (weight > budget) return;
  Order<View>& order = orders_[way];
  View view{records_, way};
  while (order.bytes() + weight > budget) LetGo(order.Victim(view, weight));
  order.Insert(view, id, records_[id].hash);
  ++records_[id].holders;
}

void Shadows::EraseSampled(uint64_t hash) {
  const Id id = Lookup(hash);
  if (id != kNone) Drop(id);
}

void Shadows::Halve() {
  bound_ /= 2;
  for (Order<View>& order : orders_) order.SetBudget(SampleBudget());
  std::vector<Id> gone;
  for (const Id bucket : buckets_) {
    for (Id id = bucket; id != kNone; id = records_[id].chain) {
      if (!Follows(records_[id].hash)) gone.push_back(id);
    }
  }
  for (const Id id : gone) Drop(id);
}

}  // namespace weir::cache
