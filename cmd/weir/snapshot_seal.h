// SnapshotSeal: the proof that nothing has been written to a database since a snapshot of what was
// in memory was taken.
//
// The last thing that a process writes into each database is the snapshot's id, with the number of
// that very commit. Commit numbers rise by one with every batch, whoever makes it, and what a batch
// has written is there if and only if its number is. So a database that holds the id, and whose
// last commit is the one beside it, is in the state that the snapshot was taken in. That holds
// however it came there: after a crash or a power cut at any moment, in a copy, at another path,
// restored from a backup of any age (whose last commit is another, unless it is that very state).
// Reading it changes nothing.
//
// What it cannot see is who changes the database's files without weir.
//
// Threads: by one at a time, while nobody else writes. They wait for the databases, for as long as
// those take: the limit is the caller's.
#pragma once

#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {

using SealedStores = std::vector<store::RocksDbStore*>;

// Requires: `id` has no space; nothing is written any more. Errors: those of a write, of the first
// that fails; the snapshot is then no proof's.
Result<Ok> SealSnapshot(const SealedStores& stores, const std::string& id);

// Returns the id that all of them were sealed with, these databases in this order, if nothing has
// been written to any since; otherwise "".
std::string SealedSnapshot(const SealedStores& stores);

}  // namespace weir::cmd
