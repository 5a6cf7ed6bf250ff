#include "sim/hold_check.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;
using std::chrono::milliseconds;

}  // namespace

uint64_t HoldCheck::InUse(const std::string& key, MonoTime now) const {
  return static_cast<uint64_t>(std::count_if(leases_.begin(), leases_.end(), [&](const auto& each) {
    return each.second.key == key && each.second.ends > now;
  }));
}

HoldCheck::Lease* HoldCheck::Find(const std::string& key, const std::string& number, MonoTime now) {
  const auto found = leases_.find(number);
  if (found == leases_.end() || found->second.key != key || found->second.ends <= now) {
    return nullptr;
  }
  return &found->second;
}

// key MAX places TTL ms [LEASE lease] -> acquired, in_use, retry_after_ms, lease.
std::string HoldCheck::Acquired(const Words& words, const resp::Value& reply, MonoTime now) {
  if (reply.kind != Kind::kArray || reply.items.size() != 4) return "";
  const std::string& key = words[1];
  const auto most = static_cast<uint64_t>(std::stoll(words[3]));
  const MonoTime ends = now + milliseconds(std::stoll(words[5]));
  const bool acquired = reply.items[0].integer == 1;
  const uint64_t before = InUse(key, now);
  const bool renews = words.size() == 8;
  Lease* lease = renews ? Find(key, words[7], now) : nullptr;
  if (!doubtful_) {
    if (renews && acquired != (lease != nullptr)) return "a lease is renewed that is none, or not";
    if (!renews && acquired != (before < most)) {
      return acquired ? "more places are leased than there are" : "a free place is not leased";
    }
    const uint64_t after = before + (acquired && !renews ? 1 : 0);
    if (static_cast<uint64_t>(reply.items[1].integer) != after) {
      return "LIMIT.ACQUIRE counts " + std::to_string(reply.items[1].integer) + " places, and " +
             std::to_string(after) + " are leased";
    }
    if (!acquired && !renews && reply.items[2].integer < 1) return "no place, and no time to wait";
  }
  if (!acquired) return "";
  if (lease != nullptr) lease->ends = ends;
  if (!renews) leases_[reply.items[3].text] = {key, ends};
  return "";
}

std::string HoldCheck::Released(const Words& words, const resp::Value& reply, MonoTime now) {
  if (reply.kind != Kind::kInteger) return "";
  const bool held = Find(words[1], words[2], now) != nullptr;
  if (held) leases_.erase(words[2]);
  if (doubtful_ || held == (reply.integer == 1)) return "";
  return "a lease is given back that is none, or not";
}

void HoldCheck::Reserved(const std::string& number, Reservation reservation) {
  reservations_[number] = std::move(reservation);
}

std::string HoldCheck::Settled(const Words& words, const resp::Value& reply, MonoTime now,
                               std::optional<Reservation>* reservation) {
  const auto found = reservations_.find(words[2]);
  const bool open = found != reservations_.end() && found->second.words[1] == words[1] &&
                    found->second.ends > now;
  const size_t costs = words.size() - 3;
  const bool fits = open && (costs == 0 || costs == found->second.limits);
  const bool settled = reply.kind == Kind::kSimple;
  if (settled && !fits) return "a reservation is settled that is none, or was, or has ended";
  // Of those who were refused for other reasons nothing follows.
  const bool unknown = reply.kind == Kind::kError && reply.text.starts_with("ERR");
  if (unknown && fits && !doubtful_) return "an open reservation is not found";
  if (!settled) return "";
  *reservation = std::move(found->second);
  reservations_.erase(found);
  return "";
}

}  // namespace weir::sim
