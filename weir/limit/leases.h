// Leases: how many may work on something at once. A place that is not given back comes free when
// its lease ends, so one who dies holds it no longer than that.
//
//   leases.Acquire("export:acme", {.most = 3, .ttl = 30s, .lease = number}, now)
//
// When not to use: to limit a rate; see limiter.h.
// Ownership: holds a key as a hash of 64 bits. Threads: single-owner.
// Errors: kOverloaded when kLeasesMax are held of all keys together.
// Cost: O(log n) with two allocations, and a look at up to kEndsCountedMax leases to refuse; a
// key's ended leases are taken out when it is asked about.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/expiring.h"

namespace weir::limit {

inline constexpr size_t kLeasesMax = size_t{1} << 17;  // About 25 MB.
inline constexpr uint64_t kLeasesOfKeyMax = 10'000;
inline constexpr std::chrono::milliseconds kLeaseTtlMax = std::chrono::hours(24);

class Leases {
 public:
  static constexpr size_t kEndsCountedMax = 32;

  struct Wish {
    uint64_t most = 1;  // That may be held of the key; from 1 to kLeasesOfKeyMax.
    std::chrono::nanoseconds ttl{0};
    uint64_t lease = 0;  // Its number, which nobody can foresee and no lease has.
  };
  struct Acquired {
    bool acquired = false;
    uint64_t in_use = 0;  // Leases of the key, this one included.
    // When not acquired: after which there is a place if nobody gives one back or takes it. Where
    // more than kEndsCountedMax must end first, because more might be held before: when so many
    // have.
    std::chrono::nanoseconds retry_after{0};
    uint64_t lease = 0;  // When acquired: its number.
  };

  // `seed`: secret, for the hashes of keys.
  explicit Leases(uint64_t seed) : seed_(seed) {}

  Result<Acquired> Acquire(std::string_view key, const Wish& wish, MonoTime now);
  // Lets the lease last `ttl` from now. Returns false when the key has no such lease (any more).
  bool Renew(std::string_view key, uint64_t lease, std::chrono::nanoseconds ttl, MonoTime now);
  // Gives its place back. Returns as Renew does.
  bool Release(std::string_view key, uint64_t lease, MonoTime now);
  // Leases of the key that have not ended.
  uint64_t InUse(std::string_view key, MonoTime now);

  // Whether a lease has this number, ended or not.
  bool Has(uint64_t lease) const { return leases_.Find(lease) != nullptr; }
  size_t size() const { return leases_.size(); }

 private:
  using OfKey = std::set<std::pair<MonoTime, uint64_t>>;

  uint64_t HashOf(std::string_view key) const;
  // Takes ended leases out: those of all keys a few at a time, those of the key all.
  void Tidy(uint64_t hash, MonoTime now);
  void TakeOut(uint64_t lease);
  bool Holds(uint64_t hash, uint64_t lease, MonoTime now) const;

  const uint64_t seed_;
  Expiring<uint64_t> leases_{kLeasesMax};  // The hash of each one's key.
  std::unordered_map<uint64_t, OfKey> keys_;
};

}  // namespace weir::limit
