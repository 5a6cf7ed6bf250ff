#include "cmd/weir/failpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "cmd/weir/shard_adder.h"
#include <signal.h>

namespace weir::cmd {
namespace {

// In the order of CommitObserver::Step.
constexpr std::array<std::string_view, 4> kCommitSteps{"pre_commit", "post_commit", "pre_publish",
                                                       "pre_reply"};

template <typename Names>
bool IsAmong(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<std::unique_ptr<Failpoint>> Failpoint::Parse(std::string_view text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view digits = text.substr(std::min(colon + 1, text.size()));
  const std::string_view step = text.substr(0, colon);
  int64_t count = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, count);
  const bool known = IsAmong(kCommitSteps, step) || IsAmong(DiskShardAdder::kSteps, step);
  if (known && read.ec == std::errc() && read.ptr == end && count > 0) {
    return std::unique_ptr<Failpoint>(new Failpoint(step, count));
  }
  return Error{ErrorCode::kInvalid,
               "WEIR_FAILPOINT=" + std::string(text) +
                   " is none; write pre_commit, post_commit, pre_publish or pre_reply, a colon and "
                   "how many times it is reached, or unset it"};
}

void Failpoint::OnStep(Step step) {
  Reach(kCommitSteps[static_cast<size_t>(step)]);
}

void Failpoint::Reach(std::string_view step) {
  if (step != step_ || --left_ != 0) return;
  raise(SIGKILL);
}

}  // namespace weir::cmd
