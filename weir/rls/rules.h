// Rules: the configuration of envoyproxy/ratelimit, loaded unchanged, and the rule that a
// descriptor falls under.
//
//   domain: shop
//   descriptors:
//     - key: user
//       rate_limit: {unit: minute, requests_per_unit: 100}
//
// Rules are those of the reference at commit 008b66a: a descriptor is followed through the tree by
// its entries, key and value before the key alone; its last entry must end at a rule.
// When not to use: to decide; see should_rate_limit.h.
// Threads: immutable after Create, so thread-safe.
// Errors: kInvalid with the file and what is wrong with it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::rls {

// As in envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.Unit.
enum class Unit : uint8_t { kUnknown, kSecond, kMinute, kHour, kDay, kMonth, kYear, kWeek };

std::string_view UnitName(Unit unit);  // "SECOND"
// Reads a name in any case. nullopt: it is none, or UNKNOWN.
std::optional<Unit> UnitNamed(std::string_view name);
std::optional<Unit> UnitNumbered(uint64_t number);  // As above, by its number.
// A month has 30 days, a year 365.
std::chrono::seconds LengthOf(Unit unit);

struct Rule {
  std::string name = {};  // Empty: none.
  uint32_t requests_per_unit = 0;
  Unit unit = Unit::kUnknown;
  bool unlimited = false;
  bool shadow = false;
  std::vector<std::string> replaces = {};  // Names of rules that do not hold beside this one.
};

struct Entry {
  std::string key;
  std::string value;
};

class Rules {
 public:
  struct File {
    std::string name;
    std::string text;
  };

  static Result<Rules> Create(std::span<const File> files);
  Rules(Rules&&) noexcept;
  Rules& operator=(Rules&&) noexcept;
  ~Rules();

  // Returns the rule, or nullptr: there is none for this descriptor.
  const Rule* Find(std::string_view domain, std::span<const Entry> entries) const;
  bool HasDomain(std::string_view domain) const;

 private:
  friend class Loader;
  struct Node;

  Rules();
  std::map<std::string, std::unique_ptr<Node>, std::less<>> domains_;
};

}  // namespace weir::rls
