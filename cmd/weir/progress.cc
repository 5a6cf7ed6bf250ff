#include "cmd/weir/progress.h"

#include <array>
#include <cstdio>

#include <unistd.h>

namespace weir::cmd {
namespace {

constexpr std::chrono::milliseconds kTerminalPause{100};
constexpr std::chrono::milliseconds kFilePause{5000};

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (open_) std::fputs("\n", stderr);
}

void ProgressLine::Show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (shown_ && now - *shown_ < (terminal_ ? kTerminalPause : kFilePause)) return;
  shown_ = now;
  std::fprintf(stderr, terminal_ ? "\r%s\033[K" : "%s\n", text.c_str());
  open_ = terminal_;
}

std::string ProgressLine::Size(uint64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB",
                static_cast<double>(bytes) / (uint64_t{1} << 20));
  return text.data();
}

std::string ProgressLine::Bytes(uint64_t done, uint64_t total) {
  const uint64_t percent = total == 0 ? 100 : 100 * done / total;
  return Size(done) + " of " + Size(total) + " (" + std::to_string(percent) + " %)";
}

}  // namespace weir::cmd
