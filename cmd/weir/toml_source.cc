#include "cmd/weir/toml_source.h"

#include <algorithm>
#include <utility>

#include <toml++/toml.h>

namespace weir::cmd {
namespace {

Position PositionOf(const toml::source_position& position) {
  return {.line = position.line, .column = position.column};
}

TomlValue ValueOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return {TomlValue::Form::kString, text->get()};
  if (const auto* number = node.as_integer()) {
    return {TomlValue::Form::kInteger, std::to_string(number->get())};
  }
  if (const auto* truth = node.as_boolean()) {
    return {TomlValue::Form::kBoolean, truth->get() ? "true" : "false"};
  }
  return {};
}

TomlEntry EntryOf(const toml::key& key, const toml::node& node) {
  TomlEntry entry{.key = std::string(key.str()),
                  .position = PositionOf(key.source().begin),
                  .value_position = PositionOf(node.source().begin),
                  .list = node.is_array(),
                  .values = {}};
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& element : *array) entry.values.push_back(ValueOf(element));
  } else {
    entry.values.push_back(ValueOf(node));
  }
  return entry;
}

TomlTable TableOf(std::string name, const toml::table& table) {
  TomlTable result;
  result.name = std::move(name);
  result.position = PositionOf(table.source().begin);
  for (const auto& [key, node] : table) result.entries.push_back(EntryOf(key, node));
  std::ranges::sort(result.entries, {}, &TomlEntry::position);
  return result;
}

// [[name]] is an array whose every element is a table.
bool IsRepeatedTable(const toml::node& node) {
  const toml::array* array = node.as_array();
  return array != nullptr && array->is_homogeneous(toml::node_type::table);
}

TomlSource SourceOf(const toml::table& document) {
  TomlSource source;
  TomlTable root;
  for (const auto& [key, node] : document) {
    if (const toml::table* table = node.as_table()) {
      source.tables.push_back(TableOf(std::string(key.str()), *table));
      source.tables.back().position = PositionOf(key.source().begin);
    } else if (IsRepeatedTable(node)) {
      for (const toml::node& element : *node.as_array()) {
        source.tables.push_back(TableOf(std::string(key.str()), *element.as_table()));
        source.tables.back().repeated = true;
      }
    } else {
      root.entries.push_back(EntryOf(key, node));
    }
  }
  std::ranges::sort(root.entries, {}, &TomlEntry::position);
  if (!root.entries.empty()) source.tables.push_back(std::move(root));
  std::ranges::sort(source.tables, {}, &TomlTable::position);
  return source;
}

}  // namespace

TomlSource ParseToml(std::string_view text) {
  try {
    return SourceOf(toml::parse(text, std::string_view()));
  } catch (const toml::parse_error& error) {
    return {.tables = {},
            .errors = {{PositionOf(error.source().begin), std::string(error.description())}}};
  }
}

}  // namespace weir::cmd
