// Declare: one option of the configuration from the member that holds it and a row of words.
//
//   table.push_back(Declare(&ServerConfig::threads, {.key = "threads", .doc = "...", .least = 1}));
//
// Threads: pure functions.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cmd/weir/options.h"

namespace weir::cmd {

// What a row of the table says beyond the member: bounds are inclusive.
template <typename T>
struct Row {
  std::string_view key = "";
  std::string_view doc = "";
  std::optional<T> least = std::nullopt;
  std::optional<T> most = std::nullopt;
  bool required = false;
  bool reloads = false;
  std::string_view default_words = "";  // Where the default depends on something else.
};

template <typename T>
struct Held {  // A plain member holds one value.
  using Value = T;
  static constexpr bool kList = false;
};
template <typename T>
struct Held<std::optional<T>> {
  using Value = T;
  static constexpr bool kList = false;
};
template <typename T>
struct Held<std::vector<T>> {
  using Value = T;
  static constexpr bool kList = true;
};

template <typename Enum>
requires std::is_enum_v<Enum> std::string ReadChoice(std::string_view text, Enum& value) {
  const std::vector<std::string_view> words = WordsOf<Enum>();
  std::string all;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) {
      value = static_cast<Enum>(i);
      return "";
    }
    all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + Quote(words[i]);
  }
  return "'" + std::string(text) + "' is not known here; write " + all;
}

template <typename T>
std::string ReadAny(std::string_view text, T& value) {
  if constexpr (std::is_enum_v<T>) {
    return ReadChoice(text, value);
  } else {
    return ReadValue(text, value);
  }
}

template <typename T>
std::string ShowAny(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::string(WordsOf<T>()[static_cast<size_t>(value)]);
  } else {
    return ShowValue(value);
  }
}

template <typename T>
constexpr bool kUnboundable = std::is_same_v<T, Duration>;

template <typename T>
std::string OutOfBounds(const T& value, const std::optional<T>& least,
                        const std::optional<T>& most) {
  if (least && value < *least) return "'" + ShowAny(value) + "' is below " + ShowAny(*least);
  if (most && value > *most) return "'" + ShowAny(value) + "' is above " + ShowAny(*most);
  return "";
}

template <typename T>
std::string DescribeLimits(const std::optional<T>& least, const std::optional<T>& most) {
  std::string text;
  if (least) text = "from " + ShowAny(*least);
  if (most) text += (text.empty() ? "up to " : " to ") + ShowAny(*most);
  if (kUnboundable<T> && !text.empty() && !most) text += ", or none";
  return text;
}

// As TOML: bare where the value is a number or a truth value, quoted otherwise.
inline std::string AsToml(ValueType type, const std::string& text) {
  const bool number = text.find_first_not_of("-0123456789") == text.npos && !text.empty();
  const bool bare = type == ValueType::kBoolean || (number && IsWrittenAsInteger(type));
  return bare ? text : Quote(text);
}

template <typename T>
std::optional<std::string> ShowMember(ValueType type, const T& member) {
  return AsToml(type, ShowAny(member));
}
template <typename T>
std::optional<std::string> ShowMember(ValueType type, const std::optional<T>& member) {
  if (!member) return std::nullopt;
  return AsToml(type, ShowAny(*member));
}
template <typename T>
std::optional<std::string> ShowMember(ValueType type, const std::vector<T>& member) {
  std::string text;
  for (const T& value : member) {
    text += (text.empty() ? "" : ", ") + AsToml(type, ShowAny(value));
  }
  return "[" + text + "]";
}

template <typename S>
constexpr std::string_view NameOf() {
  if constexpr (std::is_same_v<S, ServerConfig>) return "server";
  if constexpr (std::is_same_v<S, CacheConfig>) return "cache";
  if constexpr (std::is_same_v<S, ShardConfig>) return "shard";
  if constexpr (std::is_same_v<S, NodeConfig>) return "node";
  if constexpr (std::is_same_v<S, KeyspaceConfig>) return "keyspace";
  if constexpr (std::is_same_v<S, UserConfig>) return "user";
  if constexpr (std::is_same_v<S, LimitConfig>) return "limit";
}

template <typename S, typename M>
Option Declare(M S::*member, Row<typename Held<std::type_identity_t<M>>::Value> row) {
  using Value = typename Held<M>::Value;
  Option option;
  option.section = NameOf<S>();
  option.key = row.key;
  option.doc = row.doc;
  option.required = row.required;
  option.reloadable = row.reloads;
  option.list = Held<M>::kList;
  if constexpr (std::is_enum_v<Value>) {
    option.type = ValueType::kChoice;
    option.words = WordsOf<Value>();
  } else {
    option.type = TypeOf(Value());
  }
  option.limits = DescribeLimits(row.least, row.most);
  S defaults;
  if (!row.default_words.empty()) {
    option.default_text = row.default_words;
  } else if (!row.required) {
    option.default_text = "`" + ShowMember(option.type, defaults.*member).value_or("") + "`";
  }
  option.read = [member, row](SectionRef section, const std::vector<std::string>& texts) {
    assert(Held<M>::kList || texts.size() == 1);
    M held{};
    for (const std::string& text : texts) {
      Value value{};
      std::string problem = ReadAny(text, value);
      if (problem.empty()) problem = OutOfBounds(value, row.least, row.most);
      if (!problem.empty()) return problem;
      if constexpr (Held<M>::kList) {
        held.push_back(std::move(value));
      } else {
        held = std::move(value);
      }
    }
    std::get<S*>(section)->*member = std::move(held);
    return std::string();
  };
  option.show = [member, type = option.type](SectionRef section) {
    return ShowMember(type, std::get<S*>(section)->*member);
  };
  option.copy = [member](SectionRef from, SectionRef to) {
    std::get<S*>(to)->*member = std::get<S*>(from)->*member;
  };
  return option;
}

// The options of [[node]] with `server.node`, of [[keyspace]], and of [[limit]].
void DeclareNodes(std::vector<Option>& table);
void DeclareKeyspaces(std::vector<Option>& table);
void DeclareLimits(std::vector<Option>& table);

}  // namespace weir::cmd
