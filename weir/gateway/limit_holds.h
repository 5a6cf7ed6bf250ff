// LimitHolds: what clients hold of limits until they say otherwise or its time is up: places that
// LIMIT.ACQUIRE leased, and tokens that LIMIT.RESERVE took for work whose cost is known afterwards.
//
// Both are kept in memory alone. A lease that ends gives its place back; a reservation that ends
// keeps what it took, which is the safe side.
// Each has a number that nobody can foresee and nothing else that is held has: who knows it may end
// what it is of.
// Threads: thread-safe. Errors: kOverloaded when a bound is reached. Cost: a lock held for a few
// microseconds.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/gateway/secret_numbers.h"
#include "weir/limit/expiring.h"
#include "weir/limit/leases.h"
#include "weir/limit/named_limits.h"

namespace weir::gateway {

class LimitHolds {
 public:
  static constexpr size_t kReservationsMax = size_t{1} << 16;
  // Of the keys of one reservation together.
  static constexpr size_t kKeyBytesMax = 4096;
  // Of all reservations together.
  static constexpr size_t kReservedBytesMax = size_t{32} << 20;

  // Limits that were taken from together, and how much.
  class Reservation {
   public:
    // Requires: `outcomes` are those of `limits`, and allowed them.
    Reservation(std::span<const limit::NamedLimit> limits, const limit::NamedOutcomes& outcomes);
    // Whether this limit was taken from: one in shadow that had not enough let it pass for nothing,
    // and so has nothing to settle.
    bool took(size_t limit) const { return took_[limit]; }
    // Views into it.
    std::vector<limit::NamedLimit> limits() const;
    std::string_view key() const { return texts_.front(); }
    size_t size() const { return limits_.size(); }
    size_t bytes() const;

   private:
    std::vector<limit::NamedLimit> limits_;  // Without their texts,
    std::vector<std::string> texts_;         // which stand here: the key and the policy of each.
    std::array<bool, limit::kNamedLimitsMax> took_{};
  };

  // `seed`: as that of limit::Leases.
  LimitHolds(uint64_t seed, const SecretNumbers::Key& key) : numbers_(key), leases_(seed) {}

  // As in limit::Leases, but that the lease's number is made here.
  Result<limit::Leases::Acquired> Acquire(std::string_view key, uint64_t most,
                                          std::chrono::nanoseconds ttl, MonoTime now) {
    const std::lock_guard lock(mutex_);
    return leases_.Acquire(key, {most, ttl, NewNumber()}, now);
  }
  bool Renew(std::string_view key, uint64_t lease, std::chrono::nanoseconds ttl, MonoTime now) {
    const std::lock_guard lock(mutex_);
    return leases_.Renew(key, lease, ttl, now);
  }
  bool Release(std::string_view key, uint64_t lease, MonoTime now) {
    const std::lock_guard lock(mutex_);
    return leases_.Release(key, lease, now);
  }
  uint64_t InUse(std::string_view key, MonoTime now) {
    const std::lock_guard lock(mutex_);
    return leases_.InUse(key, now);
  }

  // Returns the reservation's number.
  Result<uint64_t> Reserve(Reservation reservation, MonoTime expires_at, MonoTime now);
  // Takes the reservation out, if its first key is `key` and its time is not up. `costs`: for how
  // many of its limits there are costs, which must be all or 0.
  // Errors: kInvalid, with the whole reply as message; it stays then.
  Result<Reservation> Settle(std::string_view key, uint64_t id, size_t costs, MonoTime now);

 private:
  // All three require that mutex_ is held.
  uint64_t NewNumber();
  bool HasRoomFor(const Reservation& reservation) const;
  Reservation TakeOut(uint64_t id);

  std::mutex mutex_;
  // Guarded by mutex_:
  SecretNumbers numbers_;
  limit::Leases leases_;
  limit::Expiring<Reservation> reservations_{kReservationsMax};
  size_t reserved_bytes_ = 0;
};

}  // namespace weir::gateway
