#include "sim/limit_check.h"

#include <algorithm>

namespace weir::sim {

bool LimitCheck::Concerns(const limit::Policy& policy, const Request& request) {
  if (policy.only_named || policy.enforced_percent == 0) return false;
  if (!policy.user.empty() && policy.user != request.user) return false;
  for (unsigned bit = 0; bit < policy.client.bits; ++bit) {
    const unsigned mask = 0x80U >> bit % 8;
    if (((policy.client.address.bytes[bit / 8] ^ request.client.bytes[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  if (!policy.key_prefix.empty() && !request.key.starts_with(policy.key_prefix)) return false;
  const bool of_key = policy.per == limit::Per::kKey || policy.per == limit::Per::kText;
  if (of_key && request.key.empty()) return false;
  return !policy.command.has_value() || *policy.command == request.command;
}

std::string LimitCheck::Name(const limit::Policy& policy, const Request& request) {
  const auto* bytes = reinterpret_cast<const char*>(request.client.bytes.data());
  const std::string name = policy.name + "#" + std::to_string(policy.window) + "|";
  switch (policy.per) {
    case limit::Per::kClient:
      return name + std::string(bytes, request.client.is_v4() ? 16 : 8);
    case limit::Per::kKey:
      return name + request.key;
    case limit::Per::kPrefix:
      return name;
    case limit::Per::kUser:
      return name + request.user;
    case limit::Per::kText:  // The plan's "{user}/{key}".
      return name + request.user + "/" + request.key;
  }
  return name;
}

LimitCheck::Charges LimitCheck::ChargesOf(const Request& request) const {
  Charges charges;
  for (const limit::Policy& policy : policies_) {
    if (!Concerns(policy, request)) continue;
    const uint64_t cost = policy.unit == limit::Unit::kBytes ? request.bytes : 1;
    charges.push_back({Name(policy, request), policy.rate, cost});
  }
  return charges;
}

LimitCheck::Charges LimitCheck::ChargesOf(const std::string& policy, const std::string& key,
                                          uint64_t cost) const {
  Charges charges;
  Request request;
  request.key = key;
  for (const limit::Policy& each : policies_) {
    if (each.name == policy) charges.push_back({Name(each, request), each.rate, cost});
  }
  return charges;
}

bool LimitCheck::delays() const {
  return std::any_of(policies_.begin(), policies_.end(),
                     [](const auto& policy) { return policy.delay_max.count() > 0; });
}

LimitCheck::Bucket& LimitCheck::BucketOf(const Charge& charge, MonoTime now) {
  const Int128 full = Units(charge, charge.rate.burst);
  Bucket& bucket = buckets_.try_emplace(charge.bucket, Bucket{full, full, now}).first->second;
  const Int128 come =
      static_cast<Int128>((now - bucket.at).count()) * static_cast<Int128>(charge.rate.count);
  const Int128 tokens = bucket.tokens + come;
  if (tokens > full) bucket.spare += tokens - full;
  bucket.tokens = std::min(full, tokens);
  bucket.at = now;
  return bucket;
}

std::string LimitCheck::Decided(std::span<const Charge> charges, bool passed, MonoTime now) {
  bool enough = true;
  bool surely_enough = true;
  std::string short_of;
  for (const Charge& charge : charges) {
    const Bucket& bucket = BucketOf(charge, now);
    const Int128 tokens = bucket.tokens;
    const Int128 asked = Units(charge, charge.cost);
    const Int128 needed = charge.cost == 0 ? 0 : asked + Units(charge, charge.ahead);
    // The limiter's own time is a nanosecond coarse. A cost of nothing passes whatever is owed.
    const auto slack = 2 * static_cast<Int128>(charge.rate.count);
    if (charge.cost > 0 && tokens + slack < needed) {
      enough = false;
      short_of = charge.bucket + (tokens + slack < asked ? "" : ", from those who wait there");
    }
    if (charge.cost > 0 && (tokens < needed || tokens + bucket.spare < needed + slack)) {
      surely_enough = false;
    }
  }
  if (passed && !enough) return "more passed than rate and burst allow of " + short_of;
  if (!passed && surely_enough) return "a request was throttled though every bucket had its cost";
  for (const Charge& charge : charges) {
    if (!passed || charge.cost == 0) continue;
    Bucket& bucket = BucketOf(charge, now);
    bucket.tokens -= Units(charge, charge.cost);
    bucket.spare = 0;
  }
  return "";
}

void LimitCheck::GivenBack(std::span<const Charge> charges, MonoTime now) {
  for (const Charge& charge : charges) {
    Bucket& bucket = BucketOf(charge, now);
    const uint64_t cost = std::min(charge.cost, charge.rate.burst + 1);
    bucket.tokens = std::min(bucket.tokens + Units(charge, cost), Units(charge, charge.rate.burst));
  }
}

void LimitCheck::Forced(std::span<const Charge> charges, MonoTime now) {
  for (const Charge& charge : charges) {
    Bucket& bucket = BucketOf(charge, now);
    const Int128 burst = Units(charge, charge.rate.burst);
    bucket.tokens = std::max(bucket.tokens - std::min(Units(charge, charge.cost), burst), -burst);
    bucket.spare = 0;
  }
}

}  // namespace weir::sim
