#include "weir/rls/json_answer.h"

#include <charconv>
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

// A member by its name in JSON or in the .proto; nullptr: it is not there.
const Json* Member(const Json& object, const char* json_name, const char* proto_name) {
  for (const char* name : {json_name, proto_name}) {
    const auto found = object.find(name);
    if (found != object.end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

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

Result<Rule> ReadOwnLimit(const Json& limit) {
  if (!limit.is_object()) return Wrong("a limit is not an object");
  Rule rule;
  const Json* requests = Member(limit, "requestsPerUnit", "requests_per_unit");
  const std::optional<uint64_t> count = requests == nullptr ? 0 : NumberOf(*requests);
  if (!count.has_value() || *count > UINT32_MAX) return Wrong("requestsPerUnit is not of 32 bits");
  rule.requests_per_unit = static_cast<uint32_t>(*count);
  const auto unit = limit.find("unit");
  std::optional<Unit> named;
  if (unit != limit.end() && unit->is_string()) {
    named = UnitNamed(unit->get_ref<const std::string&>());
  } else if (unit != limit.end() && unit->is_number_unsigned()) {
    named = UnitNumbered(unit->get<uint64_t>());
  }
  rule.unit = named.value_or(Unit::kUnknown);
  return rule;
}

Result<Descriptor> ReadDescriptor(const Json& json) {
  if (!json.is_object()) return Wrong("a descriptor is not an object");
  Descriptor descriptor;
  const auto entries = json.find("entries");
  if (entries != json.end() && !entries->is_array()) return Wrong("entries are not a list");
  for (const Json& entry : entries == json.end() ? Json::array() : *entries) {
    const auto text = [&](const char* name) -> std::string {
      const auto found = entry.is_object() ? entry.find(name) : entry.end();
      return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
    };
    descriptor.entries.push_back({text("key"), text("value")});
  }
  if (const Json* cost = Member(json, "hitsAddend", "hits_addend")) {
    descriptor.hits_addend = NumberOf(*cost);
    if (!descriptor.hits_addend.has_value()) return Wrong("hitsAddend is not a number");
  }
  if (const Json* limit = Member(json, "limit", "limit")) {
    Result<Rule> own = ReadOwnLimit(*limit);
    if (!own.ok()) return own.error();
    descriptor.limit = std::move(own).value();
  }
  return descriptor;
}

Result<RateLimitRequest> ReadRequest(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return Wrong("the body is not a JSON object");
  RateLimitRequest request;
  if (const auto domain = json.find("domain"); domain != json.end() && domain->is_string()) {
    request.domain = domain->get<std::string>();
  }
  if (const Json* cost = Member(json, "hitsAddend", "hits_addend")) {
    const std::optional<uint64_t> number = NumberOf(*cost);
    if (!number.has_value()) return Wrong("hitsAddend is not a number");
    if (*number > UINT32_MAX) return Wrong("hitsAddend is not of 32 bits");
    request.hits_addend = static_cast<uint32_t>(*number);
  }
  const auto descriptors = json.find("descriptors");
  if (descriptors == json.end() || !descriptors->is_array()) return request;
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
  if (!status.current_limit.has_value()) return shown;
  const Rule& rule = *status.current_limit;
  Ordered& limit = shown["currentLimit"];
  limit = Ordered::object();
  if (!rule.name.empty()) limit["name"] = rule.name;
  if (rule.requests_per_unit > 0) limit["requestsPerUnit"] = rule.requests_per_unit;
  limit["unit"] = UnitName(rule.unit);
  if (status.limit_remaining > 0) shown["limitRemaining"] = status.limit_remaining;
  shown["durationUntilReset"] = std::to_string(status.duration_until_reset.count()) + "s";
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
