// BackupControl: how the commands WEIR.BACKUP START, STATUS and CANCEL reach what makes backups.
//
// Threads: thread-safe. No call blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "weir/base/result.h"

namespace weir::gateway {

struct BackupStatus {
  enum class State : uint8_t { kNone, kRunning, kDone, kFailed, kCancelled };
  State state = State::kNone;
  std::string directory;
  std::string message;  // Why it failed.
  uint64_t files_done = 0;
  uint64_t files_total = 0;  // 0 until it is known.
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  uint64_t records = 0;
  uint64_t writes_held_us = 0;  // For how long no write began.
};

class BackupControl {
 public:
  virtual ~BackupControl() = default;

  // Begins a backup into `directory`, a path on this machine. Calls `begun` once, on any thread:
  // with Ok when the directory has been found usable and the work begins, else with what is wrong,
  // kInvalid or kUnavailable.
  virtual void Start(std::string directory, std::function<void(const Result<Ok>&)> begun) = 0;

  // Of the backup that is running, or of the last one.
  virtual BackupStatus status() const = 0;

  // Makes the running backup end soon; returns whether there is one.
  virtual bool Cancel() = 0;
};

}  // namespace weir::gateway
