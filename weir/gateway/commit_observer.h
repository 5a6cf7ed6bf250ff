// CommitObserver: told of each step of a commit, on the thread that takes it.
//
// For who must act between two steps, such as ending the process there (cmd/weir/failpoint.h).
// Cost without one: a null pointer is looked at four times a batch, and never in a read.
#pragma once

namespace weir::gateway {

class CommitObserver {
 public:
  enum class Step {
    kPreCommit,   // The batch is composed; the store has not been told.
    kPostCommit,  // The store has it, durably; nobody can see it.
    kPrePublish,  // The cache shows it; reads of the store still wait for its number.
    kPreReply,    // Everybody sees it; no writer has been told.
  };

  virtual ~CommitObserver() = default;
  virtual void OnStep(Step step) = 0;
};

}  // namespace weir::gateway
