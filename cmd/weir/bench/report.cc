#include "cmd/weir/bench/report.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weir::cmd {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 7> kQuantiles{{{"p50", 0.5},
                                                                         {"p90", 0.9},
                                                                         {"p95", 0.95},
                                                                         {"p99", 0.99},
                                                                         {"p99_9", 0.999},
                                                                         {"p99_99", 0.9999},
                                                                         {"max", 1}}};

double Microseconds(uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

CommandOutcome SumOf(const LoadOutcome& outcome) {
  CommandOutcome sum;
  for (const CommandOutcome& command : outcome.commands) {
    sum.answered.Merge(command.answered);
    sum.refused.Merge(command.refused);
    for (const auto& [code, count] : command.errors) sum.errors[code] += count;
    sum.late += command.late;
  }
  return sum;
}

std::string Row(const std::string& name, const CommandOutcome& outcome, double seconds) {
  std::string row =
      fmt::format("{:<10}{:>12}{:>12.0f}{:>10}", name, outcome.answered.count(),
                  static_cast<double>(outcome.answered.count()) / seconds, outcome.refused.count());
  for (const auto& [label, share] : kQuantiles) {
    if (label == "p90" || label == "p99_99") continue;
    row += fmt::format("{:>10.1f}", Microseconds(outcome.answered.QuantileNs(share)));
  }
  return row + "\n";
}

std::string JsonText(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      if (c == '"' || c == '\\') json += '\\';
      json += c;
    }
  }
  return json + "\"";
}

std::string JsonLatencies(const Latencies& latencies) {
  std::string json;
  for (const auto& [label, share] : kQuantiles) {
    json += fmt::format("{}\"{}\":{:.1f}", json.empty() ? "{" : ",", label,
                        Microseconds(latencies.QuantileNs(share)));
  }
  return json + "}";
}

std::string JsonCommand(const CommandOutcome& outcome, double seconds) {
  std::string errors;
  for (const auto& [code, count] : outcome.errors) {
    errors += fmt::format("{}{}:{}", errors.empty() ? "" : ",", JsonText(code), count);
  }
  const uint64_t answered = outcome.answered.count();
  return fmt::format(
      R"("answered":{},"per_second":{:.1f},"late":{},"in_time_per_second":{:.1f},"refused":{},)"
      R"("errors":{{{}}},"latency_us":{},"refused_latency_us":{})",
      answered, static_cast<double>(answered) / seconds, outcome.late,
      static_cast<double>(answered - outcome.late) / seconds, outcome.refused.count(), errors,
      JsonLatencies(outcome.answered), JsonLatencies(outcome.refused));
}

std::string_view NameOf(KeyNumbers::Kind kind) {
  switch (kind) {
    case KeyNumbers::Kind::kUniform:
      return "uniform";
    case KeyNumbers::Kind::kZipf:
      return "zipf";
    case KeyNumbers::Kind::kHotSpot:
      return "hot-spot";
    case KeyNumbers::Kind::kSequential:
      return "sequential";
  }
  return "";
}

}  // namespace

std::string ReportTable(const LoadPlan& plan, const LoadOutcome& outcome, double seconds) {
  std::string text =
      fmt::format("{:.1f} s against {}, {} connections, pipeline {}, {} keys ({}), {}\n\n", seconds,
                  plan.server.ToString(), plan.connections, plan.pipeline, plan.keys.count,
                  NameOf(plan.keys.kind),
                  plan.rate > 0 ? fmt::format("open loop at {:.0f}/s", plan.rate) : "closed loop");
  text +=
      fmt::format("{:<10}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "command", "answered",
                  "per second", "refused", "p50 us", "p95 us", "p99 us", "p99.9 us", "max us");
  for (size_t i = 0; i < plan.mix.size() && plan.mix.size() > 1; ++i) {
    text += Row(plan.mix[i].request.name(), outcome.commands[i], seconds);
  }
  const CommandOutcome sum = SumOf(outcome);
  text += Row(plan.mix.size() > 1 ? "all" : plan.mix.front().request.name(), sum, seconds);
  const auto note = [&](uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{} {}\n", count, what);
  };
  for (const auto& [code, count] : sum.errors) note(count, "refused with " + code);
  note(sum.late, fmt::format("answered later than the deadline of {:.1f} ms",
                             static_cast<double>(plan.deadline.count()) / 1e6));
  note(outcome.unsent, "were due, but every connection was full until the end");
  note(outcome.unanswered, "were sent and not answered");
  note(outcome.connections_lost, "connections lost: " + outcome.broken);
  return text;
}

std::string ReportJson(const LoadPlan& plan, const LoadOutcome& outcome, double seconds) {
  std::string commands;
  for (size_t i = 0; i < plan.mix.size(); ++i) {
    commands += fmt::format("{}{{\"command\":{},\"weight\":{},{}}}", i == 0 ? "" : ",",
                            JsonText(plan.mix[i].request.name()), plan.mix[i].weight,
                            JsonCommand(outcome.commands[i], seconds));
  }
  return fmt::format(
      R"({{"server":{},"loop":"{}","rate":{:.1f},"connections":{},"pipeline":{},"threads":{},)"
      R"("keys":{},"distribution":"{}","seed":{},"deadline_ms":{:.3f},"seconds":{:.3f},{},)"
      R"("unsent":{},"unanswered":{},"connections_lost":{},"commands":[{}]}})"
      "\n",
      JsonText(plan.server.ToString()), plan.rate > 0 ? "open" : "closed", plan.rate,
      plan.connections, plan.pipeline, plan.threads, plan.keys.count, NameOf(plan.keys.kind),
      plan.seed, static_cast<double>(plan.deadline.count()) / 1e6, seconds,
      JsonCommand(SumOf(outcome), seconds), outcome.unsent, outcome.unanswered,
      outcome.connections_lost, commands);
}

}  // namespace weir::cmd
