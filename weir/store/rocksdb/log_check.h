// CheckLogs: finds damage in RocksDB's logs that its recovery would take for an incomplete end.
//
// A write that a power cut interrupted leaves an incomplete last record, which recovery rightly
// forgives. But it forgives in silence, too, a damaged length that reaches past the end of the
// file, dropping the acknowledged records behind it, and a run of zeroes, which it steps over. So
// before RocksDB replays (and then deletes) a log:
//   1. Behind an incomplete record there must be no complete one, nor may the record be complete
//      but for its length.
//   2. Behind a zero header there must be zeroes alone.
// All other damage RocksDB reports itself, by its checksums.
// Errors: kCorrupt; kUnavailable when a log cannot be read. Cost: reads every log once.
// Source: RocksDB's log format, db/log_format.h.
#pragma once

#include <string>

#include <rocksdb/file_system.h>

#include "weir/base/result.h"

namespace weir::store {

// Checks every log in `directory`; none, or no directory, is fine.
Result<Ok> CheckLogs(rocksdb::FileSystem& files, const std::string& directory);

}  // namespace weir::store
