#include "cmd/weir/failpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include <signal.h>

namespace weir::cmd {
namespace {

using Step = gateway::CommitObserver::Step;

constexpr std::array<std::pair<std::string_view, Step>, 4> kSteps{{
    {"pre_commit", Step::kPreCommit},
    {"post_commit", Step::kPostCommit},
    {"pre_publish", Step::kPrePublish},
    {"pre_reply", Step::kPreReply},
}};

}  // namespace

Result<std::unique_ptr<Failpoint>> Failpoint::Parse(std::string_view text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view digits = text.substr(std::min(colon + 1, text.size()));
  int64_t count = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, count);
  if (read.ec == std::errc() && read.ptr == end && count > 0) {
    for (const auto& [name, step] : kSteps) {
      if (name == text.substr(0, colon)) {
        return std::unique_ptr<Failpoint>(new Failpoint(step, count));
      }
    }
  }
  return Error{ErrorCode::kInvalid,
               "WEIR_FAILPOINT=" + std::string(text) +
                   " is none; write pre_commit, post_commit, pre_publish or pre_reply, a colon and "
                   "how many times it is reached, or unset it"};
}

void Failpoint::OnStep(Step step) {
  if (step != step_ || --left_ != 0) return;
  raise(SIGKILL);
}

}  // namespace weir::cmd
