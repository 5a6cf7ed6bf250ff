#include "weir/rls/rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <yaml.h>

namespace weir::rls {
namespace {

constexpr std::array<std::pair<std::string_view, std::chrono::seconds>, 8> kUnits = {
    {{"UNKNOWN", std::chrono::seconds(0)},
     {"SECOND", std::chrono::seconds(1)},
     {"MINUTE", std::chrono::minutes(1)},
     {"HOUR", std::chrono::hours(1)},
     {"DAY", std::chrono::hours(24)},
     {"MONTH", std::chrono::hours(24 * 30)},
     {"YEAR", std::chrono::hours(24 * 365)},
     {"WEEK", std::chrono::hours(24 * 7)}}};

constexpr size_t kDepthMax = 32;
constexpr uint64_t kPerSecondMax = 10'000'000;

// Nothing, as it stands for the zero of any type.
constexpr std::array<std::string_view, 5> kNothing = {"", "~", "null", "Null", "NULL"};
// YAML 1.1's own list, case by case.
constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};

bool SameWord(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return upper(x) == upper(y); });
}

// A document of libyaml, and its nodes as texts, lists and maps.
class Document {
 public:
  explicit Document(std::string_view text) {
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
    loaded_ = yaml_parser_load(&parser, &document_) == 1;
    if (!loaded_) {
      fault_ = "line " + std::to_string(parser.problem_mark.line + 1) + ": " +
               (parser.problem == nullptr ? "no YAML" : parser.problem);
    }
    yaml_parser_delete(&parser);
  }
  ~Document() {
    if (loaded_) yaml_document_delete(&document_);
  }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const std::string& fault() const { return fault_; }
  const yaml_node_t* root() { return loaded_ ? yaml_document_get_root_node(&document_) : nullptr; }
  const yaml_node_t* At(int index) { return yaml_document_get_node(&document_, index); }

  static std::optional<std::string> Text(const yaml_node_t* node) {
    if (node == nullptr || node->type != YAML_SCALAR_NODE) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(node->data.scalar.value),
                       node->data.scalar.length);
  }

 private:
  yaml_document_t document_{};
  bool loaded_ = false;
  std::string fault_;
};

}  // namespace

std::string_view UnitName(Unit unit) {
  return kUnits[static_cast<size_t>(unit)].first;
}

std::optional<Unit> UnitNamed(std::string_view name) {
  for (size_t i = 1; i < kUnits.size(); ++i) {
    if (SameWord(kUnits[i].first, name)) return static_cast<Unit>(i);
  }
  return std::nullopt;
}

std::optional<Unit> UnitNumbered(uint64_t number) {
  if (number == 0 || number >= kUnits.size()) return std::nullopt;
  return static_cast<Unit>(number);
}

std::chrono::seconds LengthOf(Unit unit) {
  return kUnits[static_cast<size_t>(unit)].second;
}

struct Rules::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;  // By key or key_value.
  std::vector<std::string> wildcards;  // Those of children that end with a star, in order.
  std::optional<Rule> rule;
};

Rules::Rules() = default;
Rules::Rules(Rules&&) noexcept = default;
Rules& Rules::operator=(Rules&&) noexcept = default;
Rules::~Rules() = default;

// Reads one file into the tree; the first fault ends it.
class Loader {
 public:
  using Node = Rules::Node;

  Loader(Rules& rules, const Rules::File& file)
      : rules_(rules), name_(file.name), document_(file.text) {}

  Result<Ok> Load() {
    if (!document_.fault().empty()) return Wrong(document_.fault());
    std::optional<std::string> domain;
    const yaml_node_t* descriptors = nullptr;
    const bool read =
        EachPair(document_.root(), [&](const std::string& key, const yaml_node_t* value) {
          if (key == "domain") domain = Document::Text(value);
          if (key == "descriptors") descriptors = value;
          return key == "domain" || key == "descriptors" || Unknown(key);
        });
    if (!read) return Wrong(fault_);
    if (domain.value_or("").empty()) return Wrong("config file cannot have empty domain");
    if (rules_.HasDomain(*domain))
      return Wrong("duplicate domain '" + *domain + "' in config file");
    auto root = std::make_unique<Node>();
    if (!ReadDescriptors(descriptors, *domain + ".", 0, root.get())) return Wrong(fault_);
    rules_.domains_.emplace(*domain, std::move(root));
    return Ok();
  }

 private:
  Error Wrong(const std::string& what) const {
    return Error{ErrorCode::kInvalid, name_ + ": " + what};
  }
  bool Fail(std::string what) {
    fault_ = std::move(what);
    return false;
  }
  bool Unknown(const std::string& key) { return Fail("unknown key '" + key + "'"); }

  // Calls `take` with each pair of a map until it returns false. Nothing is an empty map.
  template <typename Take>
  bool EachPair(const yaml_node_t* node, const Take& take) {
    if (node == nullptr) return true;
    if (node->type != YAML_MAPPING_NODE) return Fail("a map is needed here");
    for (const yaml_node_pair_t* pair = node->data.mapping.pairs.start;
         pair != node->data.mapping.pairs.top; ++pair) {
      const std::optional<std::string> key = Document::Text(document_.At(pair->key));
      if (!key.has_value()) return Fail("a key is not text");
      if (!take(*key, document_.At(pair->value))) return false;
    }
    return true;
  }
  template <typename Take>
  bool EachItem(const yaml_node_t* node, const Take& take) {
    if (node == nullptr || Document::Text(node) == "") return true;
    if (node->type != YAML_SEQUENCE_NODE) return Fail("a list is needed here");
    for (const yaml_node_item_t* item = node->data.sequence.items.start;
         item != node->data.sequence.items.top; ++item) {
      if (!take(document_.At(*item))) return false;
    }
    return true;
  }

  bool ReadDescriptors(const yaml_node_t* list, const std::string& path, size_t depth, Node* into) {
    if (depth == kDepthMax) return Fail("descriptors are nested deeper than 32");
    return EachItem(
        list, [&](const yaml_node_t* item) { return ReadDescriptor(item, path, depth, into); });
  }

  bool ReadDescriptor(const yaml_node_t* item, const std::string& path, size_t depth, Node* into) {
    std::string key;
    std::string value;
    bool shadow = false;
    const yaml_node_t* nested = nullptr;
    const yaml_node_t* limit = nullptr;
    const bool read = EachPair(item, [&](const std::string& name, const yaml_node_t* node) {
      const std::string text = Document::Text(node).value_or("");
      if (name == "key")
        key = text;
      else if (name == "value")
        value = text;
      else if (name == "shadow_mode")
        return ReadFlag(name, node, &shadow);
      else if (name == "descriptors")
        nested = node;
      else if (name == "rate_limit")
        limit = node;
      else if (name != "detailed_metric")
        return Unknown(name);  // Metrics are not by descriptor.
      return true;
    });
    if (!read) return false;
    if (key.empty()) return Fail("descriptor has empty key");
    const std::string full = value.empty() ? key : key + "_" + value;
    auto [child, added] = into->children.try_emplace(full, nullptr);
    if (!added) return Fail("duplicate descriptor composite key '" + path + full + "'");
    child->second = std::make_unique<Node>();
    if (full.back() == '*') into->wildcards.push_back(full);
    if (limit != nullptr && !ReadLimit(limit, shadow, child->second.get())) return false;
    return ReadDescriptors(nested, path + full + ".", depth + 1, child->second.get());
  }

  bool ReadLimit(const yaml_node_t* node, bool shadow, Node* into) {
    Rule rule{.shadow = shadow};
    std::string unit;
    const bool read = EachPair(node, [&](const std::string& name, const yaml_node_t* value) {
      const std::string text = Document::Text(value).value_or("");
      if (name == "unit") {
        unit = text;
      } else if (name == "requests_per_unit") {
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), rule.requests_per_unit);
        if (error != std::errc() || end != text.data() + text.size()) {
          return Fail("requests_per_unit is not a number of 32 bits");
        }
      } else if (name == "unlimited") {
        return ReadFlag(name, value, &rule.unlimited);
      } else if (name == "name") {
        rule.name = text;
      } else if (name == "replaces") {
        return ReadReplaces(value, &rule);
      } else {
        return Unknown(name);
      }
      return true;
    });
    if (!read) return false;
    return SetUnit(unit, &rule) && Keep(std::move(rule), into);
  }

  bool ReadFlag(const std::string& name, const yaml_node_t* node, bool* flag) {
    const std::optional<std::string> text = Document::Text(node);
    const auto is_of = [&](const auto& words) {
      return text.has_value() && std::find(words.begin(), words.end(), *text) != words.end();
    };
    *flag = is_of(kTrue);
    return *flag || is_of(kFalse) || is_of(kNothing) || Fail(name + " is neither true nor false");
  }

  bool ReadReplaces(const yaml_node_t* list, Rule* rule) {
    return EachItem(list, [&](const yaml_node_t* item) {
      return EachPair(item, [&](const std::string& name, const yaml_node_t* value) {
        if (name != "name") return Unknown(name);
        rule->replaces.push_back(Document::Text(value).value_or(""));
        return true;
      });
    });
  }

  bool SetUnit(const std::string& name, Rule* rule) {
    const std::optional<Unit> unit = UnitNamed(name);
    if (rule->unlimited) {
      return !unit.has_value() || Fail("should not specify rate limit unit when unlimited");
    }
    if (!unit.has_value()) return Fail("invalid rate limit unit '" + name + "'");
    rule->unit = *unit;
    const auto seconds = static_cast<uint64_t>(LengthOf(*unit).count());
    if (rule->requests_per_unit > kPerSecondMax * seconds)
      return Fail("the rate is above 10^7 a second");
    return true;
  }

  bool Keep(Rule rule, Node* into) {
    for (const std::string& replaced : rule.replaces) {
      if (replaced.empty()) return Fail("should not have an empty replaces entry");
      if (replaced == rule.name) return Fail("replaces should not contain name of same descriptor");
    }
    into->rule = std::move(rule);
    return true;
  }

  Rules& rules_;
  const std::string& name_;
  Document document_;
  std::string fault_;
};

Result<Rules> Rules::Create(std::span<const File> files) {
  Rules rules;
  for (const File& file : files) {
    if (const Result<Ok> loaded = Loader(rules, file).Load(); !loaded.ok()) return loaded.error();
  }
  return rules;
}

bool Rules::HasDomain(std::string_view domain) const {
  return domains_.contains(domain);
}

const Rule* Rules::Find(std::string_view domain, std::span<const Entry> entries) const {
  const auto found = domains_.find(domain);
  if (found == domains_.end()) return nullptr;
  const Node* at = found->second.get();
  for (const Entry& entry : entries) {
    const std::string full = entry.key + "_" + entry.value;
    auto child = at->children.find(full);
    if (child == at->children.end()) {
      const auto wildcard =
          std::find_if(at->wildcards.begin(), at->wildcards.end(), [&](std::string_view pattern) {
            return std::string_view(full).starts_with(pattern.substr(0, pattern.size() - 1));
          });
      child = at->children.find(wildcard == at->wildcards.end() ? entry.key : *wildcard);
    }
    if (child == at->children.end()) return nullptr;
    at = child->second.get();
  }
  return at->rule.has_value() ? &*at->rule : nullptr;
}

}  // namespace weir::rls
