// MemoryStore: the Store contract over ordered maps in memory, for tests, simulations and trials.
//
// It is the executable meaning of the contract: one map, one thread, and asserts on what callers
// promise (`Write::known` is true, versions and `now` rise, one write at a time), so a test over it
// finds a caller that lies. When not to use: for data that must outlive the process.
// Ownership: contents may be shared, so that a store can be "restarted": open a second one over the
// same contents after the first is gone.
// Threads: as store.h says; one thread runs every call, in the order made.
// Errors: kOverloaded only. It is never kUnknown.
// Cost: O(log records) a key.
#pragma once

#include <cstdint>
#include <memory>

#include "weir/store/store.h"

namespace weir::store {

struct MemoryContents;  // What a data directory is to other drivers.

std::shared_ptr<MemoryContents> MakeMemoryContents(uint32_t shards);

struct MemoryOptions {
  uint32_t shards = 4;                       // Used when there are no contents yet.
  std::shared_ptr<MemoryContents> contents;  // nullptr: fresh and private.
};

// Requires: no other store is open over the same contents.
std::unique_ptr<Store> OpenMemoryStore(MemoryOptions options);

}  // namespace weir::store
