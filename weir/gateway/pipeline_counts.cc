// The counting half of Pipeline: calls, failures, durations, what was slow.
#include <algorithm>

#include "weir/gateway/pipeline.h"

namespace weir::gateway {

void Pipeline::CountFailure(const CommandSpec& spec, const resp::Writer& writer) {
  if (writer.error_code().empty()) return;
  outbox_.stats->commands[CommandIndex(spec)].failed.Add(1);
  outbox_.stats->errors[errors::PrefixIndex(writer.error_code())].Add(1);
}

void Pipeline::CountRejection(const CommandSpec* spec, const Reply& reply) {
  const std::string_view text = reply.text;
  outbox_.stats->errors[errors::PrefixIndex(text.substr(0, text.find(' ')))].Add(1);
  if (spec == nullptr) {
    outbox_.stats->unknown_commands.Add(1);
  } else {
    outbox_.stats->commands[CommandIndex(*spec)].rejected.Add(1);
  }
}

void Pipeline::CountCall(const CommandSpec& spec, std::chrono::nanoseconds took, Args args) {
  const auto took_ns = static_cast<uint64_t>(std::max<int64_t>(took.count(), 0));
  CommandCounters& counters = outbox_.stats->commands[CommandIndex(spec)];
  counters.calls.Add(1);
  counters.latency.Record(took_ns, 1);
  gateway_.latency_events().Note(LatencyEvents::Event::kCommand, took_ns, outbox_.now.wall);
  if ((spec.flags & kFlagSkipSlowlog) != 0 || !gateway_.slow_log().IsSlow(took_ns)) return;
  gateway_.slow_log().Add(outbox_.now.wall, took_ns, args, session_.peer, session_.name);
}

// Of a command that may take long: measured by clock readings of its own.
std::chrono::nanoseconds Pipeline::CountSince(MonoTime start, const CommandSpec& spec, Args args) {
  const std::chrono::nanoseconds took = gateway_.clock().Mono() - start;
  CountCall(spec, took, args);
  outbox_.stats->latency.Record(static_cast<uint64_t>(std::max<int64_t>(took.count(), 0)), 1);
  return took;
}

void Pipeline::EndBurst(std::chrono::nanoseconds took) {
  Burst& burst = outbox_.burst;
  const uint64_t share = burst.ShareNs(took);
  const std::span<const Burst::Answered> answered = burst.answered();
  for (size_t begin = 0; begin < answered.size();) {
    size_t end = begin + 1;
    while (end < answered.size() && answered[end].spec == answered[begin].spec) ++end;
    CommandCounters& counters = outbox_.stats->commands[CommandIndex(*answered[begin].spec)];
    counters.calls.Add(end - begin);
    counters.latency.Record(share, end - begin);
    begin = end;
  }
  if (!answered.empty()) {
    outbox_.stats->latency.Record(share, answered.size());
    gateway_.latency_events().Note(LatencyEvents::Event::kFastCommand, share, outbox_.now.wall);
  }
  if (gateway_.slow_log().IsSlow(share)) {
    for (const Burst::Answered& each : answered) {
      gateway_.slow_log().Add(outbox_.now.wall, share, each.command->args(), session_.peer,
                              session_.name);
    }
  }
  burst.Clear();
}

}  // namespace weir::gateway
