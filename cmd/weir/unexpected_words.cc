#include "cmd/weir/unexpected_words.h"

#include <string_view>

#include "cmd/weir/options.h"
#include "cmd/weir/values.h"

namespace weir::cmd {

std::string DescribeUnexpected(const std::vector<std::string>& words) {
  std::vector<std::string> known = {
      "serve", "check",  "user",   "ring",    "shard", "backup",   "restore", "verify",
      "bench", "replay", "advise", "version", "help",  "--config", "--help",  "--version"};
  for (const Option& option : Options()) {
    if (option.section == "server") known.push_back(FlagOf(option));
  }
  std::string text = "not expected:";
  for (const std::string& word : words) {
    text += " " + word;
    const std::string_view nearest =
        NearestWord(word.substr(0, word.find('=')), {known.begin(), known.end()});
    if (!nearest.empty()) text += " (did you mean " + std::string(nearest) + "?)";
  }
  return text;
}

}  // namespace weir::cmd
