// FreeSpace: refuses writes while the device is nearly full, before anything is written.
//
// The device is asked now and then; between two askings what is written is taken off the last
// answer, so a burst cannot overshoot. Threads: single-owner (the writer thread).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "weir/base/result.h"

namespace weir::store {

class FreeSpace {
 public:
  struct Options {
    uint64_t floor_bytes = 0;
    std::chrono::milliseconds every{100};
    std::function<Result<uint64_t>()> free_bytes = nullptr;
  };

  explicit FreeSpace(Options options) : options_(std::move(options)) {}

  enum class Use {
    kCopy,    // Can wait, and leaves as much as the floor to what cannot.
    kStore,   // May go down to the floor.
    kRemove,  // Leads to free space, and may go down to half of the floor.
  };

  // Takes `bytes` off what is free, or returns why they may not be written.
  std::optional<Error> Take(uint64_t bytes, Use use);

 private:
  std::optional<Error> AskIfDue();
  uint64_t FloorOf(Use use) const;

  const Options options_;
  uint64_t free_bytes_ = 0;
  std::optional<std::chrono::steady_clock::time_point> asked_;
};

// The free bytes for unprivileged users on the device that holds `path`.
Result<uint64_t> FreeBytesOf(const std::string& path);

}  // namespace weir::store
