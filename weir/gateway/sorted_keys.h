// SortedKeys: names of keys in the order in which a database holds them, so that who reads their
// records meets those of one block one after another.
//
// Ownership: takes a list, which is freed as it is taken in; the names are freed together, when the
// last is taken. Threads: single-owner.
// Cost: O(n log n) to begin with; 8 bytes a key beside the names and a byte or two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/gateway/key_list.h"

namespace weir::gateway {

class SortedKeys {
 public:
  SortedKeys() = default;
  // Requires: less than 4 GiB of names.
  SortedKeys(KeyList keys, const std::function<uint64_t(std::string_view key)>& position);

  // Takes the first, or returns nullopt when there is none.
  std::optional<std::string> Take();
  bool empty() const { return taken_ == order_.size(); }

 private:
  std::string names_;            // Each after its length, 4 bytes.
  std::vector<uint64_t> order_;  // The high half of the position, and where it begins in names_.
  size_t taken_ = 0;
};

}  // namespace weir::gateway
