#include "cmd/weir/restore.h"

#include <cstdint>
#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cmd/weir/layout.h"
#include "cmd/weir/progress.h"

#include "weir/backup/backup_directory.h"
#include "weir/backup/files.h"
#include "weir/backup/manifest.h"
#include "weir/store/rocksdb/restore_target.h"
#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::cmd {
namespace {

using backup::Manifest;

// The [[shard]] sections that fit the backup, to be completed.
std::string ExampleSections(const Manifest& manifest) {
  std::string text;
  for (size_t i = 0; i < manifest.shards.size(); ++i) {
    text += "  [[shard]]\n  name = \"s" + std::to_string(i) + "\"\n  data = \"DIRECTORY-" +
            std::to_string(manifest.shards[i].database) + "\"\n";
  }
  return text;
}

// Returns the directory of each database of the backup.
Result<std::vector<std::string>> Directories(const Manifest& manifest, const Config& config) {
  Layout layout = LayOut(config);
  if (manifest.databases.size() == 1 && layout.directories.size() == 1) return layout.directories;
  bool fits = layout.places.size() == manifest.shards.size();
  for (size_t i = 0; fits && i < layout.places.size(); ++i) {
    fits = layout.places[i].database == manifest.shards[i].database &&
           layout.places[i].shard == manifest.shards[i].index;
  }
  if (fits) return layout.directories;
  return Error{ErrorCode::kInvalid,
               "the backup has " + std::to_string(manifest.shards.size()) + " shards in " +
                   std::to_string(manifest.databases.size()) +
                   " data directories, and the configuration does not; name them so in a file and "
                   "give it by --config:\n" +
                   ExampleSections(manifest)};
}

Result<Ok> CopyDatabase(const std::string& directory, const Manifest& manifest, size_t database,
                        const std::string& to, const backup::Advance& advance) {
  const std::string folder = backup::DatabaseFolder(database) + "/";
  for (const Manifest::File& file : manifest.files) {
    if (!file.path.starts_with(folder)) continue;
    const std::string from = directory + "/" + file.path;
    const auto sum = backup::CopyFile(from, to + "/" + file.path.substr(folder.size()), advance);
    if (!sum.ok()) return sum.error();
    if (sum.value().bytes == file.bytes && sum.value().hash == file.hash) continue;
    return Error{ErrorCode::kCorrupt,
                 from +
                     " is damaged: it is not what the backup's manifest says; use another "
                     "backup"};
  }
  return backup::SyncDirectory(to);
}

// What `weir shard add` marked the directory as was of the data that the backup is of; the
// configuration names it from now on.
Result<Ok> ClearMark(const std::string& directory, uint32_t shards) {
  auto opened = store::OpenRocksDb({.directory = directory, .create = false, .shards = shards});
  if (!opened.ok()) return opened.error();
  for (const char* name : {kAddedAsName, kAddedToName}) {
    const Result<std::optional<std::string>> there = opened.value()->Metadata(name);
    if (!there.ok()) return there.error();
    if (!there.value() || there.value()->empty()) continue;
    std::promise<Result<store::CommitNumber>> stored;
    opened.value()->PutMetadata(
        name, "", [&](Result<store::CommitNumber> done) { stored.set_value(std::move(done)); });
    const Result<store::CommitNumber> done = stored.get_future().get();
    if (!done.ok()) return done.error();
  }
  return Ok{};
}

Result<Manifest> Restore(const std::string& directory, const Config& config) {
  Result<Manifest> read = backup::OpenBackup(directory);
  if (!read.ok()) return read;
  const Manifest& manifest = read.value();
  Result<std::vector<std::string>> directories = Directories(manifest, config);
  if (!directories.ok()) return directories.error();
  std::vector<std::unique_ptr<store::RestoreTarget>> targets;
  for (size_t i = 0; i < manifest.databases.size(); ++i) {
    auto target = store::RestoreTarget::Begin(directories.value()[i], manifest.databases[i].shards);
    if (!target.ok()) return target.error();
    targets.push_back(std::move(target).value());
  }
  ProgressLine progress;
  const uint64_t total = manifest.TotalBytes();
  uint64_t done = 0;
  const backup::Advance advance = [&](uint64_t bytes) {
    done += bytes;
    progress.Show("restoring " + ProgressLine::Bytes(done, total));
    return true;
  };
  for (size_t i = 0; i < targets.size(); ++i) {
    auto copied = CopyDatabase(directory, manifest, i, targets[i]->files(), advance);
    if (copied.ok()) continue;
    return Error{copied.error().code, copied.error().message +
                                          " (what was begun in the data directory cannot be used; "
                                          "remove it before you restore again)"};
  }
  // The first last: a server opens it first, so before this it finds nothing that looks complete.
  for (size_t i = targets.size(); i > 0; --i) {
    if (auto finished = targets[i - 1]->Finish(); !finished.ok()) return finished.error();
    targets[i - 1].reset();
    if (i == 1) break;
    auto cleared = ClearMark(directories.value()[i - 1], manifest.databases[i - 1].shards);
    if (!cleared.ok()) return cleared.error();
  }
  return read;
}

}  // namespace

int RunRestore(const std::string& directory, const Config& config) {
  const Result<Manifest> restored = Restore(directory, config);
  if (!restored.ok()) {
    std::fprintf(stderr, "weir: not restored: %s\n", restored.error().message.c_str());
    return 1;
  }
  std::printf("restored: %llu records, %zu files, %s\n",
              static_cast<unsigned long long>(restored.value().TotalRecords()),
              restored.value().files.size(),
              ProgressLine::Size(restored.value().TotalBytes()).c_str());
  return 0;
}

}  // namespace weir::cmd
