#include "weir/store/rocksdb/record_format.h"

#include <bit>
#include <cstring>

namespace weir::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is written as it lies");

constexpr char kHasExpiry = 1;
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

void EncodeExpiry(WallTime expires_at, char* to) {
  EncodePosition(static_cast<uint64_t>(expires_at.ms) ^ kSignBit, to);
}

WallTime DecodeExpiry(const char* from) {
  return {static_cast<int64_t>(DecodePosition(from) ^ kSignBit)};
}

size_t EncodeRecordHeader(Version version, WallTime expires_at, char* to) {
  const bool expires = expires_at != kNever;
  to[0] = expires ? kHasExpiry : 0;
  std::memcpy(to + 1, &version, sizeof(version));
  if (!expires) return 9;
  std::memcpy(to + 9, &expires_at.ms, sizeof(expires_at.ms));
  return 17;
}

std::optional<StoredRecord> DecodeRecord(std::string_view stored) {
  if (stored.size() < 9 || (stored[0] & ~kHasExpiry) != 0) return std::nullopt;
  const bool expires = stored[0] == kHasExpiry;
  stored.remove_prefix(1);
  StoredRecord record;
  record.version = Take<Version>(&stored);
  if (expires) {
    if (stored.size() < 8) return std::nullopt;
    record.expires_at.ms = Take<int64_t>(&stored);
    if (record.expires_at == kNever) return std::nullopt;
  }
  record.value = stored;
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
}

std::optional<State> DecodeState(std::string_view stored) {
  if (stored.size() < 20) return std::nullopt;
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
