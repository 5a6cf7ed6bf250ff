// The files of a checkpoint: how they are made of an open database, and removed.
// Threads: as store/checkpoints.h says.
#pragma once

#include <string>

#include <rocksdb/env.h>

#include "weir/store/checkpoints.h"
#include "weir/store/rocksdb/database.h"

namespace weir::store {

// Moves all memtables into tables. Errors: kUnavailable.
Result<Ok> FlushAll(Database& database);

// Links or copies the files of `database` into `directory`, which must not exist, and reads the
// counts that they hold. Requires: no write is outstanding. Errors: kUnavailable.
Result<Checkpoints::Made> MakeCheckpointIn(const std::string& directory, Database& database);

// Removes `directory` and what an interrupted checkpoint left of it, if there is anything.
void RemoveCheckpointIn(const std::string& directory, rocksdb::Env& env);

}  // namespace weir::store
