// KEYS: the names of all keys that match a pattern, found step by step.
//
// Names are kept as they go over the wire, one piece a step, and sent without another copy.
// Limits: kStepRecords looked at in a step; kReplyBytesMax in one reply, kWaitingBytesMax in all
// that are being made.
// Threads: an operation belongs to whichever thread its next step runs on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/gateway/operations.h"

namespace weir::gateway {

class KeysOperation final : public Operation {
 public:
  static constexpr size_t kStepRecords = 4096;
  static constexpr size_t kReplyBytesMax = size_t{32} << 20;
  static constexpr size_t kWaitingBytesMax = size_t{48} << 20;

  KeysOperation(Origin origin, std::string pattern, users::Viewer viewer, Gateway& gateway)
      : Operation(origin),
        gateway_(gateway),
        all_bytes_(gateway.keys_bytes()),
        pattern_(std::move(pattern)),
        viewer_(std::move(viewer)) {}
  ~KeysOperation() override { *all_bytes_ -= bytes_; }
  static void Begin(const std::shared_ptr<KeysOperation>& self);

 private:
  static void Step(std::shared_ptr<KeysOperation> self, uint64_t position);
  // Returns the error that ends it, or nullptr.
  const char* Take(const store::Scanned& scanned);

  Gateway& gateway_;
  std::shared_ptr<std::atomic<size_t>> all_bytes_;  // Of all such operations.
  std::string pattern_;
  users::Viewer viewer_;
  size_t bytes_ = 0;  // Of all pieces.
  uint64_t count_ = 0;
  std::vector<Reply> pieces_;
};

}  // namespace weir::gateway
