#include "weir/cache/cache.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::cache {
namespace {

constexpr size_t kFirst = BehaviourNamed(Cache::kFirstBehaviour);

// `found`: that `first` pays.
Shadows NewShadows(const Cache::Options& options, size_t first, bool found) {
  return Shadows({options.budget_bytes, options.shadow_bytes, first,
                  options.objective == Cache::Objective::kBytes, found});
}

std::unique_ptr<MissRatioCurve> NewCurve(const Cache::Options& options, size_t first) {
  if (options.curve_bytes == 0) return nullptr;
  return std::make_unique<MissRatioCurve>(MissRatioCurve::Options{
      options.budget_bytes, options.curve_bytes, options.curve_work_max, first,
      options.objective == Cache::Objective::kBytes, Cache::EntryShare(options.objective)});
}

}  // namespace

Cache::Cache(Options options)
    : options_(options),
      entries_(options.hash_seed),
      order_(kBehaviours[kFirst], options.budget_bytes),
      shadows_(NewShadows(options, kFirst, false)),
      curve_(NewCurve(options, kFirst)) {}

// Slabs go as a whole; only values that are shared by reference must be let go one by one.
Cache::~Cache() {
  if (shared_count_ == 0) return;
  if (options_.shared_values != nullptr) options_.shared_values->Give(shared_bytes_);
  index_.ForEach([this](Entries::Id id) {
    if (entries_.shared(id) != nullptr) entries_.Free(id);
  });
}

Cache::Cache(Cache&& other) noexcept : Cache(other.options_) {
  Swap(other);
}

Cache& Cache::operator=(Cache&& other) noexcept {
  Cache moved(std::move(other));
  Swap(moved);
  return *this;
}

void Cache::Swap(Cache& other) {
  std::swap(options_, other.options_);
  std::swap(entries_, other.entries_);
  std::swap(index_, other.index_);
  std::swap(order_, other.order_);
  std::swap(ends_, other.ends_);
  std::swap(shadows_, other.shadows_);
  std::swap(curve_, other.curve_);
  std::swap(bytes_, other.bytes_);
  std::swap(shared_count_, other.shared_count_);
  std::swap(shared_bytes_, other.shared_bytes_);
  std::swap(counters_, other.counters_);
}

Cache Cache::TakeEntries() {
  Cache other(options_);
  other.order_.SetBehaviour(order_.behaviour());
  other.shadows_ = NewShadows(options_, shadows_.choice(), shadows_.found());
  other.curve_ = NewCurve(options_, shadows_.choice());
  if (curve_ != nullptr) other.curve_->ContinueFrom(curve_->counts());
  other.counters_ = std::exchange(counters_, Counters());
  Swap(other);
  return other;
}

size_t Cache::Cost(size_t key_bytes, const Value* value, const Until& until, bool own_hash) {
  return Entries::Weight(key_bytes, value, until, !own_hash);
}

bool Cache::FollowFind(uint64_t spread, WallTime now) {
  const bool shadows = shadows_.Find(spread, now);
  const bool curve = curve_ == nullptr || curve_->Find(spread, now);
  if (&kBehaviours[shadows_.choice()] != &order_.behaviour()) {
    order_.SetBehaviour(kBehaviours[shadows_.choice()]);
    if (curve_ != nullptr) curve_->SetBehaviour(order_.behaviour());
  }
  return shadows && curve;
}

void Cache::FollowPut(uint64_t spread, uint64_t weight, WallTime fresh) {
  shadows_.Put(spread, weight, fresh);
  if (curve_ != nullptr) curve_->Put(spread, weight, fresh);
}

void Cache::FollowErase(uint64_t spread) {
  shadows_.Erase(spread);
  if (curve_ != nullptr) curve_->Erase(spread);
}

std::optional<Cache::Hit> Cache::Find(std::string_view key, uint64_t hash, WallTime now) {
  ++counters_.lookups;
  const uint64_t spread = Spread(hash);
  const bool followed = FollowFind(spread, now);
  const Entries::Id id = Locate(key, hash);
  if (id == Entries::kNone) return std::nullopt;
  if (entries_.fresh_until(id) <= now) {
    if (entries_.cached_until(id) <= now) {
      Remove(id);
      ++counters_.expired;
    }
    return std::nullopt;
  }
  order_.Hit(entries_, id, spread);
  // A shadow that would have missed takes it in, as it would have after its load.
  if (!followed) FollowPut(spread, entries_.weight(id), entries_.fresh_until(id));
  return HitOf(id);
}

std::optional<Cache::Hit> Cache::FindKept(std::string_view key, uint64_t hash, WallTime now) {
  const Entries::Id id = Locate(key, hash);
  if (id == Entries::kNone || entries_.cached_until(id) <= now) return std::nullopt;
  order_.Hit(entries_, id, Spread(hash));
  return HitOf(id);
}

std::optional<Cache::Hit> Cache::Peek(std::string_view key, uint64_t hash, WallTime now) const {
  const Entries::Id id = Locate(key, hash);
  if (id == Entries::kNone || entries_.cached_until(id) <= now) return std::nullopt;
  return HitOf(id);
}

Cache::Hit Cache::HitOf(Entries::Id id) const {
  return {entries_.absent(id),      entries_.value(id),   entries_.shared(id),
          entries_.expires_at(id),  entries_.version(id), entries_.fresh_until(id),
          entries_.cached_until(id)};
}

void Cache::Put(std::string_view key, uint64_t hash, const Value& value, Until until,
                WallTime now) {
  until = until.Within(value.expires_at);
  const Entries::Id id = Locate(key, hash);
  if (id != Entries::kNone) {
    if (until.kept > now && entries_.Replace(id, &value, until)) {
      if (entries_.timed(id)) {
        ends_.Remove(entries_, id);
        ends_.Insert(entries_, id, now);
      }
      return FollowPut(entries_.hash(id), entries_.weight(id), until.fresh);
    }
    Remove(id);
  }
  if (until.kept > now) {
    Insert(key, Stored(hash), &value, until, now);
    return;
  }
  FollowErase(Spread(hash));
}

bool Cache::PutLast(std::string_view key, uint64_t hash, const Value& value, Until until,
                    WallTime now) {
  until = until.Within(value.expires_at);
  if (until.kept <= now || Contains(key, hash)) return false;
  return Insert(key, Stored(hash), &value, until, now, Order<Entries>::End::kBack);
}

void Cache::PutAbsent(std::string_view key, uint64_t hash, Until until, WallTime now) {
  Erase(key, hash);
  if (until.kept <= now) return;
  Insert(key, Stored(hash), nullptr, until, now);
}

void Cache::Erase(std::string_view key, uint64_t hash) {
  FollowErase(Spread(hash));
  const Entries::Id id = Locate(key, hash);
  if (id != Entries::kNone) Remove(id);
}

// The one place where bytes are added; Free is the one place where they are taken away.
bool Cache::Insert(std::string_view key, uint32_t hash, const Value* value, const Until& until,
                   WallTime now, Order<Entries>::End end) {
  const uint64_t weight = entries_.Weight(key, hash, value, until);
  const uint64_t spread = Spread(hash);
  if (weight > options_.budget_bytes / EntryShare(options_.objective)) {
    FollowErase(spread);
    ++counters_.rejected;
    return false;
  }
  // There is something to choose once it is full; until then the shadows have time to fill.
  if (bytes_ > options_.budget_bytes / 2) BeginShadows();
  FollowPut(spread, weight, until.fresh);
  MakeRoom(weight);
  const Entries::Id id = entries_.Make(key, hash, value, until);
  assert(entries_.weight(id) == weight);
  index_.Insert(entries_, id, spread);
  order_.Insert(entries_, id, spread, end);
  if (entries_.timed(id)) ends_.Insert(entries_, id, now);
  bytes_ += weight;
  assert(bytes_ == order_.bytes());
  CountShared(id);
  return true;
}

void Cache::BeginShadows() {
  if (shadows_.begun()) return;
  const size_t before = shadows_.choice();
  shadows_.Begin(2 * index_.size());
  if (curve_ != nullptr && shadows_.choice() != before) curve_->Prefer(shadows_.choice());
}

void Cache::MakeRoom(uint64_t weight) {
  const auto too_much = [&] { return bytes_ + weight > options_.budget_bytes; };
  const auto with_history = [&] {
    return options_.history == History::kWithinBudget && entries() > 0 &&
           bytes_ + weight + history_bytes() > options_.budget_bytes;
  };
  for (size_t more = kEvictedForHistoryMax; too_much() || (more > 0 && with_history());) {
    if (!too_much()) --more;
    Free(order_.Victim(entries_, weight));
    ++counters_.evicted;
    Compact(kMovedForOne);
  }
  if (options_.history == History::kBesideBudget) return;
  // Parts of the order have their shares of what entries may take, so that each fills up.
  const uint64_t left = options_.budget_bytes - std::min(options_.budget_bytes, history_bytes());
  order_.SetBudget(left);
  if (curve_ != nullptr) curve_->SetBudget(left);
}

size_t Cache::Expire(WallTime now, size_t most) {
  const size_t steps = ends_.Advance(entries_, now, most, [this](Entries::Id id) {
    order_.Remove(entries_, id);
    Free(id);
    ++counters_.expired;
  });
  Compact(kMovedForOne * (steps + 1));
  return steps;
}

void Cache::CountShared(Entries::Id id) {
  const Bytes* shared = entries_.shared(id);
  if (shared == nullptr) return;
  ++shared_count_;
  shared_bytes_ += shared->size();
  if (options_.shared_values != nullptr) options_.shared_values->Take(shared->size());
}

void Cache::UncountShared(Entries::Id id) {
  const Bytes* shared = entries_.shared(id);
  if (shared == nullptr) return;
  --shared_count_;
  shared_bytes_ -= shared->size();
  if (options_.shared_values != nullptr) options_.shared_values->Give(shared->size());
}

void Cache::Remove(Entries::Id id) {
  order_.Remove(entries_, id);
  Free(id);
  Compact(kMovedForOne);
}

void Cache::Compact(size_t most) {
  entries_.Compact(most, [this](Entries::Id from, Entries::Id to) {
    order_.Renumber(entries_, to);
    if (entries_.timed(to)) ends_.Renumber(entries_, to);
    index_.Renumber(from, to, entries_.hash(to));
  });
}

void Cache::Free(Entries::Id id) {
  if (entries_.timed(id)) ends_.Remove(entries_, id);
  const uint64_t weight = entries_.weight(id);
  assert(bytes_ >= weight);
  bytes_ -= weight;
  index_.Remove(entries_, id, entries_.hash(id));
  UncountShared(id);
  entries_.Free(id);
}

}  // namespace weir::cache
