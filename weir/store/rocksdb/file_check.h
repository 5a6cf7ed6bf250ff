// CheckFilesOf: whether what an open database keeps in files is what a restart would need of it.
//
//   1. The logs as they are, with all checksums, and the manifest (log_check.h).
//   2. What was in memory and logs alone is flushed, so that the logs are needed no more; what is
//      damaged of them is gone then, and nothing with it.
//   3. The database is opened once more, to read, with no cache: CURRENT, manifest and what is left
//      of the logs are read as a start would read them.
//   4. Every block of every table that holds records of the range, of the shard's expiry index and
//      of what all shards share; and every large value of the range, from its file.
//
// Files that go meanwhile stay until the end, so that each is seen whole. What is in a file and
// read by nobody (a block's padding, the footer's) is not looked at.
// Threads: any one; reads, writes, flushes and compactions go on. Cost: step 4 reads those files
// once; a block at a time in memory, and what the logs hold, which is little after step 2.
#pragma once

#include <functional>

#include "weir/base/result.h"
#include "weir/store/rocksdb/data_directory.h"
#include "weir/store/rocksdb/database.h"
#include "weir/store/store.h"

namespace weir::store {

// Requires: `database` stays open. `stops`: asked now and then whether to give up.
// Errors: kCorrupt; kUnavailable when a file could not be read, or it was given up.
Result<Ok> CheckFilesOf(const DatabaseSetting& setting, const DataDirectory& directory,
                        Database& database, const FileRange& range,
                        const std::function<bool()>& stops);

}  // namespace weir::store
