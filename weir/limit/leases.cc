#include "weir/limit/leases.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <optional>

#include "weir/base/key_hash.h"

namespace weir::limit {
namespace {

// More than one call can add, so what has ended does not pile up.
constexpr int kEndedPerCall = 4;

}  // namespace

uint64_t Leases::HashOf(std::string_view key) const {
  return SeededHash(key, seed_);
}

void Leases::TakeOut(uint64_t lease) {
  const std::optional<Expiring<uint64_t>::Entry> entry = leases_.TakeOut(lease);
  assert(entry.has_value());
  const auto of_key = keys_.find(entry->value);
  assert(of_key != keys_.end());
  of_key->second.erase({entry->expires_at, lease});
  if (of_key->second.empty()) keys_.erase(of_key);
}

void Leases::Tidy(uint64_t hash, MonoTime now) {
  for (int i = 0; i < kEndedPerCall; ++i) {
    const std::optional<uint64_t> ended = leases_.FirstExpired(now);
    if (!ended.has_value()) break;
    TakeOut(*ended);
  }
  for (;;) {
    const auto of_key = keys_.find(hash);
    if (of_key == keys_.end() || of_key->second.begin()->first > now) return;
    TakeOut(of_key->second.begin()->second);
  }
}

Result<Leases::Acquired> Leases::Acquire(std::string_view key, const Wish& wish, MonoTime now) {
  assert(wish.most >= 1);
  assert(wish.most <= kLeasesOfKeyMax);
  const uint64_t hash = HashOf(key);
  Tidy(hash, now);
  if (const auto of_key = keys_.find(hash);
      of_key != keys_.end() && of_key->second.size() >= wish.most) {
    // As many must end as leave one place.
    const size_t in_use = of_key->second.size();
    const size_t ends = std::min<size_t>(in_use - wish.most + 1, kEndsCountedMax);
    const auto last = std::next(of_key->second.begin(), static_cast<std::ptrdiff_t>(ends - 1));
    return Acquired{.in_use = in_use, .retry_after = last->first - now};
  }
  if (leases_.full()) {
    return Error{ErrorCode::kOverloaded, "131072 leases are held; let some end first"};
  }
  const MonoTime ends_at = now + wish.ttl;
  leases_.Add(wish.lease, ends_at, hash);
  OfKey& of_key = keys_[hash];
  of_key.emplace(ends_at, wish.lease);
  return Acquired{.acquired = true, .in_use = of_key.size(), .lease = wish.lease};
}

bool Leases::Holds(uint64_t hash, uint64_t lease, MonoTime now) const {
  const Expiring<uint64_t>::Entry* entry = leases_.Find(lease);
  return entry != nullptr && entry->value == hash && entry->expires_at > now;
}

bool Leases::Renew(std::string_view key, uint64_t lease, std::chrono::nanoseconds ttl,
                   MonoTime now) {
  const uint64_t hash = HashOf(key);
  if (!Holds(hash, lease, now)) return false;
  OfKey& of_key = keys_.at(hash);
  of_key.erase({leases_.Find(lease)->expires_at, lease});
  of_key.emplace(now + ttl, lease);
  leases_.Move(lease, now + ttl);
  return true;
}

bool Leases::Release(std::string_view key, uint64_t lease, MonoTime now) {
  if (!Holds(HashOf(key), lease, now)) return false;
  TakeOut(lease);
  return true;
}

uint64_t Leases::InUse(std::string_view key, MonoTime now) {
  const uint64_t hash = HashOf(key);
  Tidy(hash, now);
  const auto of_key = keys_.find(hash);
  return of_key == keys_.end() ? 0 : of_key->second.size();
}

}  // namespace weir::limit
