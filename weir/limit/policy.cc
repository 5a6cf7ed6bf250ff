#include "weir/limit/policy.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::limit {
namespace {

constexpr size_t kV6SubscriberBytes = 8;

using Words = std::array<uint64_t, 2>;

Words ToWords(const Address& address) {
  return std::bit_cast<Words>(address.bytes);
}

Address MaskOf(uint8_t bits) {
  Address mask;
  for (size_t i = 0; i < mask.bytes.size(); ++i) {
    const int ones = std::clamp(int{bits} - 8 * static_cast<int>(i), 0, 8);
    mask.bytes[i] = static_cast<uint8_t>(0xff00U >> ones);
  }
  return mask;
}

bool IsNameByte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || std::string_view("_.:/-").find(byte) != std::string::npos;
}

// Returns what is wrong with the policy taken alone, or nothing.
std::string_view Fault(const Policy& policy) {
  if (policy.name.empty()) return "has no name";
  if (policy.name.size() > kPolicyNameBytesMax) return "has a name above 64 bytes";
  if (!std::all_of(policy.name.begin(), policy.name.end(), IsNameByte)) {
    return "has a name with other characters than letters, digits and _.:/-";
  }
  if (policy.user.size() > kPolicyUserBytesMax) return "has a user above 256 bytes";
  if (policy.key_prefix.size() > kPolicyPrefixBytesMax) return "has a key prefix above 1024 bytes";
  if (policy.client.bits > 128) return "has a client prefix above 128 bits";
  if (policy.enforced_percent > 100) return "is enforced for more than 100 percent";
  if (policy.delay_max.count() < 0 || policy.delay_max > kDelayMax) {
    return "delays for more than a minute";
  }
  if (policy.subject.empty() == (policy.per == Per::kText)) {
    return "needs a subject where, and only where, each text has a bucket";
  }
  const Words address = ToWords(policy.client.address);
  const Words mask = ToWords(MaskOf(policy.client.bits));
  if ((address[0] & ~mask[0]) != 0 || (address[1] & ~mask[1]) != 0) {
    return "has a client address with bits set beyond its prefix; clear them";
  }
  return {};
}

// The period in the largest unit of which it is a whole number.
std::string PeriodText(std::chrono::nanoseconds period) {
  struct NamedUnit {
    int64_t ns;
    const char* name;
  };
  constexpr NamedUnit kUnits[] = {{86'400'000'000'000, "d"}, {3'600'000'000'000, "h"},
                                  {60'000'000'000, "m"},     {1'000'000'000, "s"},
                                  {1'000'000, "ms"},         {1'000, "us"}};
  for (const NamedUnit& unit : kUnits) {
    if (period.count() % unit.ns == 0) return std::to_string(period.count() / unit.ns) + unit.name;
  }
  return std::to_string(period.count()) + "ns";
}

}  // namespace

uint64_t ClientHash(const Address& client, uint64_t seed) {
  const size_t bytes = client.is_v4() ? client.bytes.size() : kV6SubscriberBytes;
  return SeededHash({reinterpret_cast<const char*>(client.bytes.data()), bytes}, seed);
}

Result<PolicySet> PolicySet::Create(std::vector<Policy> policies, uint64_t seed,
                                    const PolicySet* before) {
  if (policies.size() > kPoliciesMax) {
    return Error{ErrorCode::kInvalid, "there are " + std::to_string(policies.size()) +
                                          " limit policies; at most 64 are allowed"};
  }
  PolicySet set;
  for (Policy& policy : policies) {
    const std::string who = "limit policy '" + policy.name + "' ";
    if (const std::string_view fault = Fault(policy); !fault.empty()) {
      return Error{ErrorCode::kInvalid, who + std::string(fault)};
    }
    if (!set.TakesNext(policy)) {
      return Error{ErrorCode::kInvalid, who + "is defined twice; names must differ"};
    }
    Result<BucketRule> rule = BucketRule::Create(policy.rate);
    if (!rule.ok()) {
      return Error{ErrorCode::kInvalid, who + "is out of range: " + rule.error().message};
    }
    for (size_t command = 0; command < kCommandClasses; ++command) {
      if (policy.only_named) break;
      if (!policy.command || static_cast<size_t>(*policy.command) == command) {
        set.by_command_[command] |= uint64_t{1} << set.policies_.size();
      }
    }
    std::optional<SubjectTemplate> subject;
    if (policy.per == Per::kText) {
      Result<SubjectTemplate> parsed = SubjectTemplate::Parse(policy.subject);
      if (!parsed.ok()) {
        return Error{ErrorCode::kInvalid,
                     who + "has the subject '" + policy.subject + "': " + parsed.error().message};
      }
      subject = std::move(parsed).value();
    }
    const bool of_key = policy.per == Per::kKey || (subject.has_value() && subject->names_key());
    set.counts_time_ |= policy.unit == Unit::kDatabaseTime && !policy.only_named;
    // By name, so that a policy's buckets are found again when the set is replaced.
    set.compiled_.push_back({.rule = rule.value(),
                             .rule_id = kNoRule,
                             .former_rule_id = kNoRule,
                             .tally = nullptr,
                             .mask = ToWords(MaskOf(policy.client.bits)),
                             .prefix = ToWords(policy.client.address),
                             .seed = SeededHash(policy.name, seed),
                             .subject = std::move(subject),
                             .asks_client = policy.client.bits > 0,
                             .asks_key = of_key || !policy.key_prefix.empty(),
                             .of_key = of_key,
                             .asks_user = !policy.user.empty(),
                             .limit_text = RateText(policy.rate, policy.unit)});
    set.policies_.push_back(std::move(policy));
  }
  if (const size_t possible = set.MatchesPossible(); possible > kMatchesMax) {
    return Error{ErrorCode::kInvalid, std::to_string(possible) +
                                          " limit policies can match the same request; at most 8 "
                                          "may, so make them narrower"};
  }
  set.Number(before);
  return set;
}

// Whether the policy has a new name, or is the next window of the last one.
bool PolicySet::TakesNext(const Policy& policy) const {
  if (policy.window > 0) {
    return !policies_.empty() && policies_.back().name == policy.name &&
           policies_.back().window + 1 == policy.window;
  }
  return !Find(policy.name).has_value();
}

// A rule that stays keeps its number; another one gets a number that neither set has, since both
// are in use while one replaces the other.
void PolicySet::Number(const PolicySet* before) {
  static_assert(3 * kPoliciesMax < kRulesMax, "the last number is left to others");
  std::array<bool, kRulesMax + 1> taken{};
  taken[kNoRule] = true;
  for (size_t i = 0; before != nullptr && i < before->size(); ++i) {
    taken[before->rule_id(i)] = true;
    taken[before->former_rule_id(i)] = true;  // Looked for until this set is in force.
    for (size_t own = 0; own < size(); ++own) {
      if (policies_[own].name != before->policies_[i].name) continue;
      if (policies_[own].window != before->policies_[i].window) continue;
      compiled_[own].tally = before->compiled_[i].tally;
      const bool stays = policies_[own].rate == before->policies_[i].rate;
      (stays ? compiled_[own].rule_id : compiled_[own].former_rule_id) = before->rule_id(i);
    }
  }
  for (Compiled& compiled : compiled_) {
    if (compiled.tally == nullptr) compiled.tally = std::make_shared<PolicyTally>();
    if (compiled.rule_id != kNoRule) continue;
    const auto free = std::find(taken.begin(), taken.end(), false);
    *free = true;
    compiled.rule_id = static_cast<RuleId>(free - taken.begin());
  }
}

bool PolicySet::ClientApplies(size_t index, const Address& client) const {
  const Compiled& compiled = compiled_[index];
  const AddressWords words = ToWords(client);
  return (words[0] & compiled.mask[0]) == compiled.prefix[0] &&
         (words[1] & compiled.mask[1]) == compiled.prefix[1];
}

bool PolicySet::KeyApplies(size_t index, std::optional<std::string_view> key) const {
  const Policy& policy = policies_[index];
  if (!key) return policy.key_prefix.empty() && !compiled_[index].of_key;
  return key->starts_with(policy.key_prefix);
}

bool PolicySet::UserApplies(size_t index, std::string_view user) const {
  return policies_[index].user.empty() || policies_[index].user == user;
}

// In each dimension the sets that two policies accept are nested or disjoint. So a request that
// most policies match can be made of parts that the policies themselves name: trying each
// combination is exact.
size_t PolicySet::MatchesPossible() const {
  std::vector<uint64_t> users;
  std::vector<uint64_t> clients;
  std::vector<uint64_t> keys;
  for (const Policy& policy : policies_) {
    uint64_t by_user = 0;
    uint64_t by_client = 0;
    uint64_t by_key = 0;
    for (size_t i = 0; i < policies_.size(); ++i) {
      const uint64_t bit = uint64_t{1} << i;
      by_user |= UserApplies(i, policy.user) ? bit : 0;
      by_client |= ClientApplies(i, policy.client.address) ? bit : 0;
      by_key |= KeyApplies(i, policy.key_prefix) ? bit : 0;
    }
    users.push_back(by_user);
    clients.push_back(by_client);
    keys.push_back(by_key);
  }
  int most = 0;
  for (const uint64_t by_command : by_command_) {
    for (const uint64_t by_user : users) {
      for (const uint64_t by_client : clients) {
        for (const uint64_t by_key : keys) {
          most = std::max(most, std::popcount(by_command & by_user & by_client & by_key));
        }
      }
    }
  }
  return static_cast<size_t>(most);
}

uint64_t PolicySet::BucketHash(size_t policy, const Request& request) const {
  const uint64_t seed = compiled_[policy].seed;
  switch (policies_[policy].per) {
    case Per::kClient:
      return ClientHash(request.client, seed);
    case Per::kKey:
      assert(request.key.has_value());
      return SeededHash(*request.key, seed);
    case Per::kPrefix:
      return seed;
    case Per::kUser:
      return SeededHash(request.user, seed);
    case Per::kText: {
      SubjectText text;
      compiled_[policy].subject->FillIn(request, &text);
      return SeededHash(text.view(), seed);
    }
  }
  __builtin_unreachable();
}

Result<uint64_t> PolicySet::SubjectHash(size_t policy, std::string_view subject) const {
  if (policies_[policy].per == Per::kText) return SeededHash(subject, compiled_[policy].seed);
  Request request{.user = subject, .key = subject};
  if (policies_[policy].per == Per::kClient) {
    const std::optional<Address> address = ParseAddress(subject);
    if (!address.has_value()) {
      return Error{ErrorCode::kInvalid, "limit policy '" + policies_[policy].name +
                                            "' has a bucket for each client; give an IP address"};
    }
    request.client = *address;
  }
  if (policies_[policy].per == Per::kKey && !KeyApplies(policy, subject)) {
    return Error{ErrorCode::kInvalid, "limit policy '" + policies_[policy].name +
                                          "' is for keys that begin with '" +
                                          policies_[policy].key_prefix + "'"};
  }
  return BucketHash(policy, request);
}

std::optional<size_t> PolicySet::Find(std::string_view name) const {
  for (size_t policy = 0; policy < policies_.size(); ++policy) {
    if (policies_[policy].name == name) return policy;
  }
  return std::nullopt;
}

std::string PolicySet::Subject(size_t policy, const Request& request) const {
  switch (policies_[policy].per) {
    case Per::kClient:
      return AddressText(request.client);
    case Per::kKey:
      return std::string(request.key.value_or(""));
    case Per::kPrefix:
      return "*";
    case Per::kUser:
      return std::string(request.user);
    case Per::kText: {
      SubjectText text;
      compiled_[policy].subject->FillIn(request, &text);
      return std::string(text.view());
    }
  }
  __builtin_unreachable();
}

std::string_view PolicySet::Scope(size_t policy) const {
  const Policy& one = policies_[policy];
  return one.per == Per::kText ? std::string_view(one.subject) : ScopeName(one.per);
}

std::string RateText(const Rate& rate, Unit unit) {
  constexpr std::array<std::string_view, 3> kUnits{"", "B", "ms"};
  return std::to_string(rate.count) + std::string(kUnits[static_cast<size_t>(unit)]) + "/" +
         PeriodText(rate.period);
}

std::string_view ScopeName(Per per) {
  switch (per) {
    case Per::kClient:
      return "client";
    case Per::kKey:
      return "key";
    case Per::kPrefix:
      return "prefix";
    case Per::kUser:
      return "user";
    case Per::kText:
      return "text";
  }
  __builtin_unreachable();
}

}  // namespace weir::limit
