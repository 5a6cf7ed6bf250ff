// HeavyRead: a read whose values are too large, or whose work is too long, for an event loop.
//
// It takes what the keys held at the command's moment by reference and computes the reply on a
// thread of HeavyWork, encoded for the connection's protocol.
// Threads: made on the connection's loop, run on a thread, read on the loop again.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "weir/gateway/command.h"
#include "weir/gateway/home.h"
#include "weir/gateway/owned_args.h"

namespace weir::gateway {

class HeavyWork;

class HeavyRead final : public Operation {
 public:
  // Copies `call`'s arguments; its values are shared where they can be.
  HeavyRead(Origin origin, const CommandSpec& command, const ReadCall& call,
            resp::Protocol protocol);

  // Begins it. Returns false when too much of this kind waits already.
  static bool Begin(std::shared_ptr<HeavyRead> self, HeavyWork& work);

 private:
  void Run();

  const CommandSpec& command_;
  OwnedArgs args_;
  std::vector<Found> found_;
  std::vector<Bytes> values_;  // Which the views of found_ point into.
  size_t bytes_ = 0;
  WallTime now_;
  resp::Protocol protocol_;
};

}  // namespace weir::gateway
