// The part of `weir shard` that plans moves: rebalance and drain.
#include <algorithm>
#include <charconv>
#include <cmath>
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

bool IsTag(const PlannedMove& move) {
  return move.to.value - move.from.value == shard::kPositionUnit;
}

std::string Number(ShardId shard) {
  return std::to_string(static_cast<uint32_t>(shard));
}

// Tags that are told of each range, for a plan by load.
constexpr int kHottest = 256;

// What WEIR.SHARD LIST says (weir/gateway/shard_list_operation.h); load in thousandths of a request
// a second.
struct Shards {
  explicit Shards(const Value& list) {
    std::map<std::string, uint32_t> directories;
    for (const Value& entry : list.items.at(1).items) {
      const std::string& name = entry.items.at(1).text;
      places.push_back(directories.emplace(name, directories.size()).first->second);
      names.push_back(name);
    }
    for (const Value& entry : list.items.at(2).items) {
      const shard::Range range = {FromHex(entry.items.at(0).text), FromHex(entry.items.at(1).text),
                                  ShardId{static_cast<uint32_t>(entry.items.at(2).integer)}};
      beginnings.insert(range.from);
      ranges.push_back({range, Amount(entry.items.at(4))});
      loaded.push_back({{range, Amount(entry.items.at(5)) + Amount(entry.items.at(6))}, {}});
      for (const Value& tag : entry.items.at(7).items) {
        const shard::Position at = FromHex(tag.items.at(1).text);
        loaded.back().hottest.push_back({at, Amount(tag.items.at(2)) + Amount(tag.items.at(3))});
        tags[at] = tag.items.at(0).text;
      }
    }
    seen = Amount(list.items.at(3));
  }

  std::string NameOf(ShardId shard) const {
    return Number(shard) + " (" + names[static_cast<size_t>(shard)] + ")";
  }

  // 0 where it is not known.
  static uint64_t Amount(const Value& number) { return static_cast<uint64_t>(number.integer); }

  std::vector<std::string> names;  // Of the directory of each shard.
  std::vector<uint32_t> places;
  std::vector<shard::WeighedRange> ranges;  // By bytes.
  std::vector<shard::LoadedRange> loaded;
  uint64_t seen = 0;                            // Of how many requests the load is known.
  std::map<shard::Position, std::string> tags;  // The names of the hottest.
  std::set<shard::Position> beginnings;         // Of ranges, also of those that were cut since.
};

uint64_t AmountOf(const shard::MovePlan& plan) {
  uint64_t amount = 0;
  for (const PlannedMove& move : plan.moves) amount += move.amount;
  return amount;
}

// `what`: bytes or load.
nlohmann::ordered_json PlanAsJson(const Shards& shards, const shard::MovePlan& plan,
                                  const std::string& what) {
  const auto amount = [&](uint64_t of) -> nlohmann::ordered_json {
    if (what == "load") return static_cast<double>(of) / 1000;
    return of;
  };
  nlohmann::ordered_json json = {{"moves", nlohmann::ordered_json::array()},
                                 {"uncut", nlohmann::ordered_json::array()},
                                 {what, amount(AmountOf(plan))},
                                 {"peak_to_mean_before", shard::PeakToMean(plan.before)},
                                 {"peak_to_mean_after", shard::PeakToMean(plan.after)}};
  if (what == "load") {
    json["too_little_load"] = plan.too_little;
    json["more"] = plan.more;
  }
  const auto add_key = [&](nlohmann::ordered_json& entry, shard::Position from) {
    if (shards.tags.contains(from)) entry["key"] = shards.tags.at(from);
  };
  for (const PlannedMove& move : plan.moves) {
    nlohmann::ordered_json entry = {{"from", Hex(move.from)},
                                    {"to", Hex(move.to)},
                                    {"source", static_cast<uint32_t>(move.source)},
                                    {"target", static_cast<uint32_t>(move.target)},
                                    {what, amount(move.amount)}};
    if (IsTag(move)) add_key(entry, move.from);
    json["moves"].push_back(std::move(entry));
  }
  for (const shard::WeighedRange& uncut : plan.uncut) {
    nlohmann::ordered_json entry = {{"from", Hex(uncut.range.from)}, {what, amount(uncut.amount)}};
    add_key(entry, uncut.range.from);
    json["uncut"].push_back(std::move(entry));
  }
  return json;
}

std::string NameOfTag(const Shards& shards, shard::Position from) {
  const auto found = shards.tags.find(from);
  return found == shards.tags.end() ? "one {tag}" : Quoted(found->second);
}

std::string Requests(uint64_t thousandths) {
  char text[32];
  const double a_second = static_cast<double>(thousandths) / 1000;
  std::snprintf(text, sizeof text, "%.*f", a_second < 10 ? 1 : 0, a_second);
  return std::string(text) + " requests a second";
}

// How much a move takes along, for people.
std::string AmountOf(const Shards& shards, const PlannedMove& move, bool by_load) {
  if (!by_load) return "about " + ProgressLine::Size(move.amount);
  if (IsTag(move)) return NameOfTag(shards, move.from) + ", " + Requests(move.amount);
  char part[32];
  std::snprintf(part, sizeof part, "%.1f %% of all keys",
                std::ldexp(static_cast<double>(move.to.value - move.from.value), -64) * 100);
  return std::string("about ") + part + ", " + Requests(move.amount);
}

std::string TextOf(const Shards& shards, const PlannedMove& move, bool by_load) {
  return Hex(move.from) + " to " + (move.to.value == 0 ? "end" : Hex(move.to)) + "  shard " +
         shards.NameOf(move.source) + " -> " + shards.NameOf(move.target) + "  " +
         AmountOf(shards, move, by_load);
}

void PrintPlan(const Shards& shards, const shard::MovePlan& plan, bool by_load) {
  for (const shard::WeighedRange& uncut : plan.uncut) {
    if (by_load) {
      std::printf("%s has %s alone, which is more than a directory's share and cannot be split\n",
                  NameOfTag(shards, uncut.range.from).c_str(), Requests(uncut.amount).c_str());
    } else {
      std::printf("%s holds %s of so few {tags} that a cut would even out nothing\n",
                  Hex(uncut.range.from).c_str(), ProgressLine::Size(uncut.amount).c_str());
    }
  }
  if (plan.too_little) {
    std::printf(
        "too little load to tell: %llu requests to the databases were seen in the last "
        "seconds, and it takes %llu\n",
        static_cast<unsigned long long>(shards.seen),
        static_cast<unsigned long long>(shard::kLoadSeenLeast));
  }
  if (plan.moves.empty()) return static_cast<void>(std::puts("nothing to move"));
  for (const PlannedMove& move : plan.moves) std::puts(TextOf(shards, move, by_load).c_str());
  const std::string amount =
      by_load ? Requests(AmountOf(plan)) : ProgressLine::Size(AmountOf(plan));
  std::printf("%zu moves, about %s; the %s %.2f times the mean, then %.2f\n", plan.moves.size(),
              amount.c_str(), by_load ? "busiest directory has" : "fullest directory holds",
              shard::PeakToMean(plan.before), shard::PeakToMean(plan.after));
  if (plan.more) {
    std::printf(
        "a plan has at most %zu moves and cuts off %.0f %% of all keys: run it again for the "
        "rest\n",
        shard::kLoadMovesMax, shard::kLoadSpaceMost * 100);
  }
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

Result<Ok> CarryOut(ServerLink& link, Shards& shards, const PlannedMove& move) {
  for (const shard::Position at : {move.from, move.to}) {
    const Result<Ok> cut = CutAt(link, shards, at);
    if (!cut.ok()) return cut;
  }
  return MoveForGood(link, Hex(move.from), Number(move.target));
}

// What a plan by load has moved is joined to neighbours of the same shard: no other ranges, which a
// person may have cut to move them next.
Result<Ok> JoinMoved(ServerLink& link, const shard::MovePlan& plan) {
  const Result<Value> list = Ask(link, {"WEIR.SHARD", "LIST", "HOTTEST", "0"});
  if (!list.ok()) return list.error();
  const Shards shards(list.value());
  std::set<shard::Position> ends;
  for (const PlannedMove& move : plan.moves) ends.insert({move.from, move.to});
  for (size_t i = 1; i < shards.ranges.size(); ++i) {
    const shard::Range& before = shards.ranges[i - 1].range;
    const shard::Range& range = shards.ranges[i].range;
    if (before.shard != range.shard || !ends.contains(range.from)) continue;
    const Result<Value> joined = Ask(link, {"WEIR.SHARD", "MERGE", Hex(range.from)});
    if (!joined.ok()) return joined.error();
  }
  return Ok{};
}

// Asks for the shards and, as LIST is told by `how`, their sizes. Errors: also when a move stands,
// which would be in the way.
Result<Shards> AskShards(ServerLink& link, const std::vector<std::string>& how) {
  const Result<std::string> standing = StandingMove(link);
  if (!standing.ok()) return standing.error();
  if (!standing.value().empty()) {
    return Error{ErrorCode::kUnavailable,
                 standing.value() + "\nfirst end it, by `weir shard finish` or `cancel`"};
  }
  std::vector<std::string> words = {"WEIR.SHARD", "LIST"};
  words.insert(words.end(), how.begin(), how.end());
  const Result<Value> list = Ask(link, words);
  if (!list.ok()) return list.error();
  return Shards(list.value());
}

// Shows the plan, and unless that is all that is wanted, does as it says.
int Execute(const ShardArguments& arguments, ServerLink& link, Shards& shards,
            const shard::MovePlan& plan) {
  if (!arguments.json) {
    PrintPlan(shards, plan, arguments.by == "load");
  } else if (arguments.dry_run) {
    std::puts(Dump(PlanAsJson(shards, plan, arguments.by)).c_str());
  }
  if (arguments.dry_run) return 0;
  for (size_t i = 0; i < plan.moves.size(); ++i) {
    const Result<Ok> moved = CarryOut(link, shards, plan.moves[i]);
    const std::string which = std::to_string(i + 1) + " of " + std::to_string(plan.moves.size());
    if (!moved.ok()) {
      return Complain("move " + which + ": " + moved.error().message +
                      "\nthe moves before it are done; look at `weir shard status`, and run this "
                      "again for the rest");
    }
    if (!arguments.json) std::printf("%s is done\n", which.c_str());
  }
  if (arguments.json) std::puts(Dump(PlanAsJson(shards, plan, arguments.by)).c_str());
  return 0;
}

int RebalanceByLoad(const ShardArguments& arguments, ServerLink& link) {
  Result<Shards> shards = AskShards(link, {"HOTTEST", std::to_string(kHottest)});
  if (!shards.ok()) return Complain(shards.error().message);
  const shard::MovePlan plan =
      shard::PlanRebalanceByLoad(shards.value().loaded, shards.value().places, shards.value().seen);
  const int code = Execute(arguments, link, shards.value(), plan);
  if (arguments.dry_run || plan.moves.empty() || code != 0) return code;
  const Result<Ok> joined = JoinMoved(link, plan);
  return joined.ok() ? 0 : Complain(joined.error().message);
}

}  // namespace

void DeclareShardPlans(CLI::App& shard, ShardArguments& arguments) {
  CLI::App* rebalance = shard.add_subcommand(
      "rebalance", "Move as little as lets every directory hold the same, or have the same load.");
  rebalance
      ->add_option(
          "--by", arguments.by,
          "What to even out: bytes, or load: the reads and writes of the last seconds that "
          "reached the databases.")
      ->check(CLI::IsMember({"bytes", "load"}))
      ->capture_default_str();
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
  if (arguments.by == "load") return RebalanceByLoad(arguments, link.value());
  Result<Shards> shards = AskShards(link.value(), {"COUNT"});
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
  Result<Shards> shards = AskShards(link.value(), {"COUNT"});
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
