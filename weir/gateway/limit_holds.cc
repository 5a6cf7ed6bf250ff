#include "weir/gateway/limit_holds.h"

#include <utility>

#include "weir/gateway/errors.h"

namespace weir::gateway {

LimitHolds::Reservation::Reservation(std::span<const limit::NamedLimit> limits)
    : limits_(limits.begin(), limits.end()) {
  for (limit::NamedLimit& limit : limits_) {
    texts_.emplace_back(std::exchange(limit.key, {}));
    texts_.emplace_back(std::exchange(limit.policy, {}));
  }
}

std::vector<limit::NamedLimit> LimitHolds::Reservation::limits() const {
  std::vector<limit::NamedLimit> limits = limits_;
  for (size_t i = 0; i < limits.size(); ++i) {
    limits[i].key = texts_[2 * i];
    limits[i].policy = texts_[2 * i + 1];
  }
  return limits;
}

Result<Ok> LimitHolds::Reserve(uint64_t id, Reservation reservation, MonoTime expires_at,
                               MonoTime now) {
  const std::lock_guard lock(mutex_);
  // Two for each that comes, so that they do not pile up.
  for (int i = 0; i < 2; ++i) {
    if (const auto expired = reservations_.FirstExpired(now)) reservations_.TakeOut(*expired);
  }
  if (reservations_.full()) {
    return Error{ErrorCode::kOverloaded, "65536 reservations are open; settle some first"};
  }
  reservations_.Add(id, expires_at, std::move(reservation));
  return Ok();
}

Result<LimitHolds::Reservation> LimitHolds::Settle(std::string_view key, uint64_t id, size_t costs,
                                                   MonoTime now) {
  const std::lock_guard lock(mutex_);
  const auto* entry = reservations_.Find(id);
  if (entry == nullptr || entry->value.key() != key || entry->expires_at <= now) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNoReservation)};
  }
  if (costs != 0 && costs != entry->value.size()) {
    return Error{ErrorCode::kInvalid, errors::CostsOfReservation(entry->value.size())};
  }
  return std::move(reservations_.TakeOut(id)->value);
}

}  // namespace weir::gateway
