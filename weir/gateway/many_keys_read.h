// ManyKeysRead: a read of more keys than an event loop may look at in one go.
//
// It looks at the cache on a thread of HeavyWork, holding one lane for one key at a time, and yet
// shows all keys at one moment:
//
//   1. for each key: take its token, and what it holds
//   2. see that nothing of what was found has expired by now
//   3. for each key: see that its token is still current
//
// If so, each key held what was found from step 1 to step 3, so at step 2 all did. Else, and when a
// key is not in memory, it is delivered without an answer: its loop then asks the store for a
// snapshot, from which the reply is made, and what was missing is kept in the cache, on such a
// thread again.
//
// Threads: made, begun and read on the connection's loop; between, it belongs to the thread that
// works on it.
// Limits: values of Memory::reply_bytes_max in the reply.
// Source: double collect, Afek et al., "Atomic Snapshots of Shared Memory", JACM 1993.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "weir/gateway/command.h"
#include "weir/gateway/home.h"
#include "weir/gateway/operations.h"
#include "weir/gateway/owned_args.h"
#include "weir/gateway/placement.h"

namespace weir::gateway {

class ManyKeysRead final : public Operation {
 public:
  // Keys of one command that a loop looks at by itself: some 0.1 ms.
  static constexpr size_t kKeysAtOnceMax = 1024;

  // Requires: the gateway lives until it is delivered.
  ManyKeysRead(Origin origin, const CommandSpec& command, OwnedArgs args, resp::Protocol protocol,
               Gateway& gateway);

  // Looks at the cache, and is delivered with the reply or needs_snapshot().
  // Returns false, and does nothing, when too much heavy work waits.
  static bool LookUp(const std::shared_ptr<ManyKeysRead>& self);
  bool needs_snapshot() const { return snapshot_ != nullptr; }
  // To be begun by the caller, and given back to AnswerFrom. Requires: needs_snapshot().
  std::shared_ptr<SnapshotOperation> TakeSnapshot() { return std::move(snapshot_); }
  // Makes the reply of what `snapshot` found, and is delivered.
  static void AnswerFrom(const std::shared_ptr<ManyKeysRead>& self,
                         std::shared_ptr<SnapshotOperation> snapshot);

  OwnedArgs TakeArgs() { return std::move(args_); }
  // Keys that were in memory, and those that were not.
  size_t hits() const { return hits_; }
  size_t misses() const { return keys_ - hits_; }

 private:
  // What the first look at a key found.
  struct Look {
    KeyHash hash;
    cache::Token token = 0;
    bool missed = false;
    Bytes value;  // Where the command asks for it.
  };

  std::string_view Key(size_t index) const { return args_[command_.KeyIndex(index)]; }
  bool Collect();
  bool StillHolds() const;
  void Keep(const SnapshotOperation& snapshot);
  void AskForSnapshot();
  void Encode();

  const CommandSpec& command_;
  OwnedArgs args_;
  const size_t keys_;
  resp::Protocol protocol_;
  Gateway& gateway_;
  WallTime now_;  // When it looked at the first key.
  size_t hits_ = 0;
  std::vector<Look> looks_;
  std::vector<Found> found_;
  std::shared_ptr<SnapshotOperation> snapshot_;
};

}  // namespace weir::gateway
