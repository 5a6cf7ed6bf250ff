// The bytes of the data directory, format 1: keys and values of each column family.
//
//   records.N   position (8, big-endian) + key      ->  flags (1) + version (8) + [expiry (8)] +
//   value expiry.N    expiry (8, ordered) + position (8, big-endian) + key  ->  empty default
//   "state"          ->  commit (8) + highest version (8) + shards (4)
//                                    + for each shard: records (8) + with expiry (8)
//               "meta/" + name   ->  the value of RocksDbStore::PutMetadata
// Numbers are little-endian unless said otherwise. An ordered expiry is its milliseconds with the
// sign bit flipped, big-endian, so that bytes sort as times do. record_format_test.cc pins all
// this. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/store/store.h"

namespace weir::store {

inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kMetadataPrefix = "meta/";

inline constexpr size_t kPositionBytes = 8;
inline constexpr size_t kExpiryBytes = 8;
inline constexpr size_t kRecordHeaderBytesMax = 17;

void EncodePosition(uint64_t position, char* to);
uint64_t DecodePosition(const char* from);
void EncodeExpiry(WallTime expires_at, char* to);
WallTime DecodeExpiry(const char* from);

// Writes the header of a record's value and returns its size, at most kRecordHeaderBytesMax.
size_t EncodeRecordHeader(Version version, WallTime expires_at, char* to);

struct StoredRecord {
  Version version = 0;
  WallTime expires_at = kNever;
  std::string_view value;  // Into what was decoded.
};

// Returns: nullopt for bytes that no EncodeRecordHeader began.
std::optional<StoredRecord> DecodeRecord(std::string_view stored);

struct ShardCounts {
  uint64_t records = 0;
  uint64_t with_expiry = 0;
};

// What changes with every batch.
struct State {
  CommitNumber commit = 0;
  Version version_max = 0;
  std::vector<ShardCounts> shards;
};

// Replaces `*to`.
void EncodeState(const State& state, std::string* to);
std::optional<State> DecodeState(std::string_view stored);

}  // namespace weir::store
