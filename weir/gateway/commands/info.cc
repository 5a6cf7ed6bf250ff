#include <array>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/glob.h"

namespace weir::gateway::commands {
namespace {

struct StatsSum {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t commands = 0;
  uint64_t errors = 0;
  uint64_t connections = 0;
  uint64_t connections_refused = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
};

StatsSum SumStats(const Gateway& gateway) {
  StatsSum sum;
  gateway.ForEachStats([&](const LoopStats& stats) {
    sum.hits += stats.hits.value();
    sum.misses += stats.misses.value();
    for (const Counter& calls : stats.calls) sum.commands += calls.value();
    for (const Counter& errors : stats.errors) sum.errors += errors.value();
    sum.errors += stats.unknown_commands.value();
    sum.connections += stats.connections.value();
    sum.connections_refused += stats.connections_refused.value();
    sum.input_bytes += stats.input_bytes.value();
    sum.output_bytes += stats.output_bytes.value();
  });
  return sum;
}

void AddLine(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(":").append(value).append("\r\n");
}

void AddLine(std::string& text, std::string_view name, uint64_t value) {
  AddLine(text, name, std::to_string(value));
}

void AddServer(std::string& text, Gateway& gateway) {
  const ProcessInfo& process = gateway.process();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(gateway.clock().Mono() - process.started);
  AddLine(text, "redis_version", "7.0.15");  // The behaviour that clients may expect.
  AddLine(text, "redis_mode", "standalone");
  AddLine(text, "weir_version", process.version);
  AddLine(text, "run_id", process.run_id);
  AddLine(text, "process_id", process.process_id);
  AddLine(text, "tcp_port", process.tcp_port);
  AddLine(text, "uptime_in_seconds", static_cast<uint64_t>(uptime.count()));
  AddLine(text, "uptime_in_days", static_cast<uint64_t>(uptime.count() / 86400));
  AddLine(text, "io_threads_active", process.threads);
}

void AddClients(std::string& text, Gateway& gateway) {
  AddLine(text, "connected_clients", gateway.process().connected_clients());
  AddLine(text, "maxclients", gateway.process().clients_max);
  AddLine(text, "blocked_clients", 0);
}

void AddMemory(std::string& text, Gateway& gateway) {
  const Lanes::Totals cache = gateway.lanes().Sum();
  const uint64_t resident = gateway.process().resident_bytes();
  AddLine(text, "used_memory", resident);
  AddLine(text, "used_memory_rss", resident);
  AddLine(text, "maxmemory", gateway.process().memory_budget_bytes);
  AddLine(text, "maxmemory_policy", "noeviction");
  AddLine(text, "weir_cache_bytes", cache.bytes);
  AddLine(text, "weir_cache_budget_bytes", cache.budget_bytes);
  AddLine(text, "weir_cache_entries", cache.entries);
}

void AddPersistence(std::string& text, Gateway& gateway) {
  bool healthy = true;
  for (size_t i = 0; i < gateway.databases(); ++i) {
    healthy &= gateway.database(i).store().Health().ok();
  }
  AddLine(text, "loading", 0);
  AddLine(text, "rdb_bgsave_in_progress", 0);
  AddLine(text, "aof_enabled", 0);
  AddLine(text, "weir_store_healthy", healthy ? 1 : 0);
}

void AddStatistics(std::string& text, Gateway& gateway) {
  const StatsSum sum = SumStats(gateway);
  const Lanes::Totals cache = gateway.lanes().Sum();
  uint64_t expired = 0;
  for (size_t i = 0; i < gateway.databases(); ++i) {
    expired += gateway.database(i).committer().counters().expired;
  }
  AddLine(text, "total_connections_received", sum.connections);
  AddLine(text, "total_commands_processed", sum.commands);
  AddLine(text, "total_net_input_bytes", sum.input_bytes);
  AddLine(text, "total_net_output_bytes", sum.output_bytes);
  AddLine(text, "rejected_connections", sum.connections_refused);
  AddLine(text, "expired_keys", expired);
  AddLine(text, "evicted_keys", cache.cache.evicted);
  AddLine(text, "keyspace_hits", sum.hits);
  AddLine(text, "keyspace_misses", sum.misses);
  AddLine(text, "total_error_replies", sum.errors);
  AddLine(text, "weir_loads_begun", cache.loads_begun);
  AddLine(text, "weir_loads_joined", cache.loads_joined);
  AddLine(text, "weir_stale_fills_rejected", cache.lane.stale_fills_rejected);
}

void AddReplication(std::string& text, Gateway&) {
  AddLine(text, "role", "master");
  AddLine(text, "connected_slaves", 0);
}

void AddCommandStats(std::string& text, Gateway& gateway) {
  for (size_t i = 0; i < AllCommands().size(); ++i) {
    uint64_t calls = 0;
    uint64_t errors = 0;
    gateway.ForEachStats([&](const LoopStats& stats) {
      calls += stats.calls[i].value();
      errors += stats.errors[i].value();
    });
    if (calls == 0) continue;
    AddLine(text, "cmdstat_" + std::string(AllCommands()[i].name),
            "calls=" + std::to_string(calls) + ",failed_calls=" + std::to_string(errors));
  }
}

void AddCluster(std::string& text, Gateway&) {
  AddLine(text, "cluster_enabled", 0);
}

void AddKeyspace(std::string& text, Gateway& gateway) {
  const uint64_t records = gateway.recent_records();
  if (records == 0) return;
  AddLine(text, "db0",
          "keys=" + std::to_string(records) +
              ",expires=" + std::to_string(gateway.recent_expiring()) + ",avg_ttl=0");
}

struct InfoSection {
  std::string_view name;
  void (*add)(std::string& text, Gateway& gateway);
  bool by_default;
};

constexpr auto kSections = std::to_array<InfoSection>({{"Server", AddServer, true},
                                                       {"Clients", AddClients, true},
                                                       {"Memory", AddMemory, true},
                                                       {"Persistence", AddPersistence, true},
                                                       {"Stats", AddStatistics, true},
                                                       {"Replication", AddReplication, true},
                                                       {"Commandstats", AddCommandStats, false},
                                                       {"Cluster", AddCluster, true},
                                                       {"Keyspace", AddKeyspace, true}});

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

void ConfigGet(const LocalCall& call, resp::Writer& writer) {
  const auto& parameters = call.gateway.process().parameters;
  const auto wanted = [&](const std::string& name) {
    for (const std::string_view pattern : call.args.subspan(2)) {
      std::string lower(pattern);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (GlobMatch(lower, name)) return true;
    }
    return false;
  };
  size_t count = 0;
  for (const auto& [name, value] : parameters) count += wanted(name) ? 1 : 0;
  writer.MapHeader(count);
  for (const auto& [name, value] : parameters) {
    if (!wanted(name)) continue;
    writer.Bulk(name);
    writer.Bulk(value);
  }
}

void Info(const LocalCall& call, resp::Writer& writer) {
  std::string text;
  for (const InfoSection& section : kSections) {
    if (!Wanted(section, call.args.subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.name).append("\r\n");
    section.add(text, call.gateway);
  }
  writer.Verbatim("txt", text);
}

}  // namespace weir::gateway::commands
