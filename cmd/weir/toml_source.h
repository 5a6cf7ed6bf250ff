// A TOML file as a plain list of its tables and keys, each with its place; toml++ stays behind it.
// It knows nothing of options: load.h holds the list against them.
// Threads: pure functions.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cmd {

// Counted from 1.
struct Position {
  unsigned line = 1;
  unsigned column = 1;
  auto operator<=>(const Position&) const = default;
};

struct TomlValue {
  enum class Form { kString, kInteger, kBoolean, kOther };
  Form form = Form::kOther;
  std::string text;
};

struct TomlEntry {
  std::string key;
  Position position;
  Position value_position;
  bool list = false;              // Written in brackets.
  std::vector<TomlValue> values;  // Exactly one unless `list`.
};

struct TomlTable {
  std::string name;       // Empty for the keys before the first section.
  bool repeated = false;  // Written in double brackets.
  Position position;
  std::vector<TomlEntry> entries;
};

struct TomlSyntaxError {
  Position position;
  std::string what;
};

struct TomlSource {
  std::vector<TomlTable> tables;  // As in the file, entries too.
  std::vector<TomlSyntaxError> errors;
};

// Parsing stops at the first syntax error, which is then the only content.
TomlSource ParseToml(std::string_view text);

}  // namespace weir::cmd
