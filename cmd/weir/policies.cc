#include "cmd/weir/policies.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <string>

#include "cmd/weir/values.h"

namespace weir::cmd {
namespace {

limit::AddressPrefix PrefixOf(const Network& network) {
  const std::string bytes = IpBytes(network.ip);
  limit::AddressPrefix prefix;
  if (bytes.size() == 4) {
    std::array<uint8_t, 4> v4;
    std::ranges::copy(bytes, v4.begin());
    prefix.address = limit::Address::FromV4(v4);
    prefix.bits = static_cast<uint8_t>(96 + network.prefix_bits);
  } else {
    std::ranges::copy(bytes, prefix.address.bytes.begin());
    prefix.bits = static_cast<uint8_t>(network.prefix_bits);
  }
  return prefix;
}

std::optional<limit::CommandClass> ClassOf(LimitCommands commands) {
  switch (commands) {
    case LimitCommands::kAll:
    case LimitCommands::kNone:
      return std::nullopt;
    case LimitCommands::kRead:
      return limit::CommandClass::kRead;
    case LimitCommands::kWrite:
      return limit::CommandClass::kWrite;
    case LimitCommands::kAdmin:
      return limit::CommandClass::kAdmin;
  }
  assert(false);
  return std::nullopt;
}

limit::Per PerOf(const LimitSubject& subject) {
  if (!subject.text.empty()) return limit::Per::kText;
  switch (subject.scope) {
    case LimitScope::kAll:
      return limit::Per::kPrefix;
    case LimitScope::kClient:
      return limit::Per::kClient;
    case LimitScope::kKey:
      return limit::Per::kKey;
    case LimitScope::kUser:
      return limit::Per::kUser;
  }
  assert(false);
  return limit::Per::kPrefix;
}

limit::Unit UnitOf(LimitUnit unit) {
  switch (unit) {
    case LimitUnit::kRequests:
      return limit::Unit::kRequests;
    case LimitUnit::kBytes:
      return limit::Unit::kBytes;
    case LimitUnit::kDatabaseMs:
      return limit::Unit::kDatabaseTime;
  }
  assert(false);
  return limit::Unit::kRequests;
}

}  // namespace

std::vector<limit::Policy> PoliciesOf(const std::vector<LimitConfig>& limits) {
  std::vector<limit::Policy> policies;
  for (const LimitConfig& config : limits) {
    limit::Policy& policy = policies.emplace_back();
    policy.name = config.name;
    if (config.client) policy.client = PrefixOf(*config.client);
    policy.user = config.user;
    policy.key_prefix = config.key_prefix;
    policy.command = ClassOf(config.commands);
    policy.per = PerOf(config.per);
    policy.subject = config.per.text;
    policy.unit = UnitOf(config.unit);
    policy.rate = {.count = config.rate.amount.count,
                   .period = config.rate.period,
                   .burst = config.burst.count};
    policy.request_cost = static_cast<uint64_t>(config.cost);
    policy.only_named = config.commands == LimitCommands::kNone;
    policy.enforced_percent = static_cast<uint8_t>(config.enforced);
    policy.delay_max = config.delay;
    const limit::Policy first = policy;
    for (const Rate& rate : config.rates) {
      limit::Policy& another = policies.emplace_back(first);
      another.window = static_cast<uint8_t>(policies[policies.size() - 2].window + 1);
      another.rate = {
          .count = rate.amount.count, .period = rate.period, .burst = rate.amount.count};
    }
  }
  return policies;
}

}  // namespace weir::cmd
