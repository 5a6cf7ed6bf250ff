// RestoreTarget: a new data directory that the files of a checkpoint are copied into.
//
//   auto target = RestoreTarget::Begin("/var/lib/weir", 4);
//   ... copy the files into target.value()->files(), durably ...
//   target.value()->Finish();
//
// Until Finish the directory is marked as unfinished, also after a crash, and no store opens it.
// Threads: single-owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/result.h"

namespace weir::store {

class RestoreTarget {
 public:
  // Makes and locks the directory, whose parent must exist.
  // Errors: kInvalid when it is not empty; kUnavailable.
  static Result<std::unique_ptr<RestoreTarget>> Begin(const std::string& directory,
                                                      uint32_t shards);
  virtual ~RestoreTarget() = default;

  // Where the files go: an empty directory.
  virtual std::string files() const = 0;

  // Marks it as complete. Durable when it returns. Requires: the files are there, durably.
  virtual Result<Ok> Finish() = 0;
};

}  // namespace weir::store
