#include "cmd/weir/serve.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "cmd/weir/check_server.h"
#include "cmd/weir/failpoint.h"
#include "cmd/weir/layout.h"
#include "cmd/weir/limit_keeper.h"
#include "cmd/weir/live_limits.h"
#include "cmd/weir/log.h"
#include "cmd/weir/node_store.h"
#include "cmd/weir/node_watch.h"
#include "cmd/weir/policies.h"
#include "cmd/weir/shard_adder.h"
#include "cmd/weir/slow_store.h"
#include "cmd/weir/stop_deadline.h"
#include "cmd/weir/stores.h"
#include "cmd/weir/users.h"
#include "cmd/weir/values.h"
#include "cmd/weir/views.h"
#include "cmd/weir/warm_restart.h"
#include "cmd/weir/wiring.h"
#include <signal.h>

#include "weir/admin/admin_server.h"
#include "weir/backup/backup_job.h"
#include "weir/base/clock.h"
#include "weir/gateway/gateway.h"
#include "weir/net/address.h"
#include "weir/net/supervisor.h"
#include "weir/server/reclaimer.h"
#include "weir/server/server.h"
#include "weir/users/password_threads.h"

namespace weir::cmd {
namespace {

using users::PasswordThreads;

// What the databases may take to end, once all clients are gone.
constexpr std::chrono::seconds kDatabasesEndMax{10};
// What writing down what was in memory may take before that, where it is to be there again.
constexpr std::chrono::seconds kSaveMemoryMax{20};
// And what goes on when that is over: 16 MiB of it until they are on the disk, and a commit in each
// database.
constexpr std::chrono::seconds kSaveMemoryEndMax{5};

// What a database has not answered is told to nobody: clients that waited for it are gone.
[[noreturn]] void GiveUpDatabases() {
  LogError("a database does not answer, so weir ends without it; what was acknowledged is not lost",
           {{"waited", std::to_string(kDatabasesEndMax.count()) + "s"}});
  std::_Exit(1);
}

// What is done with databases that are on disk; none in memory.
struct DiskJobs {
  std::unique_ptr<backup::BackupJob> backup;
  std::unique_ptr<DiskShardAdder> adder;
};

// What saving the buckets of limits may take, besides: some hundred MiB at the most.
constexpr std::chrono::seconds kLimitsEndMax{30};

[[noreturn]] void GiveUpLimits() {
  LogError(
      "limits are not saved in time, so weir ends without it; what was acknowledged is not lost",
      {{"waited", std::to_string(kLimitsEndMax.count()) + "s"}});
  std::_Exit(1);
}

// Saves for the last time. Requires: nobody takes from limits any more.
void EndKeeping(std::unique_ptr<LimitKeeper> keeper) {
  const StopDeadline deadline(kLimitsEndMax, GiveUpLimits);
  keeper.reset();
}

std::unique_ptr<backup::BackupJob> MakeBackupJob(const OpenedStores& opened,
                                                 gateway::Gateway& gateway, Clock& clock) {
  backup::BackupJob::Options options;
  options.weir_version = WEIR_VERSION;
  options.holds = &gateway.log_holds();
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

// Borrows all but `opened`.
DiskJobs MakeJobs(const Config& config, const Budget& budget, const OpenedStores& opened,
                  gateway::Gateway& gateway, Clock& clock,
                  const std::unique_ptr<Failpoint>& failpoint) {
  DiskJobs jobs;
  if (opened.disks.empty()) return jobs;
  jobs.backup = MakeBackupJob(opened, gateway, clock);
  DiskShardAdder::Options options{.config = config,
                                  .budget = budget,
                                  .directories = opened.directories,
                                  .stores = opened.disks,
                                  .gateway = &gateway,
                                  .backup = jobs.backup.get()};
  if (failpoint != nullptr) {
    options.reached = [at = failpoint.get()](std::string_view step) { at->Reach(step); };
  }
  jobs.adder = std::make_unique<DiskShardAdder>(std::move(options));
  gateway.UseShardAdder(jobs.adder.get());
  return jobs;
}

// A database that came from now on would not hear of the end.
void EndAdding(DiskJobs& jobs) {
  if (!jobs.adder) return;
  const StopDeadline deadline(kDatabasesEndMax, GiveUpDatabases);
  jobs.adder->End();
}

int Fail(const std::string& what, const Error& error) {
  LogError(what, {{"error", error.message}});
  return 1;
}

void LogServing(const Config& config, const std::vector<net::Address>& plain,
                const server::TlsAcceptor* tls, uint16_t admin_port,
                const std::vector<std::string>& directories, size_t shards) {
  std::string data;
  for (const std::string& directory : directories) data += (data.empty() ? "" : " ") + directory;
  const auto log = [&](const std::string& message, const net::Address& address,
                       const std::string& flags) {
    LogInfo(message,
            {{"listen", address.ToString()},
             {"admin", config.server.admin.ip + ":" + std::to_string(admin_port)},
             {"data", directories.empty() ? "(memory)" : data},
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

Result<std::string> AdminToken(const ServerConfig& config) {
  return config.admin_token_file.empty() ? std::string() : ReadTokenFile(config.admin_token_file);
}

// Whether nobody but this process can be at its address of the list. One that is taken over TLS
// cannot be asked.
bool IsAtItsAddress(const Config& config) {
  const ServerConfig& server = config.server;
  const auto node = std::ranges::find(config.nodes, server.node, &NodeConfig::id);
  return std::ranges::find(server.listen, node->address) != server.listen.end() ||
         std::ranges::any_of(server.tls_listen, [&](const Endpoint& listened) {
           return ListensAt(listened, node->address);
         });
}

// nullptr: there is no list of nodes.
std::unique_ptr<NodeWatch> WatchNodes(const Config& config, const OpenedStores& opened,
                                      const gateway::Gateway& gateway, Clock& clock) {
  if (opened.nodes == nullptr) return nullptr;
  const std::string run_id = IsAtItsAddress(config) ? "" : gateway.process().run_id;
  return std::make_unique<NodeWatch>(opened.nodes, run_id, clock);
}

// Errors: kInvalid when another node disagrees; nothing has been stored then.
Result<Ok> AgreeOnNodes(const OpenedStores& opened, gateway::Gateway& gateway, NodeWatch& watch) {
  const Result<Ok> agreed = watch.AskAll();
  if (!agreed.ok() || !opened.nodes_are_new) return agreed;
  return StoreNodes(*opened.nodes, *opened.disks[0], gateway);
}

// In this order: its views look at the watch.
void EndViews(admin::AdminServer& admin, std::unique_ptr<NodeWatch>& watch) {
  admin.Stop();
  watch.reset();
}

// Starts the server, asks the other nodes, if there are any, whether they agree, and serves clients
// when none does not. In this order: of two that start at one moment at least one hears of the
// other. `watch`: nullptr where there is no list.
Result<std::vector<net::Address>> StartServing(const OpenedStores& opened,
                                               gateway::Gateway& gateway, server::Server& server,
                                               NodeWatch* watch) {
  Result<std::vector<net::Address>> bound = server.Start();
  if (!bound.ok() || watch == nullptr) return bound;
  const Result<Ok> agreed = AgreeOnNodes(opened, gateway, *watch);
  if (!agreed.ok()) {
    server.Stop();  // Clients are connected, and some may be waiting for their password's check.
    return agreed.error();
  }
  watch->KeepAsking();
  gateway.StartServing();
  return bound;
}

// Returns what ends the process at a step of a commit, or nullptr when nobody asked for it.
Result<std::unique_ptr<Failpoint>> ArmFailpoint(gateway::Gateway& gateway) {
  const char* const text = std::getenv("WEIR_FAILPOINT");
  if (text == nullptr) return std::unique_ptr<Failpoint>();
  Result<std::unique_ptr<Failpoint>> armed = Failpoint::Parse(text);
  if (!armed.ok()) return armed;
  for (size_t i = 0; i < gateway.databases(); ++i) {
    gateway.database(i).committer().Observe(armed.value().get());
  }
  LogWarn("this process is going to kill itself, as WEIR_FAILPOINT asks", {{"at", text}});
  return armed;
}

// Opens the stores, and slows them down if somebody asked for it.
Result<OpenedStores> OpenData(const Config& config, const Budget& budget) {
  Result<OpenedStores> opened = OpenStores(config, budget);
  if (!opened.ok()) return opened;
  if (!opened.value().warning.empty()) LogWarn(opened.value().warning);
  if (opened.value().nodes != nullptr) {
    for (const std::string& id : NodesWithoutSlots(*opened.value().nodes)) {
      LogWarn("node '" + id +
              "' serves nothing: its weight is too small a share of all for one slot");
    }
  }
  const Result<std::string> slowed = SlowDown(&opened.value().stores);
  if (!slowed.ok()) return slowed.error();
  if (!slowed.value().empty()) {
    LogWarn("the database is slowed down, as WEIR_SLOW_STORE asks", {{"by", slowed.value()}});
  }
  return opened;
}

// From here on the signals that steer us wait for NextSignal, on every thread.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // A file that may not grow is an error of that write.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int NextSignal(const sigset_t& signals) {
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return signal_number;
}

// What was asked while clients were served to the end says nothing new.
void ForgetStopSignals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  const timespec at_once{};
  while (sigtimedwait(&stop, nullptr, &at_once) > 0) {
  }
}

// Whether it is asked to stop once more.
bool StopSignalWaits() {
  sigset_t waiting;
  sigpending(&waiting);
  return sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1;
}

// Ends all writes, so that nothing changes any more, and writes down what is in memory. The
// deadline is the databases' before and after that.
void SaveMemory(gateway::Gateway& gateway, WarmRestart& warm, const SealedStores& stores,
                std::optional<StopDeadline>* deadline) {
  warm.Stop();
  gateway.StopWrites();
  if (!warm.enabled()) return;
  deadline->emplace(kSaveMemoryMax + kSaveMemoryEndMax, [] {
    LogError("the disk does not answer, so what was in memory may have to be read again");
    std::_Exit(1);
  });
  ForgetStopSignals();
  const MonoTime until = gateway.clock().Mono() + kSaveMemoryMax;
  warm.SaveAll(stores, [&] { return gateway.clock().Mono() > until || StopSignalWaits(); });
  deadline->emplace(kDatabasesEndMax, GiveUpDatabases);
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

// What SIGHUP asks for: the file and the certificates.
void Reload(LiveConfig& live, server::Server& server) {
  const LiveConfig::Outcome outcome = live.Reload();
  for (const std::string& warning : outcome.warnings) LogWarn(warning);
  if (!outcome.errors.empty()) {
    for (const std::string& error : outcome.errors) LogError(error);
    return LogError("the configuration is not reloaded; nothing has changed");
  }
  const Result<Ok> tls = server.ReloadTls();
  if (!tls.ok()) LogTlsReloaded(tls);
  if (!outcome.restart.empty()) {
    LogWarn("restart weir to change what cannot be reloaded", {{"keys", Joined(outcome.restart)}});
  }
  LogInfo("the configuration is reloaded",
          {{"changed", outcome.changed.empty() ? "nothing" : Joined(outcome.changed)}});
}

// Clients are served from now on. Reloads as often as it is asked to, until it is asked to stop.
void ReloadUntilStopped(const sigset_t& signals, LiveConfig& live, server::Server& server,
                        WarmRestart& warm) {
  warm.Start();
  for (;;) {
    TellSupervisor("READY=1");
    const int signal_number = NextSignal(signals);
    if (signal_number != SIGHUP) {
      TellSupervisor("STOPPING=1");
      return LogInfo("draining", {{"signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"}});
    }
    TellSupervisor("RELOADING=1");
    Reload(live, server);
  }
}

// The limits that LIMIT.POLICY made before; they come into `config`.
Result<LiveConfig::Limits> TakeLiveLimits(Config* config) {
  LiveConfig::Limits limits{.configured = config->limits};
  Result<JoinedLimits> joined = JoinLiveLimits(config);
  if (!joined.ok()) return joined.error();
  for (const std::string& warning : joined.value().warnings) LogWarn(warning);
  limits.live = std::move(joined.value().live);
  if (config->server.store == StoreKind::kMemory) return limits;
  const std::string directory = LayOut(*config).directories.front();
  if (!limits.live.empty()) {
    LogInfo("limits that LIMIT.POLICY made",
            {{"limits", std::to_string(limits.live.size())}, {"directory", directory}});
  }
  limits.keep = [directory](const auto& changed) { return WriteLiveLimits(directory, changed); };
  return limits;
}

// The process, and what clients may ask of it and of the configuration, and change.
gateway::ProcessInfo DescribeServing(const Config& config, const Budget& budget, Clock& clock,
                                     const std::string& config_file, LiveConfig& live,
                                     const std::atomic<uint16_t>& port,
                                     server::Server* const& server) {
  gateway::ProcessInfo process = DescribeProcess(config, budget, clock);
  process.config_file = config_file;
  process.tcp_port = [&port] { return port.load(); };
  process.connected_clients = [&server] { return server->connections(); };
  process.parameters = [&live] { return live.All(); };
  process.set_parameters = [&live](const auto& changes) { return live.Set(changes); };
  process.set_policy = [&live](const auto& name, const auto& keys) {
    return live.SetLimit(name, keys);
  };
  process.make_policy = [](const auto& name,
                           const auto& keys) -> Result<std::vector<limit::Policy>> {
    Result<LimitConfig> made = MakeLimit(name, keys);
    if (!made.ok()) return made.error();
    return PoliciesOf({std::move(made).value()});
  };
  process.delete_policy = [&live](const auto& name) { return live.DeleteLimit(name); };
  return process;
}

}  // namespace

int Serve(const Loaded& loaded, const std::string& config_file, LiveConfig::Load load) {
  Config config = loaded.config;
  const Budget& budget = loaded.budget;
  SetLogLevel(config.server.log_level);
  const sigset_t signals = BlockSignals();
  RaiseDescriptorLimit(config);
  server::Reclaimer reclaimer;
  SystemClock clock;
  const Result<std::string> admin_token = AdminToken(config.server);
  if (!admin_token.ok()) return Fail("cannot start the admin listener", admin_token.error());
  Result<OpenedStores> opened = OpenData(config, budget);
  if (!opened.ok()) return Fail("cannot open the data", opened.error());
  Result<LiveConfig::Limits> limits = TakeLiveLimits(&config);
  if (!limits.ok()) return Fail("cannot use what LIMIT.POLICY made", limits.error());
  gateway::Gateway::Options options = GatewayOptions(config, budget, opened.value());
  gateway::Gateway* gateway_view = nullptr;
  server::Server* server_view = nullptr;
  std::optional<WarmRestart> warm;
  const auto apply = [&](const Config& before, const Loaded& now) {
    warm->Configure(now.config.cache);
    return Reconfigure(before, now.config, now.budget, *gateway_view, *server_view);
  };
  LiveConfig live(config, std::move(load), apply, std::move(limits).value());
  std::atomic<uint16_t> port{0};
  options.process = DescribeServing(config, budget, clock, config_file, live, port, server_view);
  Result<std::unique_ptr<gateway::Gateway>> gateway =
      gateway::Gateway::Create(std::move(options), std::move(opened.value().stores), clock);
  if (!gateway.ok()) return Fail("cannot use the configured limits", gateway.error());
  gateway_view = gateway.value().get();
  warm.emplace(config, *gateway_view, opened.value());
  ConfigureDiagnosis(config.server, *gateway_view);
  auto keeper = LimitKeeper::Start(config, *gateway_view, clock);
  if (!keeper.ok()) return Fail("cannot keep limits", keeper.error());
  const auto failpoint = ArmFailpoint(*gateway_view);
  if (!failpoint.ok()) return Fail("cannot start", failpoint.error());
  DiskJobs jobs = MakeJobs(config, budget, opened.value(), *gateway_view, clock, failpoint.value());
  server::Server server(*gateway.value(), ServerOptions(config, budget));
  server_view = &server;
  auto passwords = std::make_unique<PasswordThreads>(gateway_view->authentication().checks());
  std::atomic<bool> ready = true;
  std::atomic<const server::TlsAcceptor*> tls = nullptr;
  std::unique_ptr<NodeWatch> watch = WatchNodes(config, opened.value(), *gateway_view, clock);
  admin::AdminServer admin(AdminRoutes(*gateway.value(), ready, tls, watch.get()),
                           {.token = admin_token.value()});
  const Result<uint16_t> admin_port = admin.Start(config.server.admin.ip, config.server.admin.port);
  if (!admin_port.ok()) return Fail("cannot start the admin listener", admin_port.error());
  const auto bound = StartServing(opened.value(), *gateway_view, server, watch.get());
  if (!bound.ok()) return Fail("cannot start", bound.error());
  Result<CheckServers> check = StartCheckServers(config.server, *gateway.value());
  if (!check.ok()) return Fail("cannot start the check listener", check.error());
  tls = server.tls();
  if (!bound.value().empty()) port = bound.value().front().port;
  LogServing(config, bound.value(), server.tls(), admin_port.value(), opened.value().directories,
             gateway.value()->placement().shards());
  ReloadUntilStopped(signals, live, server, *warm);
  ready = false;
  if (check.value().grpc != nullptr) check.value().grpc->Drain();
  EndAdding(jobs);
  server.Stop();
  check.value() = {};  // They ask the gateway.
  EndKeeping(std::move(keeper.value()));
  std::optional<StopDeadline> deadline(std::in_place, kDatabasesEndMax, GiveUpDatabases);
  EndViews(admin, watch);  // They look at the gateway.
  jobs.backup.reset();     // It may hold the logs, and uses the stores.
  passwords.reset();       // They deliver to it.
  SaveMemory(*gateway_view, *warm, jobs.adder ? jobs.adder->stores() : SealedStores(), &deadline);
  gateway.value().reset();  // Every write that was begun is durable or refused after this.
  LogInfo("stopped");
  return 0;
}

}  // namespace weir::cmd
