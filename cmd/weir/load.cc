#include "cmd/weir/load.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <utility>

#include "cmd/weir/check.h"
#include "cmd/weir/check_nodes.h"
#include "cmd/weir/options.h"
#include "cmd/weir/origins.h"
#include "cmd/weir/toml_source.h"
#include "cmd/weir/values.h"

namespace weir::cmd {
namespace {

std::string Suggestion(std::string_view word, const std::vector<std::string_view>& words) {
  const std::string_view nearest = NearestWord(word, words);
  if (!nearest.empty()) return "; did you mean '" + std::string(nearest) + "'?";
  std::string all;
  for (const std::string_view each : words) all += (all.empty() ? "" : ", ") + std::string(each);
  return "; known are: " + all;
}

std::vector<std::string_view> SectionNames() {
  std::vector<std::string_view> names;
  for (const Section& section : Sections()) names.push_back(section.name);
  return names;
}

std::vector<std::string_view> KeysOf(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const Option& option : Options()) {
    if (option.section == section) keys.push_back(option.key);
  }
  return keys;
}

// Reads tables and flags into a Config and remembers where each value came from.
class Reader {
 public:
  Reader(Config& config, Origins& origins) : config_(config), origins_(origins) {}

  void ReadFile(const TomlSource& source) {
    for (const TomlSyntaxError& error : source.errors) {
      origins_.AddError(error.position, "syntax: " + error.what);
    }
    for (const TomlTable& table : source.tables) ReadTable(table);
  }

  void ReadFlags(const std::vector<FlagValue>& flags) {
    for (const FlagValue& flag : flags) {
      const Option* option = FindOption("server", flag.key);
      assert(option != nullptr);
      origins_.SetFlag(flag.key, FlagOf(*option));
      Set(*option, &config_.server, Place{"server", 0, flag.key}, flag.values);
    }
  }

 private:
  void ReadTable(const TomlTable& table) {
    if (table.name.empty()) return RefuseRootKeys(table);
    const Section* section = FindSection(table.name);
    if (section == nullptr) {
      origins_.AddError(table.position, "unknown section '" + table.name + "'" +
                                            Suggestion(table.name, SectionNames()));
      return;
    }
    const std::string name(section->name);
    if (section->repeated != table.repeated) {
      origins_.AddError(table.position, section->repeated ? "write [[" + name + "]], one for each"
                                                          : "write [" + name + "], once");
      return;
    }
    const size_t index = section->repeated ? counts_[name]++ : 0;
    if (index >= section->count_max) {
      origins_.AddError(table.position,
                        "more than " + std::to_string(section->count_max) + " of [[" + name + "]]");
      return;
    }
    origins_.SetTable(name, index, table.position);
    const SectionRef values = Append(name);
    for (const TomlEntry& entry : table.entries) ReadEntry(name, index, values, entry);
    for (const Option& option : Options()) {
      const Place place{name, index, std::string(option.key)};
      if (option.section == name && option.required && !origins_.IsSet(place)) {
        origins_.AddError(place, "is required");
      }
    }
  }

  void RefuseRootKeys(const TomlTable& table) {
    for (const TomlEntry& entry : table.entries) {
      const bool section = FindSection(entry.key) != nullptr;
      origins_.AddError(entry.position,
                        section ? "'" + entry.key + "' is a section; write [" + entry.key + "]"
                                : "'" + entry.key +
                                      "' stands outside any section; most keys "
                                      "belong under [server]");
    }
  }

  SectionRef Append(const std::string& name) {
    if (name == "server") return &config_.server;
    if (name == "cache") return &config_.cache;
    if (name == "shard") return &config_.shards.emplace_back();
    if (name == "node") return &config_.nodes.emplace_back();
    if (name == "keyspace") return &config_.keyspaces.emplace_back();
    if (name == "user") return &config_.users.emplace_back();
    assert(name == "limit");
    return &config_.limits.emplace_back();
  }

  void ReadEntry(const std::string& section, size_t index, SectionRef values,
                 const TomlEntry& entry) {
    const Option* option = FindOption(section, entry.key);
    if (option == nullptr) {
      origins_.AddError(entry.position, section + ": unknown key '" + entry.key + "'" +
                                            Suggestion(entry.key, KeysOf(section)));
      return;
    }
    const Place place{section, index, entry.key};
    origins_.SetPosition(place, entry.value_position);
    if (entry.list && !option->list)
      return origins_.AddError(place, "write one value, without brackets");
    std::vector<std::string> texts;
    for (const TomlValue& value : entry.values) {
      if (!IsOfForm(option->type, value.form)) {
        origins_.AddError(place, "write " + FormName(*option));
        return;
      }
      texts.push_back(value.text);
    }
    Set(*option, values, place, texts);
  }

  static bool IsOfForm(ValueType type, TomlValue::Form form) {
    switch (form) {
      case TomlValue::Form::kString:
        return IsWrittenAsString(type);
      case TomlValue::Form::kInteger:
        return IsWrittenAsInteger(type);
      case TomlValue::Form::kBoolean:
        return type == ValueType::kBoolean;
      case TomlValue::Form::kOther:
        return false;
    }
    return false;
  }

  static std::string FormName(const Option& option) {
    if (option.type == ValueType::kBoolean) return "true or false, without quotes";
    if (option.type == ValueType::kInteger) return "a whole number, without quotes";
    if (option.type != ValueType::kChoice) {
      return "a " + std::string(TypeName(option.type)) + " in double quotes";
    }
    std::string words;
    for (const std::string_view word : option.words) {
      words += (words.empty() ? "" : " or ") + Quote(word);
    }
    return words;
  }

  void Set(const Option& option, SectionRef values, const Place& place,
           const std::vector<std::string>& texts) {
    if (!option.list && texts.size() != 1) return origins_.AddError(place, "given more than once");
    const std::string problem = option.read(values, texts);
    if (!problem.empty()) origins_.AddError(place, problem);
  }

  Config& config_;
  Origins& origins_;
  std::map<std::string, size_t> counts_;
};

// A node listens where the list says that it is, unless it is there over TLS.
void DeriveListen(const Origins& origins, Config& config) {
  ServerConfig& server = config.server;
  if (origins.IsSet({"server", 0, "listen"})) return;
  const auto node = std::ranges::find(config.nodes, server.node, &NodeConfig::id);
  if (node == config.nodes.end()) return;
  const bool over_tls = std::ranges::any_of(server.tls_listen, [&](const Endpoint& listened) {
    return ListensAt(listened, node->address);
  });
  if (!over_tls) server.listen = {node->address};
}

void DeriveServer(const Machine& machine, const Origins& origins, Config& config) {
  ServerConfig& server = config.server;
  if (!origins.IsSet({"server", 0, "memory"})) {
    server.memory.bytes = std::max(machine.memory_bytes / 4, kBudgetMin);
  }
  if (!origins.IsSet({"server", 0, "threads"})) {
    server.threads = std::clamp<int64_t>(machine.cpus, 1, 64);
  }
  DeriveListen(origins, config);
}

void DeriveSections(const Origins& origins, Config& config) {
  if (config.shards.empty()) {
    for (int64_t i = 0; i < config.server.shards; ++i) {
      config.shards.push_back({.name = "shard-" + std::to_string(i), .data = config.server.data});
    }
  }
  for (size_t i = 0; i < config.shards.size(); ++i) {
    if (!origins.IsSet({"shard", i, "data"})) config.shards[i].data = config.server.data;
  }
  for (size_t i = 0; i < config.keyspaces.size(); ++i) {
    KeyspaceConfig& keyspace = config.keyspaces[i];
    if (!origins.IsSet({"keyspace", i, "cache_ttl"})) keyspace.cache_ttl = config.cache.ttl;
    if (!origins.IsSet({"keyspace", i, "negative_ttl"})) {
      keyspace.negative_ttl = config.cache.negative_ttl;
    }
  }
  const auto covers_rest = [](const KeyspaceConfig& keyspace) { return keyspace.prefix.empty(); };
  if (std::ranges::none_of(config.keyspaces, covers_rest)) {
    config.keyspaces.push_back(
        {.cache_ttl = config.cache.ttl, .negative_ttl = config.cache.negative_ttl});
  }
  for (size_t i = 0; i < config.limits.size(); ++i) {
    if (origins.IsSet({"limit", i, "burst"})) continue;
    config.limits[i].burst = config.limits[i].rate.amount;
  }
}

}  // namespace

Loaded LoadConfig(const ConfigSources& sources, const Machine& machine) {
  Loaded loaded;
  Origins origins(sources.file_name);
  Reader reader(loaded.config, origins);
  reader.ReadFile(ParseToml(sources.text));
  reader.ReadFlags(sources.flags);
  origins.FinishReading();
  // In this order: shards given as tables are held against `shards` before it is derived.
  CheckShards(loaded.config, origins);
  DeriveServer(machine, origins, loaded.config);
  DeriveSections(origins, loaded.config);
  CheckConfig(loaded.config, origins);
  if (sources.use == ConfigSources::Use::kServe) CheckServes(loaded.config, origins);
  if (origins.errors().empty()) CheckFiles(loaded.config, sources.read_files, origins);
  if (origins.errors().empty()) loaded.budget = FitBudget(loaded.config, origins);
  loaded.errors = origins.errors();
  loaded.warnings = origins.warnings();
  return loaded;
}

Loaded ReadSections(const ConfigSources& sources) {
  Loaded loaded;
  Origins origins(sources.file_name);
  Reader(loaded.config, origins).ReadFile(ParseToml(sources.text));
  origins.FinishReading();
  DeriveSections(origins, loaded.config);
  loaded.errors = origins.errors();
  return loaded;
}

Loaded CheckTogether(Config config) {
  Loaded loaded;
  loaded.config = std::move(config);
  Origins origins("");
  CheckConfig(loaded.config, origins);
  if (origins.errors().empty()) loaded.budget = FitBudget(loaded.config, origins);
  loaded.errors = origins.errors();
  loaded.warnings = origins.warnings();
  return loaded;
}

}  // namespace weir::cmd
