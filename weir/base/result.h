// Errors as values: what went wrong, sorted by what the caller should do about it.
//
// Not for programming errors: those are asserts. Not for "key absent": that is std::optional.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace weir {

enum class ErrorCode {
  kInvalid,      // The request itself is wrong. Reply with the message; never retry.
  kOverloaded,   // A named limit is reached, nothing was done. Shed; the caller may retry later.
  kUnavailable,  // Nothing was done and nothing will be. Reply with the message; may be retried.
  kUnknown,  // It may or may not have happened, or may still happen. Say so; never retry blindly.
  kCorrupt,  // Stored data is damaged or of an unknown format. Stop; a person must look.
};

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  // One sentence for a person: what happened and what to do next.
};

// Either a T or an Error. Requires: ok() before value(), !ok() before error().
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    assert(ok());
    return std::get<0>(held_);
  }
  const T& value() const& {
    assert(ok());
    return std::get<0>(held_);
  }
  T&& value() && {
    assert(ok());
    return std::get<0>(std::move(held_));
  }
  const Error& error() const {
    assert(!ok());
    return std::get<1>(held_);
  }

 private:
  std::variant<T, Error> held_;
};

// Result<Ok> is success without a value.
struct Ok {};

}  // namespace weir
