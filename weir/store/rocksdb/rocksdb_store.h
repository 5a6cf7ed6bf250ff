// RocksDbStore: the Store contract over one RocksDB in this process; the default of weir.
//
// All shards of a data directory are column families of one database: one log, one fsync for a
// batch whatever shards it touches, one memory budget. When not to use: from two processes at once
// (the second is refused), or on a file system that may lose synced data.
// Ownership: the store owns the directory until it is destroyed.
// Threads: as store.h says. One writer thread, `read_threads` readers, and RocksDB's own flush and
// compaction threads, which are shared by all stores of the process.
// Memory: `block_cache_bytes` + `write_buffer_bytes`, and for a batch in flight two copies of it.
// Errors: opening fails with kCorrupt when the format is unknown or the data is damaged (nothing is
// dropped to make it open but a last write that a power cut left incomplete or torn, which was
// never acknowledged: log_check.h), and with kUnavailable when the directory is in use or cannot be
// read or written. Cost: rocksdb_store_bench.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "weir/store/checkpoints.h"
#include "weir/store/store.h"

namespace weir::store {

enum class Durability {
  kFsync,  // Acknowledged writes survive a power cut.
  kOs,     // They survive the end of the process; a power cut undoes the last ones, in order.
};

struct RocksDbOptions {
  std::string directory;  // Its parent must exist.
  bool create = true;     // When there is no data in it; otherwise that is an error.
  uint32_t shards = 4;    // In [1, kShardsMax]; applies only when the directory is made.
  Durability durability = Durability::kFsync;
  size_t block_cache_bytes = size_t{64} << 20;
  size_t write_buffer_bytes = size_t{64} << 20;  // At least kWriteBufferBytesMin.
  size_t read_threads = 2;                       // At least 1.

  // Writes that store something are refused while less than this is free, so that RocksDB always
  // has room to flush and compact. Removals, Expire, Clear and metadata may go down to half of it;
  // Batch::copies is refused from twice as much on.
  uint64_t free_space_floor_bytes = uint64_t{64} << 20;
  // The free space is asked for at most this often.
  std::chrono::milliseconds free_space_every{100};
  // Batches of copies that are so large are prepared: below, the files of their own cost more than
  // the log does.
  size_t prepared_bytes_min = size_t{2} << 20;
  // A flush that does not begin for so long, while nothing else is at work, counts as forgotten by
  // RocksDB, and the database is opened anew. Longer than a flush waits for those of other stores.
  std::chrono::milliseconds forgotten_flush_after{10000};
  // Free bytes on the device of `directory`; nullptr: statvfs.
  std::function<Result<uint64_t>()> free_space = nullptr;
  // Told in a sentence what opening has mended; on any thread of the store.
  std::function<void(const std::string&)> warn = nullptr;
};

inline constexpr uint32_t kShardsMax = 256;
inline constexpr size_t kWriteBufferBytesMin = size_t{1} << 20;
inline constexpr size_t kMetadataBytesMax = size_t{16} << 20;

class RocksDbStore : public Store, public Checkpoints {
 public:
  virtual uint32_t shards() const = 0;

  // A small named value that lives with the data, such as the shard map; nullopt when never put.
  // Blocks for a read.
  virtual Result<std::optional<std::string>> Metadata(const std::string& name) = 0;

  // Stores it durably, as a batch of its own: it counts as the one outstanding write.
  // Errors: as Apply; kOverloaded over kMetadataBytesMax.
  virtual void PutMetadata(std::string name, std::string value, Done<CommitNumber> done) = 0;

  // Gives it another share of memory, as another database comes beside it. What writes wait in
  // before they are flushed keeps its sizes until it is opened again, so that with much less memory
  // flushes are smaller and more. Thread-safe.
  virtual void SetMemory(size_t block_cache_bytes, size_t write_buffer_bytes) = 0;
};

Result<std::unique_ptr<RocksDbStore>> OpenRocksDb(RocksDbOptions options);

}  // namespace weir::store
