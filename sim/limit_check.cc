#include "sim/limit_check.h"

#include <algorithm>

namespace weir::sim {

bool LimitCheck::Concerns(const limit::Policy& policy, const Request& request) {
  if (!request.policy.empty()) return policy.name == request.policy;
  if (policy.only_named || policy.enforced_percent == 0) return false;
  if (!policy.user.empty() && policy.user != request.user) return false;
  for (unsigned bit = 0; bit < policy.client.bits; ++bit) {
    const unsigned mask = 0x80U >> bit % 8;
    if (((policy.client.address.bytes[bit / 8] ^ request.client.bytes[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  if (!policy.key_prefix.empty() && !request.key.starts_with(policy.key_prefix)) return false;
  if (policy.per == limit::Per::kKey && request.key.empty()) return false;
  return !policy.command.has_value() || *policy.command == request.command;
}

std::string LimitCheck::Name(const limit::Policy& policy, const Request& request) {
  const auto* bytes = reinterpret_cast<const char*>(request.client.bytes.data());
  switch (policy.per) {
    case limit::Per::kClient:
      return policy.name + "|" + std::string(bytes, request.client.is_v4() ? 16 : 8);
    case limit::Per::kKey:
      return policy.name + "|" + request.key;
    case limit::Per::kPrefix:
      return policy.name;
    case limit::Per::kUser:
      return policy.name + "|" + request.user;
  }
  return policy.name;
}

std::string LimitCheck::Decided(const Request& request, bool passed, MonoTime now) {
  bool enough = true;
  bool surely_enough = true;
  std::string short_of;
  std::vector<std::pair<Bucket*, Int128>> charges;
  for (const limit::Policy& policy : policies_) {
    if (!Concerns(policy, request)) continue;
    const auto period = static_cast<Int128>(policy.rate.period.count());
    const Int128 full = static_cast<Int128>(policy.rate.burst) * period;
    const auto [at, fresh] = buckets_.try_emplace(Name(policy, request), Bucket{full, now});
    Bucket& bucket = at->second;
    const Int128 come =
        static_cast<Int128>((now - bucket.at).count()) * static_cast<Int128>(policy.rate.count);
    bucket.tokens = std::min(full, bucket.tokens + come);
    bucket.at = now;
    const uint64_t cost = policy.unit == limit::Unit::kBytes ? request.bytes : request.cost;
    const Int128 charge = static_cast<Int128>(cost) * period;
    // The limiter's own time is a nanosecond coarse.
    const auto slack = 2 * static_cast<Int128>(policy.rate.count);
    if (bucket.tokens + slack < charge) {
      enough = false;
      short_of = policy.name;
    }
    if (bucket.tokens < charge + slack) surely_enough = false;
    charges.emplace_back(&bucket, charge);
  }
  if (passed && !enough) return "policy " + short_of + " let more pass than rate and burst allow";
  if (!passed && surely_enough) return "a request was throttled though every bucket had its cost";
  for (const auto& [bucket, charge] : charges) {
    if (passed) bucket->tokens -= charge;
  }
  return "";
}

}  // namespace weir::sim
