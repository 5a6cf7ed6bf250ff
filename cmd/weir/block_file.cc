#include "cmd/weir/block_file.h"

#include <cassert>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "weir/base/key_hash.h"

namespace weir::cmd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockHeadBytes = sizeof(uint32_t) + sizeof(uint64_t);
constexpr size_t kHeadBytesMax = 256;

std::string FreshPathOf(const std::string& path) {
  return path + ".new";
}

std::string SystemText() {
  return std::generic_category().message(errno);
}

}  // namespace

BlockFileWriter::BlockFileWriter(Options options)
    : options_(std::move(options)),
      fresh_path_(FreshPathOf(options_.path)),
      directory_(fs::path(options_.path).parent_path().string()),
      sum_(StableHash(options_.head)) {
  RemoveBlockFile(options_.path, false);
  file_ = ::open(fresh_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  file_ == -1 ? Fail(SystemText()) : Append(options_.head);
}

BlockFileWriter::~BlockFileWriter() {
  if (file_ == -1) return;
  ::close(file_);
  ::unlink(fresh_path_.c_str());
}

bool BlockFileWriter::Write(std::string_view block) {
  assert(block.size() <= kBlockBytesMax);
  sum_ = SeededHash(block, sum_);
  std::string head;
  AppendLittleEndian(&head, static_cast<uint32_t>(block.size()));
  AppendLittleEndian(&head, sum_);
  if (!Append(head) || !Append(block)) return false;
  return options_.synced_bytes == 0 || unsynced_bytes_ < options_.synced_bytes || Sync();
}

bool BlockFileWriter::HasRoomFor(size_t bytes) const {
  std::error_code error;
  const fs::space_info space = fs::space(directory_, error);
  return !error && space.available >= options_.free_min_bytes &&
         space.available - options_.free_min_bytes >= bytes;
}

bool BlockFileWriter::Append(std::string_view bytes) {
  if (!error_.empty()) return false;
  if (!HasRoomFor(bytes.size())) return Fail("the database needs what is left of the disk");
  unsynced_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written == -1 && errno == EINTR) continue;
    if (written == -1) return Fail(SystemText());
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool BlockFileWriter::Sync() {
  if (!error_.empty()) return false;
  unsynced_bytes_ = 0;
  return ::fdatasync(file_) == 0 || Fail(SystemText());
}

bool BlockFileWriter::Fail(const std::string& why) {
  error_ = options_.path + " cannot be written: " + why;
  return false;
}

Result<Ok> BlockFileWriter::Commit() {
  if (options_.synced_bytes != 0) Sync();
  if (error_.empty() && ::rename(fresh_path_.c_str(), options_.path.c_str()) != 0) {
    Fail(SystemText());
  }
  if (!error_.empty()) return Error{ErrorCode::kUnavailable, error_};
  ::close(std::exchange(file_, -1));
  return Ok{};
}

BlockFileReader::BlockFileReader(const std::string& path, std::string_view head_begin) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() == fs::file_type::regular) file_.open(path, std::ios::binary);
  if (!file_.is_open()) {
    damage_ = "it cannot be opened";
    return;
  }
  std::string head(kHeadBytesMax, '\0');
  file_.read(head.data(), kHeadBytesMax);
  head.resize(static_cast<size_t>(file_.gcount()));
  const size_t end = head.find('\n');
  if (end == std::string::npos || !head.starts_with(head_begin)) {
    damage_ = "it does not begin as such a file does";
    return;
  }
  head_ = head.substr(0, end);
  sum_ = StableHash(head.substr(0, end + 1));
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(end + 1));
}

std::optional<std::string> BlockFileReader::Next() {
  if (head_.empty() || !damage_.empty()) return std::nullopt;
  if (file_.peek() == std::ifstream::traits_type::eof()) return std::nullopt;
  std::string head(kBlockHeadBytes, '\0');
  if (!file_.read(head.data(), kBlockHeadBytes))
    return Damaged("it ends within the head of a block");
  uint32_t size = 0;
  uint64_t sum = 0;
  std::string_view left = head;
  TakeLittleEndian(&left, &size);
  TakeLittleEndian(&left, &sum);
  if (size > kBlockBytesMax) return Damaged("a block is too long");
  std::string block(size, '\0');
  if (!file_.read(block.data(), size)) return Damaged("it ends within a block");
  sum_ = SeededHash(block, sum_);
  if (sum_ != sum) return Damaged("a checksum is wrong");
  return block;
}

std::optional<std::string> BlockFileReader::Damaged(std::string_view what) {
  damage_ = what;
  return std::nullopt;
}

void RemoveBlockFile(const std::string& path, bool all) {
  std::error_code ignored;
  fs::remove(FreshPathOf(path), ignored);
  if (all) fs::remove(path, ignored);
}

}  // namespace weir::cmd
