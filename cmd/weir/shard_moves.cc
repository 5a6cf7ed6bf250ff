// The part of `weir shard` that is about moves.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "cmd/weir/progress.h"
#include "cmd/weir/shard_command.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace weir::cmd {
namespace {

using resp::Value;

constexpr std::chrono::milliseconds kLookEvery{50};

int Complain(int code, const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  return code;
}

// What a server tells may hold any bytes.
std::string Dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// One entry of the reply of WEIR.SHARD STATUS.
struct Told {
  explicit Told(const Value& entry)
      : id(entry.items.at(0).integer),
        from(entry.items.at(1).text),
        to(entry.items.at(2).text),
        shard(entry.items.at(3).integer),
        copy(entry.items.at(4).integer),
        phase(entry.items.at(5).text),
        stage(entry.items.at(6).text),
        paused(entry.items.at(7).integer != 0),
        permille(entry.items.at(8).integer),
        keys(entry.items.at(9).integer),
        bytes(entry.items.at(10).integer),
        written(entry.items.at(11).integer),
        error(entry.items.at(12).text),
        finishes_in(entry.items.back().integer) {}

  nlohmann::ordered_json Json() const {
    nlohmann::ordered_json json = {
        {"move", id},     {"from", from},     {"to", to},
        {"shard", shard}, {"copy", copy},     {"phase", phase},
        {"stage", stage}, {"paused", paused}, {"done", static_cast<double>(permille) / 1000},
        {"keys", keys},   {"bytes", bytes},   {"written", written},
        {"error", error}};
    json["finishes_in"] = nullptr;
    if (finishes_in >= 0) json["finishes_in"] = finishes_in;
    return json;
  }
  std::string Text() const {
    std::string text = "move " + std::to_string(id) + ", " + from + " in shard " +
                       std::to_string(shard) + ", copy in " + std::to_string(copy) + ": " + phase;
    if (phase != "ended") {
      text += ", " + (paused ? "paused" : stage) + " " + std::to_string(permille / 10) + " %";
    }
    text += "; " + std::to_string(keys) + " keys, " +
            ProgressLine::Size(static_cast<uint64_t>(bytes)) + " brought over";
    if (finishes_in >= 0) text += "; finishes by itself in " + std::to_string(finishes_in) + " s";
    if (!error.empty()) text += "; " + error;
    return text;
  }

  int64_t id;
  std::string from, to;
  int64_t shard, copy;
  std::string phase, stage;
  bool paused;
  int64_t permille, keys, bytes, written;
  std::string error;
  int64_t finishes_in;  // Seconds, by itself; -1: never.

  // Neither trying nor waiting helps.
  bool damaged() const { return stage == "damaged"; }
};

Result<std::vector<Told>> AskStatus(ServerLink& link) {
  const Result<Value> reply = Ask(link, {"WEIR.SHARD", "STATUS"});
  if (!reply.ok()) return reply.error();
  std::vector<Told> all;
  for (const Value& entry : reply.value().items) all.emplace_back(entry);
  return all;
}

// Waits until `is_over` of the move, or it has ended. Returns it as it is then.
template <typename IsOver>
Result<Told> Await(ServerLink& link, int64_t id, IsOver is_over) {
  ProgressLine progress;
  for (;;) {
    const Result<std::vector<Told>> all = AskStatus(link);
    if (!all.ok()) return all.error();
    const auto found = std::find_if(all.value().begin(), all.value().end(),
                                    [&](const Told& told) { return told.id == id; });
    if (found == all.value().end()) {
      return Error{ErrorCode::kUnavailable,
                   "nothing is known of move " + std::to_string(id) + " any more"};
    }
    if (found->phase == "ended" || is_over(*found)) return *found;
    progress.Show(found->Text());
    std::this_thread::sleep_for(kLookEvery);
  }
}

void Print(const ShardArguments& arguments, const Told& told) {
  std::puts(arguments.json ? Dump(told.Json()).c_str() : told.Text().c_str());
}

int PrintBegun(const ShardArguments& arguments, int64_t id) {
  if (arguments.json) {
    std::puts(nlohmann::ordered_json({{"move", id}}).dump().c_str());
  } else {
    std::printf("move %lld\n", static_cast<long long>(id));
  }
  return 0;
}

}  // namespace

Result<Ok> MoveForGood(ServerLink& link, const std::string& from, const std::string& shard) {
  const Result<Value> begun = Ask(link, {"WEIR.SHARD", "MOVE", from, shard});
  if (!begun.ok()) return begun.error();
  const int64_t id = begun.value().integer;
  const Result<Told> moved =
      Await(link, id, [](const Told& told) { return told.phase == "follow" || told.damaged(); });
  if (!moved.ok()) return moved.error();
  if (moved.value().phase != "follow") {
    return Error{ErrorCode::kUnavailable, moved.value().Text()};
  }
  const Result<Value> finished = Ask(link, {"WEIR.SHARD", "FINISH", std::to_string(id)});
  if (!finished.ok()) return finished.error();
  const Result<Told> ended = Await(link, id, [](const Told& told) { return told.damaged(); });
  if (!ended.ok()) return ended.error();
  if (ended.value().damaged()) return Error{ErrorCode::kUnavailable, ended.value().Text()};
  return Ok{};
}

Result<std::string> StandingMove(ServerLink& link) {
  const Result<std::vector<Told>> all = AskStatus(link);
  if (!all.ok()) return all.error();
  for (const Told& told : all.value()) {
    if (told.phase != "ended") return told.Text();
  }
  return std::string();
}

void DeclareShardMoves(CLI::App& shard, ShardArguments& arguments) {
  CLI::App* move = shard.add_subcommand(
      "move", "Move a range to a shard in another directory, and keep the way back open.");
  move->add_option("RANGE SHARD", arguments.words,
                   "Where the range begins, and the number of the shard, as listed.")
      ->required()
      ->expected(2);
  move->add_flag("--no-wait", arguments.no_wait, "Do not wait until it has gone over.");
  move->fallthrough();
  shard.add_subcommand("status", "Print how far each move is.")->fallthrough();
  const std::pair<const char*, const char*> orders[] = {
      {"cancel", "Undo a move that has not gone over, or a rollback that has not."},
      {"finish", "End a move that has gone over: remove the copy where the range was."},
      {"pause", "Let a move rest."},
      {"resume", "Let a move that rests go on."},
      {"rollback", "Bring a range that has gone over back to where it was."}};
  for (const auto& [name, what] : orders) {
    CLI::App* order = shard.add_subcommand(name, what);
    order->add_option("MOVE", arguments.words, "The number of the move, as `status` prints.")
        ->required()
        ->expected(1);
    order->add_flag("--no-wait", arguments.no_wait, "Do not wait until it is done.");
    order->fallthrough();
  }
}

int RunShardStatus(const ShardArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(1, link.error().message);
  const Result<std::vector<Told>> all = AskStatus(link.value());
  if (!all.ok()) return Complain(1, all.error().message);
  if (arguments.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Told& told : all.value()) list.push_back(told.Json());
    std::puts(Dump(list).c_str());
    return 0;
  }
  for (const Told& told : all.value()) Print(arguments, told);
  return 0;
}

int RunShardMove(const ShardArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(1, link.error().message);
  const Result<Value> begun =
      Ask(link.value(), {"WEIR.SHARD", "MOVE", arguments.words[0], arguments.words[1]});
  if (!begun.ok()) return Complain(1, begun.error().message);
  const int64_t id = begun.value().integer;
  if (arguments.no_wait) return PrintBegun(arguments, id);
  const Result<Told> moved = Await(
      link.value(), id, [](const Told& told) { return told.phase == "follow" || told.damaged(); });
  if (!moved.ok()) return Complain(1, moved.error().message);
  Print(arguments, moved.value());
  return moved.value().shard == std::strtoll(arguments.words[1].c_str(), nullptr, 10) ? 0 : 1;
}

int RunShardOrder(const ShardArguments& arguments, const std::string& order) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(1, link.error().message);
  const Result<Value> given = Ask(link.value(), {"WEIR.SHARD", order, arguments.words[0]});
  if (!given.ok()) return Complain(1, given.error().message);
  const int64_t id = std::strtoll(arguments.words[0].c_str(), nullptr, 10);
  const bool at_once = arguments.no_wait || order == "pause" || order == "resume";
  const Result<Told> done = Await(link.value(), id, [&](const Told& told) {
    return at_once || told.damaged() || (order == "cancel" && told.phase == "follow");
  });
  if (!done.ok()) return Complain(1, done.error().message);
  Print(arguments, done.value());
  return !at_once && done.value().damaged() ? 1 : 0;
}

}  // namespace weir::cmd
