#include "weir/store/rocksdb/checkpoint.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <rocksdb/utilities/checkpoint.h>

#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

// As RocksDB names a checkpoint that it has not finished.
constexpr char kUnfinished[] = ".tmp";
// Never: the log is copied, of which FlushAll has left little.
constexpr uint64_t kLogBytesThatAreFlushed = std::numeric_limits<uint64_t>::max();

Error Failed(const std::string& what, const rocksdb::Status& status) {
  return {ErrorCode::kUnavailable, what + ": " + status.ToString()};
}

}  // namespace

Result<Ok> FlushAll(Database& database) {
  std::vector<rocksdb::ColumnFamilyHandle*> families{database.state(), database.pending()};
  for (uint32_t shard = 0; shard < database.shards(); ++shard) {
    families.push_back(database.records(shard));
    families.push_back(database.expiry(shard));
  }
  const rocksdb::Status status = database.rocks().Flush(rocksdb::FlushOptions(), families);
  if (!status.ok()) return Failed("the database cannot be flushed", status);
  return Ok{};
}

Result<Checkpoints::Made> MakeCheckpointIn(const std::string& directory, Database& database) {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(&database.rocks(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory, kLogBytesThatAreFlushed);
  std::string stored;
  if (status.ok()) {
    status = database.rocks().Get(rocksdb::ReadOptions(), database.state(),
                                  rocksdb::Slice(kStateKey.data(), kStateKey.size()), &stored);
  }
  if (!status.ok()) return Failed("no checkpoint can be made in " + directory, status);
  const std::optional<State> state = DecodeState(stored);
  if (!state) return ReadError(rocksdb::Status::Corruption("state record"));
  Checkpoints::Made result{.directory = directory,
                           .shards = database.shards(),
                           .commit = state->commit,
                           .version_max = state->version_max,
                           .records = 0,
                           .with_expiry = 0};
  for (const ShardCounts& counts : state->shards) {
    result.records += counts.records;
    result.with_expiry += counts.with_expiry;
  }
  return result;
}

void RemoveCheckpointIn(const std::string& directory, rocksdb::Env& env) {
  for (const std::string& path : {directory, directory + kUnfinished}) {
    std::vector<std::string> names;
    if (!env.FileExists(path).ok() || !env.GetChildren(path, &names).ok()) continue;
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      env.DeleteFile(std::filesystem::path(path) / name).PermitUncheckedError();
    }
    env.DeleteDir(path).PermitUncheckedError();
  }
}

}  // namespace weir::store
