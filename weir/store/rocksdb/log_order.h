// KeepLogsInOrder: no log reaches the disk before the logs before it, when writes are not synced.
//
// With Durability::kOs a power cut may undo the last writes, but what is left must be a state that
// once was. RocksDB does not see to it: it begins a log for every memtable that it seals, and syncs
// the sealed one's later, in a flush. Until then
//   1. log 7 is sealed, its end not synced; log 8 is begun and written;
//   2. a flush or compaction of another family syncs the directory, and log 8 has a name there;
//   3. the power is cut; the kernel had written some of log 8, and not the end of log 7.
// Recovery takes an end of log 7 that is missing for an incomplete last write, and goes on with
// log 8: later batches without earlier ones, counts that no records match.
//
// So a log is synced before its successor is made. With Durability::kFsync that is so anyway.
// Errors: when the sync fails, the new log is not made, and the write that needs it fails, like
// every later one until the database is closed and opened anew. Threads: as rocksdb::Env. Cost: the
// writer waits for one sync a log; `wal_bytes_per_sync` leaves it little to do.
#pragma once

#include <memory>

#include <rocksdb/env.h>

namespace weir::store {

std::unique_ptr<rocksdb::Env> KeepLogsInOrder(std::unique_ptr<rocksdb::Env> env);

}  // namespace weir::store
