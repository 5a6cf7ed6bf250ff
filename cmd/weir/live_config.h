// LiveConfig: the configuration in force, and how it changes while weir serves.
//
//   SIGHUP       the file is read again, flags still beat it; what needs a restart is named
//   CONFIG SET   keys of [server], until the file is read again
//   LIMIT.POLICY limits beside those of the file, kept until they are deleted
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

  // The limits that are not the file's.
  struct Limits {
    std::vector<LimitConfig> configured{};  // Those of the file alone.
    std::vector<LimitConfig> live{};
    // Makes the live ones durable. nullptr: they end with the process.
    std::function<Result<Ok>(const std::vector<LimitConfig>&)> keep = nullptr;
  };

  struct Outcome {
    std::vector<std::string> errors;    // If any: nothing has changed.
    std::vector<std::string> warnings;  // Of the file.
    std::vector<std::string> changed;   // Names of parameters.
    std::vector<std::string> restart;   // Of those that differ in the file but need a restart.
  };

  // `started`: with the live limits.
  LiveConfig(Config started, Load load, Apply apply) : LiveConfig(started, load, apply, Limits()) {}
  LiveConfig(Config started, Load load, Apply apply, Limits limits);

  Outcome Reload();

  // Errors: kInvalid with the text that CONFIG SET answers, after "ERR ".
  Result<Ok> Set(const gateway::Parameters& changes);

  // Makes a live limit, or replaces it. Errors: kInvalid with what is wrong; those of `keep`.
  Result<Ok> SetLimit(const std::string& name, const gateway::Parameters& keys);
  // Ends a live limit; the configured one of its name is in force again. Returns whether there was
  // one. Errors: as SetLimit; kInvalid for one that is in the file alone.
  Result<bool> DeleteLimit(const std::string& name);

  // What CONFIG GET shows.
  std::shared_ptr<const gateway::Parameters> All() const;

 private:
  Result<Ok> BringIntoForce(Loaded next);
  Result<Ok> ReplaceLive(std::vector<LimitConfig> live);

  const Load load_;
  const Apply apply_;
  std::mutex changing_;  // Held for the whole of a change.
  Config config_;        // In force. Guarded by changing_.
  Limits limits_;        // Guarded by changing_.
  mutable std::mutex mutex_;
  std::shared_ptr<const gateway::Parameters> all_;  // Guarded by mutex_.
};

}  // namespace weir::cmd
