#include "weir/backup/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

namespace weir::backup {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kBytesBetweenSyncs = size_t{8} << 20;

Error SystemError(const std::string& what, const std::string& path) {
  const std::string hint = errno == ENOSPC || errno == EDQUOT ? "; make room and try again" : "";
  return {ErrorCode::kUnavailable,
          "cannot " + what + " " + path + ": " + std::strerror(errno) + hint};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  const int fd_;
};

Result<Ok> WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Ok{};
}

// Passes the content of `from` on in chunks. What was read is not kept in the page cache.
Result<FileSum> ReadThrough(const std::string& from,
                            const std::function<Result<Ok>(std::string_view chunk)>& take) {
  const Descriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return SystemError("open", from);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(),
                                                                      &XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  FileSum sum;
  std::vector<char> chunk(kChunkBytes);
  for (;;) {
    const ssize_t got = ::read(file.fd(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", from);
    if (got == 0) break;
    const std::string_view bytes(chunk.data(), static_cast<size_t>(got));
    XXH3_64bits_update(hash.get(), bytes.data(), bytes.size());
    sum.bytes += bytes.size();
    if (auto taken = take(bytes); !taken.ok()) return taken.error();
  }
  sum.hash = XXH3_64bits_digest(hash.get());
  return sum;
}

Error Cancelled() {
  return {ErrorCode::kOverloaded, "cancelled"};
}

}  // namespace

Result<FileSum> CopyFile(const std::string& from, const std::string& to, const Advance& advance) {
  const Descriptor file(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file) return SystemError("make", to);
  size_t unsynced = 0;
  const auto sync = [&]() -> Result<Ok> {
    if (::fdatasync(file.fd()) != 0) return SystemError("write", to);
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    unsynced = 0;
    return Ok{};
  };
  Result<FileSum> sum = ReadThrough(from, [&](std::string_view chunk) -> Result<Ok> {
    if (auto written = WriteAll(file.fd(), chunk, to); !written.ok()) return written;
    unsynced += chunk.size();
    if (unsynced >= kBytesBetweenSyncs) {
      if (auto synced = sync(); !synced.ok()) return synced;
    }
    if (!advance(chunk.size())) return Cancelled();
    return Ok{};
  });
  if (!sum.ok()) return sum;
  if (auto synced = sync(); !synced.ok()) return synced.error();
  return sum;
}

Result<FileSum> SumFile(const std::string& path, const Advance& advance) {
  return ReadThrough(path, [&](std::string_view chunk) -> Result<Ok> {
    if (!advance(chunk.size())) return Cancelled();
    return Ok{};
  });
}

Result<std::vector<NamedFile>> ListFiles(const std::string& directory) {
  std::error_code error;
  std::vector<NamedFile> files;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_regular_file(error)) continue;
    files.push_back({at->path().filename().string(), at->file_size(error)});
  }
  if (error) {
    return Error{ErrorCode::kUnavailable, "cannot list " + directory + ": " + error.message()};
  }
  std::sort(files.begin(), files.end(),
            [](const NamedFile& a, const NamedFile& b) { return a.name < b.name; });
  return files;
}

Result<std::string> ReadWholeFile(const std::string& path, size_t bytes_max) {
  std::string text;
  Result<FileSum> sum = ReadThrough(path, [&](std::string_view chunk) -> Result<Ok> {
    if (text.size() + chunk.size() > bytes_max) {
      return Error{ErrorCode::kCorrupt, path + " is too long to be what it should be"};
    }
    text += chunk;
    return Ok{};
  });
  if (!sum.ok()) return sum.error();
  return text;
}

Result<Ok> WriteWholeFile(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file) return SystemError("make", path);
  if (auto written = WriteAll(file.fd(), text, path); !written.ok()) return written;
  if (::fsync(file.fd()) != 0) return SystemError("write", path);
  return Ok{};
}

Result<Ok> MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0) return SystemError("make", path);
  return Ok{};
}

Result<Ok> SyncDirectory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.fd()) != 0) return SystemError("sync", path);
  return Ok{};
}

Result<Ok> ReplaceFile(const std::string& path, std::string_view text, const SyncFunction& sync) {
  const std::string next = path + ".new";
  ::unlink(next.c_str());  // Of a process that ended meanwhile.
  if (auto written = WriteWholeFile(next, text); !written.ok()) {
    ::unlink(next.c_str());  // What there was room for.
    return written;
  }
  if (::rename(next.c_str(), path.c_str()) != 0) {
    const Error error = SystemError("replace", path);
    ::unlink(next.c_str());
    return error;
  }
  if (auto synced = sync(ParentOf(path)); !synced.ok()) {
    return Error{ErrorCode::kUnknown, synced.error().message};
  }
  return Ok{};
}

Result<uint64_t> FreeBytesAt(const std::string& path) {
  struct statvfs device {};
  if (::statvfs(path.c_str(), &device) != 0) return SystemError("tell the free space of", path);
  return uint64_t{device.f_bavail} * device.f_frsize;
}

std::string RealPath(const std::string& path) {
  std::error_code error;
  std::string real = std::filesystem::weakly_canonical(path, error).string();
  if (error) real = path;
  while (real.size() > 1 && real.ends_with('/')) real.pop_back();
  return real;
}

bool IsWithin(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || path.starts_with(directory + "/");
}

std::string ParentOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace weir::backup
