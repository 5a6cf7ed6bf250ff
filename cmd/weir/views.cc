#include "cmd/weir/views.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "weir/admin/metrics.h"
#include "weir/gateway/command.h"

namespace weir::cmd {
namespace {

using admin::Metric;
using admin::MetricType;
using admin::Sample;
using gateway::Counter;
using gateway::Gateway;
using gateway::LatencyCounters;
using gateway::LoopStats;

uint64_t Sum(const Gateway& gateway, Counter LoopStats::*counter) {
  uint64_t sum = 0;
  gateway.ForEachStats([&](const LoopStats& stats) { sum += (stats.*counter).value(); });
  return sum;
}

class MetricList {
 public:
  void Add(MetricType type, std::string name, std::string help, double value) {
    metrics_.push_back({std::move(name), std::move(help), type, {{.value = value}}});
  }
  void Counter(std::string name, std::string help, uint64_t value) {
    Add(MetricType::kCounter, std::move(name), std::move(help), static_cast<double>(value));
  }
  void Gauge(std::string name, std::string help, uint64_t value) {
    Add(MetricType::kGauge, std::move(name), std::move(help), static_cast<double>(value));
  }
  void AddWhole(Metric metric) {
    if (!metric.samples.empty()) metrics_.push_back(std::move(metric));
  }
  std::string Render() const { return admin::RenderMetrics(metrics_); }

 private:
  std::vector<Metric> metrics_;
};

// The names that dashboards for Redis read.
void AddRedisNames(MetricList& list, Gateway& gateway) {
  const gateway::ProcessInfo& process = gateway.process();
  const gateway::Lanes::Totals cache = gateway.lanes().Sum();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(gateway.clock().Mono() - process.started);
  uint64_t commands = 0;
  gateway.ForEachStats([&](const LoopStats& stats) {
    for (const gateway::Counter& calls : stats.calls) commands += calls.value();
  });
  list.Gauge("redis_up", "Whether the server answers.", 1);
  list.Gauge("redis_uptime_in_seconds", "Seconds since the start.",
             static_cast<uint64_t>(uptime.count()));
  list.Gauge("redis_connected_clients", "Open client connections.", process.connected_clients());
  list.Gauge("redis_memory_used_bytes", "Resident memory.", process.resident_bytes());
  list.Gauge("redis_memory_max_bytes", "The memory budget.", process.memory_budget_bytes);
  list.Counter("redis_commands_processed_total", "Commands received.", commands);
  list.Counter("redis_keyspace_hits_total", "Reads answered from memory.",
               Sum(gateway, &LoopStats::hits));
  list.Counter("redis_keyspace_misses_total", "Reads that asked a database.",
               Sum(gateway, &LoopStats::misses));
  list.Counter("redis_net_input_bytes_total", "Bytes received.",
               Sum(gateway, &LoopStats::input_bytes));
  list.Counter("redis_net_output_bytes_total", "Bytes sent.",
               Sum(gateway, &LoopStats::output_bytes));
  list.Counter("redis_evicted_keys_total", "Cache entries that made room for others.",
               cache.cache.evicted);
  list.AddWhole({"redis_db_keys",
                 "Keys stored.",
                 MetricType::kGauge,
                 {{{{"db", "db0"}}, static_cast<double>(gateway.recent_records())}}});
  list.AddWhole({"redis_db_keys_expiring",
                 "Keys stored with an expiry.",
                 MetricType::kGauge,
                 {{{{"db", "db0"}}, static_cast<double>(gateway.recent_expiring())}}});
}

void AddCommands(MetricList& list, Gateway& gateway) {
  Metric requests{
      "weir_requests_total", "Requests by command and result.", MetricType::kCounter, {}};
  for (size_t i = 0; i < gateway::AllCommands().size(); ++i) {
    uint64_t calls = 0;
    uint64_t errors = 0;
    gateway.ForEachStats([&](const LoopStats& stats) {
      calls += stats.calls[i].value();
      errors += stats.errors[i].value();
    });
    if (calls == 0) continue;
    const std::string name(gateway::AllCommands()[i].name);
    requests.samples.push_back(
        {{{"command", name}, {"result", "ok"}}, static_cast<double>(calls - errors)});
    requests.samples.push_back(
        {{{"command", name}, {"result", "error"}}, static_cast<double>(errors)});
  }
  list.AddWhole(std::move(requests));
  Metric durations{"weir_request_duration_seconds",
                   "From the arrival of a request to its reply.",
                   MetricType::kHistogram,
                   {Sample{}}};
  admin::HistogramValue& histogram = durations.samples[0].histogram;
  uint64_t cumulative = 0;
  for (size_t bucket = 0; bucket < LatencyCounters::kBuckets; ++bucket) {
    gateway.ForEachStats(
        [&](const LoopStats& stats) { cumulative += stats.latency.bucket(bucket); });
    if (bucket + 1 == LatencyCounters::kBuckets) break;  // It is +Inf.
    histogram.buckets.push_back(
        {static_cast<double>(LatencyCounters::UpperNs(bucket)) * 1e-9, cumulative});
  }
  histogram.count = cumulative;
  gateway.ForEachStats([&](const LoopStats& stats) {
    histogram.sum += static_cast<double>(stats.latency.sum_ns()) * 1e-9;
  });
  list.AddWhole(std::move(durations));
}

void AddCache(MetricList& list, Gateway& gateway) {
  const gateway::Lanes::Totals cache = gateway.lanes().Sum();
  list.Gauge("weir_cache_bytes", "Bytes of all cache entries.", cache.bytes);
  list.Gauge("weir_cache_budget_bytes", "Bytes that cache entries may take.", cache.budget_bytes);
  list.Gauge("weir_cache_entries", "Cache entries, absent keys included.", cache.entries);
  list.Counter("weir_cache_fills_total", "Loads that filled the cache.", cache.lane.fills);
  list.Counter("weir_cache_stale_fills_rejected_total",
               "Loads that a write had overtaken, so that they were not cached.",
               cache.lane.stale_fills_rejected);
  list.Counter("weir_loads_total", "Reads of a key from a database.", cache.loads_begun);
  list.Counter("weir_loads_joined_total", "Reads that joined a load already under way.",
               cache.loads_joined);
  list.Gauge("weir_loads_under_way", "Loads under way.", cache.loads_under_way);
}

void AddLimits(MetricList& list, Gateway& gateway) {
  Metric decisions{
      "weir_ratelimit_decisions_total", "Decisions by policy.", MetricType::kCounter, {}};
  for (const gateway::Admission::PolicyView& policy : gateway.admission().View()) {
    decisions.samples.push_back({{{"policy", policy.name}, {"decision", "allow"}},
                                 static_cast<double>(policy.counters.allowed)});
    decisions.samples.push_back({{{"policy", policy.name}, {"decision", "deny"}},
                                 static_cast<double>(policy.counters.denied)});
  }
  list.AddWhole(std::move(decisions));
}

void AddDatabases(MetricList& list, Gateway& gateway) {
  std::vector<std::pair<std::string, std::vector<Sample>>> counters;
  const auto add = [&](const std::string& name, size_t database, uint64_t value) {
    auto found = std::find_if(counters.begin(), counters.end(),
                              [&](const auto& entry) { return entry.first == name; });
    if (found == counters.end()) found = counters.insert(found, {name, {}});
    found->second.push_back({{{"database", std::to_string(database)}}, static_cast<double>(value)});
  };
  for (size_t i = 0; i < gateway.databases(); ++i) {
    for (const auto& [name, value] : gateway.database(i).store().Counters()) {
      add("weir_store_" + name + "_total", i, value);
    }
    const gateway::Committer::Counters committer = gateway.database(i).committer().counters();
    add("weir_db_batches_total", i, committer.batches);
    add("weir_db_writes_total", i, committer.writes);
    add("weir_db_writes_refused_total", i, committer.refused);
    add("weir_db_unknown_outcomes_total", i, committer.unknown);
    add("weir_db_expired_total", i, committer.expired);
  }
  for (auto& [name, samples] : counters) {
    list.AddWhole({name, "Of each database, counted by its driver or its log.",
                   MetricType::kCounter, std::move(samples)});
  }
}

admin::Response Metrics(Gateway& gateway) {
  MetricList list;
  AddRedisNames(list, gateway);
  AddCommands(list, gateway);
  AddCache(list, gateway);
  AddLimits(list, gateway);
  AddDatabases(list, gateway);
  list.Counter("weir_throttled_total", "Requests refused by a rate limit.",
               Sum(gateway, &LoopStats::throttled));
  list.Counter("weir_protocol_errors_total", "Connections ended for what they sent.",
               Sum(gateway, &LoopStats::protocol_errors));
  list.Counter("weir_connections_refused_total", "Connections over max_clients.",
               Sum(gateway, &LoopStats::connections_refused));
  list.Counter("weir_connections_closed_slow_total",
               "Connections closed for a command that did not arrive, or replies not taken.",
               Sum(gateway, &LoopStats::connections_closed_slow));
  list.AddWhole({"weir_build_info",
                 "The version that runs.",
                 MetricType::kGauge,
                 {{{{"version", gateway.process().version}}, 1}}});
  return {200, admin::kMetricsContentType, list.Render()};
}

// 200 while every database takes writes, else 503 with the reason.
admin::Response Health(Gateway& gateway) {
  for (size_t i = 0; i < gateway.databases(); ++i) {
    const Result<Ok> health = gateway.database(i).store().Health();
    if (!health.ok()) return {.status = 503, .body = health.error().message + "\n"};
  }
  return {.body = "ok\n"};
}

}  // namespace

admin::Routes AdminRoutes(Gateway& gateway, const std::atomic<bool>& ready) {
  return {
      {"/healthz", [&gateway] { return Health(gateway); }},
      {"/readyz",
       [&gateway, &ready]() -> admin::Response {
         if (!ready) return {.status = 503, .body = "draining\n"};
         return Health(gateway);
       }},
      {"/metrics", [&gateway] { return Metrics(gateway); }},
  };
}

}  // namespace weir::cmd
