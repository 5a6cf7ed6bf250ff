// Burst: the commands of one burst that were answered at once, so that the time the burst took can
// be divided among them.
//
// The clock is read once a burst, not once a command: a GET hit takes less than reading it. Each
// command of the burst is charged an equal share. What may take long has its own clock reading and
// is taken out of what is shared.
// Threads: single-owner. Cost: two stores a command.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "weir/resp/parser.h"

namespace weir::gateway {

struct CommandSpec;

class Burst {
 public:
  static constexpr size_t kCommandsMax = 64;

  struct Answered {
    const CommandSpec* spec;
    const resp::Command* command;  // As long as its input is held.
  };

  bool full() const { return answered_count_ == kCommandsMax; }
  bool empty() const { return executed_ == 0; }
  // A command was executed, whether it was answered at once or waits.
  void Execute() { ++executed_; }
  // Requires: !full().
  void Answer(const CommandSpec& spec, const resp::Command& command) {
    answered_[answered_count_++] = {&spec, &command};
  }
  // Takes what one command took, by its own clock readings, out of what is shared.
  void Exclude(std::chrono::nanoseconds took) {
    excluded_ += took;
    --executed_;
  }

  std::span<const Answered> answered() const { return {answered_.data(), answered_count_}; }
  // Returns the share of one command when the whole burst took `took`.
  uint64_t ShareNs(std::chrono::nanoseconds took) const {
    const auto shared = (took - excluded_).count();
    return shared <= 0 || executed_ == 0 ? 0 : static_cast<uint64_t>(shared) / executed_;
  }
  void Clear() {
    answered_count_ = 0;
    executed_ = 0;
    excluded_ = {};
  }

 private:
  std::array<Answered, kCommandsMax> answered_;
  size_t answered_count_ = 0;
  uint64_t executed_ = 0;
  std::chrono::nanoseconds excluded_{0};
};

}  // namespace weir::gateway
