#include "cmd/weir/metrics_redis.h"

#include <chrono>
#include <string>
#include <string_view>

#include "weir/gateway/command.h"

namespace weir::cmd {
namespace {

using admin::Metric;
using admin::MetricType;
using gateway::CommandTotals;
using gateway::Gateway;
using gateway::StatsTotals;

void AddServer(MetricList& list, Gateway& gateway) {
  const gateway::ProcessInfo& process = gateway.process();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(gateway.clock().Mono() - process.started);
  list.Gauge("redis_up", "Whether the server answers.", 1);
  list.Gauge("redis_uptime_in_seconds", "Seconds since the start.",
             static_cast<uint64_t>(uptime.count()));
  list.Gauge("redis_start_time_seconds", "When the server started, since 1970.",
             static_cast<uint64_t>(process.started_wall.ms / 1000));
  list.Add({"redis_instance_info",
            "What runs here; always 1.",
            MetricType::kGauge,
            {{{{"role", "master"},
               {"redis_version", "7.0.15"},
               {"redis_mode", gateway.nodes() == nullptr ? "standalone" : "cluster"},
               {"os", process.os},
               {"maxmemory_policy", "noeviction"},
               {"tcp_port", std::to_string(process.tcp_port())},
               {"run_id", process.run_id},
               {"process_id", std::to_string(process.process_id)}},
              1}}});
  list.Gauge("redis_loading_dump_file",
             "1 while the other nodes are asked for their lists, and nobody is served.",
             gateway.serving() ? 0 : 1);
  list.Gauge("redis_connected_slaves", "Always 0: there is no replication.", 0);
  list.Gauge("redis_master_last_io_seconds_ago", "Always 0: this node follows no other.", 0);
  list.Gauge("redis_cluster_enabled", "Whether Redis Cluster's protocol is spoken.",
             gateway.nodes() == nullptr ? 0 : 1);
}

void AddClients(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  list.Gauge("redis_connected_clients", "Open client connections.",
             gateway.process().connected_clients());
  list.Gauge("redis_blocked_clients",
             "Clients that wait for the end of CLIENT PAUSE, or by LIMIT.WAIT.",
             totals.paused_clients + gateway.admission().waits().blocked());
  list.Gauge("redis_max_clients", "Client connections that may be open at once.",
             gateway.clients_max());
  list.Gauge("redis_client_recent_max_input_buffer_bytes", "Largest input buffer of a client.",
             totals.input_buffer_bytes_max);
  list.Gauge("redis_client_recent_max_output_buffer_bytes", "Largest output buffer of a client.",
             totals.output_buffer_bytes_max);
  const gateway::ClientTracking::Counts tracking = gateway.tracking().counts();
  list.Gauge("weir_tracking_clients", "Clients that are told of changes of what they have cached.",
             tracking.clients);
  list.Gauge("weir_tracking_keys", "Keys that some of them may have cached.", tracking.keys);
  list.Gauge("weir_tracking_items", "Pairs of such a key and a client.", tracking.items);
  list.Gauge("weir_tracking_prefixes", "Prefixes of keys that clients are told of all changes of.",
             tracking.prefixes);
  list.Counter("weir_tracking_messages_total", "Messages that told clients of changes.",
               tracking.messages);
  list.Counter("weir_tracking_keys_given_up_total",
               "Keys told as changed for want of room in the table.", tracking.given_up);
  const gateway::CacheWarmer::Counts warmed = gateway.warmer().counts();
  list.Gauge("weir_warm_restart_keys_waiting",
             "Keys that were in memory before the restart and have not been looked at.",
             warmed.waiting);
  list.Counter("weir_warm_restart_values_restored_total",
               "Values that are in memory because they were before the restart.",
               gateway.restore().kept());
  list.Counter("weir_warm_restart_values_loaded_total",
               "Values that were read and kept for such keys.", warmed.loaded);
  list.Counter("redis_connections_received_total", "Connections accepted.", totals.connections);
  list.Counter("redis_rejected_connections_total", "Connections refused over max_clients.",
               totals.connections_refused);
}

void AddMemoryAndCpu(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  const gateway::ProcessInfo& process = gateway.process();
  const gateway::ProcessUse use = process.use();
  const double fragmentation =
      use.allocated == 0 ? 0
                         : static_cast<double>(use.resident) / static_cast<double>(use.allocated);
  list.Gauge("redis_memory_used_bytes", "Memory that the allocator holds.", use.allocated);
  list.Gauge("redis_memory_used_peak_bytes", "The most that the allocator has held.",
             use.allocated_peak);
  list.Gauge("redis_memory_used_rss_bytes", "Resident memory.", use.resident);
  list.Gauge("redis_memory_max_bytes", "The memory budget.", process.memory_budget_bytes);
  list.Gauge("redis_total_system_memory_bytes", "Memory of the machine, or of its cgroup.",
             process.system_memory_bytes);
  list.GaugeOf("redis_memory_fragmentation_ratio", "Resident memory by what is allocated.",
               fragmentation);
  list.GaugeOf("redis_mem_fragmentation_ratio", "Resident memory by what is allocated.",
               fragmentation);
  list.Gauge("redis_mem_clients_normal", "Buffers of all clients.",
             totals.input_buffer_bytes + totals.output_buffer_bytes);
  list.CounterOf("redis_cpu_sys_seconds_total", "CPU time in the kernel.", use.cpu_system_seconds);
  list.CounterOf("redis_cpu_user_seconds_total", "CPU time in the program.", use.cpu_user_seconds);
}

void AddTraffic(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  const gateway::Rates rates = gateway.rates();
  list.Counter("redis_commands_processed_total", "Commands executed.", totals.calls);
  list.Gauge("redis_instantaneous_ops_per_sec", "Commands executed each second of late.",
             static_cast<uint64_t>(rates.commands + 0.5));
  list.GaugeOf("redis_instantaneous_input_kbps", "KiB received each second of late.",
               rates.input_bytes / 1024);
  list.GaugeOf("redis_instantaneous_output_kbps", "KiB sent each second of late.",
               rates.output_bytes / 1024);
  list.Counter("redis_net_input_bytes_total", "Bytes received.", totals.input_bytes);
  list.Counter("redis_net_output_bytes_total", "Bytes sent.", totals.output_bytes);
  list.Counter("redis_keyspace_hits_total", "Keys read from memory.", totals.hits);
  list.Counter("redis_keyspace_misses_total", "Keys read from a database.", totals.misses);
  list.Counter("redis_expired_keys_total", "Records removed because they had expired.",
               gateway.StoreTotalsNow().committer.expired);
  list.Counter("redis_evicted_keys_total", "Cache entries that made room for others.",
               gateway.lanes().Sum().cache.evicted);
  list.Counter("redis_total_error_replies", "Error replies.", totals.error_replies);
  Metric errors{"redis_errors_total", "Error replies by prefix.", MetricType::kCounter, {}};
  for (size_t i = 0; i < totals.errors.size(); ++i) {
    errors.samples.push_back({{{"err", std::string(gateway::errors::kPrefixes[i])}},
                              static_cast<double>(totals.errors[i])});
  }
  list.Add(std::move(errors));
  list.Gauge("redis_slowlog_length", "Entries of SLOWLOG.", gateway.slow_log().size());
}

void AddCommands(MetricList& list, const StatsTotals& totals) {
  Metric calls{"redis_commands_total", "Commands executed.", MetricType::kCounter, {}};
  Metric seconds{"redis_commands_duration_seconds_total",
                 "Time that commands took, what they waited for the database included.",
                 MetricType::kCounter,
                 {}};
  Metric rejected{"redis_commands_rejected_calls_total",
                  "Commands refused before they were executed.",
                  MetricType::kCounter,
                  {}};
  Metric failed{
      "redis_commands_failed_calls_total", "Commands that failed.", MetricType::kCounter, {}};
  for (size_t i = 0; i < totals.commands.size(); ++i) {
    const CommandTotals& command = totals.commands[i];
    if (command.calls == 0 && command.rejected == 0) continue;
    const admin::Labels labels = {{"cmd", std::string(gateway::AllCommands()[i].name)}};
    calls.samples.push_back({labels, static_cast<double>(command.calls)});
    seconds.samples.push_back({labels, static_cast<double>(command.latency.sum_ns) * 1e-9});
    rejected.samples.push_back({labels, static_cast<double>(command.rejected)});
    failed.samples.push_back({labels, static_cast<double>(command.failed)});
  }
  for (Metric* metric : {&calls, &seconds, &rejected, &failed}) list.Add(std::move(*metric));
}

void AddKeys(MetricList& list, Gateway& gateway) {
  const auto of_db0 = [](std::string name, std::string help, uint64_t value) {
    return Metric{std::move(name),
                  std::move(help),
                  MetricType::kGauge,
                  {{{{"db", "db0"}}, static_cast<double>(value)}}};
  };
  list.Add(of_db0("redis_db_keys", "Keys stored.", gateway.recent_records()));
  list.Add(
      of_db0("redis_db_keys_expiring", "Keys stored with an expiry.", gateway.recent_expiring()));
}

}  // namespace

void AddRedisMetrics(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  AddServer(list, gateway);
  AddClients(list, gateway, totals);
  AddMemoryAndCpu(list, gateway, totals);
  AddTraffic(list, gateway, totals);
  AddCommands(list, totals);
  AddKeys(list, gateway);
}

}  // namespace weir::cmd
