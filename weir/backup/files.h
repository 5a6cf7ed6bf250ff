// Files of a backup: copied, read through and made durable.
//
// Errors: kUnavailable with the path and what the system says; kOverloaded when cancelled.
// Threads: pure functions; each blocks, so call them from a worker thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::backup {

struct FileSum {
  uint64_t bytes = 0;
  uint64_t hash = 0;  // xxh3_64 of the content.
};

// Told of bytes as they are done with; returns whether to go on.
using Advance = std::function<bool(uint64_t bytes)>;

// Copies `from` into the new file `to`, durably but for its directory entry. The device gets the
// data in pieces of a few MB, so that the fsyncs of others do not wait for all of it.
Result<FileSum> CopyFile(const std::string& from, const std::string& to, const Advance& advance);

Result<FileSum> SumFile(const std::string& path, const Advance& advance);

struct NamedFile {
  std::string name;
  uint64_t bytes = 0;
};
// The plain files in a directory, in order of name.
Result<std::vector<NamedFile>> ListFiles(const std::string& directory);

// Errors: kCorrupt besides, when it is longer than `bytes_max`.
Result<std::string> ReadWholeFile(const std::string& path, size_t bytes_max);
Result<Ok> WriteWholeFile(const std::string& path, std::string_view text);

Result<Ok> MakeDirectory(const std::string& path);
// Makes durable which files a directory has.
Result<Ok> SyncDirectory(const std::string& path);
using SyncFunction = std::function<Result<Ok>(const std::string& directory)>;

// Gives the file `path`, there or not, all of `text` in one step, durable when it returns ok.
// `PATH.new` is used on the way. Errors: kUnavailable, when the file is as before; kUnknown, when
// it is as asked and a power cut may undo that.
Result<Ok> ReplaceFile(const std::string& path, std::string_view text,
                       const SyncFunction& sync = SyncDirectory);

Result<uint64_t> FreeBytesAt(const std::string& path);

// The path without `.`, `..` and links, as far as it exists. Requires: it is absolute.
std::string RealPath(const std::string& path);
// Whether `path` is `directory` or lies below it. Requires: both are of RealPath.
bool IsWithin(const std::string& path, const std::string& directory);
std::string ParentOf(const std::string& path);

}  // namespace weir::backup
