// ProgressLine: how far a long command is, on standard error: one line that is written over on a
// terminal, a line every few seconds otherwise.
// Threads: single-owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace weir::cmd {

class ProgressLine {
 public:
  ProgressLine();
  // Ends the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Shows `text`, unless something was shown just now.
  void Show(const std::string& text);

  // "12.5 MiB of 40.0 MiB (31 %)".
  static std::string Bytes(uint64_t done, uint64_t total);
  static std::string Size(uint64_t bytes);

 private:
  const bool terminal_;
  std::optional<std::chrono::steady_clock::time_point> shown_;
  bool open_ = false;  // A line on the terminal has not ended.
};

}  // namespace weir::cmd
