// OwnedArgs: the arguments of a command that outlives the burst in which it came.
//
// Small arguments are copied into one block; those above resp::kBigArgumentBytes are shared.
// Threads: single-owner; may be handed from thread to thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/resp/parser.h"

namespace weir::gateway {

using Args = std::span<const std::string_view>;

class OwnedArgs {
 public:
  OwnedArgs() = default;
  // What was moved from has no arguments.
  OwnedArgs(OwnedArgs&& other) noexcept : OwnedArgs() { *this = std::move(other); }
  OwnedArgs& operator=(OwnedArgs&& other) noexcept;
  // Cost: one copy of the small arguments, one allocation.
  explicit OwnedArgs(const resp::Command& command);
  explicit OwnedArgs(Args args);

  // Valid while this lives, also after it was moved from one place to another.
  Args views() const { return {reinterpret_cast<const std::string_view*>(block_.get()), count_}; }
  std::string_view operator[](size_t index) const { return views()[index]; }
  size_t size() const { return count_; }
  // Bytes held: the arguments, and the views of them.
  size_t bytes() const { return bytes_; }
  // Of these, all but the shared ones.
  size_t own_bytes() const { return own_bytes_; }

  // Returns a command of its own of these arguments, in this order.
  OwnedArgs Select(std::span<const size_t> indexes) const;

  // Returns argument `index` as Bytes: shared when it is big, else a copy.
  Bytes Share(size_t index) const;

 private:
  struct Big {
    size_t index;
    Bytes bytes;
  };

  std::string_view* Allocate(size_t bytes);
  static char* Place(std::string_view arg, char* at, std::string_view* view);

  std::unique_ptr<std::byte[]> block_;
  size_t count_ = 0;
  std::vector<Big> big_;
  size_t bytes_ = 0;
  size_t own_bytes_ = 0;
};

}  // namespace weir::gateway
