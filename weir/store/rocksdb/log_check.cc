#include "weir/store/rocksdb/log_check.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::store {
namespace {

using rocksdb::IOStatus;

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;  // Masked checksum (4), length (2), type (1).
constexpr size_t kTypeAt = 6;
enum Type : char { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr size_t kSectorBytes = 512;
// Fewer zeroes, at the edges of a write, may be what was written.
constexpr size_t kUnwrittenBytesMin = 32;

constexpr std::array<uint32_t, 256> MakeCrc32cTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}

uint32_t MaskedCrc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrc32cTable();
  uint32_t crc = ~0U;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 255];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// What the header at the beginning of `bytes` says.
size_t RecordSize(std::string_view bytes) {
  uint16_t length = 0;
  std::memcpy(&length, bytes.data() + 4, sizeof(length));
  return kHeaderBytes + length;
}

// Whether `bytes`, without their length field, are one whole record.
bool IsWholeRecord(std::string_view bytes) {
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data(), sizeof(checksum));
  return checksum == MaskedCrc32c(bytes.substr(kTypeAt));
}

// The size of the whole record at the beginning of `bytes`, or 0.
size_t WholeRecordAt(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes[kTypeAt] < kFull || bytes[kTypeAt] > kLast) return 0;
  const size_t size = RecordSize(bytes);
  return size <= bytes.size() && IsWholeRecord(bytes.substr(0, size)) ? size : 0;
}

// `rest` begins with a record that is longer than `rest`, at the end of a log.
bool HidesARecord(std::string_view rest) {
  if (IsWholeRecord(rest)) return true;
  for (rest.remove_prefix(1); rest.size() >= kHeaderBytes; rest.remove_prefix(1)) {
    if (WholeRecordAt(rest) > 0) return true;
  }
  return false;
}

bool IsZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

// Where in `bytes`, which are some of one block, a batch begins; npos: nowhere.
size_t FindBeginning(std::string_view bytes) {
  for (size_t at = 0; at + kHeaderBytes <= bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    const size_t size = WholeRecordAt(rest);
    if (size > 0 && (rest[kTypeAt] == kFull || rest[kTypeAt] == kFirst)) return at;
    at += std::max<size_t>(size, 1);
  }
  return std::string_view::npos;
}

// Whether `bytes` begin with what its header calls the last record of a batch, whole or not.
bool EndsABatch(std::string_view bytes) {
  return bytes.size() >= kHeaderBytes && (bytes[kTypeAt] == kFull || bytes[kTypeAt] == kLast);
}

// Whether some sector of `bytes`, which begin at `at` of a file, was never written.
bool LacksASector(std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), kSectorBytes - at % kSectorBytes);
    if (size >= kUnwrittenBytesMin && IsZero(bytes.substr(0, size))) return true;
    bytes.remove_prefix(size);
    at += size;
  }
  return false;
}

// One log, block by block.
class LogFile {
 public:
  static Result<LogFile> Open(rocksdb::FileSystem& files, std::string path) {
    LogFile log(std::move(path));
    IOStatus status = files.GetFileSize(log.path_, rocksdb::IOOptions(), &log.size_, nullptr);
    if (status.ok()) {
      status = files.NewRandomAccessFile(log.path_, rocksdb::FileOptions(), &log.file_, nullptr);
    }
    if (!status.ok()) return log.Failed(status);
    return log;
  }

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }

  // From `at` to the end of its block.
  Result<std::string_view> Read(uint64_t at) {
    const size_t size = std::min<uint64_t>(kBlockBytes - at % kBlockBytes, size_ - at);
    rocksdb::Slice read;
    const IOStatus status =
        file_->Read(at, size, rocksdb::IOOptions(), &read, scratch_.data(), nullptr);
    if (!status.ok()) return Failed(status);
    return read.ToStringView();
  }

 private:
  explicit LogFile(std::string path) : path_(std::move(path)), scratch_(kBlockBytes) {}
  Error Failed(const IOStatus& status) const {
    return {ErrorCode::kUnavailable, "cannot read " + path_ + ": " + status.ToString()};
  }

  std::string path_;
  uint64_t size_ = 0;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
  std::vector<char> scratch_;
};

// How far a log is as it should be.
struct Extent {
  uint64_t batches = 0;            // The end of the last whole batch.
  bool within_batch = false;       // One has begun since.
  std::optional<uint64_t> zeroes;  // Where zeroes begin that should reach to the end.
  std::optional<uint64_t> wrong;   // Where something else is.
};

// Goes on through a block, which begins at `at`. `checksums`: records are looked at too, and not
// only their lengths.
void CheckBlock(std::string_view block, uint64_t at, bool is_last, bool checksums, Extent* extent) {
  while (block.size() >= kHeaderBytes) {
    const size_t size = RecordSize(block);
    const bool ends = EndsABatch(block);
    if (size == kHeaderBytes && block[kTypeAt] == 0) {
      extent->zeroes = at;
      if (!IsZero(block)) extent->wrong = at;
      return;
    }
    const bool known_kind = block[kTypeAt] >= 0 && block[kTypeAt] <= kLast;
    // Too great a length inside a log is an error to RocksDB as well.
    const bool wrong = size > block.size()
                           ? (is_last ? HidesARecord(block) : checksums)
                           : !known_kind || (checksums && WholeRecordAt(block) == 0);
    if (wrong) extent->wrong = at;
    if (wrong || size > block.size()) return;
    block.remove_prefix(size);
    at += size;
    if (ends) extent->batches = at;
    extent->within_batch = !ends;
  }
}

Result<Extent> Measure(LogFile& log, bool checksums) {
  Extent extent;
  for (uint64_t at = 0; at < log.size() && !extent.wrong; at += kBlockBytes) {
    const auto block = log.Read(at);
    if (!block.ok()) return block.error();
    if (!extent.zeroes) {
      CheckBlock(block.value(), at, at + kBlockBytes >= log.size(), checksums, &extent);
    } else if (!IsZero(block.value())) {
      extent.wrong = extent.zeroes;
    }
  }
  // RocksDB steps over zeroes, but not within a batch.
  if (extent.zeroes && extent.within_batch) extent.wrong = extent.zeroes;
  return extent;
}

// Whether what is wrong from `wrong` on can be nothing but writes that were never synced.
Result<bool> IsTorn(LogFile& log, uint64_t wrong, Durability durability) {
  bool lacks_a_sector = false;
  bool ended = false;
  for (uint64_t at = wrong; at < log.size(); at += kBlockBytes - at % kBlockBytes) {
    const auto read = log.Read(at);
    if (!read.ok()) return read.error();
    const std::string_view rest = read.value();
    const size_t next = FindBeginning(rest);
    if (durability == Durability::kFsync && next != std::string_view::npos) return false;
    // Zeroes behind the write say nothing about it, nor does what another batch lacks.
    const bool ends = at == wrong && EndsABatch(rest);
    const size_t end = std::min(next, ends ? RecordSize(rest) : rest.size());
    if (!ended) lacks_a_sector |= LacksASector(rest.substr(0, end), at);
    ended |= ends || next != std::string_view::npos;
  }
  return lacks_a_sector;
}

enum class Kind { kOlder, kNewest, kManifest };

// Adds to `torn` what is torn of one log.
Result<Ok> CheckLog(rocksdb::FileSystem& files, const std::string& path, Kind kind,
                    Durability durability, std::vector<TornWrite>* torn) {
  auto log = LogFile::Open(files, path);
  if (!log.ok()) return log.error();
  const auto extent = Measure(log.value(), kind != Kind::kOlder);
  if (!extent.ok()) return extent.error();
  const std::optional<uint64_t> wrong = extent.value().wrong;
  if (!wrong) return Ok{};
  const uint64_t batches = extent.value().batches;
  const uint64_t size = log.value().size();
  std::string damage = (kind == Kind::kManifest ? "manifest " : "log ") + path +
                       " is damaged before its end, near byte " + std::to_string(*wrong);
  if (kind == Kind::kOlder) return Error{ErrorCode::kCorrupt, damage};
  const auto is_torn = IsTorn(log.value(), *wrong, durability);
  if (!is_torn.ok()) return is_torn.error();
  if (is_torn.value()) torn->push_back({path, batches, size});
  if (is_torn.value()) return Ok{};
  if (kind == Kind::kManifest) return Error{ErrorCode::kCorrupt, damage};
  return Error{ErrorCode::kCorrupt, damage + " (`truncate -s " + std::to_string(batches) + " '" +
                                        path + "'` would give up its last " +
                                        std::to_string(size - batches) +
                                        " bytes, with all writes in them)"};
}

// Returns the names of the logs, oldest first; none where there is no directory.
Result<std::vector<std::string>> LogsIn(rocksdb::FileSystem& files, const std::string& directory) {
  std::vector<std::string> names;
  const IOStatus status = files.GetChildren(directory, rocksdb::IOOptions(), &names, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound()) return names;
  if (!status.ok()) {
    return Error{ErrorCode::kUnavailable, "cannot list " + directory + ": " + status.ToString()};
  }
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".log"); });
  // Numbers of at least six digits.
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return names;
}

// Returns the name of the manifest in use; "" when there is none, or RocksDB cannot find it either.
std::string ManifestIn(rocksdb::FileSystem& files, const std::string& directory) {
  std::string name;
  const IOStatus status = rocksdb::ReadFileToString(&files, directory + "/CURRENT", &name);
  if (!status.ok() || !name.starts_with("MANIFEST-") || !name.ends_with("\n")) return "";
  name.pop_back();
  const std::string path = directory + "/" + name;
  return files.FileExists(path, rocksdb::IOOptions(), nullptr).ok() ? name : "";
}

}  // namespace

Result<std::vector<TornWrite>> CheckLogs(rocksdb::FileSystem& files, const std::string& directory,
                                         Durability durability) {
  std::vector<TornWrite> torn;
  const auto logs = LogsIn(files, directory);
  if (!logs.ok()) return logs.error();
  const std::vector<std::string>& names = logs.value();
  for (const std::string& name : names) {
    const Kind kind = name == names.back() ? Kind::kNewest : Kind::kOlder;
    auto checked = CheckLog(files, directory + "/" + name, kind, durability, &torn);
    if (!checked.ok()) return checked.error();
  }
  if (const std::string manifest = ManifestIn(files, directory); !manifest.empty()) {
    auto checked =
        CheckLog(files, directory + "/" + manifest, Kind::kManifest, Durability::kFsync, &torn);
    if (!checked.ok()) return checked.error();
  }
  return torn;
}

Result<Ok> CheckLogsInUse(rocksdb::FileSystem& files, const std::string& directory) {
  auto logs = LogsIn(files, directory);
  if (!logs.ok()) return logs.error();
  std::vector<std::string> names = std::move(logs).value();
  names.push_back(ManifestIn(files, directory));
  if (names.back().empty()) {
    return Error{ErrorCode::kCorrupt, "in " + directory + " CURRENT names no manifest"};
  }
  for (const std::string& name : names) {
    auto log = LogFile::Open(files, directory + "/" + name);
    if (!log.ok()) return log.error();
    const auto extent = Measure(log.value(), /*checksums=*/true);
    if (!extent.ok()) return extent.error();
    // Zeroes too: who writes on does not leave any.
    const auto wrong = extent.value().wrong ? extent.value().wrong : extent.value().zeroes;
    if (!wrong) continue;
    return Error{ErrorCode::kCorrupt,
                 log.value().path() + " is damaged, near byte " + std::to_string(*wrong)};
  }
  return Ok{};
}

Result<Ok> CutOff(rocksdb::FileSystem& files, const TornWrite& torn) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const rocksdb::IOOptions options;
  IOStatus status = files.ReopenWritableFile(torn.path, rocksdb::FileOptions(), &file, nullptr);
  if (status.ok()) status = file->Truncate(torn.begin, options, nullptr);
  if (status.ok()) status = file->Sync(options, nullptr);
  if (status.ok()) status = file->Close(options, nullptr);
  if (status.ok()) return Ok{};
  return Error{ErrorCode::kUnavailable,
               "cannot cut a torn write off " + torn.path + ": " + status.ToString()};
}

}  // namespace weir::store
