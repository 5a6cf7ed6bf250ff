#include "cmd/weir/check.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cmd/weir/check_nodes.h"
#include "cmd/weir/check_users.h"
#include "cmd/weir/load.h"
#include "cmd/weir/policies.h"
#include "cmd/weir/values.h"

#include "weir/limit/policy.h"

namespace weir::cmd {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr size_t kPrefixBytesMax = 1024;

bool IsName(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_.:/-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, allowed);
}

void CheckName(const Place& place, const std::string& name, std::set<std::string>& names,
               Origins& origins) {
  if (!IsName(name)) {
    origins.AddError(place, "'" + name + "' is not a name; use 1 to 64 letters, digits and _.:/-");
  } else if (!names.insert(name).second) {
    origins.AddError(place, "'" + name + "' is used twice; names must differ");
  }
}

void CheckPrefix(const Place& place, const std::string& prefix, Origins& origins) {
  if (prefix.size() > kPrefixBytesMax) origins.AddError(place, "a prefix is at most 1024 bytes");
}

void CheckLoopback(const Place& place, const Endpoint& endpoint, const std::string& without,
                   Origins& origins) {
  if (IsLoopback(endpoint)) return;
  origins.AddError(place, "'" + ShowValue(endpoint) + "' can be reached from other machines, and " +
                              without + ", or use 127.0.0.1 or [::1]");
}

void CheckListeners(const Place& place, const std::vector<Endpoint>& endpoints, bool users,
                    std::set<Endpoint>& seen, Origins& origins) {
  for (const Endpoint& endpoint : endpoints) {
    if (!users) {
      CheckLoopback(place, endpoint,
                    "without users anybody there could read and write; add a [[user]]", origins);
    }
    if (endpoint.port != 0 && !seen.insert(endpoint).second) {
      origins.AddError(place, "'" + ShowValue(endpoint) + "' is listed twice");
    }
  }
  if (endpoints.size() > kListenMax) origins.AddError(place, "at most 16 addresses");
}

void CheckChecks(const ServerConfig& server, std::set<Endpoint>& seen, Origins& origins) {
  const Place grpc{"server", 0, "check_grpc"};
  for (const auto& [place, endpoint] :
       {std::pair(Place{"server", 0, "check"}, server.check), std::pair(grpc, server.check_grpc)}) {
    if (!endpoint.has_value()) continue;
    if (server.check_token_file.empty()) {
      CheckLoopback(place, *endpoint,
                    "without a token anybody there could use up limits; set check_token_file",
                    origins);
    }
    if (endpoint->port != 0 && !seen.insert(*endpoint).second) {
      origins.AddError(place, "'" + ShowValue(*endpoint) +
                                  "' serves others already; give one of them another port");
    }
  }
  if (server.check_grpc.has_value() && server.check_rules.empty()) {
    origins.AddError(grpc, "needs rules; set check_rules to files of envoyproxy/ratelimit's rules");
  }
}

void CheckAddresses(const Config& config, Origins& origins) {
  const ServerConfig& server = config.server;
  const bool users = !config.users.empty();
  const Place listen{"server", 0, "listen"};
  const Place admin{"server", 0, "admin"};
  std::set<Endpoint> seen;
  CheckListeners(listen, server.listen, users, seen, origins);
  CheckListeners({"server", 0, "tls_listen"}, server.tls_listen, users, seen, origins);
  if (server.listen.empty() && server.tls_listen.empty()) {
    origins.AddError(listen, "at least one address is needed, here or in tls_listen");
  }
  if (server.admin_token_file.empty()) {
    CheckLoopback(admin, server.admin,
                  "without a token anybody there could read it; set admin_token_file", origins);
  }
  if (server.admin.port != 0 && !seen.insert(server.admin).second) {
    origins.AddError(admin, "'" + ShowValue(server.admin) +
                                "' serves clients already; give one of them another port");
  }
  CheckChecks(server, seen, origins);
}

void CheckTls(const ServerConfig& server, Origins& origins) {
  const Place client_ca{"server", 0, "tls_client_ca"};
  for (const auto& [key, file] :
       {std::pair("tls_cert", &server.tls_cert), std::pair("tls_key", &server.tls_key)}) {
    const Place place{"server", 0, key};
    if (!server.tls_listen.empty() && file->empty()) {
      origins.AddError(place, "is needed for tls_listen; give the path of a PEM file");
    } else if (server.tls_listen.empty() && !file->empty()) {
      origins.AddWarning(place, "is not used without tls_listen");
    }
  }
  const bool wanted = server.tls_client_auth != ClientCertificates::kNone;
  if (wanted && server.tls_client_ca.empty()) {
    origins.AddError(client_ca, "is needed for tls_client_auth; give the path of a PEM file");
  } else if (!wanted && !server.tls_client_ca.empty()) {
    origins.AddWarning(client_ca, "is not used while tls_client_auth is \"none\"");
  }
}

// What the options of one keyspace need of each other.
void CheckKeyspace(size_t index, const KeyspaceConfig& keyspace, Origins& origins) {
  const auto place = [index](const char* key) { return Place{"keyspace", index, key}; };
  if (keyspace.load_soft_timeout != Duration(0)) {
    if (keyspace.stale_if_error == Duration(0)) {
      origins.AddError(place("load_soft_timeout"),
                       "needs something stale to answer; set stale_if_error, as in \"1h\"");
    } else if (keyspace.load_hard_timeout != Duration(0) &&
               keyspace.load_soft_timeout >= keyspace.load_hard_timeout) {
      origins.AddError(place("load_soft_timeout"),
                       "is never reached; set load_hard_timeout to a longer time");
    }
  }
  const bool ends = keyspace.cache_ttl != kUnbounded && keyspace.cache_ttl != Duration(0);
  if (ends && !keyspace.bypass) return;
  const std::string why = keyspace.bypass
                              ? "means nothing with bypass = true; remove one of the two"
                              : "needs values whose time ends; set cache_ttl, as in \"1m\"";
  for (const auto& [key, used] :
       {std::pair("jitter_percent", keyspace.jitter_percent != 0),
        std::pair("refresh_ahead_percent", keyspace.refresh_ahead_percent != 0),
        std::pair("stale_while_revalidate", keyspace.stale_while_revalidate != Duration(0)),
        std::pair("stale_if_error", keyspace.stale_if_error != Duration(0))}) {
    if (used) origins.AddError(place(key), why);
  }
}

void CheckLimit(size_t index, const LimitConfig& limit, std::set<std::string>& names,
                Origins& origins) {
  CheckName({"limit", index, "name"}, limit.name, names, origins);
  CheckPrefix({"limit", index, "key_prefix"}, limit.key_prefix, origins);
  if (limit.unit != LimitUnit::kRequests && limit.cost != 1) {
    origins.AddError({"limit", index, "cost"},
                     limit.unit == LimitUnit::kBytes
                         ? "is for requests; with unit = \"bytes\" a request costs its bytes"
                         : "is for requests; with unit = \"database_ms\" a request costs the time "
                           "that databases work for it");
  }
  uint64_t least_burst = limit.burst.count;  // 0 where the rate could not be read.
  for (const Rate& rate : limit.rates) least_burst = std::min(least_burst, rate.amount.count);
  const bool requests = limit.unit == LimitUnit::kRequests;
  if (requests && least_burst > 0 && static_cast<uint64_t>(limit.cost) > least_burst) {
    origins.AddError({"limit", index, "cost"},
                     "is above the burst of " + std::to_string(least_burst) +
                         ", so nothing could ever pass; raise the burst or lower the cost");
  }
  if (limit.unit != LimitUnit::kBytes) {
    const std::string what =
        requests ? "counts bytes; write unit = \"bytes\", or a plain number of requests"
                 : "counts bytes; write a plain number of milliseconds";
    for (const Rate& rate : limit.rates) {
      if (rate.amount.sized) origins.AddError(Place{"limit", index, "rates"}, what);
    }
    if (limit.rate.amount.sized) origins.AddError(Place{"limit", index, "rate"}, what);
    if (limit.burst.sized && origins.IsSet({"limit", index, "burst"})) {
      origins.AddError(Place{"limit", index, "burst"}, what);
    }
  }
}

// What only the limiter knows: rates it can keep, and how many limits may meet in one request.
void CheckPolicies(const std::vector<LimitConfig>& limits, Origins& origins) {
  const std::vector<limit::Policy> policies = PoliciesOf(limits);
  constexpr uint64_t kAnySeed = 0;
  for (size_t i = 0; i < limits.size(); ++i) {
    const auto alone = limit::PolicySet::Create(PoliciesOf({limits[i]}), kAnySeed);
    if (!alone) origins.AddError(Place{"limit", i, "rate"}, alone.error().message);
  }
  if (policies.empty() || !origins.errors().empty()) return;
  const auto together = limit::PolicySet::Create(policies, kAnySeed);
  if (together) return;
  origins.AddError(Place{"limit", limits.size() - 1, "name"}, together.error().message);
}

}  // namespace

void CheckShards(Config& config, Origins& origins) {
  const Place place{"server", 0, "shards"};
  const auto named = static_cast<int64_t>(config.shards.size());
  if (named == 0) return;
  if (origins.IsSet(place) && config.server.shards != named) {
    origins.AddError(place, std::to_string(config.server.shards) + " shards, but " +
                                std::to_string(named) +
                                " are named by [[shard]]; give one of the two");
  }
  config.server.shards = named;
}

void CheckConfig(const Config& config, Origins& origins) {
  CheckAddresses(config, origins);
  CheckTls(config.server, origins);
  if (config.server.data.empty()) {
    origins.AddError(Place{"server", 0, "data"}, "a directory is needed");
  }
  std::set<std::string> shard_names;
  for (size_t i = 0; i < config.shards.size(); ++i) {
    CheckName({"shard", i, "name"}, config.shards[i].name, shard_names, origins);
    if (config.shards[i].data.empty() && origins.IsSet({"shard", i, "data"})) {
      origins.AddError(Place{"shard", i, "data"}, "a directory is needed");
    }
  }
  std::set<std::string> node_ids;
  for (size_t i = 0; i < config.nodes.size(); ++i) {
    CheckName({"node", i, "id"}, config.nodes[i].id, node_ids, origins);
  }
  CheckNodes(config, origins);
  std::set<std::string> prefixes;
  for (size_t i = 0; i < config.keyspaces.size(); ++i) {
    const Place place{"keyspace", i, "prefix"};
    CheckPrefix(place, config.keyspaces[i].prefix, origins);
    if (!prefixes.insert(config.keyspaces[i].prefix).second) {
      origins.AddError(place, "'" + config.keyspaces[i].prefix +
                                  "' is used twice; give its keys in one [[keyspace]]");
    }
    CheckKeyspace(i, config.keyspaces[i], origins);
  }
  std::set<std::string> user_names;
  for (size_t i = 0; i < config.users.size(); ++i) {
    CheckName({"user", i, "name"}, config.users[i].name, user_names, origins);
  }
  CheckUsers(config, origins);
  std::set<std::string> limit_names;
  for (size_t i = 0; i < config.limits.size(); ++i) {
    CheckLimit(i, config.limits[i], limit_names, origins);
  }
  if (origins.errors().empty()) CheckPolicies(config.limits, origins);
}

void CheckFiles(const Config& config, const ReadFiles& read_files, Origins& origins) {
  if (read_files == nullptr) return;
  for (const FileProblem& problem : read_files(config.server)) {
    const Place place{"server", 0, problem.key};
    if (problem.fatal) {
      origins.AddError(place, problem.what);
    } else {
      origins.AddWarning(place, problem.what);
    }
  }
}

Budget FitBudget(Config& config, Origins& origins) {
  const Place memory{"server", 0, "memory"};
  const Budget budget = DivideBudget(config.server.memory.bytes, config);
  if (budget.total < kBudgetPromised) {
    origins.AddWarning(memory,
                       "below 256MiB, resident memory may exceed the budget by more than "
                       "64 MB");
  }
  if (config.server.store == StoreKind::kMemory) {
    origins.AddWarning({"server", 0, "store"},
                       "nothing survives a restart, and records are outside the memory budget");
  }
  const auto fit = [&](ByteSize& size, const Place& place) {
    const uint64_t most = budget.clients / kClientShareOfOne;
    if (size.bytes <= most) return;
    if (origins.IsSet(place)) {
      origins.AddWarning(place, "lowered to " + std::to_string(most) +
                                    " bytes, a quarter of the budget's share for client buffers");
    }
    size.bytes = most;
  };
  fit(config.server.max_output_per_client, {"server", 0, "max_output_per_client"});
  for (size_t i = 0; i < config.keyspaces.size(); ++i) {
    fit(config.keyspaces[i].max_value, {"keyspace", i, "max_value"});
  }
  return budget;
}

}  // namespace weir::cmd
