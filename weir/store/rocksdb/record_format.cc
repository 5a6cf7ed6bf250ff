#include "weir/store/rocksdb/record_format.h"

#include <bit>
#include <cstring>

#include "weir/base/key_hash.h"

namespace weir::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is written as it lies");

constexpr char kHasExpiry = 1;
constexpr size_t kHeaderBytesMin = 13;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

template <typename T>
void Append(T number, std::string* to) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &number, sizeof(T));
  to->append(bytes, sizeof(T));
}

// Requires: `*from` holds a T. Takes it off.
template <typename T>
T Take(std::string_view* from) {
  T number;
  std::memcpy(&number, from->data(), sizeof(T));
  from->remove_prefix(sizeof(T));
  return number;
}

uint32_t ChecksumOf(std::string_view bytes) {
  return static_cast<uint32_t>(StableHash(bytes));
}

uint32_t ChecksumOf(uint64_t position, std::string_view key, const StoredRecord& record) {
  const uint64_t parts[] = {position, StableHash(key), record.version,
                            static_cast<uint64_t>(record.expires_at.ms), StableHash(record.value)};
  return ChecksumOf({reinterpret_cast<const char*>(parts), sizeof(parts)});
}

}  // namespace

void EncodePosition(uint64_t position, char* to) {
  const uint64_t swapped = __builtin_bswap64(position);
  std::memcpy(to, &swapped, sizeof(swapped));
}

uint64_t DecodePosition(const char* from) {
  uint64_t swapped = 0;
  std::memcpy(&swapped, from, sizeof(swapped));
  return __builtin_bswap64(swapped);
}

std::string StoredCommit(CommitNumber commit) {
  std::string stored(kPositionBytes, '\0');
  EncodePosition(commit, stored.data());
  return stored;
}

void EncodeExpiry(WallTime expires_at, char* to) {
  EncodePosition(static_cast<uint64_t>(expires_at.ms) ^ kSignBit, to);
}

WallTime DecodeExpiry(const char* from) {
  return {static_cast<int64_t>(DecodePosition(from) ^ kSignBit)};
}

size_t EncodeRecordHeader(uint64_t position, std::string_view key, const Record& record, char* to) {
  const uint32_t checksum =
      ChecksumOf(position, key, {record.version, record.expires_at, record.value.view()});
  const bool expires = record.expires_at != kNever;
  char* at = to;
  *at++ = expires ? kHasExpiry : 0;
  std::memcpy(at, &record.version, sizeof(record.version));
  at += sizeof(record.version);
  if (expires) {
    std::memcpy(at, &record.expires_at.ms, sizeof(record.expires_at.ms));
    at += sizeof(record.expires_at.ms);
  }
  std::memcpy(at, &checksum, sizeof(checksum));
  return static_cast<size_t>(at - to) + sizeof(checksum);
}

std::optional<StoredRecord> DecodeRecord(std::string_view stored_key, std::string_view stored) {
  if (stored_key.size() < kPositionBytes) return std::nullopt;
  if (stored.size() < kHeaderBytesMin || (stored[0] & ~kHasExpiry) != 0) return std::nullopt;
  const bool expires = stored[0] == kHasExpiry;
  stored.remove_prefix(1);
  StoredRecord record;
  record.version = Take<Version>(&stored);
  if (expires) {
    if (stored.size() < sizeof(int64_t) + sizeof(uint32_t)) return std::nullopt;
    record.expires_at.ms = Take<int64_t>(&stored);
    if (record.expires_at == kNever) return std::nullopt;
  }
  const auto checksum = Take<uint32_t>(&stored);
  record.value = stored;
  const uint64_t position = DecodePosition(stored_key.data());
  stored_key.remove_prefix(kPositionBytes);
  if (checksum != ChecksumOf(position, stored_key, record)) return std::nullopt;
  return record;
}

void EncodeState(const State& state, std::string* to) {
  to->clear();
  Append(state.commit, to);
  Append(state.version_max, to);
  Append(static_cast<uint32_t>(state.shards.size()), to);
  for (const ShardCounts& counts : state.shards) {
    Append(counts.records, to);
    Append(counts.with_expiry, to);
  }
  Append(ChecksumOf(*to), to);
}

std::optional<State> DecodeState(std::string_view stored) {
  if (stored.size() < 24) return std::nullopt;
  std::string_view checksum = stored.substr(stored.size() - sizeof(uint32_t));
  stored.remove_suffix(checksum.size());
  if (Take<uint32_t>(&checksum) != ChecksumOf(stored)) return std::nullopt;
  State state;
  state.commit = Take<CommitNumber>(&stored);
  state.version_max = Take<Version>(&stored);
  const auto shards = Take<uint32_t>(&stored);
  if (stored.size() != size_t{shards} * 16) return std::nullopt;
  state.shards.resize(shards);
  for (ShardCounts& counts : state.shards) {
    counts.records = Take<uint64_t>(&stored);
    counts.with_expiry = Take<uint64_t>(&stored);
  }
  return state;
}

}  // namespace weir::store
