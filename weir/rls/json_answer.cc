#include "weir/rls/json_answer.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace weir::rls {
namespace {

// What is read has its members in a tree, however many a stranger sends; what is written has them
// in their order.
using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

Error Wrong(std::string what) {
  return Error{ErrorCode::kInvalid, std::move(what)};
}

// The members of one object. What is null is not there, as in the JSON of protocol buffers.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  // Returns what is wrong with them, or nothing: one that is none of `known`, each of which is a
  // name in JSON and a name in the .proto.
  std::string FaultOf(std::initializer_list<std::pair<const char*, const char*>> known) const {
    for (const auto& [name, value] : object_.items()) {
      if (std::none_of(known.begin(), known.end(),
                       [&](const auto& one) { return name == one.first || name == one.second; })) {
        return "unknown member '" + name.substr(0, kNameShownMax) + "'";
      }
    }
    return "";
  }

  // nullptr: it is not there.
  const Json* Get(const char* json_name, const char* proto_name) const {
    for (const char* name : {json_name, proto_name}) {
      const auto found = object_.find(name);
      if (found != object_.end() && !found->is_null()) return &*found;
    }
    return nullptr;
  }
  const Json* Get(const char* name) const { return Get(name, name); }

  // Empty when it is not there; nullopt: it is no text.
  std::optional<std::string> Text(const char* name) const {
    const Json* value = Get(name);
    if (value == nullptr) return "";
    return value->is_string() ? std::optional(value->get<std::string>()) : std::nullopt;
  }

 private:
  static constexpr size_t kNameShownMax = 64;

  const Json& object_;
};

// A whole number, which may be written as text.
std::optional<uint64_t> NumberOf(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

Result<Rule> ReadOwnLimit(const Json& json) {
  if (!json.is_object()) return Wrong("a limit is not an object");
  const Members limit(json);
  std::string fault = limit.FaultOf({{"requestsPerUnit", "requests_per_unit"}, {"unit", "unit"}});
  if (!fault.empty()) return Wrong(std::move(fault));
  Rule rule;
  const Json* requests = limit.Get("requestsPerUnit", "requests_per_unit");
  const std::optional<uint64_t> count = requests == nullptr ? 0 : NumberOf(*requests);
  if (!count.has_value() || *count > UINT32_MAX) return Wrong("requestsPerUnit is not of 32 bits");
  rule.requests_per_unit = static_cast<uint32_t>(*count);
  const Json* unit = limit.Get("unit");
  std::optional<Unit> named;
  if (unit != nullptr && unit->is_string()) {
    named = UnitNamed(unit->get_ref<const std::string&>());
  } else if (unit != nullptr && unit->is_number_unsigned()) {
    named = UnitNumbered(unit->get<uint64_t>());
  }
  rule.unit = named.value_or(Unit::kUnknown);
  return rule;
}

Result<Entry> ReadEntry(const Json& json) {
  if (!json.is_object()) return Wrong("an entry is not an object");
  const Members entry(json);
  std::string fault = entry.FaultOf({{"key", "key"}, {"value", "value"}});
  if (!fault.empty()) return Wrong(std::move(fault));
  std::optional<std::string> key = entry.Text("key");
  std::optional<std::string> value = entry.Text("value");
  if (!key.has_value() || !value.has_value()) return Wrong("key and value of an entry are texts");
  return Entry{*std::move(key), *std::move(value)};
}

Result<Descriptor> ReadDescriptor(const Json& json) {
  if (!json.is_object()) return Wrong("a descriptor is not an object");
  const Members members(json);
  std::string fault =
      members.FaultOf({{"entries", "entries"}, {"limit", "limit"}, {"hitsAddend", "hits_addend"}});
  if (!fault.empty()) return Wrong(std::move(fault));
  Descriptor descriptor;
  if (const Json* entries = members.Get("entries")) {
    if (!entries->is_array()) return Wrong("entries are not a list");
    for (const Json& entry : *entries) {
      Result<Entry> read = ReadEntry(entry);
      if (!read.ok()) return read.error();
      descriptor.entries.push_back(std::move(read).value());
    }
  }
  if (const Json* cost = members.Get("hitsAddend", "hits_addend")) {
    descriptor.hits_addend = NumberOf(*cost);
    if (!descriptor.hits_addend.has_value()) return Wrong("hitsAddend is not a number");
  }
  if (const Json* limit = members.Get("limit")) {
    Result<Rule> own = ReadOwnLimit(*limit);
    if (!own.ok()) return own.error();
    descriptor.limit = std::move(own).value();
  }
  return descriptor;
}

Result<RateLimitRequest> ReadRequest(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return Wrong("the body is not a JSON object");
  const Members members(json);
  std::string fault = members.FaultOf(
      {{"domain", "domain"}, {"descriptors", "descriptors"}, {"hitsAddend", "hits_addend"}});
  if (!fault.empty()) return Wrong(std::move(fault));
  RateLimitRequest request;
  std::optional<std::string> domain = members.Text("domain");
  if (!domain.has_value()) return Wrong("domain is not a text");
  request.domain = *std::move(domain);
  if (const Json* cost = members.Get("hitsAddend", "hits_addend")) {
    const std::optional<uint64_t> number = NumberOf(*cost);
    if (!number.has_value()) return Wrong("hitsAddend is not a number");
    if (*number > UINT32_MAX) return Wrong("hitsAddend is not of 32 bits");
    request.hits_addend = static_cast<uint32_t>(*number);
  }
  const Json* descriptors = members.Get("descriptors");
  if (descriptors == nullptr) return request;
  if (!descriptors->is_array()) return Wrong("descriptors are not a list");
  for (const Json& one : *descriptors) {
    Result<Descriptor> read = ReadDescriptor(one);
    if (!read.ok()) return read.error();
    request.descriptors.push_back(std::move(read).value());
  }
  return request;
}

const char* CodeName(bool over_limit) {
  return over_limit ? "OVER_LIMIT" : "OK";
}

// As the JSON of protocol buffers leaves it out: what is 0 or empty.
Ordered ShowStatus(const DescriptorStatus& status) {
  Ordered shown;
  shown["code"] = CodeName(status.over_limit);
  if (status.current_limit.has_value()) {
    const Rule& rule = *status.current_limit;
    Ordered& limit = shown["currentLimit"];
    limit = Ordered::object();
    if (!rule.name.empty()) limit["name"] = rule.name;
    if (rule.requests_per_unit > 0) limit["requestsPerUnit"] = rule.requests_per_unit;
    limit["unit"] = UnitName(rule.unit);
  }
  if (status.limit_remaining > 0) shown["limitRemaining"] = status.limit_remaining;
  if (status.current_limit.has_value()) {
    shown["durationUntilReset"] = std::to_string(status.duration_until_reset.count()) + "s";
  }
  return shown;
}

JsonReply Refuse(const Error& error) {
  return {.status = 400, .body = error.message + "\n"};
}

}  // namespace

JsonReply AnswerJson(std::string_view body, const Rules& rules, const DecideFunction& decide) {
  const Result<RateLimitRequest> request = ReadRequest(body);
  if (!request.ok()) return Refuse(request.error());
  const Result<RateLimitResponse> response = ShouldRateLimit(request.value(), rules, decide);
  if (!response.ok()) return Refuse(response.error());
  Ordered statuses = Ordered::array();
  for (const DescriptorStatus& status : response.value().statuses) {
    statuses.push_back(ShowStatus(status));
  }
  const bool over_limit = response.value().over_limit;
  const Ordered shown = {{"overallCode", CodeName(over_limit)}, {"statuses", statuses}};
  return {.status = over_limit ? 429 : 200,
          .body = shown.dump(-1, ' ', false, Ordered::error_handler_t::replace)};
}

}  // namespace weir::rls
