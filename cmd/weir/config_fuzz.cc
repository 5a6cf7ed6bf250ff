// Any text is a configuration or is refused with errors that name the file; what is accepted, shown
// and read again is the same; nothing crashes. No file that it names is opened.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cmd/weir/load.h"
#include "cmd/weir/options.h"

namespace weir::cmd {
namespace {

constexpr Machine kMachine{.memory_bytes = uint64_t{8} << 30, .cpus = 2};

void Require(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, text.c_str());
  std::abort();
}

void Check(std::string_view text) {
  const Loaded loaded = LoadConfig({.file_name = "f", .text = text, .flags = {}}, kMachine);
  for (const std::string& error : loaded.errors) {
    Require(error.starts_with("f:"), "an error names its place", error);
    Require(error.find('\n') == std::string::npos, "an error is one line", error);
  }
  if (!loaded.errors.empty()) return;
  const std::string shown = ShowConfig(loaded.config);
  const Loaded again = LoadConfig({.file_name = "f", .text = shown, .flags = {}}, kMachine);
  Require(again.errors.empty(), "what is shown can be read", shown);
  Require(ShowConfig(again.config) == shown, "what is shown reads back as the same", shown);
}

}  // namespace
}  // namespace weir::cmd

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::cmd::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
