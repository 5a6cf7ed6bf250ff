// KEYS: the names of all keys that match a pattern, or of some, found step by step.
//
// Names are kept as they go over the wire, one piece a step, and sent without another copy.
// Limits: kStepRecords looked at in a step; kReplyBytesMax in one reply, kWaitingBytesMax in all
// that are being made.
// Threads: an operation belongs to whichever thread its next step runs on.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
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

  struct Request {
    std::string pattern = "*";
    users::Viewer viewer{};
    // Of positions [from, to) alone; to = 0: up to the last.
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t count_max = std::numeric_limits<uint64_t>::max();  // Names; above 0.
    bool counts = false;                                        // How many, and not their names.

    bool IsOfAll() const { return from == to; }
  };

  KeysOperation(Origin origin, Request request, Gateway& gateway)
      : Operation(origin),
        gateway_(gateway),
        all_bytes_(gateway.keys_bytes()),
        request_(std::move(request)) {}
  ~KeysOperation() override { *all_bytes_ -= bytes_; }
  static void Begin(const std::shared_ptr<KeysOperation>& self);

 private:
  static void Step(std::shared_ptr<KeysOperation> self, uint64_t position);
  // Returns the error that ends it, or nullptr.
  const char* Take(const store::Scanned& scanned);
  void Finish();

  Gateway& gateway_;
  std::shared_ptr<std::atomic<size_t>> all_bytes_;  // Of all such operations.
  Request request_;
  size_t bytes_ = 0;  // Of all pieces.
  uint64_t count_ = 0;
  std::vector<Reply> pieces_;
};

}  // namespace weir::gateway
