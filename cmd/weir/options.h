// The table of all options: each is declared here once, by the member of config.h that holds it.
// Flags, --help, the checker, `weir check` and docs/configuration.md are generated from it.
//
// Adding an option is a member with its default in config.h and a row in options.cc.
// Threads: the table is immutable after its first use.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cmd/weir/config.h"
#include "cmd/weir/values.h"

namespace weir::cmd {

// One section of a configuration being read or shown; borrowed.
using SectionRef = std::variant<ServerConfig*, CacheConfig*, ShardConfig*, NodeConfig*,
                                KeyspaceConfig*, UserConfig*, LimitConfig*>;

struct Section {
  std::string_view name = "";
  bool repeated = false;  // Written [[name]], any number of times up to `count_max`.
  size_t count_max = 1;
  bool reloads = false;  // SIGHUP brings every key of it into force.
  std::string_view doc = "";
};

struct Option {
  std::string_view section;
  std::string_view key;
  ValueType type = ValueType::kString;
  bool list = false;
  bool required = false;
  std::string default_text;             // As documented; empty when there is none.
  std::string limits;                   // As documented; empty when there are none.
  std::vector<std::string_view> words;  // Of a choice.
  std::string_view doc;                 // One sentence.
  bool reloadable = false;              // SIGHUP brings it into force; else a restart does.

  // Sets the member from one text, or several for a list. Returns what is wrong, or "".
  std::function<std::string(SectionRef, const std::vector<std::string>&)> read;
  // Returns the member as TOML, or nullopt when it holds nothing.
  std::function<std::optional<std::string>(SectionRef)> show;
  std::function<void(SectionRef from, SectionRef to)> copy;
};

const std::vector<Section>& Sections();
const std::vector<Option>& Options();

// Return nullptr when there is none of this name.
const Section* FindSection(std::string_view name);
const Option* FindOption(std::string_view section, std::string_view key);

// The flag of a key of [server]: "max_clients" is "--max-clients".
std::string FlagOf(const Option& option);

// Returns the configuration as TOML that reads back as the same configuration, with a comment where
// a change needs a restart.
std::string ShowConfig(Config config);

// Returns docs/configuration.md.
std::string ConfigurationDocument();

}  // namespace weir::cmd
