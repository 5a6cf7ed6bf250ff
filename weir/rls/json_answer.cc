#include "weir/rls/json_answer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace weir::rls {
namespace {

// What is read has its members in a tree, however many a stranger sends; what is written has them
// in their order.
using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

// One descriptor of the request and the limit that it falls under.
struct Descriptor {
  std::vector<Entry> entries;
  std::optional<uint64_t> cost;  // Instead of the request's.
  const Rule* rule = nullptr;    // nullptr: no limit, or one that the request brings along.
  std::optional<Rule> own;
  std::optional<size_t> limit;  // Index of what was asked.

  const Rule* limited_by() const { return own.has_value() ? &*own : rule; }
};

struct Request {
  std::string domain;
  uint64_t cost = 1;
  std::vector<Descriptor> descriptors;
};

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
  } else if (unit != limit.end() && unit->is_number_unsigned() && unit->get<uint64_t>() >= 1 &&
             unit->get<uint64_t>() <= static_cast<uint64_t>(Unit::kWeek)) {
    named = static_cast<Unit>(unit->get<uint64_t>());
  }
  if (!named.has_value()) return Wrong("a limit's unit is not known");
  rule.unit = *named;
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
    if (descriptor.entries.back().key.empty()) return Wrong("an entry has no key");
  }
  if (const Json* cost = Member(json, "hitsAddend", "hits_addend")) {
    descriptor.cost = NumberOf(*cost);
    if (!descriptor.cost.has_value()) return Wrong("hitsAddend is not a number");
  }
  if (const Json* limit = Member(json, "limit", "limit")) {
    Result<Rule> own = ReadOwnLimit(*limit);
    if (!own.ok()) return own.error();
    descriptor.own = std::move(own).value();
  }
  return descriptor;
}

Result<Request> ReadRequest(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return Wrong("the body is not a JSON object");
  Request request;
  if (const auto domain = json.find("domain"); domain != json.end() && domain->is_string()) {
    request.domain = domain->get<std::string>();
  }
  if (request.domain.empty()) return Wrong("rate limit domain must not be empty");
  if (const Json* cost = Member(json, "hitsAddend", "hits_addend")) {
    const std::optional<uint64_t> number = NumberOf(*cost);
    if (!number.has_value()) return Wrong("hitsAddend is not a number");
    if (*number > UINT32_MAX) return Wrong("hitsAddend is not of 32 bits");
    request.cost = std::max<uint64_t>(*number, 1);  // 0 is what a .proto says for nothing.
  }
  const auto descriptors = json.find("descriptors");
  if (descriptors == json.end() || !descriptors->is_array() || descriptors->empty()) {
    return Wrong("rate limit descriptor list must not be empty");
  }
  for (const Json& one : *descriptors) {
    Result<Descriptor> read = ReadDescriptor(one);
    if (!read.ok()) return read.error();
    request.descriptors.push_back(std::move(read).value());
  }
  return request;
}

// Rules that another one of the request replaces do not hold.
void FindRules(const Rules& rules, Request* request) {
  std::set<std::string_view> replaced;
  for (Descriptor& descriptor : request->descriptors) {
    if (!rules.HasDomain(request->domain)) descriptor.own.reset();
    if (descriptor.own.has_value()) continue;
    descriptor.rule = rules.Find(request->domain, descriptor.entries);
    if (descriptor.rule == nullptr) continue;
    replaced.insert(descriptor.rule->replaces.begin(), descriptor.rule->replaces.end());
  }
  for (Descriptor& descriptor : request->descriptors) {
    if (descriptor.rule == nullptr || descriptor.rule->name.empty()) continue;
    if (replaced.contains(descriptor.rule->name)) descriptor.rule = nullptr;
  }
}

// Names the bucket. Lengths stand before the texts, so that no two descriptors share a name.
std::string KeyOf(const std::string& domain, const Descriptor& descriptor) {
  const auto part = [](const std::string& text) {
    return std::to_string(text.size()) + ":" + text;
  };
  std::string key = "rls:" + part(domain);
  for (const Entry& entry : descriptor.entries) key += part(entry.key) + part(entry.value);
  return key + std::string(UnitName(descriptor.limited_by()->unit));
}

// A limit of nothing refuses without being asked; one without end is not asked either.
bool IsAsked(const Rule* rule) {
  return rule != nullptr && !rule->unlimited && rule->requests_per_unit > 0;
}

// Whether a limit of nothing refuses the request, so that no other is to be charged.
bool IsRefusedAnyway(const Request& request) {
  return std::any_of(
      request.descriptors.begin(), request.descriptors.end(), [](const Descriptor& descriptor) {
        const Rule* rule = descriptor.limited_by();
        return rule != nullptr && !rule->unlimited && !rule->shadow && rule->requests_per_unit == 0;
      });
}

// Two costs of one limit, which no limit has room for where they cannot be counted.
uint64_t SumOf(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

// What is asked; a descriptor that comes twice is one limit with both costs.
Result<std::vector<AskedLimit>> AskedOf(Request* request) {
  std::vector<AskedLimit> asked;
  for (Descriptor& descriptor : request->descriptors) {
    const Rule* rule = descriptor.limited_by();
    if (!IsAsked(rule)) continue;
    const std::string key = KeyOf(request->domain, descriptor);
    const uint64_t cost = descriptor.cost.value_or(request->cost);
    auto same = std::find_if(asked.begin(), asked.end(),
                             [&](const AskedLimit& one) { return one.key == key; });
    if (same == asked.end()) {
      if (asked.size() == kLimitsMax) return Wrong("at most 8 limits decide together");
      asked.push_back({key, rule->requests_per_unit, LengthOf(rule->unit), 0, !rule->shadow});
      same = asked.end() - 1;
    }
    same->cost = SumOf(same->cost, cost);
    descriptor.limit = static_cast<size_t>(same - asked.begin());
  }
  return asked;
}

// As the JSON of protocol buffers leaves it out: what is 0 or empty.
Ordered StatusOf(const Descriptor& descriptor, const std::vector<LimitOutcome>& outcomes,
                 bool* over) {
  const Rule* rule = descriptor.limited_by();
  Ordered status;
  status["code"] = "OK";
  if (rule == nullptr || rule->unlimited) return status;
  const LimitOutcome outcome =
      descriptor.limit.has_value() ? outcomes[*descriptor.limit] : LimitOutcome{.allowed = false};
  if (!outcome.allowed && !rule->shadow) {
    status["code"] = "OVER_LIMIT";
    *over = true;
  }
  Ordered& limit = status["currentLimit"];
  limit = Ordered::object();
  if (!rule->name.empty()) limit["name"] = rule->name;
  if (rule->requests_per_unit > 0) limit["requestsPerUnit"] = rule->requests_per_unit;
  limit["unit"] = UnitName(rule->unit);
  const uint64_t remaining = std::min<uint64_t>(outcome.remaining, UINT32_MAX);
  if (remaining > 0) status["limitRemaining"] = remaining;
  const auto reset = std::chrono::ceil<std::chrono::seconds>(outcome.until_reset).count();
  status["durationUntilReset"] = std::to_string(reset) + "s";
  return status;
}

JsonReply Refuse(const std::string& why) {
  return {.status = 400, .body = why + "\n"};
}

}  // namespace

JsonReply AnswerJson(std::string_view body, const Rules& rules, const DecideFunction& decide) {
  Result<Request> read = ReadRequest(body);
  if (!read.ok()) return Refuse(read.error().message);
  Request& request = read.value();
  FindRules(rules, &request);
  const Result<std::vector<AskedLimit>> asked = AskedOf(&request);
  if (!asked.ok()) return Refuse(asked.error().message);
  Result<std::vector<LimitOutcome>> outcomes = std::vector<LimitOutcome>(asked.value().size());
  if (!asked.value().empty() && !IsRefusedAnyway(request)) outcomes = decide(asked.value());
  if (!outcomes.ok()) return Refuse(outcomes.error().message);
  bool over = false;
  Ordered statuses = Ordered::array();
  for (const Descriptor& descriptor : request.descriptors) {
    statuses.push_back(StatusOf(descriptor, outcomes.value(), &over));
  }
  const Ordered response = {{"overallCode", over ? "OVER_LIMIT" : "OK"}, {"statuses", statuses}};
  return {.status = over ? 429 : 200,
          .body = response.dump(-1, ' ', false, Ordered::error_handler_t::replace)};
}

}  // namespace weir::rls
