// Verifier: reads the whole of a database that nobody uses, and says what is wrong with it.
//
//   auto verifier = Verifier::Open("/var/lib/weir");
//   VerifyReport report = verifier.value()->Run(options);
//
// What is checked: the log, as at every start; every block of every table against RocksDB's
// checksum; every record: that it decodes, its own checksum, its place, its version against the
// highest; the expiry index against the records, both ways; the counts. Nothing is written but the
// lock of a data directory.
// When not to use: on a database that is served (it is refused).
// Threads: single-owner; Run calls back on the caller's thread.
// Cost: reads everything twice; memory is bounded but for the log, which is replayed into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/store/store.h"

namespace weir::store {

struct VerifyProgress {
  std::string what;  // "tables", "records of shard 2", ...
  uint64_t done = 0;
  uint64_t total = 0;  // As the counts have it; 0: unknown.
};

struct VerifyOptions {
  static constexpr size_t kProblemsMax = 20;

  // Says what is wrong with the place of a record, in a few words, or nothing. `shard` is one of
  // this database's.
  std::function<std::string(uint32_t shard, uint64_t position, std::string_view key)> check_place =
      nullptr;
  // Called now and then. Optional.
  std::function<void(const VerifyProgress&)> progress = nullptr;
};

struct VerifyReport {
  uint64_t tables = 0;
  uint64_t records = 0;
  uint64_t with_expiry = 0;
  uint64_t problem_count = 0;
  std::vector<std::string> problems;  // The first VerifyOptions::kProblemsMax.

  void Add(std::string problem);
};

class Verifier {
 public:
  // Locks the data directory until destruction.
  // Errors: kUnavailable when it is in use, absent or empty; kCorrupt when there is no way in.
  static Result<std::unique_ptr<Verifier>> Open(const std::string& directory);

  // Opens the files of a checkpoint, as they lie in a backup. Errors: as Open.
  static Result<std::unique_ptr<Verifier>> OpenCheckpoint(const std::string& files,
                                                          uint32_t shards);
  virtual ~Verifier() = default;

  virtual uint32_t shards() const = 0;
  // As RocksDbStore::Metadata.
  virtual Result<std::optional<std::string>> Metadata(const std::string& name) = 0;

  // Whether there is no record. Cost: a look at the beginning of each shard.
  virtual Result<bool> IsEmpty() = 0;

  virtual VerifyReport Run(const VerifyOptions& options) = 0;
};

}  // namespace weir::store
