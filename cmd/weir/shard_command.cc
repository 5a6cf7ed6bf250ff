#include "cmd/weir/shard_command.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "cmd/weir/progress.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace weir::cmd {
namespace {

using resp::Value;

constexpr std::string_view kEnd = "0000000000000000";

int Complain(int code, const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  return code;
}

// Asks the server one thing.
Result<Value> AskServer(const ServerArguments& server, const std::vector<std::string>& words) {
  Result<ServerLink> link = OpenSession(server);
  if (!link.ok()) return link.error();
  return Ask(link.value(), words);
}

nlohmann::ordered_json NumberOrNull(const Value& value) {
  if (value.kind != Value::Kind::kInteger) return nullptr;
  return value.integer;
}

// Of thousandths.
double Rate(const Value& value) {
  return static_cast<double>(value.integer) / 1000;
}

nlohmann::ordered_json HottestAsJson(const Value& tags) {
  nlohmann::ordered_json hottest = nlohmann::ordered_json::array();
  for (const Value& tag : tags.items) {
    hottest.push_back({{"key", tag.items.at(0).text},
                       {"at", tag.items.at(1).text},
                       {"reads", Rate(tag.items.at(2))},
                       {"writes", Rate(tag.items.at(3))}});
  }
  return hottest;
}

// The reply of WEIR.SHARD LIST (weir/gateway/shard_list_operation.h).
nlohmann::ordered_json ListAsJson(const Value& reply) {
  nlohmann::ordered_json list = {{"version", reply.items.at(0).integer},
                                 {"shards", nlohmann::ordered_json::array()},
                                 {"ranges", nlohmann::ordered_json::array()}};
  for (const Value& shard : reply.items.at(1).items) {
    list["shards"].push_back({{"id", shard.items.at(0).integer},
                              {"place", shard.items.at(1).text},
                              {"keys", NumberOrNull(shard.items.at(2))},
                              {"bytes", NumberOrNull(shard.items.at(3))},
                              {"reads", Rate(shard.items.at(4))},
                              {"writes", Rate(shard.items.at(5))}});
  }
  for (const Value& range : reply.items.at(2).items) {
    list["ranges"].push_back({{"from", range.items.at(0).text},
                              {"to", range.items.at(1).text},
                              {"shard", range.items.at(2).integer},
                              {"keys", NumberOrNull(range.items.at(3))},
                              {"bytes", NumberOrNull(range.items.at(4))},
                              {"reads", Rate(range.items.at(5))},
                              {"writes", Rate(range.items.at(6))},
                              {"hottest", HottestAsJson(range.items.at(7))}});
  }
  return list;
}

// "" unless counted.
std::string Sizes(const nlohmann::ordered_json& entry) {
  if (entry["keys"].is_null()) return "";
  return "  " + std::to_string(entry["keys"].get<int64_t>()) + " keys, " +
         ProgressLine::Size(entry["bytes"].get<uint64_t>());
}

// "" where next to nothing is read or written.
std::string Load(const nlohmann::ordered_json& entry) {
  const auto reads = std::llround(entry["reads"].get<double>());
  const auto writes = std::llround(entry["writes"].get<double>());
  if (reads == 0 && writes == 0) return "";
  return "  " + std::to_string(reads) + " reads, " + std::to_string(writes) + " writes a second";
}

void PrintList(const nlohmann::ordered_json& list) {
  std::printf("version %lld\n", static_cast<long long>(list["version"].get<int64_t>()));
  for (const nlohmann::ordered_json& shard : list["shards"]) {
    std::printf("shard %-4lld %s%s%s\n", static_cast<long long>(shard["id"].get<int64_t>()),
                shard["place"].get<std::string>().c_str(), Sizes(shard).c_str(),
                Load(shard).c_str());
  }
  std::printf("%-16s  %-16s  %5s\n", "range from", "to", "shard");
  for (const nlohmann::ordered_json& range : list["ranges"]) {
    const auto to = range["to"].get<std::string>();
    std::printf("%-16s  %-16s  %5lld%s%s\n", range["from"].get<std::string>().c_str(),
                to == kEnd ? "end" : to.c_str(),
                static_cast<long long>(range["shard"].get<int64_t>()), Sizes(range).c_str(),
                Load(range).c_str());
    for (const nlohmann::ordered_json& tag : range["hottest"]) {
      std::printf("  %s%s\n", Quoted(tag["key"].get<std::string>()).c_str(), Load(tag).c_str());
    }
  }
}

// Asks for a change and prints what came of it.
int RunChange(const ShardArguments& arguments, const char* subcommand, const char* done,
              const char* json_key) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  std::vector<std::string> words = {"WEIR.SHARD", subcommand};
  words.insert(words.end(), arguments.words.begin(), arguments.words.end());
  const Result<Value> reply = AskServer(arguments.server, words);
  if (!reply.ok()) return Complain(1, reply.error().message);
  const std::string at = reply.value().text == "OK" ? arguments.words.at(0) : reply.value().text;
  if (arguments.json) {
    std::puts(Dump({{json_key, at}}).c_str());
  } else {
    std::printf("%s %s\n", done, at.c_str());
  }
  return 0;
}

}  // namespace

// In ASCII: names of keys are made by clients, and could tell a terminal what to do.
std::string Dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string Quoted(const std::string& name) {
  return Dump(name);
}

void DeclareShardRanges(CLI::App& shard, ShardArguments& arguments) {
  CLI::App* list = shard.add_subcommand("list", "Print the shards and their ranges.");
  list->add_flag("--count", arguments.count, "Read all data, and print keys and bytes as well.");
  list->add_option("--hottest", arguments.hottest,
                   "Of each range, so many keys or {tags} with the most load.")
      ->capture_default_str();
  CLI::App* add =
      shard.add_subcommand("add", "Add a directory as a shard, which ranges can be moved to.");
  add->add_option("DIR", arguments.words, "Where, on the server's machine: empty, or to be made.")
      ->required()
      ->expected(1, 1);
  CLI::App* split = shard.add_subcommand("split", "Cut a range in two; no data moves.");
  split
      ->add_option(
          "RANGE", arguments.words,
          "Where the range begins, as listed; then AT and a position, BY bytes, BY load, or "
          "nothing: the middle.")
      ->required()
      ->expected(1, 3);
  CLI::App* merge =
      shard.add_subcommand("merge", "Join a range to the one before it; no data moves.");
  merge->add_option("RANGE", arguments.words, "Where the range begins, as listed.")
      ->required()
      ->expected(1, 1);
  for (CLI::App* command : {list, add, split, merge}) command->fallthrough();
}

int RunShardList(const ShardArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  std::vector<std::string> words = {"WEIR.SHARD", "LIST", "HOTTEST",
                                    std::to_string(arguments.hottest)};
  if (arguments.count) words.push_back("COUNT");
  const Result<Value> reply = AskServer(arguments.server, words);
  if (!reply.ok()) return Complain(1, reply.error().message);
  const nlohmann::ordered_json list = ListAsJson(reply.value());
  if (arguments.json) {
    std::puts(Dump(list).c_str());
  } else {
    PrintList(list);
  }
  return 0;
}

// A URL stays as it is: what it is called is no path.
int RunShardAdd(const ShardArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  std::string place = arguments.words.at(0);
  if (place.empty()) return Complain(2, "give a directory, not an empty name");
  if (place.find("://") == std::string::npos) {
    std::error_code error;
    place = std::filesystem::absolute(place, error).string();
    if (error) return Complain(2, "give the whole path: " + error.message());
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(1, link.error().message);
  const Result<Value> added = Ask(link.value(), {"WEIR.SHARD", "ADD", place});
  if (!added.ok()) return Complain(1, added.error().message);
  if (arguments.json) {
    std::puts(Dump({{"shard", added.value().integer}, {"place", place}}).c_str());
    return 0;
  }
  std::printf(
      "shard %lld in %s; it holds no range yet: `weir shard move` and `rebalance` bring "
      "some\n",
      static_cast<long long>(added.value().integer), place.c_str());
  std::puts(
      "Keys of different directories are not atomic together: what needs several keys at once "
      "answers CROSSSLOT when they lie in two, unless they share a {tag}; MULTI takes no "
      "FLUSHALL.");
  return 0;
}

int RunShardSplit(const ShardArguments& arguments) {
  return RunChange(arguments, "SPLIT", "split at", "at");
}

int RunShardMerge(const ShardArguments& arguments) {
  return RunChange(arguments, "MERGE", "merged", "merged");
}

}  // namespace weir::cmd
