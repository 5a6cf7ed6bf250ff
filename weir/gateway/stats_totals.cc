#include "weir/gateway/stats_totals.h"

#include <algorithm>
#include <cassert>

#include "weir/gateway/command.h"

namespace weir::gateway {
namespace {

// The counters of LoopStats that are summed as they are.
struct Summed {
  Counter LoopStats::*counter;
  uint64_t StatsTotals::*total;
};
constexpr auto kSummed = std::to_array<Summed>({
    {&LoopStats::unknown_commands, &StatsTotals::unknown_commands},
    {&LoopStats::hits, &StatsTotals::hits},
    {&LoopStats::misses, &StatsTotals::misses},
    {&LoopStats::throttled, &StatsTotals::throttled},
    {&LoopStats::denied_command, &StatsTotals::denied_command},
    {&LoopStats::denied_key, &StatsTotals::denied_key},
    {&LoopStats::connections, &StatsTotals::connections},
    {&LoopStats::connections_refused, &StatsTotals::connections_refused},
    {&LoopStats::connections_closed_slow, &StatsTotals::connections_closed_slow},
    {&LoopStats::connections_killed, &StatsTotals::connections_killed},
    {&LoopStats::protocol_errors, &StatsTotals::protocol_errors},
    {&LoopStats::input_bytes, &StatsTotals::input_bytes},
    {&LoopStats::output_bytes, &StatsTotals::output_bytes},
    {&LoopStats::receives, &StatsTotals::receives},
    {&LoopStats::sends, &StatsTotals::sends},
});

}  // namespace

void LatencyTotals::Add(const LatencyCounters& counters) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    const uint64_t in_bucket = counters.bucket(i);
    buckets[i] += in_bucket;
    count += in_bucket;
  }
  sum_ns += counters.sum_ns();
}

void LatencyTotals::Subtract(const LatencyTotals& before) {
  for (size_t i = 0; i < buckets.size(); ++i) buckets[i] -= before.buckets[i];
  count -= before.count;
  sum_ns -= before.sum_ns;
}

double LatencyTotals::QuantileNs(double share) const {
  assert(share >= 0 && share <= 1);
  if (count == 0) return 0;
  const double wanted = share * static_cast<double>(count);
  double below = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto here = static_cast<double>(buckets[i]);
    if (here > 0 && below + here >= wanted) {
      const double lower = i == 0 ? 0 : static_cast<double>(LatencyCounters::UpperNs(i - 1));
      const auto upper = static_cast<double>(LatencyCounters::UpperNs(i));
      return lower + (upper - lower) * std::max(wanted - below, 0.0) / here;
    }
    below += here;
  }
  return static_cast<double>(LatencyCounters::UpperNs(buckets.size() - 1));
}

uint64_t LatencyTotals::CountBelowPower(size_t power) const {
  assert(power >= LatencyCounters::kFirstPower);
  const size_t end = 1 + (power - LatencyCounters::kFirstPower) * LatencyCounters::kStepsPerPower;
  uint64_t below = 0;
  for (size_t i = 0; i < std::min(end, buckets.size()); ++i) below += buckets[i];
  return below;
}

StatsTotals::StatsTotals() : commands(AllCommands().size()) {}

void StatsTotals::Add(const LoopStats& stats) {
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandCounters& from = stats.commands[i];
    CommandTotals& to = commands[i];
    to.rejected += from.rejected.value();
    if (from.calls.value() == 0) continue;
    to.calls += from.calls.value();
    to.failed += from.failed.value();
    to.latency.Add(from.latency);
    calls += from.calls.value();
  }
  for (size_t i = 0; i < errors.size(); ++i) {
    errors[i] += stats.errors[i].value();
    error_replies += stats.errors[i].value();
  }
  latency.Add(stats.latency);
  rounds.Add(stats.rounds);
  for (const Summed& summed : kSummed) this->*summed.total += (stats.*summed.counter).value();
  input_buffer_bytes += stats.input_buffer_bytes.value();
  output_buffer_bytes += stats.output_buffer_bytes.value();
  input_buffer_bytes_max = std::max(input_buffer_bytes_max, stats.input_buffer_bytes_max.value());
  output_buffer_bytes_max =
      std::max(output_buffer_bytes_max, stats.output_buffer_bytes_max.value());
  paused_clients += stats.paused_clients.value();
}

void StatsTotals::Subtract(const StatsTotals& before) {
  for (size_t i = 0; i < commands.size(); ++i) {
    commands[i].calls -= before.commands[i].calls;
    commands[i].failed -= before.commands[i].failed;
    commands[i].rejected -= before.commands[i].rejected;
    commands[i].latency.Subtract(before.commands[i].latency);
  }
  for (size_t i = 0; i < errors.size(); ++i) errors[i] -= before.errors[i];
  latency.Subtract(before.latency);
  rounds.Subtract(before.rounds);
  calls -= before.calls;
  error_replies -= before.error_replies;
  for (const Summed& summed : kSummed) this->*summed.total -= before.*summed.total;
}

}  // namespace weir::gateway
