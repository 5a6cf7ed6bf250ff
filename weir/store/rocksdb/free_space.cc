#include "weir/store/rocksdb/free_space.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/statvfs.h>

namespace weir::store {

std::optional<Error> FreeSpace::AskIfDue() {
  const auto now = std::chrono::steady_clock::now();
  if (asked_ && now - *asked_ < options_.every) return std::nullopt;
  Result<uint64_t> free = options_.free_bytes();
  if (!free.ok()) return free.error();
  free_bytes_ = free.value();
  asked_ = now;
  return std::nullopt;
}

uint64_t FreeSpace::FloorOf(Use use) const {
  switch (use) {
    case Use::kCopy:
      return options_.floor_bytes * 2;
    case Use::kStore:
      return options_.floor_bytes;
    case Use::kRemove:
      return options_.floor_bytes / 2;
  }
  return options_.floor_bytes;
}

std::optional<Error> FreeSpace::Take(uint64_t bytes, Use use) {
  if (auto error = AskIfDue()) return error;
  const uint64_t floor = FloorOf(use);
  if (free_bytes_ < bytes || free_bytes_ - bytes < floor) {
    return Error{ErrorCode::kUnavailable,
                 "disk full: " + std::to_string(free_bytes_) + " bytes are free and " +
                     std::to_string(floor) +
                     " must stay free; make room, and writes are accepted again by themselves"};
  }
  free_bytes_ -= bytes;
  return std::nullopt;
}

Result<uint64_t> FreeBytesOf(const std::string& path) {
  struct statvfs device {};
  if (::statvfs(path.c_str(), &device) != 0) {
    return Error{ErrorCode::kUnavailable,
                 "cannot tell the free space of " + path + ": " + std::strerror(errno)};
  }
  return uint64_t{device.f_bavail} * device.f_frsize;
}

}  // namespace weir::store
