#include "cmd/weir/metrics_page.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/metric_list.h"
#include "cmd/weir/metrics_redis.h"

#include "weir/gateway/command.h"

namespace weir::cmd {
namespace {

using admin::Metric;
using admin::MetricType;
using admin::Sample;
using gateway::CommandTotals;
using gateway::Gateway;
using gateway::LatencyCounters;
using gateway::LatencyTotals;
using gateway::StatsTotals;

// Bounds of the histograms: each power of two nanoseconds from 1 us to 17 s, in steps.
constexpr size_t kLastPower = 34;

// Multiples of the cache's memory, as a label and a number.
constexpr std::pair<const char*, double> kEstimates[] = {
    {"0.5", 0.5}, {"1", 1}, {"2", 2}, {"4", 4}};

admin::HistogramValue HistogramOf(const LatencyTotals& latency, size_t power_step) {
  admin::HistogramValue histogram;
  for (size_t power = LatencyCounters::kFirstPower; power <= kLastPower; power += power_step) {
    histogram.buckets.push_back(
        {static_cast<double>(uint64_t{1} << power) * 1e-9, latency.CountBelowPower(power)});
  }
  histogram.count = latency.count;
  histogram.sum = static_cast<double>(latency.sum_ns) * 1e-9;
  return histogram;
}

void AddCommands(MetricList& list, const StatsTotals& totals) {
  Metric requests{
      "weir_requests_total", "Requests by command and result.", MetricType::kCounter, {}};
  Metric durations{"weir_command_duration_seconds",
                   "What commands took, from their turn on their connection to their reply.",
                   MetricType::kHistogram,
                   {}};
  for (size_t i = 0; i < totals.commands.size(); ++i) {
    const CommandTotals& command = totals.commands[i];
    if (command.calls == 0 && command.rejected == 0) continue;
    const std::string name(gateway::AllCommands()[i].name);
    const auto add = [&](const char* result, uint64_t count) {
      requests.samples.push_back(
          {{{"command", name}, {"result", result}}, static_cast<double>(count)});
    };
    add("ok", command.calls - std::min(command.calls, command.failed));
    add("error", command.failed);
    add("rejected", command.rejected);
    Sample duration{.labels = {{"command", name}}};
    duration.histogram = HistogramOf(command.latency, 2);
    durations.samples.push_back(std::move(duration));
  }
  list.Add(std::move(requests));
  list.Add(std::move(durations));
  Metric all{"weir_request_duration_seconds",
             "From the arrival of a request to its reply, all commands together.",
             MetricType::kHistogram,
             {Sample{}}};
  all.samples[0].histogram = HistogramOf(totals.latency, 1);
  list.Add(std::move(all));
  list.Counter("weir_unknown_commands_total", "Requests for commands that do not exist.",
               totals.unknown_commands);
}

// `counts`: of each of cache::kBehaviours.
void AddByPolicy(MetricList& list, std::string name, std::string help, MetricType type,
                 const std::array<uint64_t, cache::kBehaviours.size()>& counts) {
  Metric metric{std::move(name), std::move(help), type, {}};
  for (size_t i = 0; i < counts.size(); ++i) {
    metric.samples.push_back(
        {{{"policy", std::string(cache::kBehaviours[i].name)}}, static_cast<double>(counts[i])});
  }
  list.Add(std::move(metric));
}

void AddCache(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  const gateway::Lanes::Totals cache = gateway.lanes().Sum();
  list.Counter("weir_cache_hits_total", "Keys read from memory.", totals.hits);
  list.Counter("weir_cache_misses_total", "Keys read from a database.", totals.misses);
  list.Gauge("weir_cache_bytes", "Bytes of all cache entries.", cache.bytes);
  list.Gauge("weir_cache_budget_bytes",
             "Bytes that cache entries may take, with what is remembered of those "
             "that are gone.",
             cache.budget_bytes);
  list.Gauge("weir_cache_entries", "Cache entries, absent keys included.", cache.entries);
  list.Counter("weir_cache_fills_total", "Loads that filled the cache.", cache.lane.fills);
  list.Counter("weir_cache_stale_fills_rejected_total",
               "Loads that a write had overtaken, so that they were not cached.",
               cache.lane.stale_fills_rejected);
  AddByPolicy(list, "weir_cache_policy_lanes",
              "Parts of the cache that act as a replacement policy.", MetricType::kGauge,
              cache.lanes_by_policy);
  list.Counter("weir_cache_policy_changes_total",
               "Changes of a part of the cache to another policy.", cache.policy_changes);
  list.Counter("weir_cache_policy_sampled_lookups_total",
               "Keys looked up, of the sample by which policies are chosen.",
               cache.sampled_lookups);
  AddByPolicy(list, "weir_cache_policy_sampled_hits_total",
              "Of these, how many a policy would have had in memory.", MetricType::kCounter,
              cache.sampled_hits);
  list.Counter("weir_cache_too_large_total",
               "Values that were not kept since they are above an eighth of their part of the "
               "cache.",
               cache.cache.rejected);
  if (const auto reading = gateway.MissRatios()) {
    Metric ratios{"weir_cache_estimated_hit_ratio",
                  "Hit ratio of the last ten minutes, had the cache had so many times its memory.",
                  MetricType::kGauge,
                  {}};
    for (const auto& [memory, scale] : kEstimates) {
      ratios.samples.push_back(
          {{{"memory", memory}}, 1 - cache::MissRatioCurve::MissRatio(reading->counts, scale)});
    }
    list.Add(std::move(ratios));
  }
  list.Counter("weir_loads_total", "Reads of a key from a database.", cache.loads_begun);
  list.Counter("weir_loads_joined_total", "Reads that joined a load already under way.",
               cache.loads_joined);
  list.Gauge("weir_loads_under_way", "Loads under way.", cache.loads_under_way);
}

// As many series of each as keyspaces are configured.
void AddKeyspaces(MetricList& list, const Gateway& gateway) {
  Metric stale{"weir_cache_stale_total",
               "Keys answered from memory past their time, by why that was done.",
               MetricType::kCounter,
               {}};
  Metric refreshes{"weir_cache_refreshes_total",
                   "Loads that began while readers were answered from memory.",
                   MetricType::kCounter,
                   {}};
  Metric timeouts{"weir_load_timeouts_total",
                  "Reads that were refused after load_hard_timeout.",
                  MetricType::kCounter,
                  {}};
  Metric invalidations{
      "weir_cache_invalidations_total", "WEIR.INVALIDATE requests.", MetricType::kCounter, {}};
  for (const gateway::Keyspace& keyspace : gateway.placement().keyspaces()) {
    const gateway::KeyspaceCounters& counters = *keyspace.counters;
    const auto add = [&](Metric& metric, const std::atomic<uint64_t>& value) {
      metric.samples.push_back({{{"keyspace", keyspace.prefix}}, static_cast<double>(value)});
    };
    const auto add_stale = [&](const char* why, const std::atomic<uint64_t>& value) {
      stale.samples.push_back(
          {{{"keyspace", keyspace.prefix}, {"why", why}}, static_cast<double>(value)});
    };
    add_stale("revalidate", counters.stale_while_revalidate);
    add_stale("error", counters.stale_if_error);
    add_stale("soft_timeout", counters.soft_timeouts);
    add(refreshes, counters.refreshes);
    add(timeouts, counters.hard_timeouts);
    add(invalidations, counters.invalidations);
  }
  for (Metric* metric : {&stale, &refreshes, &timeouts, &invalidations}) {
    list.Add(std::move(*metric));
  }
}

void AddLimits(MetricList& list, Gateway& gateway, const StatsTotals& totals) {
  Metric delayed{"weir_ratelimit_delayed_total",
                 "Requests allowed after they had waited for the policy.",
                 MetricType::kCounter,
                 {}};
  Metric decisions{
      "weir_ratelimit_decisions_total", "Decisions by policy.", MetricType::kCounter, {}};
  Metric near{"weir_ratelimit_near_total",
              "Requests allowed that left less than a fifth of a burst.",
              MetricType::kCounter,
              {}};
  for (const gateway::Admission::PolicyView& policy : gateway.admission().Policies()) {
    const auto add = [&](const char* decision, uint64_t value) {
      decisions.samples.push_back(
          {{{"policy", policy.name}, {"decision", decision}}, static_cast<double>(value)});
    };
    add("allow", policy.counters.allowed);
    add("deny", policy.counters.denied);
    add("shadow", policy.counters.shadowed);
    near.samples.push_back({{{"policy", policy.name}}, static_cast<double>(policy.counters.near)});
    delayed.samples.push_back(
        {{{"policy", policy.name}}, static_cast<double>(policy.counters.delayed)});
  }
  list.Add(std::move(decisions));
  list.Add(std::move(near));
  list.Add(std::move(delayed));
  list.Gauge("weir_ratelimit_waiting", "Commands that wait at limits.",
             gateway.admission().waits().count());
  const limit::TableCounters table = gateway.admission().Table();
  list.Gauge("weir_ratelimit_buckets", "Places of buckets in use.", table.used_slots);
  list.Gauge("weir_ratelimit_buckets_max", "Places of buckets.", table.slots);
  list.Counter("weir_ratelimit_buckets_evicted_total", "Buckets forgotten before they were full.",
               table.evicted_live);
  list.Add({"weir_ratelimit_buckets_crowded_total",
            "Newcomers without a place for their bucket, by what became of them.",
            MetricType::kCounter,
            {{{{"decision", "denied"}}, static_cast<double>(table.crowded_denied)},
             {{{"decision", "allowed"}}, static_cast<double>(table.crowded_allowed)}}});
  list.Counter("weir_throttled_total", "Requests refused by a rate limit.", totals.throttled);
}

void AddDatabases(MetricList& list, Gateway& gateway) {
  std::vector<std::pair<std::string, std::vector<Sample>>> counters;
  const auto add = [&](const std::string& name, size_t database, uint64_t value) {
    auto found = std::find_if(counters.begin(), counters.end(),
                              [&](const auto& entry) { return entry.first == name; });
    if (found == counters.end()) found = counters.insert(found, {name, {}});
    found->second.push_back({{{"database", std::to_string(database)}}, static_cast<double>(value)});
  };
  Metric durations{"weir_db_request_duration_seconds",
                   "What requests to a database took: loads of keys, commits of a batch of writes.",
                   MetricType::kHistogram,
                   {}};
  Metric healthy{"weir_db_healthy", "Whether the database takes writes.", MetricType::kGauge, {}};
  for (size_t i = 0; i < gateway.databases(); ++i) {
    gateway::Database& database = gateway.database(i);
    for (const auto& [name, value] : database.store().Counters()) {
      add("weir_store_" + name + "_total", i, value);
    }
    const gateway::Committer::Counters committer = database.committer().counters();
    add("weir_db_batches_total", i, committer.batches);
    add("weir_db_writes_total", i, committer.writes);
    add("weir_db_writes_refused_total", i, committer.refused);
    add("weir_db_unknown_outcomes_total", i, committer.unknown);
    add("weir_db_expired_total", i, committer.expired);
    for (const auto& [op, latency] : {std::pair{"load", database.LoadDurations()},
                                      std::pair{"commit", database.committer().Durations()}}) {
      Sample sample{.labels = {{"database", std::to_string(i)}, {"op", op}}};
      sample.histogram = HistogramOf(latency, 2);
      durations.samples.push_back(std::move(sample));
    }
    healthy.samples.push_back(
        {{{"database", std::to_string(i)}}, database.store().Health().ok() ? 1.0 : 0.0});
  }
  for (auto& [name, samples] : counters) {
    list.Add({name, "Of each database, counted by its driver or its log.", MetricType::kCounter,
              std::move(samples)});
  }
  list.Add(std::move(durations));
  list.Add(std::move(healthy));
}

void AddMoves(MetricList& list, Gateway& gateway) {
  const gateway::RangeMoves::Totals totals = gateway.moves().totals();
  const auto seconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  };
  list.Gauge("weir_moves", "Moves of ranges that have not ended.", totals.moves);
  list.Gauge("weir_moves_written_keys", "Keys written meanwhile that the copies may lack.",
             totals.written);
  list.Counter("weir_moves_flips_total", "Ranges that went over, or came back.", totals.flips);
  list.Counter("weir_moves_keys_total", "Records that were brought over.", totals.keys);
  list.Counter("weir_moves_bytes_total", "Their bytes.", totals.bytes);
  list.Counter("weir_moves_failures_total", "Steps that failed and were made again.",
               totals.failures);
  list.Counter("weir_moves_holds_total", "Times that writes of a database waited for a move.",
               totals.holds);
  list.Add({"weir_moves_held_seconds_total",
            "How long in all.",
            MetricType::kCounter,
            {{{}, seconds(totals.held)}}});
  list.Add({"weir_moves_held_longest_seconds",
            "The longest time.",
            MetricType::kGauge,
            {{{}, seconds(totals.held_longest)}}});
}

// Loads and writes apart, since each has a queue of its own.
void AddAdmission(MetricList& list, Gateway& gateway) {
  const auto gauge = [](const char* name, const char* help) {
    return Metric{name, help, MetricType::kGauge, {}};
  };
  Metric limit = gauge("weir_admission_limit", "Keys that may be in the database at once.");
  Metric under_way = gauge("weir_admission_under_way", "Keys that are in the database.");
  Metric waiting = gauge("weir_admission_waiting", "Requests that wait for a place there.");
  Metric standing = gauge("weir_admission_standing",
                          "Whether more waits, again and again, than the database can do.");
  Metric circuit = gauge("weir_admission_circuit_open",
                         "Whether requests are refused because the database does not answer.");
  Metric refused{"weir_admission_refused_total",
                 "Requests answered OVERLOADED at the database's door, by reason.",
                 MetricType::kCounter,
                 {}};
  for (size_t i = 0; i < gateway.databases(); ++i) {
    gateway::Database& database = gateway.database(i);
    for (const auto& [op, facts] : {std::pair{"load", database.LoadAdmission()},
                                    std::pair{"commit", database.committer().Facts()}}) {
      const auto labels = [&, i] {
        return std::vector<std::pair<std::string, std::string>>{{"database", std::to_string(i)},
                                                                {"op", op}};
      };
      limit.samples.push_back({labels(), static_cast<double>(facts.limit)});
      under_way.samples.push_back({labels(), static_cast<double>(facts.under_way)});
      waiting.samples.push_back({labels(), static_cast<double>(facts.waiting)});
      standing.samples.push_back({labels(), facts.standing ? 1.0 : 0.0});
      circuit.samples.push_back({labels(), facts.circuit_closed ? 0.0 : 1.0});
      for (size_t reason = 0; reason < facts.refused.size(); ++reason) {
        auto by_reason = labels();
        by_reason.emplace_back("reason", gateway::Overload::kNames[reason]);
        refused.samples.push_back({by_reason, static_cast<double>(facts.refused[reason])});
      }
    }
  }
  for (Metric* metric : {&limit, &under_way, &waiting, &standing, &circuit, &refused}) {
    list.Add(std::move(*metric));
  }
}

void AddConnections(MetricList& list, const StatsTotals& totals) {
  list.Counter("weir_protocol_errors_total", "Connections ended for what they sent.",
               totals.protocol_errors);
  list.Counter("weir_connections_refused_total", "Connections over max_clients.",
               totals.connections_refused);
  list.Counter("weir_connections_closed_slow_total",
               "Connections closed for a command that did not arrive, or replies not taken.",
               totals.connections_closed_slow);
  list.Counter("weir_connections_killed_total", "Connections closed by CLIENT KILL.",
               totals.connections_killed);
  list.Gauge("weir_client_input_bytes", "Bytes held of what clients sent.",
             totals.input_buffer_bytes);
  list.Gauge("weir_client_output_bytes", "Bytes of replies that clients have not taken.",
             totals.output_buffer_bytes);
}

void AddTls(MetricList& list, const server::TlsAcceptor& tls) {
  const server::TlsAcceptor::Counts& counts = tls.counts();
  Metric handshakes{
      "weir_tls_handshakes_total", "TLS handshakes that ended, by how.", MetricType::kCounter, {}};
  for (const auto& [result, count] :
       {std::pair{"done", &counts.done}, std::pair{"failed", &counts.failed},
        std::pair{"timed_out", &counts.timed_out}, std::pair{"not_tls", &counts.not_tls}}) {
    handshakes.samples.push_back({{{"result", result}}, static_cast<double>(count->value())});
  }
  list.Add(std::move(handshakes));
  list.Gauge("weir_tls_handshakes_under_way", "TLS handshakes that have not ended.",
             tls.under_way());
  list.GaugeOf("weir_tls_certificate_expiry_timestamp_seconds",
               "When the certificate that is shown ends, in Unix time.",
               static_cast<double>(tls.certificate_ends()));
}

void AddLoops(MetricList& list, const StatsTotals& totals) {
  Metric rounds{"weir_loop_slice_seconds",
                "How long event loops ran before they looked at their connections again.",
                MetricType::kHistogram,
                {Sample{}}};
  rounds.samples[0].histogram = HistogramOf(totals.rounds, 1);
  list.Add(std::move(rounds));
}

void AddNodes(MetricList& list, const nodes::NodeTable& table) {
  list.Add({"weir_node_info",
            "This node of several; nodes with different digests have different lists. Always 1.",
            MetricType::kGauge,
            {{{{"node", table.node(table.self()).id}, {"digest", table.digest()}}, 1}}});
  uint64_t slots = 0;
  for (size_t i = 0; i < table.nodes().size(); ++i) {
    if (table.slots().nodes()[i].id == table.self()) slots = table.SlotsOf(i);
  }
  list.Gauge("weir_node_slots", "Slots that this node serves, of 16384.", slots);
}

void AddAgreement(MetricList& list, const NodeAgreement::Counts& counts) {
  list.Gauge("weir_nodes_differing",
             "Nodes that were given another list than this one, or are another process than the "
             "list says; above 0 keys of some slots may be on two nodes.",
             counts.differing);
  list.Gauge("weir_nodes_unconfirmed",
             "Nodes that have not said whether they have the list of this one.", counts.unknown);
}

void AddProcess(MetricList& list, Gateway& gateway) {
  const gateway::ProcessInfo& process = gateway.process();
  Metric parts{
      "weir_memory_budget_bytes", "How the memory budget is divided.", MetricType::kGauge, {}};
  for (const gateway::MemoryPart& part : process.memory_parts) {
    parts.samples.push_back({{{"part", part.name}}, static_cast<double>(part.budget_bytes)});
  }
  list.Add(std::move(parts));
  list.Add({"weir_build_info",
            "The version that runs; always 1.",
            MetricType::kGauge,
            {{{{"version", process.version}}, 1}}});
}

}  // namespace

std::string MetricsPage(Gateway& gateway, const server::TlsAcceptor* tls, const NodeWatch* watch) {
  MetricList list;
  const StatsTotals totals = gateway.Totals();
  AddRedisMetrics(list, gateway, totals);
  AddCommands(list, totals);
  AddCache(list, gateway, totals);
  AddKeyspaces(list, gateway);
  AddLimits(list, gateway, totals);
  AddDatabases(list, gateway);
  AddAdmission(list, gateway);
  AddMoves(list, gateway);
  AddConnections(list, totals);
  if (tls != nullptr) AddTls(list, *tls);
  if (gateway.nodes() != nullptr) AddNodes(list, *gateway.nodes());
  if (watch != nullptr) AddAgreement(list, watch->counts());
  AddLoops(list, totals);
  AddProcess(list, gateway);
  return list.Render();
}

}  // namespace weir::cmd
