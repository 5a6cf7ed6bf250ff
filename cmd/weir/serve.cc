#include "cmd/weir/serve.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "cmd/weir/budget.h"
#include "cmd/weir/log.h"
#include "cmd/weir/machine.h"
#include "cmd/weir/policies.h"
#include "cmd/weir/process.h"
#include "cmd/weir/stores.h"
#include "cmd/weir/tls_files.h"
#include "cmd/weir/users.h"
#include "cmd/weir/views.h"
#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "weir/admin/admin_server.h"
#include "weir/backup/backup_job.h"
#include "weir/base/clock.h"
#include "weir/gateway/gateway.h"
#include "weir/net/address.h"
#include "weir/net/supervisor.h"
#include "weir/server/server.h"
#include "weir/users/password_threads.h"

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

std::string RunId() {
  std::array<char, 41> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64 "%08x", SecretSeed(),
                SecretSeed(), static_cast<unsigned>(SecretSeed()));
  return text.data();
}

// Lets as many clients in as configured, or says how many the system allows.
void RaiseDescriptorLimit(uint64_t clients) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = clients + 1024;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    LogWarn("the system allows fewer open files than max_clients needs; raise `ulimit -n`",
            {{"allowed", std::to_string(limit.rlim_cur)}, {"needed", std::to_string(wanted)}});
  }
}

std::optional<std::chrono::milliseconds> ToTtl(Duration ttl) {
  return ttl == kUnbounded ? std::nullopt : std::optional(ttl);
}

gateway::Keyspace ToKeyspace(const KeyspaceConfig& config, bool cached) {
  gateway::Keyspace keyspace;
  keyspace.prefix = config.prefix;
  keyspace.cache_ttl = cached ? ToTtl(config.cache_ttl) : std::chrono::milliseconds(0);
  keyspace.negative_ttl = cached ? config.negative_ttl : std::chrono::milliseconds(0);
  keyspace.value_bytes_max = config.max_value.bytes;
  return keyspace;
}

gateway::Gateway::Options GatewayOptions(const Config& config, const Budget& budget,
                                         OpenedStores& opened) {
  gateway::Gateway::Options options;
  options.placement.hash_seed = SecretSeed();
  options.placement.ranges = std::move(opened.ranges);
  options.placement.shards = std::move(opened.shards);
  for (const KeyspaceConfig& keyspace : config.keyspaces) {
    options.placement.keyspaces.push_back(ToKeyspace(keyspace, config.cache.enabled));
  }
  options.cache_bytes = budget.cache;
  options.memory.client_bytes = budget.clients;
  // The records of a store in memory are values as well, and outside the budget.
  options.memory.value_bytes =
      config.server.store == StoreKind::kMemory ? SIZE_MAX : budget.flights;
  options.memory.write_bytes = budget.flights;
  options.admission.policies = PoliciesOf(config.limits);
  options.admission.bytes = budget.limiter;
  options.admission.seed = SecretSeed();
  const Rate& attempts = config.server.auth_attempts;
  options.authentication.users = UsersOf(config.users);
  options.authentication.attempts = {
      .count = attempts.amount.count, .period = attempts.period, .burst = attempts.amount.count};
  options.authentication.seed = SecretSeed();
  return options;
}

// 0 without a listener, as Redis says it.
uint16_t FirstPort(const std::vector<Endpoint>& endpoints) {
  return endpoints.empty() ? uint16_t{0} : endpoints.front().port;
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

void LogTlsReloaded(const Result<Ok>& reloaded) {
  if (reloaded.ok()) return LogInfo("new TLS files are in use");
  LogError("new TLS files are refused, and the old ones stay in use",
           {{"error", reloaded.error().message}});
}

// What CONFIG GET answers, under the names that clients of Redis ask for.
std::vector<std::pair<std::string, std::string>> Parameters(const Config& config) {
  return {{"appendonly", "no"},
          {"databases", "1"},
          {"maxclients", std::to_string(config.server.max_clients)},
          {"maxmemory", std::to_string(config.server.memory.bytes)},
          {"maxmemory-policy", "noeviction"},
          {"port", std::to_string(FirstPort(config.server.listen))},
          {"proto-max-bulk-len", std::to_string(KeyspaceConfig().max_value.bytes)},
          {"save", ""},
          {"timeout", "0"},
          {"tls-port", std::to_string(FirstPort(config.server.tls_listen))}};
}

// But for what the server alone knows.
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
  process.parameters = Parameters(config);
  return process;
}

server::Server::Options ServerOptions(const Config& config, const Budget& budget) {
  server::Server::Options options;
  options.listen = AddressesOf(config.server.listen);
  options.tls_listen = AddressesOf(config.server.tls_listen);
  options.tls_files = TlsFilesOf(config.server);
  options.tls_reloaded = LogTlsReloaded;
  options.threads = static_cast<size_t>(config.server.threads);
  options.clients_max = static_cast<size_t>(config.server.max_clients);
  options.drain_timeout = config.server.drain_timeout;
  options.limits.partial_command_timeout = config.server.partial_command_timeout;
  if (config.server.idle_timeout != kUnbounded) {
    options.limits.idle_timeout = config.server.idle_timeout;
  }
  options.limits.auth_timeout = config.server.auth_timeout;
  options.limits.output_bytes_pause = config.server.max_output_per_client.bytes;
  uint64_t value_bytes_max = KeyspaceConfig().max_value.bytes;
  for (const KeyspaceConfig& keyspace : config.keyspaces) {
    value_bytes_max = std::max(value_bytes_max, keyspace.max_value.bytes);
  }
  options.limits.bulk_bytes_max = value_bytes_max;
  options.limits.args_max =
      std::min<uint64_t>(options.limits.args_max, budget.clients / kArgumentCostBytes);
  return options;
}

void ConfigureDiagnosis(const ServerConfig& config, gateway::Gateway& gateway) {
  gateway.slow_log().Configure(config.slowlog_slower_than_us,
                               static_cast<size_t>(config.slowlog_length));
  gateway.latency_events().SetThreshold(static_cast<uint64_t>(config.latency_threshold.count()));
}

// Returns nullptr when nothing is on disk.
std::unique_ptr<backup::BackupJob> MakeBackupJob(const OpenedStores& opened,
                                                 gateway::Gateway& gateway, Clock& clock) {
  if (opened.checkpoints.empty()) return nullptr;
  backup::BackupJob::Options options;
  options.weir_version = WEIR_VERSION;
  for (size_t i = 0; i < opened.checkpoints.size(); ++i) {
    options.databases.push_back({&gateway.database(i).committer(), opened.checkpoints[i]});
  }
  const gateway::Placement& placement = gateway.placement();
  for (uint32_t shard = 0; shard < placement.shards(); ++shard) {
    const gateway::ShardPlace place = placement.place(shard::ShardId{shard});
    options.shards.push_back({place.database, place.shard});
  }
  auto job = std::make_unique<backup::BackupJob>(std::move(options), clock);
  gateway.UseBackup(job.get());
  return job;
}

int Fail(const std::string& what, const Error& error) {
  LogError(what, {{"error", error.message}});
  return 1;
}

void LogServing(const Config& config, const std::vector<net::Address>& plain,
                const server::TlsAcceptor* tls, uint16_t admin_port, size_t shards) {
  const bool in_memory = config.server.store == StoreKind::kMemory;
  const auto log = [&](const std::string& message, const net::Address& address,
                       const std::string& flags) {
    LogInfo(message,
            {{"listen", address.ToString()},
             {"admin", config.server.admin.ip + ":" + std::to_string(admin_port)},
             {"data", in_memory ? "(memory)" : config.server.data},
             {"shards", std::to_string(shards)},
             {"try", "redis-cli " + flags + "-p " + std::to_string(address.port) + " ping"}});
  };
  if (tls != nullptr) {
    for (const net::Address& address : tls->addresses()) {
      log("serving TLS", address, "--tls --cacert CA ");
    }
  }
  for (const net::Address& address : plain) log("serving", address, "");
}

// Under a supervisor that wants to know, `systemctl start` returns when clients are served, and not
// before the data has been recovered.
void TellSupervisor(const std::string& state) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  const Result<Ok> told = net::NotifySupervisor(name == nullptr ? "" : name, state);
  if (!told.ok()) LogWarn(told.error().message, {{"state", state}});
}

// From here on the signals that stop us wait for WaitForStop, on every thread.
sigset_t BlockStopSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // A file that may not grow is an error of that write.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int WaitForStop(const sigset_t& signals) {
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return signal_number;
}

}  // namespace

int Serve(const Config& config) {
  SetLogLevel(config.server.log_level);
  const sigset_t signals = BlockStopSignals();
  RaiseDescriptorLimit(static_cast<uint64_t>(config.server.max_clients) +
                       static_cast<uint64_t>(config.server.threads) * kPerLoopDescriptors);
  const Budget budget = DivideBudget(config.server.memory.bytes, config);
  SystemClock clock;
  std::string admin_token;
  if (!config.server.admin_token_file.empty()) {
    Result<std::string> token = ReadTokenFile(config.server.admin_token_file);
    if (!token.ok()) return Fail("cannot start the admin listener", token.error());
    admin_token = std::move(token).value();
  }

  Result<OpenedStores> opened = OpenStores(config, budget);
  if (!opened.ok()) return Fail("cannot open the data", opened.error());
  const size_t shards = opened.value().shards.size();
  gateway::Gateway::Options options = GatewayOptions(config, budget, opened.value());
  server::Server* server_view = nullptr;
  options.process = DescribeProcess(config, budget, clock);
  std::atomic<uint16_t> port{0};
  options.process.tcp_port = [&port] { return port.load(); };
  options.process.connected_clients = [&server_view] { return server_view->connections(); };
  Result<std::unique_ptr<gateway::Gateway>> gateway =
      gateway::Gateway::Create(std::move(options), std::move(opened.value().stores), clock);
  if (!gateway.ok()) return Fail("cannot use the configured limits", gateway.error());
  ConfigureDiagnosis(config.server, *gateway.value());
  std::unique_ptr<backup::BackupJob> backup =
      MakeBackupJob(opened.value(), *gateway.value(), clock);

  server::Server server(*gateway.value(), ServerOptions(config, budget));
  server_view = &server;
  auto passwords =
      std::make_unique<users::PasswordThreads>(gateway.value()->authentication().checks());
  std::atomic<bool> ready = true;
  admin::AdminServer admin(AdminRoutes(*gateway.value(), ready), {.token = admin_token});
  const Result<uint16_t> admin_port = admin.Start(config.server.admin.ip, config.server.admin.port);
  if (!admin_port.ok()) return Fail("cannot start the admin listener", admin_port.error());
  const Result<std::vector<net::Address>> bound = server.Start();
  if (!bound.ok()) return Fail("cannot start", bound.error());
  if (!bound.value().empty()) port = bound.value().front().port;
  LogServing(config, bound.value(), server.tls(), admin_port.value(), shards);

  TellSupervisor("READY=1");
  const int stop = WaitForStop(signals);
  TellSupervisor("STOPPING=1");
  LogInfo("draining", {{"signal", stop == SIGTERM ? "SIGTERM" : "SIGINT"}});
  ready = false;
  server.Stop();
  admin.Stop();             // Its views look at the gateway.
  backup.reset();           // It may hold the logs, and uses the stores.
  passwords.reset();        // They deliver to it.
  gateway.value().reset();  // Every write that was begun is durable or refused after this.
  LogInfo("stopped");
  return 0;
}

}  // namespace weir::cmd
