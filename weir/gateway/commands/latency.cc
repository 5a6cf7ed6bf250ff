// LATENCY: when something took longer than a threshold, and how long commands take.
#include <algorithm>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

using Sample = LatencyEvents::Sample;

constexpr size_t kGraphColumns = 80;
constexpr size_t kGraphRows = 4;

std::vector<Sample> HistoryOf(Gateway& gateway, std::string_view name) {
  const std::optional<LatencyEvents::Event> event = LatencyEvents::FindEvent(name);
  return event.has_value() ? gateway.latency_events().History(*event) : std::vector<Sample>();
}

// One column for each of the latest samples, the height by the worst of them.
std::string Graph(std::string_view name, std::vector<Sample> samples) {
  if (samples.size() > kGraphColumns) samples.erase(samples.begin(), samples.end() - kGraphColumns);
  const auto by_ms = [](const Sample& a, const Sample& b) { return a.ms < b.ms; };
  const uint64_t low = std::min_element(samples.begin(), samples.end(), by_ms)->ms;
  const uint64_t high = std::max_element(samples.begin(), samples.end(), by_ms)->ms;
  std::string text = std::string(name) + " - high " + std::to_string(high) + " ms, low " +
                     std::to_string(low) + " ms\n" + std::string(kGraphColumns, '-') + "\n";
  for (size_t row = kGraphRows; row > 0; --row) {
    for (const Sample& sample : samples) {
      const bool full = sample.ms * kGraphRows >= high * row || row == 1;
      text += full ? '#' : ' ';
    }
    text += '\n';
  }
  return text + "oldest on the left; each column is one second in which it happened\n";
}

// How many calls took up to each power of two of nanoseconds, in microseconds, where it changes.
void WriteHistogram(const CommandTotals& command, resp::Writer& writer) {
  std::vector<std::pair<uint64_t, uint64_t>> steps;
  uint64_t before = 0;
  const size_t first = LatencyCounters::kFirstPower;
  for (size_t power = first; power <= first + LatencyCounters::kPowers; ++power) {
    const uint64_t below = command.latency.CountBelowPower(power);
    if (below == before) continue;
    steps.emplace_back(((uint64_t{1} << power) + 500) / 1000, below);
    before = below;
  }
  writer.MapHeader(2);
  writer.Bulk("calls");
  writer.Integer(static_cast<int64_t>(command.calls));
  writer.Bulk("histogram_usec");
  writer.MapHeader(steps.size());
  for (const auto& [us, count] : steps) {
    writer.Integer(static_cast<int64_t>(us));
    writer.Integer(static_cast<int64_t>(count));
  }
}

// Whether one of the words, or there is none, names the row or the command that it belongs to.
bool Wanted(const CommandSpec& spec, Args words) {
  const std::string_view parent = spec.name.substr(0, spec.name.find('|'));
  return words.empty() || std::any_of(words.begin(), words.end(), [&](std::string_view word) {
           return SameWord(word, spec.name) || SameWord(word, parent);
         });
}

}  // namespace

void LatencyLatest(const LocalCall& call, resp::Writer& writer) {
  const std::vector<LatencyEvents::Summary> latest = call.gateway.latency_events().Latest();
  writer.ArrayHeader(latest.size());
  for (const LatencyEvents::Summary& summary : latest) {
    writer.ArrayHeader(4);
    writer.Bulk(LatencyEvents::kNames[static_cast<size_t>(summary.event)]);
    writer.Integer(summary.latest.unix_seconds);
    writer.Integer(static_cast<int64_t>(summary.latest.ms));
    writer.Integer(static_cast<int64_t>(summary.worst_ms));
  }
}

void LatencyHistory(const LocalCall& call, resp::Writer& writer) {
  const std::vector<Sample> samples = HistoryOf(call.gateway, call.args[2]);
  writer.ArrayHeader(samples.size());
  for (const Sample& sample : samples) {
    writer.ArrayHeader(2);
    writer.Integer(sample.unix_seconds);
    writer.Integer(static_cast<int64_t>(sample.ms));
  }
}

void LatencyGraph(const LocalCall& call, resp::Writer& writer) {
  std::vector<Sample> samples = HistoryOf(call.gateway, call.args[2]);
  if (samples.empty()) {
    WriteError(writer, errors::NoLatencySamples(call.args[2]));
  } else {
    writer.Verbatim("txt", Graph(call.args[2], std::move(samples)));
  }
}

void LatencyReset(const LocalCall& call, resp::Writer& writer) {
  int64_t reset = 0;
  for (size_t i = 0; i < LatencyEvents::kNames.size(); ++i) {
    const Args names = call.args.subspan(2);
    const bool wanted = names.empty() || std::find(names.begin(), names.end(),
                                                   LatencyEvents::kNames[i]) != names.end();
    if (wanted) {
      reset += call.gateway.latency_events().Reset(static_cast<LatencyEvents::Event>(i)) ? 1 : 0;
    }
  }
  writer.Integer(reset);
}

void LatencyDoctor(const LocalCall& call, resp::Writer& writer) {
  const LatencyEvents& events = call.gateway.latency_events();
  std::string text;
  if (events.threshold_ms() == 0) {
    text =
        "Latency is not watched. Send CONFIG SET latency-monitor-threshold MILLISECONDS, or set "
        "latency_threshold in the configuration file.\n";
  } else if (events.Latest().empty()) {
    text = "Nothing has taken " + std::to_string(events.threshold_ms()) + " ms or longer.\n";
  }
  for (const LatencyEvents::Summary& summary : events.Latest()) {
    uint64_t sum = 0;
    const std::vector<Sample> samples = events.History(summary.event);
    for (const Sample& sample : samples) sum += sample.ms;
    text += std::string(LatencyEvents::kNames[static_cast<size_t>(summary.event)]) + ": " +
            std::to_string(samples.size()) + " seconds in which it took " +
            std::to_string(events.threshold_ms()) + " ms or longer, " +
            std::to_string(sum / samples.size()) + " ms on average, " +
            std::to_string(summary.worst_ms) + " ms at worst.\n";
  }
  writer.Verbatim("txt", text);
}

void LatencyHistogram(const LocalCall& call, resp::Writer& writer) {
  const StatsTotals totals = call.gateway.TotalsSinceReset();
  std::vector<size_t> shown;
  for (size_t i = 0; i < totals.commands.size(); ++i) {
    const bool called = totals.commands[i].latency.count > 0;
    if (called && Wanted(AllCommands()[i], call.args.subspan(2))) shown.push_back(i);
  }
  writer.MapHeader(shown.size());
  for (const size_t i : shown) {
    writer.Bulk(AllCommands()[i].name);
    WriteHistogram(totals.commands[i], writer);
  }
}

}  // namespace weir::gateway::commands
