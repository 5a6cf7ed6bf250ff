// INFO: the sections, one function each: the fields of Redis 7.0, and weir's own (weir_…).
#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

std::string Format(const char* format, double value) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

// As Redis writes sizes for people: "919.06K".
std::string HumanBytes(uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + "B";
  constexpr std::string_view kUnits = "KMGTP";
  double unit = 1024;
  size_t index = 0;
  while (size >= unit * 1024 && index + 1 < kUnits.size()) {
    unit *= 1024;
    ++index;
  }
  return Format("%.2f", size / unit) + kUnits[index];
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// What one INFO looks at: everything is read once.
struct Facts {
  explicit Facts(Gateway& of)
      : gateway(of),
        process(of.process()),
        use(process.use()),
        totals(of.TotalsSinceReset()),
        rates(of.rates()),
        cache(of.lanes().Sum()),
        store(of.StoreTotalsNow()),
        moves(of.moves().totals()) {}

  Gateway& gateway;
  const ProcessInfo& process;
  ProcessUse use;
  StatsTotals totals;
  Rates rates;
  Lanes::Totals cache;
  StoreTotals store;
  RangeMoves::Totals moves;
};

class Lines {
 public:
  explicit Lines(std::string& text) : text_(text) {}
  void Add(std::string_view name, std::string_view value) {
    text_.append(name).append(":").append(value).append("\r\n");
  }
  void Add(std::string_view name, uint64_t value) { Add(name, std::to_string(value)); }
  void AddReal(std::string_view name, const char* format, double value) {
    Add(name, Format(format, value));
  }
  void AddBytes(const std::string& name, uint64_t bytes) {
    Add(name, bytes);
    Add(name + "_human", HumanBytes(bytes));
  }
  // Fields that clients and dashboards read and that are always the same here.
  void AddConstants(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    for (const auto& [name, value] : fields) Add(name, value);
  }

 private:
  std::string& text_;
};

void AddServer(Lines& lines, const Facts& facts) {
  const ProcessInfo& process = facts.process;
  Clock& clock = facts.gateway.clock();
  const auto uptime = duration_cast<seconds>(clock.Mono() - process.started);
  lines.Add("redis_version", "7.0.15");  // The behaviour that clients may expect.
  lines.Add("weir_version", process.version);
  lines.AddConstants({{"redis_git_sha1", "00000000"}, {"redis_git_dirty", "0"}});
  lines.Add("redis_build_id", "weir-" + process.version);
  lines.Add("redis_mode", facts.gateway.nodes() == nullptr ? "standalone" : "cluster");
  lines.Add("os", process.os);
  lines.Add("arch_bits", "64");
  lines.Add("monotonic_clock", "POSIX clock_gettime");
  lines.Add("multiplexing_api", "epoll");
  lines.Add("process_id", process.process_id);
  lines.Add("run_id", process.run_id);
  lines.Add("tcp_port", process.tcp_port());
  lines.Add("server_time_usec", static_cast<uint64_t>(clock.Wall().ms) * 1000);
  lines.Add("uptime_in_seconds", static_cast<uint64_t>(uptime.count()));
  lines.Add("uptime_in_days", static_cast<uint64_t>(uptime.count() / 86400));
  lines.AddConstants({{"hz", "10"}, {"configured_hz", "10"}});
  lines.Add("executable", process.executable);
  lines.Add("config_file", process.config_file);
  lines.Add("io_threads_active", process.threads);
}

void AddClients(Lines& lines, const Facts& facts) {
  lines.Add("connected_clients", facts.process.connected_clients());
  lines.Add("cluster_connections", 0);
  lines.Add("maxclients", facts.gateway.clients_max());
  lines.Add("client_recent_max_input_buffer", facts.totals.input_buffer_bytes_max);
  lines.Add("client_recent_max_output_buffer", facts.totals.output_buffer_bytes_max);
  lines.Add("blocked_clients",
            facts.totals.paused_clients + facts.gateway.admission().waits().blocked());
  lines.Add("tracking_clients", facts.gateway.tracking().counts().clients);
  lines.Add("clients_in_timeout_table", 0);
}

void AddMemory(Lines& lines, const Facts& facts) {
  const ProcessUse& use = facts.use;
  const uint64_t clients = facts.totals.input_buffer_bytes + facts.totals.output_buffer_bytes;
  const uint64_t dataset = facts.cache.bytes;
  const uint64_t overhead = use.allocated > dataset ? use.allocated - dataset : 0;
  const double fragmentation = Ratio(use.resident, use.allocated);
  lines.AddBytes("used_memory", use.allocated);
  lines.AddBytes("used_memory_rss", use.resident);
  lines.AddBytes("used_memory_peak", use.allocated_peak);
  lines.AddReal("used_memory_peak_perc", "%.2f%%", Ratio(use.allocated, use.allocated_peak) * 100);
  lines.Add("used_memory_overhead", overhead);
  lines.Add("used_memory_startup", 0);
  lines.Add("used_memory_dataset", dataset);
  lines.AddReal("used_memory_dataset_perc", "%.2f%%", Ratio(dataset, use.allocated) * 100);
  lines.Add("allocator_allocated", use.allocated);
  lines.Add("allocator_active", use.allocated);
  lines.Add("allocator_resident", use.resident);
  lines.AddBytes("total_system_memory", facts.process.system_memory_bytes);
  lines.AddConstants({{"used_memory_lua", "0"},
                      {"used_memory_scripts", "0"},
                      {"number_of_cached_scripts", "0"},
                      {"number_of_functions", "0"}});
  lines.AddBytes("maxmemory", facts.process.memory_budget_bytes);
  lines.Add("maxmemory_policy", "noeviction");
  lines.AddReal("allocator_frag_ratio", "%.2f", 1);
  lines.AddReal("allocator_rss_ratio", "%.2f", fragmentation);
  lines.AddReal("mem_fragmentation_ratio", "%.2f", fragmentation);
  lines.Add("mem_fragmentation_bytes",
            std::to_string(static_cast<int64_t>(use.resident - use.allocated)));
  lines.AddConstants({{"mem_not_counted_for_evict", "0"},
                      {"mem_replication_backlog", "0"},
                      {"mem_clients_slaves", "0"}});
  lines.Add("mem_clients_normal", clients);
  lines.AddConstants({{"mem_cluster_links", "0"}, {"mem_aof_buffer", "0"}});
  lines.Add("mem_allocator", facts.process.allocator);
  lines.AddConstants({{"active_defrag_running", "0"},
                      {"lazyfree_pending_objects", "0"},
                      {"lazyfreed_objects", "0"}});
  lines.Add("weir_cache_bytes", facts.cache.bytes);
  lines.Add("weir_cache_budget_bytes", facts.cache.budget_bytes);
  lines.Add("weir_cache_entries", facts.cache.entries);
}

void AddPersistence(Lines& lines, const Facts& facts) {
  lines.AddConstants({{"loading", facts.gateway.serving() ? "0" : "1"},
                      {"async_loading", "0"},
                      {"rdb_changes_since_last_save", "0"},
                      {"rdb_bgsave_in_progress", "0"}});
  lines.Add("rdb_last_save_time", static_cast<uint64_t>(facts.process.started_wall.ms / 1000));
  lines.AddConstants({{"rdb_last_bgsave_status", "ok"},
                      {"rdb_last_bgsave_time_sec", "-1"},
                      {"rdb_current_bgsave_time_sec", "-1"},
                      {"rdb_saves", "0"},
                      {"rdb_last_cow_size", "0"},
                      {"aof_enabled", "0"},
                      {"aof_rewrite_in_progress", "0"},
                      {"aof_rewrite_scheduled", "0"},
                      {"aof_last_rewrite_time_sec", "-1"},
                      {"aof_current_rewrite_time_sec", "-1"},
                      {"aof_last_bgrewrite_status", "ok"},
                      {"aof_last_write_status", facts.store.healthy ? "ok" : "err"},
                      {"aof_last_cow_size", "0"},
                      {"module_fork_in_progress", "0"},
                      {"module_fork_last_cow_size", "0"}});
  lines.Add("weir_store_healthy", facts.store.healthy ? 1 : 0);
  lines.Add("weir_batches", facts.store.committer.batches);
  lines.Add("weir_batched_writes", facts.store.committer.writes);
  lines.Add("weir_unknown_outcomes", facts.store.committer.unknown);
}

void AddStatistics(Lines& lines, const Facts& facts) {
  const StatsTotals& sum = facts.totals;
  lines.Add("total_connections_received", sum.connections);
  lines.Add("total_commands_processed", sum.calls);
  lines.Add("instantaneous_ops_per_sec", static_cast<uint64_t>(facts.rates.commands + 0.5));
  lines.Add("total_net_input_bytes", sum.input_bytes);
  lines.Add("total_net_output_bytes", sum.output_bytes);
  lines.AddConstants({{"total_net_repl_input_bytes", "0"}, {"total_net_repl_output_bytes", "0"}});
  lines.AddReal("instantaneous_input_kbps", "%.2f", facts.rates.input_bytes / 1024);
  lines.AddReal("instantaneous_output_kbps", "%.2f", facts.rates.output_bytes / 1024);
  lines.AddConstants(
      {{"instantaneous_input_repl_kbps", "0.00"}, {"instantaneous_output_repl_kbps", "0.00"}});
  lines.Add("rejected_connections", sum.connections_refused);
  lines.AddConstants({{"sync_full", "0"}, {"sync_partial_ok", "0"}, {"sync_partial_err", "0"}});
  lines.Add("expired_keys", facts.store.committer.expired);
  lines.AddConstants({{"expired_stale_perc", "0.00"}, {"expired_time_cap_reached_count", "0"}});
  lines.Add("evicted_keys", facts.cache.cache.evicted);
  lines.AddConstants({{"evicted_clients", "0"}, {"total_eviction_exceeded_time", "0"}});
  lines.Add("keyspace_hits", sum.hits);
  lines.Add("keyspace_misses", sum.misses);
  lines.AddConstants({{"pubsub_channels", "0"},
                      {"pubsub_patterns", "0"},
                      {"pubsubshard_channels", "0"},
                      {"latest_fork_usec", "0"},
                      {"total_forks", "0"},
                      {"migrate_cached_sockets", "0"},
                      {"slave_expires_tracked_keys", "0"},
                      {"active_defrag_hits", "0"},
                      {"active_defrag_misses", "0"}});
  const ClientTracking::Counts tracking = facts.gateway.tracking().counts();
  lines.Add("tracking_total_keys", tracking.keys);
  lines.Add("tracking_total_items", tracking.items);
  lines.Add("tracking_total_prefixes", tracking.prefixes);
  lines.Add("unexpected_error_replies", 0);
  lines.Add("total_error_replies", sum.error_replies);
  lines.Add("dump_payload_sanitizations", 0);
  lines.Add("total_reads_processed", sum.receives);
  lines.Add("total_writes_processed", sum.sends);
  lines.AddConstants({{"io_threaded_reads_processed", "0"},
                      {"io_threaded_writes_processed", "0"},
                      {"client_query_buffer_limit_disconnections", "0"}});
  lines.Add("client_output_buffer_limit_disconnections", sum.connections_closed_slow);
  lines.Add("acl_access_denied_auth", sum.errors[errors::PrefixIndex("WRONGPASS")]);
  lines.Add("acl_access_denied_cmd", sum.denied_command);
  lines.Add("acl_access_denied_key", sum.denied_key);
  lines.AddConstants({{"acl_access_denied_channel", "0"}});
  lines.Add("weir_throttled", sum.throttled);
  lines.Add("weir_loads_begun", facts.cache.loads_begun);
  lines.Add("weir_loads_joined", facts.cache.loads_joined);
  lines.Add("weir_stale_fills_rejected", facts.cache.lane.stale_fills_rejected);
  lines.Add("weir_moves", facts.moves.moves);
  lines.Add("weir_moves_flips", facts.moves.flips);
  lines.Add("weir_moves_failures", facts.moves.failures);
}

void AddReplication(Lines& lines, const Facts& facts) {
  lines.Add("role", "master");
  lines.Add("connected_slaves", 0);
  lines.Add("master_failover_state", "no-failover");
  lines.Add("master_replid", facts.process.run_id);
  lines.AddConstants({{"master_replid2", "0000000000000000000000000000000000000000"},
                      {"master_repl_offset", "0"},
                      {"second_repl_offset", "-1"},
                      {"repl_backlog_active", "0"},
                      {"repl_backlog_size", "0"},
                      {"repl_backlog_first_byte_offset", "0"},
                      {"repl_backlog_histlen", "0"}});
}

void AddCpu(Lines& lines, const Facts& facts) {
  lines.AddReal("used_cpu_sys", "%.6f", facts.use.cpu_system_seconds);
  lines.AddReal("used_cpu_user", "%.6f", facts.use.cpu_user_seconds);
  lines.AddConstants(
      {{"used_cpu_sys_children", "0.000000"}, {"used_cpu_user_children", "0.000000"}});
}

void AddModules(Lines&, const Facts&) {}

void AddCommandStats(Lines& lines, const Facts& facts) {
  for (size_t i = 0; i < facts.totals.commands.size(); ++i) {
    const CommandTotals& command = facts.totals.commands[i];
    if (command.calls == 0 && command.rejected == 0) continue;
    const uint64_t usec = command.latency.sum_ns / 1000;
    lines.Add("cmdstat_" + std::string(AllCommands()[i].name),
              "calls=" + std::to_string(command.calls) + ",usec=" + std::to_string(usec) +
                  ",usec_per_call=" +
                  Format("%.2f", Ratio(command.latency.sum_ns, command.calls) / 1000) +
                  ",rejected_calls=" + std::to_string(command.rejected) +
                  ",failed_calls=" + std::to_string(command.failed));
  }
}

void AddErrorStats(Lines& lines, const Facts& facts) {
  for (size_t i = 0; i < errors::kPrefixCount; ++i) {
    if (facts.totals.errors[i] == 0) continue;
    lines.Add("errorstat_" + std::string(errors::kPrefixes[i]),
              "count=" + std::to_string(facts.totals.errors[i]));
  }
}

void AddLatencyStats(Lines& lines, const Facts& facts) {
  for (size_t i = 0; i < facts.totals.commands.size(); ++i) {
    const LatencyTotals& latency = facts.totals.commands[i].latency;
    if (latency.count == 0) continue;
    lines.Add("latency_percentiles_usec_" + std::string(AllCommands()[i].name),
              "p50=" + Format("%.3f", latency.QuantileNs(0.5) / 1000) +
                  ",p99=" + Format("%.3f", latency.QuantileNs(0.99) / 1000) +
                  ",p99.9=" + Format("%.3f", latency.QuantileNs(0.999) / 1000));
  }
}

void AddCluster(Lines& lines, const Facts& facts) {
  lines.Add("cluster_enabled", facts.gateway.nodes() == nullptr ? 0 : 1);
}

void AddKeyspace(Lines& lines, const Facts& facts) {
  const uint64_t records = facts.gateway.recent_records();
  if (records == 0) return;
  lines.Add("db0", "keys=" + std::to_string(records) + ",expires=" +
                       std::to_string(facts.gateway.recent_expiring()) + ",avg_ttl=0");
}

struct InfoSection {
  std::string_view name;
  void (*add)(Lines& lines, const Facts& facts);
  bool by_default = true;
};

constexpr auto kSections = std::to_array<InfoSection>({{"Server", AddServer},
                                                       {"Clients", AddClients},
                                                       {"Memory", AddMemory},
                                                       {"Persistence", AddPersistence},
                                                       {"Stats", AddStatistics},
                                                       {"Replication", AddReplication},
                                                       {"CPU", AddCpu},
                                                       {"Modules", AddModules},
                                                       {"Commandstats", AddCommandStats, false},
                                                       {"Errorstats", AddErrorStats},
                                                       {"Latencystats", AddLatencyStats, false},
                                                       {"Cluster", AddCluster},
                                                       {"Keyspace", AddKeyspace}});

bool Wanted(const InfoSection& section, Args names) {
  if (names.empty()) return section.by_default;
  for (const std::string_view name : names) {
    if (SameWord(name, section.name) || SameWord(name, "all") || SameWord(name, "everything")) {
      return true;
    }
    if (SameWord(name, "default") && section.by_default) return true;
  }
  return false;
}

}  // namespace

void Info(const LocalCall& call, resp::Writer& writer) {
  const Facts facts(call.gateway);
  std::string text;
  Lines lines(text);
  for (const InfoSection& section : kSections) {
    if (!Wanted(section, call.args.subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.name).append("\r\n");
    section.add(lines, facts);
  }
  writer.Verbatim("txt", text);
}

}  // namespace weir::gateway::commands
