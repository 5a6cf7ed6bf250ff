// TraceReader: the requests of a trace file, `key` or `key,size` a line, plain or zstd.
// Threads: single-owner.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"

namespace weir::cmd {

class TraceReader {
 public:
  struct Request {
    uint32_t key = 0;  // Numbered in order of first appearance.
    uint64_t size = 1;
  };
  static constexpr size_t kLineBytesMax = 64 * 1024;

  // `name` is a path, or - for standard input.
  static Result<std::unique_ptr<TraceReader>> Open(const std::string& name);
  ~TraceReader();
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;

  // Returns whether there was a request. Errors: a line that is no request, a broken file.
  Result<bool> Next(Request& request);

  uint64_t bytes_read() const { return bytes_read_; }
  // 0 when it is not known.
  uint64_t bytes_total() const { return bytes_total_; }
  uint64_t lines() const { return lines_; }

 private:
  struct Unpacker;

  explicit TraceReader(std::FILE* file);
  Result<bool> Fill();
  Result<bool> Parse(std::string_view line, Request& request);

  std::FILE* file_;
  std::unique_ptr<Unpacker> unpacker_;  // For a file in zstd.
  std::vector<char> input_;
  std::string text_;
  size_t at_ = 0;  // In text_: where the next line begins.
  bool end_ = false;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_total_ = 0;
  uint64_t lines_ = 0;
  std::unordered_map<std::string, uint32_t> keys_;
};

}  // namespace weir::cmd
