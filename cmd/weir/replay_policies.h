// Reference policies for `weir replay`: known replacement policies, each in a page, to compare
// with.
//
// They are written for clearness and take keys as dense numbers; the server uses none of them.
// Sizes are bytes, or 1 for each entry. Threads: single-owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::cmd {

class ReferencePolicy {
 public:
  virtual ~ReferencePolicy() = default;
  // Asks for `key` and keeps it. Returns whether it was there.
  // Requires: a key always has the same size, at most the capacity.
  virtual bool Access(uint32_t key, uint64_t size) = 0;
  // The sum of the sizes of what is kept.
  virtual uint64_t size() const = 0;
};

// The names of all reference policies.
const std::vector<std::string_view>& ReferencePolicyNames();

// Returns nullptr when there is no policy of this name.
std::unique_ptr<ReferencePolicy> MakeReferencePolicy(std::string_view name, uint64_t capacity);

}  // namespace weir::cmd
