#include "sim/command_line.h"

#include <cstdlib>
#include <string>
#include <string_view>

namespace weir::sim {
namespace {

Error Wrong(const std::string& text) {
  return {ErrorCode::kInvalid, text};
}

// Takes a number off the front of `*text`.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  const size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
  if (digits == 0 || digits > 19) return std::nullopt;
  const uint64_t number = std::strtoull(std::string(text->substr(0, digits)).c_str(), nullptr, 10);
  text->remove_prefix(digits);
  return number;
}

bool ParseSeeds(std::string_view text, CommandLine* line) {
  const std::optional<uint64_t> from = TakeNumber(&text);
  if (!from || !text.starts_with("..")) return false;
  text.remove_prefix(2);
  const std::optional<uint64_t> to = TakeNumber(&text);
  if (!to || !text.empty()) return false;
  line->from = *from;
  line->to = *to;
  return true;
}

bool ParseLeftOut(std::string_view text, CommandLine* line) {
  for (;;) {
    const std::optional<uint64_t> first = TakeNumber(&text);
    if (!first) return false;
    std::optional<uint64_t> last = first;
    if (text.starts_with("-")) {
      text.remove_prefix(1);
      last = TakeNumber(&text);
      if (!last) return false;
    }
    for (uint64_t i = *first; i <= *last; ++i) {
      line->trial.left_out.insert(static_cast<uint32_t>(i));
    }
    if (text.empty()) return true;
    if (!text.starts_with(",")) return false;
    text.remove_prefix(1);
  }
}

bool ParseWithout(std::string_view kind, Without* without) {
  if (kind == "crashes") return without->crashes = true;
  if (kind == "disconnects") return without->disconnects = true;
  if (kind == "store-faults") return without->store_faults = true;
  if (kind == "clock-jumps") return without->clock_jumps = true;
  if (kind == "slow-clients") return without->slow_clients = true;
  return false;
}

bool ParseOption(std::string_view option, std::string_view value, CommandLine* line) {
  if (option == "--seeds") return ParseSeeds(value, line);
  if (option == "--without") return ParseWithout(value, &line->trial.without);
  if (option == "--leave-out") return ParseLeftOut(value, line);
  if (option == "--hours") {
    line->hours = std::strtod(std::string(value).c_str(), nullptr);
    return *line->hours > 0;
  }
  std::string_view left = value;
  const std::optional<uint64_t> number = TakeNumber(&left);
  if (!number || !left.empty()) return false;
  if (option == "--seed") {
    line->from = line->to = *number;
    line->one_seed = true;
  } else if (option == "--from") {
    line->from = *number;
  } else if (option == "--commands" && *number > 0) {
    line->trial.commands = *number;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<CommandLine> ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  if (argc < 2) return Wrong("name a seed");
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--history") {
      line.history = true;
    } else if (option == "--hashes") {
      line.hashes = true;
    } else if (option == "--no-shrink") {
      line.shrink = false;
    } else if (option == "--stop") {
      line.stop_at_failure = true;
    } else if (i + 1 == argc || !ParseOption(option, argv[i + 1], &line)) {
      return Wrong("cannot read " + std::string(option));
    } else {
      ++i;
    }
  }
  return line;
}

}  // namespace weir::sim
