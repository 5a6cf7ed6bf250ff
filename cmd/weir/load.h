// LoadConfig: from a file's text and the flags to a complete, checked Config, or to all errors.
//
//   Loaded loaded = LoadConfig({.file_name = "weir.toml", .text = text, .flags = {}}, machine);
//   if (!loaded.errors.empty()) ...   // "weir.toml:3:10: server.shards: '0' is below 1", each
//
// Flags beat the file; what neither names is the default, derived from the machine where config.h
// says so. Every error is reported, not only the first; each names its place and the remedy.
// Threads: pure functions; no file is opened here but by `ConfigSources::read_files`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/weir/budget.h"
#include "cmd/weir/check.h"
#include "cmd/weir/config.h"
#include "cmd/weir/machine.h"

namespace weir::cmd {

inline constexpr size_t kConfigBytesMax = size_t{1} << 20;
inline constexpr size_t kListenMax = 16;

// A flag of `weir serve` and the values it was given, in order.
struct FlagValue {
  std::string key;  // Of [server], as in the table: "max_clients".
  std::vector<std::string> values;
};

struct ConfigSources {
  std::string file_name;  // As it should appear in errors.
  std::string_view text;  // Of the file; empty without one.
  std::vector<FlagValue> flags;
  ReadFiles read_files = nullptr;  // Reads the files that are named; none: they are not looked at.
  // To serve by it, what each process must be told for itself must be there too.
  enum class Use { kLook, kServe } use = Use::kLook;
};

struct Loaded {
  Config config;  // Meaningful without errors only.
  Budget budget;  // Of that config.
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

Loaded LoadConfig(const ConfigSources& sources, const Machine& machine);

// As LoadConfig, but that each value is looked at alone: what belongs together may be elsewhere.
// For CheckTogether. There is no budget.
Loaded ReadSections(const ConfigSources& sources);

// Checks what was put together of parts of loaded configurations, and divides its budget: as
// LoadConfig, but that errors name no place in a file, and no file is read.
Loaded CheckTogether(Config config);

}  // namespace weir::cmd
