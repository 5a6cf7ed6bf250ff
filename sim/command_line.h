// The command line of weir_sim.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sim/shrink.h"

#include "weir/base/result.h"

namespace weir::sim {

inline constexpr const char* kUsage =
    "usage: weir_sim --seed N | --seeds A..B | --hours H [options]\n"
    "  --seed N         one seed; the last line is its trace_hash\n"
    "  --seeds A..B     seeds from A to B, both included\n"
    "  --hours H        seeds from 1 on, or from --from N, for so long\n"
    "  --commands N     operations of each run (3000)\n"
    "  --without KIND   leave out crashes, disconnects, store-faults, clock-jumps, slow-clients\n"
    "  --leave-out L    operations not to send, as in 3,7-12\n"
    "  --history        print all of a round that no order explains\n"
    "  --hashes         print the trace_hash of each seed\n"
    "  --no-shrink      do not look for a shorter history\n"
    "  --stop           stop at the first seed that fails\n";

struct CommandLine {
  bool one_seed = false;
  uint64_t from = 1;
  uint64_t to = 1;
  std::optional<double> hours;
  Trial trial;
  bool history = false;
  bool hashes = false;
  bool shrink = true;
  bool stop_at_failure = false;
};

Result<CommandLine> ParseCommandLine(int argc, char** argv);

// When to end a run that is measured in hours of real time.
class Deadline {
 public:
  explicit Deadline(std::optional<double> hours) {
    using Clock = std::chrono::steady_clock;
    if (hours) end_ = Clock::now() + std::chrono::seconds(static_cast<int64_t>(*hours * 3600));
  }
  bool unlimited() const { return !end_.has_value(); }
  bool passed() const { return end_.has_value() && std::chrono::steady_clock::now() >= *end_; }

 private:
  std::optional<std::chrono::steady_clock::time_point> end_;
};

}  // namespace weir::sim
