// LoadQueue: which loads of one database are in the store's hands, and which wait.
//
// How large a value is shows only when it has been read. So every load is tried in a batch that
// returns small values whatever happens, and large ones while they are few. A value that was left
// out waits in a second queue, with its size known, until there is room for it; so what readers
// hold stays within the share of the budget, and a reader of small values never waits for it.
//
//   Add ──► waiting ──► batch in the store ──► small: done
//                                          └─► left out ──► large ──► alone in the store ──► done
//                                                             └─► no room for kLargeWaitMax:
//                                                             refused
//
// It decides and counts; Database performs. Threads: single-owner; Database puts a lock before it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/loads.h"
#include "weir/store/store.h"

namespace weir::gateway {

// A load that a reader has begun in a lane and that must now be performed.
struct LoadRequest {
  cache::LoadId load = 0;
  uint32_t lane = 0;
  store::Key key;
};

class LoadQueue {
 public:
  static constexpr size_t kBatchesMax = 8;  // In the store at once.
  // Bytes of large values that one batch may return.
  static constexpr size_t kBatchBytesMax = size_t{512} << 10;
  // Bytes of left out values in the store at once; a single one may be larger.
  static constexpr size_t kLargeBytesMax = size_t{8} << 20;
  static constexpr auto kLargeWaitMax = std::chrono::seconds(1);

  struct Batch {
    std::vector<LoadRequest> requests;
    size_t bytes_max = 0;
    size_t reserved_bytes = 0;  // Of a batch of a left out value: its size. Else 0.
  };

  void Add(std::vector<LoadRequest> requests);

  // Returns what the store shall load now, or nullopt. `room`: bytes of large values that may be
  // taken in. Requires: Finish is called for each.
  std::optional<Batch> Next(size_t room, size_t keys_max);
  // Ends a batch. What it left out waits for room from now on.
  void Finish(Batch batch, const std::vector<store::Loads::LeftOut>& left, MonoTime now);

  // Returns what has waited for room too long, to be refused.
  std::vector<LoadRequest> TakeOverdue(MonoTime now);

  bool empty() const { return waiting_.empty() && large_.empty(); }
  size_t in_store() const { return in_store_; }

 private:
  struct Large {
    LoadRequest request;
    size_t bytes = 0;
    MonoTime since;
  };

  std::optional<Batch> NextLarge(size_t room);

  std::deque<LoadRequest> waiting_;
  std::deque<Large> large_;
  size_t in_store_ = 0;
  size_t reserved_bytes_ = 0;  // Of the left out values in the store.
};

}  // namespace weir::gateway
