// The bytes of the data directory, format 1: keys and values of each column family.
//
//   records.N   position (8, big-endian) + key
//                 ->  flags (1) + version (8) + [expiry (8)] + checksum (4) + value
//   pending     commit number (8, big-endian) of a batch
//                 ->  its pending writes (pending_format.h)
//   expiry.N    expiry (8, ordered) + position (8, big-endian) + key
//                 ->  empty
//   default     "state"
//                 ->  commit (8) + highest version (8) + shards (4)
//                     + for each shard: records (8) + with expiry (8); + checksum (4)
//               "meta/" + name
//                 ->  the value of RocksDbStore::PutMetadata
//
// records.N, expiry.N and pending may also hold an empty entry under the empty key, which says
// nothing (BatchWriter::StageRemoval has the reason).
// Numbers are little-endian unless said otherwise. Flag 1 says that there is an expiry; the others
// are zero, and a reader refuses what it does not know. An ordered expiry is its milliseconds with
// the sign bit flipped, big-endian, so that bytes sort as times do.
// A record's checksum covers its key, position, version, expiry and value. RocksDB's own checksums
// cover blocks on disk; this one also finds what changed in memory before a block was made, or a
// value that came to lie under another key. It is made once, when the record is written, and holds
// wherever the record is copied to. It is the low half of StableHash over
//   position, StableHash(key), version, expiry or kNever, StableHash(value)     (8 bytes each).
// record_format_test.cc pins all this. Threads: pure functions.
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
inline constexpr std::string_view kLowestKey = "";
inline constexpr std::string_view kMetadataPrefix = "meta/";

inline constexpr size_t kPositionBytes = 8;
inline constexpr size_t kExpiryBytes = 8;
inline constexpr size_t kRecordHeaderBytesMax = 21;

void EncodePosition(uint64_t position, char* to);
uint64_t DecodePosition(const char* from);
// The key of a batch in `pending`.
inline constexpr CommitNumber kEndOfCommits = ~CommitNumber{0};
std::string StoredCommit(CommitNumber commit);
void EncodeExpiry(WallTime expires_at, char* to);
WallTime DecodeExpiry(const char* from);

// Writes what stands before the value of `record` and returns its size, at most
// kRecordHeaderBytesMax. Cost: hashes key and value.
size_t EncodeRecordHeader(uint64_t position, std::string_view key, const Record& record, char* to);

struct StoredRecord {
  Version version = 0;
  WallTime expires_at = kNever;
  std::string_view value;  // Into what was decoded.
};

// Reads what stands under `stored_key`, position included. Cost: hashes key and value.
// Returns: nullopt unless it is a whole record of that key, as it was written.
std::optional<StoredRecord> DecodeRecord(std::string_view stored_key, std::string_view stored);

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
// Returns: nullopt unless `stored` is what EncodeState made.
std::optional<State> DecodeState(std::string_view stored);

}  // namespace weir::store
