// SlotStatsOperation: what CLUSTER SLOT-STATS tells: how many live keys each of this node's slots
// has, by reading the names of all of them a step at a time.
//
// The reply is Valkey's: an array of slots, each an array of its number and a map, of which weir
// fills `key-count` alone.
// Threads: as every operation (operations.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/resp/writer.h"

namespace weir::gateway {

class SlotStatsOperation final : public Operation {
 public:
  struct Request {
    uint32_t first = 0;  // Slots from here to `last`, both among them.
    uint32_t last = kSlotCount - 1;
    enum class Order { kSlot, kFewestKeys, kMostKeys } order = Order::kSlot;
    size_t limit = kSlotCount;
    resp::Protocol protocol = resp::Protocol::kResp2;
  };

  // Requires: there is a list of nodes; first <= last < kSlotCount.
  SlotStatsOperation(Origin origin, Request request, Gateway& gateway);
  static void Begin(const std::shared_ptr<SlotStatsOperation>& self);

 private:
  static void Step(std::shared_ptr<SlotStatsOperation> self, uint64_t position);
  void Finish();

  Gateway& gateway_;
  const Request request_;
  const uint64_t end_;          // The position after the last slot.
  std::vector<uint64_t> keys_;  // By slot, from the first.
};

}  // namespace weir::gateway
