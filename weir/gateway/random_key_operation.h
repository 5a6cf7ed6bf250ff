// RANDOMKEY: a key by chance, from the records that follow a position by chance.
//
// A database is chosen by its number of records, then a position in it, then one of the few records
// from there on. Keys of one tag lie close together, and would come up as one key: so when the one
// chosen has such neighbours, a position within its tag decides. Nothing is counted or walked, but
// past records that have expired and not been removed yet.
// Threads: an operation belongs to whichever thread its next step runs on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/random.h"
#include "weir/gateway/operations.h"

namespace weir::gateway {

class RandomKeyOperation final : public Operation {
 public:
  static constexpr size_t kPageRecords = 16;
  static constexpr size_t kPageRecordsMax = 4096;  // Of a page after one with expired records only.

  RandomKeyOperation(Origin origin, Gateway& gateway)
      : Operation(origin), gateway_(gateway), random_(gateway.NextRandom()) {}
  static void Begin(const std::shared_ptr<RandomKeyOperation>& self);

 private:
  uint64_t ChoosePosition();
  static void Step(std::shared_ptr<RandomKeyOperation> self, uint64_t position);
  static void StepWithinTag(const std::shared_ptr<RandomKeyOperation>& self, uint64_t position);
  // Returns a live record of the page by chance, or nullptr.
  const store::Scanned::Item* Choose(const store::Scanned& scanned);
  void Finish(const std::string& key);

  Gateway& gateway_;
  Random random_;
  uint64_t first_ = 0;    // Where the search began.
  bool wrapped_ = false;  // It has passed the end of the position space.
  size_t page_ = kPageRecords;
};

}  // namespace weir::gateway
