#include "weir/cache/miniature.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace weir::cache {

Miniature::Miniature(const Behaviour& behaviour, uint64_t capacity, size_t records_max,
                     size_t entry_share)
    : capacity_(capacity),
      records_max_(records_max),
      entry_share_(entry_share),
      buckets_(16, kNone),
      order_(behaviour, capacity) {
  assert(records_max > 0);
  records_.reserve(records_max);
}

size_t Miniature::memory_bytes() const {
  return records_.capacity() * sizeof(Record) + buckets_.capacity() * sizeof(Id) +
         order_.history_bytes();
}

void Miniature::SetCapacity(uint64_t bytes) {
  capacity_ = bytes;
  order_.SetBudget(SampleBudget());
}

Miniature::Id Miniature::Lookup(uint64_t hash) {
  Id id = Bucket(hash);
  while (id != kNone && records_[id].hash != hash) id = records_[id].chain;
  return id;
}

void Miniature::Grow() {
  std::vector<Id> before(buckets_.size() * 2, kNone);
  before.swap(buckets_);
  for (Id id : before) {
    while (id != kNone) {
      const Id next = records_[id].chain;
      records_[id].chain = Bucket(records_[id].hash);
      Bucket(records_[id].hash) = id;
      id = next;
    }
  }
}

void Miniature::Free(Id id) {
  Id* link = &Bucket(records_[id].hash);
  while (*link != id) link = &records_[*link].chain;
  *link = records_[id].chain;
  records_[id].chain = free_;
  free_ = id;
  --live_;
}

void Miniature::Remove(Id id) {
  View view{records_};
  order_.Remove(view, id);
  Free(id);
}

bool Miniature::Find(uint64_t hash, WallTime now) {
  const Id id = Lookup(hash);
  if (id == kNone) return false;
  if (records_[id].until <= now) {
    Remove(id);
    return false;
  }
  View view{records_};
  order_.Hit(view, id, hash);
  return true;
}

void Miniature::Put(uint64_t hash, uint64_t weight, WallTime until) {
  const Id known = Lookup(hash);
  if (known != kNone) {
    if (records_[known].weight == weight) {
      records_[known].until = until;
      return;
    }
    Remove(known);
  }
  if (weight > std::min(capacity_ / entry_share_, SampleBudget())) return;
  if (weight > std::numeric_limits<uint32_t>::max()) return;
  View view{records_};
  while (order_.bytes() + weight > SampleBudget()) Free(order_.Victim(view, weight));
  if (live_ == records_max_) {
    Halve();
    if (!Follows(hash)) return;
  }
  if (free_ == kNone) {
    records_.emplace_back();
    free_ = static_cast<Id>(records_.size() - 1);
  }
  if (live_ == buckets_.size()) Grow();
  const Id id = free_;
  free_ = records_[id].chain;
  records_[id] = {hash, until, static_cast<uint32_t>(weight), kNone, kNone, Bucket(hash), 0};
  Bucket(hash) = id;
  ++live_;
  order_.Insert(view, id, hash);
}

void Miniature::Erase(uint64_t hash) {
  const Id id = Lookup(hash);
  if (id != kNone) Remove(id);
}

void Miniature::Halve() {
  bound_ /= 2;
  order_.SetBudget(SampleBudget());
  for (Id id = 0; id < records_.size(); ++id) {
    if (order_.Holds(View{records_}, id) && !Follows(records_[id].hash)) Remove(id);
  }
}

}  // namespace weir::cache
