#include "weir/gateway/limit_holds.h"

#include <cassert>
#include <string>
#include <utility>

#include "weir/gateway/errors.h"

namespace weir::gateway {

LimitHolds::Reservation::Reservation(std::span<const limit::NamedLimit> limits,
                                     const limit::NamedOutcomes& outcomes)
    : limits_(limits.begin(), limits.end()) {
  assert(outcomes.allowed);
  assert(outcomes.count == limits.size());
  for (size_t i = 0; i < limits.size(); ++i) took_[i] = outcomes.each[i].allowed();
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

size_t LimitHolds::Reservation::bytes() const {
  size_t bytes = sizeof(*this) + limits_.size() * sizeof(limits_[0]);
  for (const std::string& text : texts_) bytes += sizeof(text) + text.size();
  return bytes;
}

uint64_t LimitHolds::NewNumber() {
  for (;;) {  // Once, but for one time in 2^46.
    const uint64_t number = numbers_.Next();
    if (!leases_.Has(number) && reservations_.Find(number) == nullptr) return number;
  }
}

bool LimitHolds::HasRoomFor(const Reservation& reservation) const {
  return !reservations_.full() && reserved_bytes_ + reservation.bytes() <= kReservedBytesMax;
}

LimitHolds::Reservation LimitHolds::TakeOut(uint64_t id) {
  Reservation reservation = std::move(reservations_.TakeOut(id)->value);
  reserved_bytes_ -= reservation.bytes();
  return reservation;
}

Result<uint64_t> LimitHolds::Reserve(Reservation reservation, MonoTime expires_at, MonoTime now) {
  const std::lock_guard lock(mutex_);
  // Two for each that comes, so that they do not pile up.
  for (int i = 0; i < 2; ++i) {
    if (const auto expired = reservations_.FirstExpired(now)) TakeOut(*expired);
  }
  if (!HasRoomFor(reservation)) {
    return Error{ErrorCode::kOverloaded, std::to_string(reservations_.size()) +
                                             " reservations are open; settle some first"};
  }
  const uint64_t number = NewNumber();
  reserved_bytes_ += reservation.bytes();
  reservations_.Add(number, expires_at, std::move(reservation));
  return number;
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
  return TakeOut(id);
}

}  // namespace weir::gateway
