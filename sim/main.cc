// weir_sim: runs seeds of the simulator. `./dev sim` builds and calls it; docs/simulator.md tells
// how to read what it prints.
#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include "sim/command_line.h"
#include "sim/shrink.h"
#include "sim/world.h"
#include <unistd.h>

#include "weir/base/random.h"

namespace weir::sim {
namespace {

// An assertion of the production code is a finding like others: which seed was it?
volatile std::sig_atomic_t current_seed = 0;
void OnAbort(int) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "seed %ld aborts: an assertion failed\n",
                                 static_cast<long>(current_seed));
  [[maybe_unused]] const ssize_t written =
      write(STDOUT_FILENO, text.data(), static_cast<size_t>(size));
}

struct Totals {
  uint64_t seeds = 0;
  uint64_t operations = 0;
  uint64_t rounds = 0;
  uint64_t undecided = 0;
  uint64_t failed = 0;
};

// Returns whether all is well.
bool RunSeed(const CommandLine& line, uint64_t seed, Totals* totals) {
  Trial trial = line.trial;
  trial.seed = seed;
  current_seed = static_cast<std::sig_atomic_t>(seed);
  const Outcome outcome = Try(trial);
  ++totals->seeds;
  totals->operations += outcome.operations;
  totals->rounds += outcome.rounds;
  totals->undecided += outcome.undecided;
  if (line.hashes) std::printf("seed %lu trace_hash=%016lx\n", seed, outcome.trace_hash);
  if (outcome.problem.empty()) {
    if (line.one_seed) std::printf("trace_hash=%016lx\n", outcome.trace_hash);
    return true;
  }
  ++totals->failed;
  std::printf("seed %lu fails: %s\n", seed, outcome.problem.c_str());
  if (line.history) std::printf("%s", outcome.history.c_str());
  std::printf("replay: ./dev sim %s\n", Show(trial).c_str());
  if (line.shrink) {
    const Trial least = Shrink(trial);
    const Outcome shrunk = Try(least);
    std::printf("shrunk: ./dev sim %s\n%s\n%s", Show(least).c_str(), shrunk.problem.c_str(),
                shrunk.history.c_str());
  }
  if (line.one_seed) std::printf("trace_hash=%016lx\n", outcome.trace_hash);
  std::fflush(stdout);
  return false;
}

int Run(const CommandLine& line) {
  Totals totals;
  const Deadline deadline(line.hours);
  for (uint64_t seed = line.from; deadline.unlimited() ? seed <= line.to : !deadline.passed();
       ++seed) {
    if (!RunSeed(line, seed, &totals) && line.stop_at_failure) break;
  }
  if (!line.one_seed) {
    std::printf("%lu seeds, %lu operations checked, %lu of %lu rounds undecided, %lu failed\n",
                totals.seeds, totals.operations, totals.undecided, totals.rounds, totals.failed);
  }
  // A search that is given up often would prove nothing.
  if (totals.undecided * 50 > totals.rounds) {
    std::printf("too many rounds are undecided\n");
    return 1;
  }
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir::sim

int main(int argc, char** argv) {
  const weir::Result<weir::sim::CommandLine> line = weir::sim::ParseCommandLine(argc, argv);
  if (!line.ok()) {
    std::fprintf(stderr, "weir_sim: %s\n%s", line.error().message.c_str(), weir::sim::kUsage);
    return 2;
  }
  std::signal(SIGABRT, weir::sim::OnAbort);
  return weir::sim::Run(line.value());
}
