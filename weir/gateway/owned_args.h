// OwnedArgs: the arguments of a command that outlives the burst in which it came.
//
// Small arguments are copied into one block; those above resp::kBigArgumentBytes are shared.
// Threads: single-owner; may be handed from thread to thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/resp/parser.h"

namespace weir::gateway {

using Args = std::span<const std::string_view>;

class OwnedArgs {
 public:
  OwnedArgs() = default;
  // Cost: one copy of the small arguments, two allocations.
  explicit OwnedArgs(const resp::Command& command);
  explicit OwnedArgs(Args args);

  // Valid while this lives, also after it was moved from one place to another.
  Args views() const { return views_; }
  std::string_view operator[](size_t index) const { return views_[index]; }
  size_t size() const { return views_.size(); }
  // Bytes held.
  size_t bytes() const { return bytes_; }

  // Returns argument `index` as Bytes: shared when it is big, else a copy.
  Bytes Share(size_t index) const;

 private:
  struct Big {
    size_t index;
    Bytes bytes;
  };

  std::vector<std::string_view> views_;
  std::unique_ptr<char[]> block_;
  std::vector<Big> big_;
  size_t bytes_ = 0;
};

}  // namespace weir::gateway
