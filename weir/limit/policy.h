// Policies as plain data, and PolicySet, which finds those that apply to a request.
//
// A policy says whom it concerns (user, client address, key prefix, command class: all that are
// given must match), what gets a bucket of its own (`per`), what is counted (`unit`), and the rate.
// When not to use: to decide. A PolicySet holds no bucket; see limiter.h.
//
// Threads: immutable after Create, so thread-safe.
// Errors: Create answers kInvalid, naming the policy and what to change.
// Cost: Match is 1 ns without policies, else about 2 ns for each policy of the command's class.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/limit/decision.h"
#include "weir/limit/ip_address.h"
#include "weir/limit/subject_template.h"
#include "weir/limit/token_bucket.h"

namespace weir::limit {

inline constexpr size_t kPoliciesMax = 64;
// The most policies that may match one request; Create refuses a set in which more could.
inline constexpr size_t kMatchesMax = 8;
static_assert(kMatchesMax <= kChargesMax);
inline constexpr size_t kPolicyNameBytesMax = 64;
inline constexpr size_t kPolicyUserBytesMax = 256;
inline constexpr size_t kPolicyPrefixBytesMax = 1024;
inline constexpr std::chrono::milliseconds kDelayMax = std::chrono::minutes(1);

enum class CommandClass : uint8_t { kRead = 0, kWrite = 1, kAdmin = 2 };
inline constexpr size_t kCommandClasses = 3;

// What has a bucket of its own.
enum class Per : uint8_t {
  kClient,  // Each IPv4 address, and each IPv6 /64: one subscriber can use all addresses of a /64.
  kKey,     // Each key.
  kPrefix,  // Nothing: all requests that match share one bucket.
  kUser,    // Each user.
  kText,    // Each text that `subject` makes (subject_template.h).
};

enum class Unit : uint8_t {
  kRequests,  // A request costs `request_cost`.
  kBytes,     // A request costs its bytes.
  // The milliseconds that databases work for it. They are taken when it has been answered
  // (Limiter::Settle); before, it passes if anything is left.
  kDatabaseTime,
};

struct Policy {
  std::string name{};        // Unique, of [A-Za-z0-9_.:/-]; it is in the reply to the client.
  std::string user{};        // Empty: any.
  AddressPrefix client{};    // Default: any.
  std::string key_prefix{};  // Empty: any key, or no key.
  std::optional<CommandClass> command{};  // Absent: any.
  Per per = Per::kClient;                 // kKey concerns only requests that have a key.
  std::string subject{};                  // Where per is kText; one with {key} as kKey.
  Unit unit = Unit::kRequests;
  Rate rate{};
  uint64_t request_cost = 1;  // Where requests are counted.
  // Whether it concerns no request of its own accord, but those alone that name it
  // (named_limits.h).
  bool only_named = false;
  // Of a hundred buckets so many refuse, always the same ones. In the others what is over the limit
  // passes and is counted, to see what the limit would do.
  uint8_t enforced_percent = 100;
  // A request may wait so long for its tokens before it is refused. 0: it is refused at once.
  std::chrono::milliseconds delay_max{0};

  // Another rate of the policy before it, which has the same name and concerns the same: they
  // decide together, each with its own bucket. Counted from 1; 0: the first.
  uint8_t window = 0;

  bool operator==(const Policy&) const = default;
};

// The parts are borrowed for the call.
struct Request {
  std::string_view user{};
  Address client{};
  std::optional<std::string_view> key{};  // The first key; absent for commands without keys.
  CommandClass command = CommandClass::kRead;
  uint64_t bytes = 0;
};

// The policies that apply to one request, by index, in the order of the set.
struct Matches {
  size_t count = 0;
  std::array<uint8_t, kMatchesMax> policies;
};

// What happened under one policy, counted by many threads. Counts by the bucket's hash, so that
// threads with different buckets do not meet.
struct PolicyTally {
  static constexpr size_t kShards = 8;
  struct alignas(64) Shard {
    std::atomic<uint64_t> allowed{0};
    std::atomic<uint64_t> denied{0};
    std::atomic<uint64_t> near{0};
    std::atomic<uint64_t> shadowed{0};
    std::atomic<uint64_t> delayed{0};

    // Of a request that passed: what became of this policy's own charge.
    void CountPassed(const Charge& charge, const Part& part) {
      if (part.verdict != Verdict::kAllowed) {
        shadowed.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      CountAllowed();
      if (part.missing > charge.burst - charge.burst / 5) {
        near.fetch_add(1, std::memory_order_relaxed);
      }
    }
    void CountAllowed() { allowed.fetch_add(1, std::memory_order_relaxed); }
    void CountDenied() { denied.fetch_add(1, std::memory_order_relaxed); }
    void CountDelayed() { delayed.fetch_add(1, std::memory_order_relaxed); }
  };
  std::array<Shard, kShards> shards;
};

class PolicySet {
 public:
  // `seed` must be secret: with it, clients could aim at each other's buckets. Policies named as in
  // `before`, the set that this one replaces if any, go on counting, and know its rule's number.
  static Result<PolicySet> Create(std::vector<Policy> policies, uint64_t seed,
                                  const PolicySet* before = nullptr);

  // Whether any policy concerns commands of this class.
  bool Concerns(CommandClass command) const {
    return by_command_[static_cast<size_t>(command)] != 0;
  }

  Matches Match(const Request& request) const {
    Matches matches;
    uint64_t candidates = by_command_[static_cast<size_t>(request.command)];
    for (; candidates != 0; candidates &= candidates - 1) {
      const size_t index = static_cast<size_t>(__builtin_ctzll(candidates));
      if (Applies(index, request)) {
        assert(matches.count < kMatchesMax);
        matches.policies[matches.count++] = static_cast<uint8_t>(index);
      }
    }
    return matches;
  }

  // The hash that names the request's bucket under a policy. Requires: the policy matches it.
  uint64_t BucketHash(size_t policy, const Request& request) const;

  // The same of what has a bucket, as text: what Subject says; under Per::kPrefix any.
  // Errors: kInvalid for what is no address under a policy for each client, or a key that does not
  // begin with the policy's prefix.
  Result<uint64_t> SubjectHash(size_t policy, std::string_view subject) const;
  // The text of what has the request's bucket: an address, a key, a user, "*", or what the policy
  // makes of them. Requires: the policy matches it.
  std::string Subject(size_t policy, const Request& request) const;
  // What has a bucket of its own, in a word without blanks: "client", "{user}/{key.1}".
  std::string_view Scope(size_t policy) const;

  // The first rate of the policy; its others follow it.
  std::optional<size_t> Find(std::string_view name) const;
  // How many rates the policy has whose first is this one.
  size_t Windows(size_t policy) const {
    size_t end = policy + 1;
    while (end < policies_.size() && policies_[end].window > 0) ++end;
    return end - policy;
  }

  // Whether what is over the limit in this bucket is refused.
  bool Binds(size_t policy, uint64_t hash) const {
    return ((hash >> 32) * 100 >> 32) < policies_[policy].enforced_percent;
  }

  // What the request costs under a policy, as far as is known before it has been answered.
  uint64_t Cost(size_t policy, const Request& request) const {
    const Policy& one = policies_[policy];
    switch (one.unit) {
      case Unit::kRequests:
        return one.request_cost;
      case Unit::kBytes:
        return request.bytes;
      case Unit::kDatabaseTime:
        return 0;
    }
    __builtin_unreachable();
  }
  // Whether any policy counts the time of databases.
  bool counts_time() const { return counts_time_; }

  size_t size() const { return policies_.size(); }
  const Policy& policy(size_t index) const { return policies_[index]; }
  const BucketRule& rule(size_t index) const { return compiled_[index].rule; }
  // The number of the rule; and that of the rule which the policy had in the set before, if it had
  // another one.
  RuleId rule_id(size_t index) const { return compiled_[index].rule_id; }
  RuleId former_rule_id(size_t index) const { return compiled_[index].former_rule_id; }
  PolicyTally::Shard& tally(size_t index, uint64_t hash) const {
    return compiled_[index].tally->shards[hash % PolicyTally::kShards];
  }
  // As RateText.
  std::string_view limit_text(size_t index) const { return compiled_[index].limit_text; }

 private:
  using AddressWords = std::array<uint64_t, 2>;
  struct Compiled {
    BucketRule rule;
    RuleId rule_id;
    RuleId former_rule_id;
    std::shared_ptr<PolicyTally> tally;
    AddressWords mask;
    AddressWords prefix;
    uint64_t seed;
    std::optional<SubjectTemplate> subject;  // Where per is kText.
    bool asks_client;
    bool asks_key;
    bool of_key;  // What has a bucket depends on the key.
    bool asks_user;
    std::string limit_text;
  };

  PolicySet() = default;
  // Most policies name one part or none, so each is asked only for what it names.
  bool Applies(size_t index, const Request& request) const {
    const Compiled& compiled = compiled_[index];
    return (!compiled.asks_client || ClientApplies(index, request.client)) &&
           (!compiled.asks_key || KeyApplies(index, request.key)) &&
           (!compiled.asks_user || UserApplies(index, request.user));
  }
  bool ClientApplies(size_t index, const Address& client) const;
  bool KeyApplies(size_t index, std::optional<std::string_view> key) const;
  bool UserApplies(size_t index, std::string_view user) const;
  size_t MatchesPossible() const;
  bool TakesNext(const Policy& policy) const;
  void Number(const PolicySet* before);

  std::vector<Policy> policies_;
  std::vector<Compiled> compiled_;
  std::array<uint64_t, kCommandClasses> by_command_{};  // Bit i: policy i concerns this class.
  bool counts_time_ = false;
};

// Of a client as Per::kClient tells them apart.
uint64_t ClientHash(const Address& client, uint64_t seed);

// A rate as people write it: "500/1s", in bytes "1048576B/1m", in time of databases "200ms/1s".
std::string RateText(const Rate& rate, Unit unit);

// The word for a reply: "client", "key", "prefix", "user", "text".
std::string_view ScopeName(Per per);

}  // namespace weir::limit
