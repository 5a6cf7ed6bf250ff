#include "sim/plan.h"

#include <algorithm>
#include <array>

#include "weir/base/random.h"

namespace weir::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Their positions begin a range, so a boundary can lie exactly there.
constexpr std::array kEdgeKeys = {"edge3285065", "edge8345023", "edge12884069"};

template <typename T, size_t n>
T Any(Random& random, const T (&of)[n]) {
  return of[random.Below(n)];
}

void PlanNode(Plan& plan, Random& random) {
  plan.databases = Any<uint32_t>(random, {1, 1, 1, 2, 3});
  plan.shards = plan.databases * Any<uint32_t>(random, {1, 2, 4});
  plan.lanes = Any<uint32_t>(random, {1, 2, 4, 64});
  // Room for a few entries; for few large ones, with shadows; for all.
  plan.cache_bytes = plan.lanes * Any<size_t>(random, {150, 400, 32768, 1 << 20});
  plan.loops = Any<size_t>(random, {1, 1, 2, 3});
  plan.gathers = random.OneIn(2);
  if (random.OneIn(7)) plan.fallback.cache_ttl = milliseconds(Any<int>(random, {0, 5, 50}));
  if (random.OneIn(4)) plan.fallback.negative_ttl = milliseconds(Any<int>(random, {0, 3, 30}));
  if (random.OneIn(3)) {
    gateway::Keyspace space;
    space.prefix = "a:";
    space.cache_ttl = milliseconds(Any<int>(random, {0, 10}));
    space.value_bytes_max = 3000;
    plan.keyspaces.push_back(space);
  }
  // Several keys are read at one moment up to this many, which is more than clients ask for.
  if (random.OneIn(4)) plan.limits.load_keys_max = 5;
}

// Values that are refreshed early, answered past their time, or not waited for; in keyspaces for
// the most used keys, so that the configuration may also be read again without them.
void PlanStale(Plan& plan, Random& random) {
  if (!random.OneIn(3)) return;
  for (const char* prefix : {"k", "{", "reg"}) {
    gateway::Keyspace space;
    space.prefix = prefix;
    space.bypass = random.OneIn(8);
    space.cache_ttl = milliseconds(Any<int>(random, {1, 3, 10}));
    space.negative_ttl = milliseconds(Any<int>(random, {0, 2, 10}));
    space.jitter_percent = Any<unsigned>(random, {0, 50, 90});
    space.refresh_ahead_percent = Any<unsigned>(random, {0, 50, 90});
    space.stale_while_revalidate = milliseconds(Any<int>(random, {0, 2, 20}));
    space.stale_if_error = milliseconds(Any<int>(random, {0, 10, 100}));
    space.load_soft_timeout = milliseconds(Any<int>(random, {0, 1, 3}));
    space.load_hard_timeout = milliseconds(Any<int>(random, {0, 0, 5, 20}));
    plan.keyspaces.push_back(space);
  }
}

// So short that requests are refused while the database is slow, as under an overload.
void PlanWaits(Plan& plan, Random& random) {
  if (!random.OneIn(3)) return;
  const milliseconds deadline(Any<int>(random, {2, 20, 200}));
  plan.waits = {.target = std::chrono::nanoseconds(deadline) / 20,
                .interval = std::chrono::nanoseconds(deadline) / 10,
                .deadline = deadline};
}

void PlanKeys(Plan& plan, Random& random) {
  const uint64_t count = 2 + random.Below(8);
  for (uint64_t i = 0; i < count; ++i) plan.keys.push_back("k" + std::to_string(i));
  for (uint64_t i = random.Below(4); i > 0; --i) plan.keys.push_back("{t}" + std::to_string(i));
  for (uint64_t i = random.Below(3); i > 0; --i) plan.keys.push_back("a:" + std::to_string(i));
  if (random.OneIn(3)) plan.keys.insert(plan.keys.end(), kEdgeKeys.begin(), kEdgeKeys.end());
}

void PlanClients(Plan& plan, Random& random) {
  plan.clients = 1 + random.Below(6);
  plan.outstanding_max = Any<size_t>(random, {1, 2, 4, 8, 16});
  plan.burst_max = Any<size_t>(random, {1, 3, 10});
  plan.think_max = microseconds(Any<int>(random, {20, 100, 500, 3000}));
  plan.network_max = microseconds(Any<int>(random, {0, 5, 50}));
  plan.chunk_bytes_max = Any<size_t>(random, {3, 40, 4096});
  plan.expires = !random.OneIn(4);
  plan.flushes = random.OneIn(4);
  plan.large_values = random.OneIn(8);
  plan.others = random.OneIn(3);
  plan.transaction_one_in = Any<uint64_t>(random, {4, 10, 40});
  plan.register_one_in = Any<uint64_t>(random, {2, 6, 20});
}

// Caches that a few hundred keys fill, and in which policies take turns.
void PlanCrowd(Plan& plan, Random& random) {
  if (!random.OneIn(10)) return;
  plan.crowd = Any<size_t>(random, {150, 700, 2500});
  plan.crowd_value_bytes = Any<size_t>(random, {1, 20, 200});
  plan.crowd_one_in = Any<uint64_t>(random, {4, 12});
  plan.lanes = Any<uint32_t>(random, {1, 2});
  plan.cache_bytes =
      plan.crowd * (plan.crowd_value_bytes + 60) / 4 * Any<size_t>(random, {1, 3, 8});
  // All keys can be read at one moment.
  plan.limits.load_keys_max = store::Limits().load_keys_max;
  plan.chunk_bytes_max = std::max<size_t>(plan.chunk_bytes_max, 4096);
  // The search for an order tries what is unknown in many places; with thousands of keys each takes
  // long.
  plan.clients = std::min<size_t>(plan.clients, 3);
  plan.outstanding_max = std::min<size_t>(plan.outstanding_max, 4);
  plan.crash_one_in = plan.disconnect_one_in = 0;
  if (plan.faults.unknown_one_in != 0) plan.faults.unknown_one_in = 200;
}

// Ranges that move between the databases. All databases are emptied meanwhile only where no request
// is lost: else nobody is there to see which keys were where when each was emptied.
void PlanMoves(Plan& plan, Random& random) {
  if (plan.databases == 1 || plan.crowd != 0 || random.OneIn(3)) return;
  plan.move_one_in = Any<uint64_t>(random, {10, 40, 150});
  plan.moves.piece_records = Any<size_t>(random, {1, 3, 1000});
  plan.moves.idle_piece_records = Any<size_t>(random, {1, 5, 1000});
  plan.moves.bytes_per_second = Any<int64_t>(random, {1 << 12, 1 << 20, 1 << 26});
  plan.large_values |= random.OneIn(4);
  plan.hand_on_late_one_in = Any<uint64_t>(random, {0, 4, 20});
  plan.flushes &= plan.crash_one_in == 0 && plan.disconnect_one_in == 0 && !plan.others;
}

void PlanFaults(Plan& plan, Random& random) {
  plan.faults.delay_max = microseconds(Any<int>(random, {20, 200, 1000, 5000}));
  if (random.OneIn(2)) plan.faults.slow_one_in = 20;
  if (random.OneIn(2)) plan.faults.error_one_in = Any<uint64_t>(random, {20, 100});
  if (random.OneIn(2)) plan.faults.unknown_one_in = Any<uint64_t>(random, {20, 60, 200});
  if (random.OneIn(6)) plan.faults.restart_one_in = 300;
  if (random.OneIn(3)) plan.crash_one_in = Any<uint64_t>(random, {200, 600});
  if (random.OneIn(3)) plan.disconnect_one_in = Any<uint64_t>(random, {100, 300});
  if (random.OneIn(4)) plan.clock_jump_one_in = 100;
  if (random.OneIn(4)) plan.stall_one_in = 40;
  // What is lost on the way has an unknown outcome; of many at once nobody could tell the order.
  if (plan.crash_one_in != 0 || plan.disconnect_one_in != 0) {
    plan.clients = std::min<size_t>(plan.clients, 3);
    plan.outstanding_max = std::min<size_t>(plan.outstanding_max, 3);
  }
}

void PlanLimits(Plan& plan, Random& random) {
  using limit::CommandClass;
  using limit::Per;
  const auto rate = [&](uint64_t count) {
    return limit::Rate{count, milliseconds(Any<int>(random, {1, 7, 10})), 1 + random.Below(20)};
  };
  plan.policies.push_back({.name = "each-client", .per = Per::kClient, .rate = rate(9)});
  plan.policies.push_back({.name = "named", .per = Per::kKey, .rate = rate(2), .only_named = true});
  if (random.OneIn(2)) {
    plan.policies.push_back(
        {.name = "each-key", .command = CommandClass::kWrite, .per = Per::kKey, .rate = rate(5)});
  }
  if (random.OneIn(2)) {
    limit::Rate bytes = rate(700);
    bytes.burst = 2000;
    plan.policies.push_back({.name = "bytes",
                             .key_prefix = "k",
                             .per = Per::kPrefix,
                             .unit = limit::Unit::kBytes,
                             .rate = bytes});
  }
  if (random.OneIn(2)) {
    plan.policies.push_back({.name = "each-user", .per = Per::kUser, .rate = rate(30)});
    if (random.OneIn(2)) {
      plan.policies.back().per = Per::kText;
      plan.policies.back().subject = "{user}/{key}";
    }
  }
  if (random.OneIn(2)) {
    plan.policies.push_back({.name = "network",
                             .client = {limit::Address::FromV4({10, 0, 0, 0}), 96 + 31},
                             .command = CommandClass::kRead,
                             .per = Per::kPrefix,
                             .rate = rate(3)});
  }
  // Counts, and refuses nothing. Not in a table of four slots, in which a decision about five
  // buckets could never pass.
  if (plan.limiter_bytes >= 512 && random.OneIn(3)) {
    plan.policies.push_back(
        {.name = "shadow", .per = Per::kPrefix, .rate = rate(1), .enforced_percent = 0});
  }
}

// Policies that let requests wait, or have several rates; and commands that name limits.
void PlanWaitingForLimits(Plan& plan, Random& random) {
  if (plan.policies.empty()) return;
  plan.limit_one_in = Any<uint64_t>(random, {3, 12});
  plan.own_limit = {Any<uint64_t>(random, {1, 2, 4}), milliseconds(Any<int>(random, {1, 5, 20})),
                    1 + random.Below(4)};
  plan.journal_bytes = Any<size_t>(random, {2048, 64 << 10, 256 << 10});
  const bool delays = random.OneIn(2);
  // A table of four slots cannot hold the buckets of so many rates.
  const bool several = plan.limiter_bytes >= 512 && random.OneIn(2);
  std::vector<limit::Policy> policies;
  for (limit::Policy& policy : plan.policies) {
    if (delays && !policy.only_named && random.OneIn(2)) {
      policy.delay_max = milliseconds(Any<int>(random, {1, 5, 50}));
    }
    policies.push_back(policy);
    if (!several || policies.size() - plan.policies.size() >= 3 || !random.OneIn(3)) continue;
    policy.window = 1;
    policy.rate.period *= 8;
    policy.rate.count *= 4;
    policy.rate.burst *= 2;
    policies.push_back(policy);
  }
  plan.policies = std::move(policies);
}

void PlanUsers(Plan& plan) {
  const auto hash = [](char letter) {
    return "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') + "$" + std::string(42, letter) +
           "A";
  };
  plan.users = {{"all", hash('a'), users::kAllRights, {}},
                {"confined", hash('b'), users::kRead | users::kWrite, {"k", "{t}"}},
                {"reader", hash('c'), users::kRead, {}},
                {"writer", hash('d'), users::kWrite, {}}};
}

}  // namespace

Plan Plan::Of(uint64_t seed, size_t commands, const Without& without) {
  Plan plan;
  plan.seed = seed;
  plan.commands = commands;
  Random random(seed ^ 0x5eed);
  PlanNode(plan, random);
  Random waits(seed ^ 0xa17);  // Of its own, so that it changes no other draw.
  PlanWaits(plan, waits);
  Random stale(seed ^ 0x57a1e);  // As above.
  PlanStale(plan, stale);
  PlanKeys(plan, random);
  PlanClients(plan, random);
  PlanFaults(plan, random);
  Random crowd(seed ^ 0xc40d);
  PlanCrowd(plan, crowd);
  Random moves(seed ^ 0x30b3);
  PlanMoves(plan, moves);
  Random room(seed ^ 0x7ab1e);
  plan.limiter_bytes = Any<size_t>(room, {128, 512, Plan::kLimiterBytes, Plan::kLimiterBytes});
  if (random.OneIn(4)) PlanLimits(plan, random);
  Random waiting(seed ^ 0x11417);
  PlanWaitingForLimits(plan, waiting);
  if (random.OneIn(4)) PlanUsers(plan);
  if (random.OneIn(5)) plan.reload_one_in = 300;
  // Where they can be refused nothing.
  if (plan.policies.empty() && plan.users.empty()) plan.bystanders = crowd.Below(6) / 3;
  Random caching(seed ^ 0xcac4e);  // Of its own, so that it changes no other draw.
  if (caching.OneIn(3) && plan.policies.empty() && plan.users.empty()) {
    plan.caching_clients = 1 + caching.Below(2);
  }
  plan.warms = caching.OneIn(4);
  if (without.crashes) plan.crash_one_in = 0;
  if (without.disconnects) plan.disconnect_one_in = 0;
  if (without.clock_jumps) plan.clock_jump_one_in = 0;
  if (without.slow_clients) plan.stall_one_in = 0;
  if (without.store_faults) {
    const auto delay = plan.faults.delay_max;
    plan.faults = {};
    plan.faults.delay_max = delay;
  }
  return plan;
}

}  // namespace weir::sim
