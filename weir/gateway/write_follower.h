// WriteFollower: told of every batch of a database's log, for who must know which keys were
// written.
//
// Cost without one, or while it follows nothing: one pointer and one load a batch.
#pragma once

#include <cstdint>

namespace weir::gateway {

class WriteBatch;

class WriteFollower {
 public:
  virtual ~WriteFollower() = default;
  // Whether OnBatch is to be called. Threads: thread-safe.
  virtual bool follows() const = 0;
  // The batch is durable, or may be, and no read has shown it yet. On the log's turn; brief.
  virtual void OnBatch(uint32_t database, const WriteBatch& batch) = 0;
  // All records of the database were removed, or may have been.
  virtual void OnCleared(uint32_t database) = 0;
};

}  // namespace weir::gateway
