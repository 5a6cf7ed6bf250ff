// Failpoint: ends this process, as kill -9 would, when it has reached a step so many times;
// for crash campaigns (`./dev crash`), which need the moments that a random kill hardly ever hits.
//
// It is asked for by the environment, WEIR_FAILPOINT=pre_reply:137, and not by an option, so that
// no configuration file can hold it. The binary that is tried is the one that is shipped: without
// the variable nothing is observed, which costs a look at a null pointer four times a batch.
// Threads: thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/gateway/commit_observer.h"

namespace weir::cmd {

class Failpoint final : public gateway::CommitObserver {
 public:
  // Reads "STEP:COUNT"; STEP is pre_commit, post_commit, pre_publish or pre_reply of a commit, or
  // one of DiskShardAdder::kSteps.
  // Errors: kInvalid with what to write.
  static Result<std::unique_ptr<Failpoint>> Parse(std::string_view text);

  void OnStep(Step step) override;
  void Reach(std::string_view step);

 private:
  Failpoint(std::string_view step, int64_t count) : step_(step), left_(count) {}

  const std::string step_;
  std::atomic<int64_t> left_;
};

}  // namespace weir::cmd
