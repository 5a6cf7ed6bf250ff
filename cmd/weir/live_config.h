// LiveConfig: the configuration in force, and how it changes while weir serves.
//
//   SIGHUP       the file is read again, flags still beat it; what needs a restart is named
//   CONFIG SET   keys of [server], until the file is read again
//
// A change is all or nothing: what has an error, in itself or together with what stays in force
// until a restart, changes nothing.
// Threads: thread-safe; changes wait for each other. Cost: of All, a lock; of changes, what reading
// the file and `apply` cost.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cmd/weir/load.h"

#include "weir/base/result.h"
#include "weir/gateway/process_info.h"

namespace weir::cmd {

class LiveConfig {
 public:
  // Loads what the process was started with, as it stands now.
  using Load = std::function<Loaded()>;
  // Brings `now` into force in the place of `before`. Errors: kInvalid; nothing has changed then.
  using Apply = std::function<Result<Ok>(const Config& before, const Loaded& now)>;

  struct Outcome {
    std::vector<std::string> errors;    // If any: nothing has changed.
    std::vector<std::string> warnings;  // Of the file.
    std::vector<std::string> changed;   // Names of parameters.
    std::vector<std::string> restart;   // Of those that differ in the file but need a restart.
  };

  LiveConfig(Config started, Load load, Apply apply);

  Outcome Reload();

  // Errors: kInvalid with the text that CONFIG SET answers, after "ERR ".
  Result<Ok> Set(const gateway::Parameters& changes);

  // What CONFIG GET shows.
  std::shared_ptr<const gateway::Parameters> All() const;

 private:
  Result<Ok> BringIntoForce(Loaded next);

  const Load load_;
  const Apply apply_;
  std::mutex changing_;  // Held for the whole of a change.
  Config config_;        // In force. Guarded by changing_.
  mutable std::mutex mutex_;
  std::shared_ptr<const gateway::Parameters> all_;  // Guarded by mutex_.
};

}  // namespace weir::cmd
