// SlotStatsOperation: what CLUSTER SLOT-STATS tells: how many live keys each of this node's slots
// has, by reading the names of all of them a step at a time.
//
// The reply is Valkey's: an array of slots, each an array of its number and a map, of which weir
// fills `key-count` alone.
// Each holds a counter for each slot, 128 KiB, and makes a reply of up to 0.7 MB, so there is one
// at a time: Begin refuses another. Threads: as every operation (operations.h).
#pragma once

#include <atomic>
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
  // Returns false, and has begun nothing, while another is under way.
  static bool Begin(Origin origin, const Request& request, Gateway& gateway);
  ~SlotStatsOperation() override { End(); }

 private:
  SlotStatsOperation(Origin origin, const Request& request, Gateway& gateway);
  static void Step(std::shared_ptr<SlotStatsOperation> self, uint64_t position);
  void Finish();
  // Lets the next one begin. Before this one is delivered, so that who has its reply may ask again.
  void End();

  Gateway& gateway_;
  std::shared_ptr<std::atomic<bool>> under_way_;  // Of the gateway; nullptr when it has ended.
  const Request request_;
  const uint64_t end_;          // The position after the last slot.
  std::vector<uint64_t> keys_;  // By slot, from the first.
};

}  // namespace weir::gateway
