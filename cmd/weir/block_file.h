// BlockFile: a file of blocks with checksums, for what the next process may use and need not have.
//
//   the head, a line | blocks, each: its length, 4 bytes, and its sum, 8 bytes, both little-endian
//   | what it holds
//
// The sum of a block is the SeededHash of what it holds, with the sum of the block before as its
// seed; that of the first, with the StableHash of the head. So a block is good only after all those
// that were written before it, in a file of this head: what was mixed from two files is damage.
//
// It is written beside the old one and then takes its place. When it is damaged, what comes before
// that is read. Only its owner may read it. A power cut may leave less of it than was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::cmd {

// A longer block is damage.
inline constexpr size_t kBlockBytesMax = size_t{4} << 20;

// Threads: single-owner; one at a time for a path. What is not committed leaves no trace.
// Errors: the first one ends it, and Commit returns it: kUnavailable, with what the system says, or
// that less than `free_min_bytes` of the disk would be left free.
class BlockFileWriter {
 public:
  struct Options {
    std::string path;
    std::string head;  // With its line feed.
    uint64_t free_min_bytes = 0;
    // So many are on the disk before the next are written, so that it is never given more at once
    // than others would wait for. 0: that is left to the system.
    size_t synced_bytes = 0;
  };

  explicit BlockFileWriter(Options options);
  ~BlockFileWriter();
  BlockFileWriter(const BlockFileWriter&) = delete;
  BlockFileWriter& operator=(const BlockFileWriter&) = delete;

  // Returns false when nothing more is written. Requires: at most kBlockBytesMax.
  bool Write(std::string_view block);
  bool failed() const { return !error_.empty(); }
  // Whether so many bytes more would be written, and not be an error for want of room.
  bool HasRoomFor(size_t bytes) const;
  // Takes the place of the file before.
  Result<Ok> Commit();

 private:
  bool Append(std::string_view bytes);
  bool Sync();
  bool Fail(const std::string& why);

  const Options options_;
  const std::string fresh_path_;
  const std::string directory_;
  int file_ = -1;
  uint64_t sum_;  // Of what was written last.
  size_t unsynced_bytes_ = 0;
  std::string error_;  // Empty: none.
};

// Threads: single-owner.
class BlockFileReader {
 public:
  BlockFileReader(const std::string& path, std::string_view head_begin);

  // The first line, without its line feed; empty when there is no file, or none that begins so.
  const std::string& head() const { return head_; }
  // Returns the next block, or nullopt after the last that is good.
  std::optional<std::string> Next();
  // What is wrong with what comes after what was returned; empty: nothing.
  const std::string& damage() const { return damage_; }

 private:
  std::optional<std::string> Damaged(std::string_view what);

  std::ifstream file_;
  std::string head_;
  uint64_t sum_ = 0;  // Of what was read last.
  std::string damage_;
};

// Removes what a process that was killed has left half written, and with `all` the file, too.
void RemoveBlockFile(const std::string& path, bool all);

template <typename Number>
void AppendLittleEndian(std::string* text, Number number) {
  for (size_t i = 0; i < sizeof(number); ++i) {
    text->push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * i) & 0xff));
  }
}

// Takes a number off the front of `*text`. Returns false when that is too short.
template <typename Number>
bool TakeLittleEndian(std::string_view* text, Number* number) {
  if (text->size() < sizeof(Number)) return false;
  uint64_t bits = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    bits |= uint64_t{static_cast<unsigned char>((*text)[i])} << (8 * i);
  }
  *number = static_cast<Number>(bits);
  text->remove_prefix(sizeof(Number));
  return true;
}

}  // namespace weir::cmd
