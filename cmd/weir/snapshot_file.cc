#include "cmd/weir/snapshot_file.h"

#include <filesystem>
#include <optional>
#include <utility>

namespace weir::cmd {
namespace {

constexpr std::string_view kHeadBegin = "weir-cache-snapshot 1 ";
constexpr uint8_t kExpires = 1;
constexpr uint8_t kFresh = 2;
// What an entry takes beside key and value, at most.
constexpr size_t kEntryHeadBytesMax = 33;

std::string PathIn(const std::string& directory) {
  return (std::filesystem::path(directory) / kSnapshotFile).string();
}

bool TakeTime(std::string_view* from, WallTime* time) {
  return TakeLittleEndian(from, &time->ms);
}

bool TakeText(std::string_view* from, size_t size, std::string_view* text) {
  if (size > from->size()) return false;
  *text = from->substr(0, size);
  from->remove_prefix(size);
  return true;
}

// Returns nullopt when there is none, whole.
std::optional<gateway::SnapshotEntry> TakeEntry(std::string_view* from) {
  gateway::SnapshotEntry entry;
  uint8_t flags = 0;
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  if (!TakeLittleEndian(from, &flags) || flags > (kExpires | kFresh)) return std::nullopt;
  if (!TakeLittleEndian(from, &key_bytes) || !TakeLittleEndian(from, &value_bytes) ||
      !TakeLittleEndian(from, &entry.version)) {
    return std::nullopt;
  }
  if ((flags & kExpires) != 0 && !TakeTime(from, &entry.expires_at)) return std::nullopt;
  if ((flags & kFresh) != 0 && !TakeTime(from, &entry.fresh_until)) return std::nullopt;
  if (!TakeText(from, key_bytes, &entry.key)) return std::nullopt;
  if (!TakeText(from, value_bytes, &entry.value)) return std::nullopt;
  return entry;
}

}  // namespace

SnapshotWriter::SnapshotWriter(Options options)
    : interrupted_(std::move(options.interrupted)),
      file_({.path = PathIn(options.directory),
             .head = std::string(kHeadBegin) + options.id + "\n",
             .free_min_bytes = options.free_min,
             .synced_bytes = kSyncedBytes}),
      path_(PathIn(options.directory)),
      ended_(file_.failed()) {}

bool SnapshotWriter::Add(const gateway::SnapshotEntry& entry) {
  if (ended_) return false;
  const size_t most = kEntryHeadBytesMax + entry.key.size() + entry.value.size();
  if (most > kEntryBytesMax) return true;
  if (block_.size() + most > kBlockBytes && !WriteBlock()) return false;
  const bool expires = entry.expires_at != kNever;
  const bool fresh = entry.fresh_until != kNever;
  block_.push_back(static_cast<char>((expires ? kExpires : 0) | (fresh ? kFresh : 0)));
  AppendLittleEndian(&block_, static_cast<uint32_t>(entry.key.size()));
  AppendLittleEndian(&block_, static_cast<uint32_t>(entry.value.size()));
  AppendLittleEndian(&block_, entry.version);
  if (expires) AppendLittleEndian(&block_, entry.expires_at.ms);
  if (fresh) AppendLittleEndian(&block_, entry.fresh_until.ms);
  block_ += entry.key;
  block_ += entry.value;
  ++block_entries_;
  return true;
}

bool SnapshotWriter::WriteBlock() {
  if (block_.empty()) return true;
  ended_ = interrupted_() || !file_.HasRoomFor(2 * block_.size()) || !file_.Write(block_);
  block_.clear();
  if (!ended_) entries_ += block_entries_;
  block_entries_ = 0;
  return !ended_;
}

Result<SnapshotWriter::Kept> SnapshotWriter::Commit() {
  const bool all = !ended_ && WriteBlock();
  std::error_code ignored;
  if (!all && !file_.failed() && std::filesystem::exists(path_, ignored)) return Kept::kFileBefore;
  const Result<Ok> written = file_.Commit();
  if (!written.ok()) return written.error();
  return all ? Kept::kAll : Kept::kPart;
}

SnapshotReader::SnapshotReader(const std::string& directory)
    : file_(PathIn(directory), kHeadBegin) {}

std::string SnapshotReader::id() const {
  return file_.head().empty() ? "" : file_.head().substr(kHeadBegin.size());
}

bool SnapshotReader::Next(const std::function<void(const gateway::SnapshotEntry&)>& visit) {
  if (!damage_.empty()) return false;
  const std::optional<std::string> block = file_.Next();
  if (!block) return false;
  for (std::string_view left = *block; !left.empty();) {
    const std::optional<gateway::SnapshotEntry> entry = TakeEntry(&left);
    if (!entry) {
      damage_ = "a block does not hold entries";
      return false;
    }
    visit(*entry);
  }
  return true;
}

void RemoveSnapshot(const std::string& directory, bool all) {
  RemoveBlockFile(PathIn(directory), all);
}

}  // namespace weir::cmd
