// CheckLogs: what of RocksDB's logs is whole, what a power cut has torn, and what is damage.
//
// A write that a power cut interrupted leaves an incomplete last record, which recovery rightly
// forgives. But it forgives in silence, too, a damaged length that reaches past the end of the
// file, dropping the acknowledged records behind it, and a run of zeroes, which it steps over. And
// it takes for damage what a file system without ordered data may leave of the last write: sectors
// of it, with zeroes in the place of the others. So before RocksDB replays (and then deletes) a
// log:
//   1. Behind an incomplete record there must be no complete one, nor may the record be complete
//      but for its length.
//   2. Behind a zero header there must be zeroes alone. And no record may be of a kind that RocksDB
//      takes for what is left of an earlier use of the file, which to it is the end, whatever the
//      checksum is: logs are not used again.
//   3. What is wrong in the newest log is the torn last write, which nobody was told of, if some
//      sector of it was never written and no other batch begins behind. Every batch is synced
//      before the next is appended, so one that is behind shows that this one had been there whole.
// All other damage is reported, in older logs by RocksDB's own checksums.
//
// The manifest, which is such a log of RocksDB's own, is treated as the newest log is; it is synced
// before anything rests on it, and its damage is reported as well.
//
// With Durability::kOs batches are not synced one by one, so that a power cut may tear several that
// are in the newest log; there rule 3 asks for a sector of the first torn batch alone, and all from
// it on is cut off: nobody was told that any of it would outlive the power. (The mode is that of
// the opening, not of the writing: who goes from kFsync to kOs and crashes has, of the log from
// before, batches that rule 3 would have refused.)
//
// So a flipped bit is damage: it leaves no sector of zeroes. But where a value of the last batch
// holds one of its own, the batch is taken for torn. A sector of the last batch that was synced,
// acknowledged and lost afterwards cannot be told from one that was never written, no more than a
// lost end of the file can: that the device keeps what it has synced is what durability rests on.
// Errors: kCorrupt; kUnavailable when a log cannot be read. Cost: reads every log once.
// Source: RocksDB's log format, db/log_format.h; etcd tells torn writes by zero sectors as well
// (server/storage/wal/decoder.go, isTornEntry), but looks at nothing behind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include "weir/base/result.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::store {

// The end of a log, where a power cut has torn the last write, or the first of several.
struct TornWrite {
  std::string path;
  uint64_t begin = 0;
  uint64_t end = 0;  // Of the log as well.
};

// Checks every log in `directory`, written under `durability`; none, or no directory, is fine.
// Returns what CutOff must cut off before RocksDB may open the directory.
Result<std::vector<TornWrite>> CheckLogs(rocksdb::FileSystem& files, const std::string& directory,
                                         Durability durability);

// Checks every log in `directory`, and the manifest, while the database is open and writes go on:
// nothing is torn then, so all that is wrong is damage. Also checks the checksums of older logs,
// which nobody replays. Requires: no file is deleted meanwhile.
Result<Ok> CheckLogsInUse(rocksdb::FileSystem& files, const std::string& directory);

// Ends the log where the torn write begins, durably.
Result<Ok> CutOff(rocksdb::FileSystem& files, const TornWrite& torn);

}  // namespace weir::store
