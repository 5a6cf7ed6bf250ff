// Manifest: what a backup consists of, as the text of the file BACKUP in its directory.
//
//   weir-backup 1
//   weir 0.1.0                              (the version that wrote it)
//   cut_ms 1764000000000                    (when writes were held)
//   database 0 shards=4 commit=9 version_max=7 records=3 with_expiry=1
//   shard 0 database=0 index=0              (shard 0 of the range map is that database's shard 0)
//   file bytes=4711 xxh3=00f0… database-0/000012.sst
//   checksum 5f0e…                          (xxh3_64 of all before this line)
//
// It is written last; a directory without it is no backup.
// Threads: plain data and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::backup {

inline constexpr std::string_view kManifestName = "BACKUP";

struct Manifest {
  static constexpr size_t kTextBytesMax = size_t{256} << 20;
  static constexpr size_t kDatabasesMax = 1024;

  struct Database {
    uint32_t shards = 0;
    uint64_t commit = 0;
    uint64_t version_max = 0;
    uint64_t records = 0;
    uint64_t with_expiry = 0;
  };
  // Where a shard of the range map lies.
  struct Shard {
    uint32_t database = 0;
    uint32_t index = 0;
    bool operator==(const Shard&) const = default;
  };
  struct File {
    std::string path;  // "database-0/NAME", with a plain name.
    uint64_t bytes = 0;
    uint64_t hash = 0;  // xxh3_64 of the content.
  };

  std::string weir_version;
  int64_t cut_ms = 0;
  std::vector<Database> databases;
  std::vector<Shard> shards;
  std::vector<File> files;

  uint64_t TotalBytes() const;
  uint64_t TotalRecords() const;

  std::string ToText() const;

  // Reads what ToText wrote, and nothing else. Safe on hostile input: a path cannot leave the
  // backup. Errors: kCorrupt.
  static Result<Manifest> FromText(std::string_view text);
};

// Where the files of a database lie in a backup: "database-0".
std::string DatabaseFolder(size_t database);

}  // namespace weir::backup
