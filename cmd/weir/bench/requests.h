// RequestTemplate: one command of a load, encoded once, with the keys still to be filled in.
//
//   __key__    a key: the prefix and twelve digits, of the next number
//   __data__   the value, the same bytes each time
//
// Threads: const calls are safe together. Cost of Append: one copy and the digits of each key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/weir/bench/key_numbers.h"

#include "weir/base/result.h"

namespace weir::cmd {

class RequestTemplate {
 public:
  static constexpr size_t kDigits = 12;
  static constexpr uint64_t kKeysMax = 1'000'000'000'000;  // What kDigits can tell apart.

  // `words`: "SET __key__ __data__ EX 60", divided at blanks. Errors: kInvalid when empty.
  static Result<RequestTemplate> Parse(std::string_view words, std::string_view key_prefix,
                                       std::string_view data);

  void Append(KeyNumbers* keys, std::string* output) const;

  const std::string& name() const { return name_; }

 private:
  std::string name_;  // In capitals: "SET".
  std::string bytes_;
  std::vector<size_t> digits_at_;
};

// A command and how often it is sent, relative to the others.
struct WeightedRequest {
  RequestTemplate request;
  uint64_t weight = 1;
};

// Reads "get:9,set:1": names of common commands, or whole commands in the form of Parse, which hold
// no comma. A weight left out is 1. Errors: kInvalid with what to write.
Result<std::vector<WeightedRequest>> ParseMix(std::string_view mix, std::string_view key_prefix,
                                              std::string_view data);

}  // namespace weir::cmd
