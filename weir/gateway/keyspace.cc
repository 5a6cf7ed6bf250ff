#include "weir/gateway/keyspace.h"

#include <algorithm>

namespace weir::gateway {
namespace {

using std::chrono::milliseconds;

// The moment `after` from `now`; `now` itself, which keeps nothing, for 0.
WallTime Later(WallTime now, std::optional<milliseconds> after) {
  return after.has_value() ? WallTime{now.ms + after->count()} : kNever;
}

// A number of [0, 1) that a key always has. Mixed, since the cache uses the hash as it is.
double ShareOf(uint64_t hash) {
  return static_cast<double>((hash * 0x9e3779b97f4a7c15U) >> 32) * 0x1p-32;
}

}  // namespace

std::optional<milliseconds> Keyspace::TtlOf(uint64_t hash, bool absent) const {
  if (bypass) return milliseconds(0);
  if (!absent && !cache_ttl.has_value()) return std::nullopt;
  const milliseconds ttl = absent ? negative_ttl : *cache_ttl;
  if (ttl == milliseconds::max()) return std::nullopt;
  if (jitter_percent == 0) return ttl;
  const double less = static_cast<double>(jitter_percent) / 100 * ShareOf(hash);
  return milliseconds(ttl.count() - static_cast<int64_t>(static_cast<double>(ttl.count()) * less));
}

cache::Lane::Keep Keyspace::KeepFrom(WallTime now, uint64_t hash) const {
  return {Later(now, TtlOf(hash, false)), Later(now, TtlOf(hash, true)),
          std::max(stale_while_revalidate, stale_if_error)};
}

std::optional<milliseconds> Keyspace::AgeOf(WallTime fresh_until, WallTime expires_at,
                                            uint64_t hash, bool absent, WallTime now) const {
  const std::optional<milliseconds> ttl = TtlOf(hash, absent);
  if (!ttl.has_value() || fresh_until >= expires_at) return std::nullopt;
  const int64_t age = now.ms + ttl->count() - fresh_until.ms;
  return age < 0 ? std::nullopt : std::optional(milliseconds(age));
}

// One that ends with its record would end then after a refresh, too.
WallTime Keyspace::RefreshAt(WallTime fresh_until, WallTime expires_at, uint64_t hash,
                             bool absent) const {
  const std::optional<milliseconds> ttl = TtlOf(hash, absent);
  if (refresh_ahead_percent == 0 || !ttl.has_value() || fresh_until >= expires_at) return kNever;
  return {fresh_until.ms - ttl->count() * (100 - refresh_ahead_percent) / 100};
}

milliseconds Keyspace::RefreshSpan() const {
  milliseconds longest{0};
  if (refresh_ahead_percent == 0 || bypass) return longest;
  if (cache_ttl.has_value()) longest = *cache_ttl;
  if (negative_ttl != milliseconds::max()) longest = std::max(longest, negative_ttl);
  return longest * (100 - refresh_ahead_percent) / 100;
}

}  // namespace weir::gateway
