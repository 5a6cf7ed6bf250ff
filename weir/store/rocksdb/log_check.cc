#include "weir/store/rocksdb/log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::store {
namespace {

using rocksdb::IOStatus;

constexpr size_t kBlockBytes = 32768;
constexpr size_t kHeaderBytes = 7;  // Masked checksum (4), length (2), type (1).
constexpr size_t kTypeAt = 6;
constexpr char kTypeMax = 4;  // Full, first, middle, last.

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

size_t LengthAt(std::string_view bytes) {
  uint16_t length = 0;
  std::memcpy(&length, bytes.data() + 4, sizeof(length));
  return length;
}

// Whether `bytes`, without their length field, are one whole record.
bool IsWholeRecord(std::string_view bytes) {
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data(), sizeof(checksum));
  return checksum == MaskedCrc32c(bytes.substr(kTypeAt));
}

// `rest` begins with a record that is longer than `rest`, at the end of a log.
bool HidesARecord(std::string_view rest) {
  if (IsWholeRecord(rest)) return true;
  for (rest.remove_prefix(1); rest.size() >= kHeaderBytes; rest.remove_prefix(1)) {
    const size_t size = kHeaderBytes + LengthAt(rest);
    const char type = rest[kTypeAt];
    if (type >= 1 && type <= kTypeMax && size <= rest.size() &&
        IsWholeRecord(rest.substr(0, size))) {
      return true;
    }
  }
  return false;
}

bool IsZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

enum class Block { kGood, kZeroFromHere, kDamaged };

Block CheckBlock(std::string_view block, bool is_last) {
  while (block.size() >= kHeaderBytes) {
    const size_t size = kHeaderBytes + LengthAt(block);
    if (size == kHeaderBytes && block[kTypeAt] == 0) {
      return IsZero(block) ? Block::kZeroFromHere : Block::kDamaged;
    }
    if (size > block.size()) {
      // Inside a log this is an error to RocksDB as well.
      return is_last && HidesARecord(block) ? Block::kDamaged : Block::kGood;
    }
    block.remove_prefix(size);
  }
  return Block::kGood;
}

Result<Ok> CheckLog(rocksdb::FileSystem& files, const std::string& path) {
  const auto failed = [&](const IOStatus& status) {
    return Error{ErrorCode::kUnavailable, "cannot read " + path + ": " + status.ToString()};
  };
  uint64_t size = 0;
  IOStatus status = files.GetFileSize(path, rocksdb::IOOptions(), &size, nullptr);
  if (!status.ok()) return failed(status);
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  status = files.NewRandomAccessFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return failed(status);
  std::vector<char> scratch(kBlockBytes);
  bool zero_from_here = false;
  for (uint64_t at = 0; at < size; at += kBlockBytes) {
    rocksdb::Slice read;
    status = file->Read(at, kBlockBytes, rocksdb::IOOptions(), &read, scratch.data(), nullptr);
    if (!status.ok()) return failed(status);
    const std::string_view block = read.ToStringView();
    Block found = Block::kGood;
    if (zero_from_here) {
      found = IsZero(block) ? Block::kGood : Block::kDamaged;
    } else {
      found = CheckBlock(block, /*is_last=*/at + kBlockBytes >= size);
    }
    if (found == Block::kDamaged) {
      return Error{ErrorCode::kCorrupt,
                   "log " + path + " is damaged before its end, near byte " + std::to_string(at)};
    }
    zero_from_here = zero_from_here || found == Block::kZeroFromHere;
  }
  return Ok{};
}

}  // namespace

Result<Ok> CheckLogs(rocksdb::FileSystem& files, const std::string& directory) {
  std::vector<std::string> names;
  const IOStatus status = files.GetChildren(directory, rocksdb::IOOptions(), &names, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound()) return Ok{};
  if (!status.ok()) {
    return Error{ErrorCode::kUnavailable, "cannot list " + directory + ": " + status.ToString()};
  }
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    if (auto checked = CheckLog(files, directory + "/" + name); !checked.ok()) return checked;
  }
  return Ok{};
}

}  // namespace weir::store
