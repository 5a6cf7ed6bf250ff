#include "cmd/weir/wiring.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cinttypes>
#include <cstdio>
#include <optional>
#include <utility>

#include "cmd/weir/grpc_listener.h"
#include "cmd/weir/limit_keeper.h"
#include "cmd/weir/log.h"
#include "cmd/weir/machine.h"
#include "cmd/weir/policies.h"
#include "cmd/weir/process.h"
#include "cmd/weir/tls_files.h"
#include "cmd/weir/users.h"
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "weir/net/address.h"

namespace weir::cmd {
namespace {

// What a short argument takes, at most, while its command waits: its bytes as received, its place
// in them, its view, its copy. A quarter of all clients' memory may go to one command.
constexpr size_t kArgumentCostBytes = 4 * 128;
constexpr size_t kPerLoopDescriptors = 16;  // Epoll, eventfd, and what a library may open.

uint64_t SecretSeed() {
  uint64_t seed = 0;
  [[maybe_unused]] const ssize_t got = getrandom(&seed, sizeof(seed), 0);
  assert(got == static_cast<ssize_t>(sizeof(seed)));
  return seed;
}

gateway::SecretNumbers::Key SecretKey() {
  gateway::SecretNumbers::Key key{};
  [[maybe_unused]] const ssize_t got = getrandom(key.data(), key.size(), 0);
  assert(got == static_cast<ssize_t>(key.size()));
  return key;
}

std::string RunId() {
  std::array<char, 41> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64 "%08x", SecretSeed(),
                SecretSeed(), static_cast<unsigned>(SecretSeed()));
  return text.data();
}

std::optional<std::chrono::milliseconds> ToTtl(Duration ttl) {
  return ttl == kUnbounded ? std::nullopt : std::optional(ttl);
}

std::vector<gateway::Keyspace> KeyspacesOf(const Config& config) {
  std::vector<gateway::Keyspace> keyspaces;
  const bool cached = config.cache.enabled;
  for (const KeyspaceConfig& each : config.keyspaces) {
    gateway::Keyspace& keyspace = keyspaces.emplace_back();
    keyspace.prefix = each.prefix;
    keyspace.cache_ttl = cached ? ToTtl(each.cache_ttl) : std::chrono::milliseconds(0);
    keyspace.negative_ttl = cached ? each.negative_ttl : std::chrono::milliseconds(0);
    keyspace.value_bytes_max = each.max_value.bytes;
    keyspace.bypass = each.bypass;
    keyspace.jitter_percent = static_cast<unsigned>(each.jitter_percent);
    keyspace.refresh_ahead_percent = static_cast<unsigned>(each.refresh_ahead_percent);
    keyspace.stale_while_revalidate = each.stale_while_revalidate;
    keyspace.stale_if_error = each.stale_if_error;
    keyspace.load_soft_timeout = each.load_soft_timeout;
    keyspace.load_hard_timeout = each.load_hard_timeout;
  }
  return keyspaces;
}

limit::Crowded CrowdedOf(LimitsCrowded crowded) {
  switch (crowded) {
    case LimitsCrowded::kShare:
      return limit::Crowded::kShare;
    case LimitsCrowded::kDeny:
      return limit::Crowded::kDeny;
    case LimitsCrowded::kAllow:
      return limit::Crowded::kAllow;
  }
  __builtin_unreachable();
}

gateway::Admission::Options AdmissionOptions(const Config& config, const Budget& budget) {
  // More would make its answers little better.
  constexpr size_t kJournalMax = size_t{4} << 20;
  const size_t journal = std::min<size_t>(budget.limiter / 8, kJournalMax);
  return {.policies = PoliciesOf(config.limits),
          .bytes = budget.limiter - journal,
          .crowded = CrowdedOf(config.server.limits_crowded),
          .journal_bytes = journal,
          .seed = LimitKeeper::SeedFor(config, SecretSeed()),
          .key = SecretKey()};
}

// Of its deadline, what a queue that stands may make wait.
constexpr int kTargetPart = 20;

limit::QueueDelay::Options WaitsOf(const ServerConfig& config) {
  return {.target = config.queue_deadline / kTargetPart, .deadline = config.queue_deadline};
}

limit::Rate AttemptsOf(const Config& config) {
  const Rate& attempts = config.server.auth_attempts;
  return {
      .count = attempts.amount.count, .period = attempts.period, .burst = attempts.amount.count};
}

server::ConnectionLimits ConnectionLimitsOf(const Config& config, const Budget& budget) {
  server::ConnectionLimits limits;
  limits.partial_command_timeout = config.server.partial_command_timeout;
  if (config.server.idle_timeout != kUnbounded) limits.idle_timeout = config.server.idle_timeout;
  limits.auth_timeout = config.server.auth_timeout;
  limits.output_bytes_pause = config.server.max_output_per_client.bytes;
  uint64_t value_bytes_max = KeyspaceConfig().max_value.bytes;
  for (const KeyspaceConfig& keyspace : config.keyspaces) {
    value_bytes_max = std::max(value_bytes_max, keyspace.max_value.bytes);
  }
  limits.bulk_bytes_max = value_bytes_max;
  limits.args_max = std::min<uint64_t>(limits.args_max, budget.clients / kArgumentCostBytes);
  return limits;
}

std::vector<net::Address> AddressesOf(const std::vector<Endpoint>& endpoints) {
  std::vector<net::Address> addresses;
  for (const Endpoint& endpoint : endpoints) {
    const bool v6 = endpoint.ip.find(':') != std::string::npos;
    const Result<net::Address> address = net::ParseAddress(
        (v6 ? "[" + endpoint.ip + "]" : endpoint.ip) + ":" + std::to_string(endpoint.port));
    assert(address.ok());
    addresses.push_back(address.value());
  }
  return addresses;
}

bool SameLimits(const Config& a, const Config& b) {
  return std::ranges::equal(a.limits, b.limits);
}

bool SameUsers(const Config& a, const Config& b) {
  return std::ranges::equal(a.users, b.users);
}

}  // namespace

void RaiseDescriptorLimit(const Config& config) {
  const auto threads = static_cast<rlim_t>(config.server.threads);
  const auto clients = static_cast<rlim_t>(config.server.max_clients);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = clients + threads * kPerLoopDescriptors + 1024;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    LogWarn("the system allows fewer open files than max_clients needs; raise `ulimit -n`",
            {{"allowed", std::to_string(limit.rlim_cur)}, {"needed", std::to_string(wanted)}});
  }
}

void LogTlsReloaded(const Result<Ok>& reloaded) {
  if (reloaded.ok()) return LogInfo("new TLS files are in use");
  LogError("new TLS files are refused, and the old ones stay in use",
           {{"error", reloaded.error().message}});
}

gateway::Gateway::Options GatewayOptions(const Config& config, const Budget& budget,
                                         OpenedStores& opened) {
  gateway::Gateway::Options options;
  options.placement.hash_seed = SecretSeed();
  options.placement.ranges = std::move(opened.ranges);
  options.placement.shards = std::move(opened.shards);
  options.ranges = std::move(opened.keeper);
  options.nodes = opened.nodes;
  options.serves_at_once = opened.nodes == nullptr;  // Else when the others have been asked.
  if (config.server.durability == Durability::kOs) {
    options.moves.refusal =
        "with durability = \"os\" a power cut could take what was brought over, and the place it "
        "came from no longer has it; restart with durability = \"fsync\" to move ranges";
  }
  options.moves.finish_after =
      std::chrono::ceil<std::chrono::seconds>(config.server.move_finish_after);
  options.moves.tell = [](const std::string& what) { LogInfo(what); };
  options.placement.keyspaces = KeyspacesOf(config);
  options.cache_bytes = budget.cache;
  if (config.server.cache_objective == CacheObjective::kBytes) {
    options.cache_objective = cache::Cache::Objective::kBytes;
  }
  options.memory.client_bytes = ClientBytes(budget, config);
  // The records of a store in memory are values as well, and outside the budget.
  options.memory.value_bytes =
      config.server.store == StoreKind::kMemory ? SIZE_MAX : budget.flights;
  options.memory.write_bytes = budget.flights;
  options.tracked_keys_max = static_cast<size_t>(config.server.max_tracked_keys);
  options.waits = WaitsOf(config.server);
  options.admission = AdmissionOptions(config, budget);
  options.authentication.users = UsersOf(config.users);
  options.authentication.attempts = AttemptsOf(config);
  options.authentication.seed = SecretSeed();
  return options;
}

gateway::ProcessInfo DescribeProcess(const Config& config, const Budget& budget, Clock& clock) {
  gateway::ProcessInfo process;
  process.version = WEIR_VERSION;
  process.run_id = RunId();
  process.process_id = static_cast<uint64_t>(getpid());
  process.threads = static_cast<size_t>(config.server.threads);
  process.memory_budget_bytes = config.server.memory.bytes;
  process.clients_max = static_cast<uint64_t>(config.server.max_clients);
  process.os = OperatingSystem();
  process.executable = ExecutablePath();
  process.allocator = AllocatorName();
  process.system_memory_bytes = ReadMachine().memory_bytes;
  process.memory_parts = PartsOf(budget);
  process.started = clock.Mono();
  process.started_wall = clock.Wall();
  process.use = ReadProcessUse;
  process.purge = ReturnFreeMemory;
  process.stop = [] { kill(getpid(), SIGTERM); };
  return process;
}

server::Server::Options ServerOptions(const Config& config, const Budget& budget) {
  server::Server::Options options;
  options.listen = AddressesOf(config.server.listen);
  options.tls_listen = AddressesOf(config.server.tls_listen);
  options.tls_files = TlsFilesOf(config.server);
  options.tls_reloaded = LogTlsReloaded;
  options.tls_clients_max = TlsClientsMax(budget);
  options.handshakes_max = TlsHandshakesMax(budget);
  options.threads = static_cast<size_t>(config.server.threads);
  options.clients_max = static_cast<size_t>(config.server.max_clients);
  options.drain_timeout = config.server.drain_timeout;
  options.limits = ConnectionLimitsOf(config, budget);
  return options;
}

std::vector<FileProblem> ReadNeeds(const ServerConfig& server) {
  std::vector<FileProblem> problems = ReadTlsFiles(server);
  if (server.check_grpc.has_value() && !HasGrpc()) problems.push_back({"check_grpc", kNoGrpc});
  return problems;
}

void ConfigureDiagnosis(const ServerConfig& config, gateway::Gateway& gateway) {
  gateway.slow_log().Configure(config.slowlog_slower_than_us,
                               static_cast<size_t>(config.slowlog_length));
  gateway.latency_events().SetThreshold(static_cast<uint64_t>(config.latency_threshold.count()));
}

Result<Ok> Reconfigure(const Config& before, const Config& now, const Budget& budget,
                       gateway::Gateway& gateway, server::Server& server) {
  const MonoTime mono = gateway.clock().Mono();
  // What may fail comes first.
  if (!SameLimits(before, now)) {
    const Result<Ok> set = gateway.admission().SetPolicies(PoliciesOf(now.limits), mono);
    if (!set.ok()) return set;
  }
  if (before.server.auth_attempts != now.server.auth_attempts) {
    const Result<Ok> set = gateway.authentication().SetAttempts(AttemptsOf(now), mono);
    if (!set.ok()) return set;
  }
  if (!SameUsers(before, now)) gateway.authentication().SetUsers(UsersOf(now.users));
  gateway.SetKeyspaces(KeyspacesOf(now));
  const auto clients_max = static_cast<size_t>(now.server.max_clients);
  gateway.SetClientsMax(clients_max);
  RaiseDescriptorLimit(now);
  server.SetLimits(clients_max, now.server.drain_timeout, ConnectionLimitsOf(now, budget));
  ConfigureDiagnosis(now.server, gateway);
  SetLogLevel(now.server.log_level);
  return Ok{};
}

}  // namespace weir::cmd
