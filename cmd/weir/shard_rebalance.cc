// The part of `weir shard` that plans moves: rebalance and drain.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cmd/weir/progress.h"
#include "cmd/weir/shard_command.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weir/shard/move_plan.h"

namespace weir::cmd {
namespace {

using resp::Value;
using shard::PlannedMove;
using shard::ShardId;

int Complain(const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  return 1;
}

std::string Hex(shard::Position position) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(position.value));
  return text;
}

shard::Position FromHex(const std::string& text) {
  shard::Position position;
  std::from_chars(text.data(), text.data() + text.size(), position.value, 16);
  return position;
}

std::string Number(ShardId shard) {
  return std::to_string(static_cast<uint32_t>(shard));
}

// What WEIR.SHARD LIST COUNT says (weir/gateway/shard_list_operation.h).
struct Shards {
  explicit Shards(const Value& list) {
    std::map<std::string, uint32_t> directories;
    for (const Value& entry : list.items.at(1).items) {
      const std::string& name = entry.items.at(1).text;
      places.push_back(directories.emplace(name, directories.size()).first->second);
      names.push_back(name);
    }
    for (const Value& entry : list.items.at(2).items) {
      ranges.push_back({{FromHex(entry.items.at(0).text), FromHex(entry.items.at(1).text),
                         ShardId{static_cast<uint32_t>(entry.items.at(2).integer)}},
                        static_cast<uint64_t>(entry.items.at(4).integer)});
      beginnings.insert(ranges.back().range.from);
    }
  }

  std::string NameOf(ShardId shard) const {
    return Number(shard) + " (" + names[static_cast<size_t>(shard)] + ")";
  }

  std::vector<std::string> names;  // Of the directory of each shard.
  std::vector<uint32_t> places;
  std::vector<shard::WeighedRange> ranges;
  std::set<shard::Position> beginnings;  // Of ranges, also of those that were cut since.
};

uint64_t BytesOf(const shard::MovePlan& plan) {
  uint64_t bytes = 0;
  for (const PlannedMove& move : plan.moves) bytes += move.amount;
  return bytes;
}

nlohmann::ordered_json PlanAsJson(const shard::MovePlan& plan) {
  nlohmann::ordered_json json = {{"moves", nlohmann::ordered_json::array()},
                                 {"uncut", nlohmann::ordered_json::array()},
                                 {"bytes", BytesOf(plan)},
                                 {"peak_to_mean_before", shard::PeakToMean(plan.before)},
                                 {"peak_to_mean_after", shard::PeakToMean(plan.after)}};
  for (const PlannedMove& move : plan.moves) {
    json["moves"].push_back({{"from", Hex(move.from)},
                             {"to", Hex(move.to)},
                             {"source", static_cast<uint32_t>(move.source)},
                             {"target", static_cast<uint32_t>(move.target)},
                             {"bytes", move.amount}});
  }
  for (const shard::WeighedRange& uncut : plan.uncut) {
    json["uncut"].push_back({{"from", Hex(uncut.range.from)}, {"bytes", uncut.amount}});
  }
  return json;
}

std::string TextOf(const Shards& shards, const PlannedMove& move) {
  return Hex(move.from) + " to " + (move.to.value == 0 ? "end" : Hex(move.to)) + "  shard " +
         shards.NameOf(move.source) + " -> " + shards.NameOf(move.target) + "  about " +
         ProgressLine::Size(move.amount);
}

void PrintPlan(const Shards& shards, const shard::MovePlan& plan) {
  for (const shard::WeighedRange& uncut : plan.uncut) {
    std::printf("%s holds %s of so few {tags} that a cut would even out nothing\n",
                Hex(uncut.range.from).c_str(), ProgressLine::Size(uncut.amount).c_str());
  }
  if (plan.moves.empty()) return static_cast<void>(std::puts("nothing to move"));
  for (const PlannedMove& move : plan.moves) std::puts(TextOf(shards, move).c_str());
  std::printf("%zu moves, about %s; the fullest directory holds %.2f times the mean, then %.2f\n",
              plan.moves.size(), ProgressLine::Size(BytesOf(plan)).c_str(),
              shard::PeakToMean(plan.before), shard::PeakToMean(plan.after));
}

// Cuts the range that holds `at` there, unless one begins there.
Result<Ok> CutAt(ServerLink& link, Shards& shards, shard::Position at) {
  if (at.value == 0 || shards.beginnings.contains(at)) return Ok{};
  const shard::Position from = *--shards.beginnings.upper_bound(at);
  const Result<Value> cut = Ask(link, {"WEIR.SHARD", "SPLIT", Hex(from), "AT", Hex(at)});
  if (!cut.ok()) return cut.error();
  shards.beginnings.insert(at);
  return Ok{};
}

Result<Ok> CarryOut(ServerLink& link, Shards& shards, const PlannedMove& move,
                    const std::string& which) {
  for (const shard::Position at : {move.from, move.to}) {
    const Result<Ok> cut = CutAt(link, shards, at);
    if (!cut.ok()) return cut;
  }
  return MoveForGood(link, Hex(move.from), Number(move.target), which + ": ");
}

// Asks for the shards and their sizes. Errors: also when a move stands, which would be in the way.
Result<Shards> AskShards(ServerLink& link) {
  const Result<std::string> standing = StandingMove(link);
  if (!standing.ok()) return standing.error();
  if (!standing.value().empty()) {
    return Error{ErrorCode::kUnavailable,
                 standing.value() + "\nfirst end it, by `weir shard finish` or `cancel`"};
  }
  const Result<Value> list = Ask(link, {"WEIR.SHARD", "LIST", "COUNT"});
  if (!list.ok()) return list.error();
  return Shards(list.value());
}

// Shows the plan, and unless that is all that is wanted, does as it says.
int Execute(const ShardArguments& arguments, ServerLink& link, Shards& shards,
            const shard::MovePlan& plan) {
  if (!arguments.json) {
    PrintPlan(shards, plan);
  } else if (arguments.dry_run) {
    std::puts(PlanAsJson(plan).dump().c_str());
  }
  if (arguments.dry_run) return 0;
  for (size_t i = 0; i < plan.moves.size(); ++i) {
    const std::string which = std::to_string(i + 1) + " of " + std::to_string(plan.moves.size());
    const Result<Ok> moved = CarryOut(link, shards, plan.moves[i], which);
    if (!moved.ok()) {
      return Complain("move " + which + ": " + moved.error().message +
                      "\nthe moves before it are done; look at `weir shard status`, and run this "
                      "again for the rest");
    }
    if (!arguments.json) std::printf("%s is done\n", which.c_str());
  }
  if (arguments.json) std::puts(PlanAsJson(plan).dump().c_str());
  return 0;
}

}  // namespace

void DeclareShardPlans(CLI::App& shard, ShardArguments& arguments) {
  CLI::App* rebalance = shard.add_subcommand(
      "rebalance", "Move as little as lets every directory hold the same number of bytes.");
  CLI::App* drain =
      shard.add_subcommand("drain", "Move all ranges of a shard to other directories.");
  drain->add_option("SHARD", arguments.words, "The number of the shard, as listed.")
      ->required()
      ->expected(1);
  for (CLI::App* command : {rebalance, drain}) {
    command->add_flag("--dry-run", arguments.dry_run, "Print the plan, and move nothing.");
    command->fallthrough();
  }
}

int RunShardRebalance(const ShardArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    Complain(wrong);
    return 2;
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(link.error().message);
  Result<Shards> shards = AskShards(link.value());
  if (!shards.ok()) return Complain(shards.error().message);
  const shard::MovePlan plan = shard::PlanRebalance(shards.value().ranges, shards.value().places);
  return Execute(arguments, link.value(), shards.value(), plan);
}

int RunShardDrain(const ShardArguments& arguments) {
  std::string wrong = CheckServerArguments(arguments.server);
  uint32_t number = 0;
  const std::string& text = arguments.words[0];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || *end != '\0') wrong = "'" + text + "' is no number of a shard";
  if (!wrong.empty()) {
    Complain(wrong);
    return 2;
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(link.error().message);
  Result<Shards> shards = AskShards(link.value());
  if (!shards.ok()) return Complain(shards.error().message);
  const std::vector<uint32_t>& places = shards.value().places;
  if (number >= places.size()) {
    return Complain("there is no shard " + text + "; `weir shard list` names those that are");
  }
  if (std::count(places.begin(), places.end(), places[0]) == std::ssize(places)) {
    return Complain("all shards are in one directory, so there is nowhere to move to");
  }
  const shard::MovePlan plan = shard::PlanDrain(shards.value().ranges, places, ShardId{number});
  return Execute(arguments, link.value(), shards.value(), plan);
}

}  // namespace weir::cmd
