// Whatever bytes are taken for a stored record, a state or pending writes: they are refused, or are
// exactly what encoding what was read gives; nothing is read outside them. Each input is tried as
// it is and with right checksums, which chance would not find.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "weir/base/key_hash.h"
#include "weir/store/rocksdb/pending_format.h"
#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

std::string Encode(std::string_view stored_key, const StoredRecord& found) {
  const Record record{Bytes::Copy(found.value), found.expires_at, found.version};
  std::string bytes(kRecordHeaderBytesMax, '\0');
  bytes.resize(EncodeRecordHeader(DecodePosition(stored_key.data()),
                                  stored_key.substr(kPositionBytes), record, bytes.data()));
  return bytes.append(found.value);
}

void CheckRecord(std::string_view stored_key, std::string_view stored) {
  const auto found = DecodeRecord(stored_key, stored);
  if (found) Require(Encode(stored_key, *found) == stored, "a record is as it was written");
}

// The same header with the checksum that belongs to it.
void CheckWithChecksum(std::string_view stored_key, std::string_view stored) {
  const bool expires = !stored.empty() && (stored[0] & 1) != 0;
  const size_t header = expires ? kRecordHeaderBytesMax : kRecordHeaderBytesMax - kExpiryBytes;
  if (stored_key.size() < kPositionBytes || stored.size() < header) return;
  StoredRecord wanted;
  std::memcpy(&wanted.version, stored.data() + 1, sizeof(wanted.version));
  if (expires) std::memcpy(&wanted.expires_at.ms, stored.data() + 9, sizeof(wanted.expires_at.ms));
  wanted.value = stored.substr(header);
  const std::string made = Encode(stored_key, wanted);
  const auto found = DecodeRecord(stored_key, made);
  Require(found.has_value(), "what was encoded is read");
  Require(found->value == wanted.value && found->version == wanted.version &&
              found->expires_at == wanted.expires_at,
          "what was encoded is read as it was");
  // No other key may claim it.
  std::string other(stored_key);
  other.back() = static_cast<char>(other.back() ^ 1);
  Require(!DecodeRecord(other, made), "a record belongs to one key");
}

void CheckState(std::string stored) {
  for (const bool with_checksum : {false, true}) {
    if (with_checksum) {
      const auto sum = static_cast<uint32_t>(StableHash(stored));
      stored.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
    }
    const auto state = DecodeState(stored);
    if (!state) continue;
    std::string again;
    EncodeState(*state, &again);
    Require(again == stored, "a state is as it was written");
  }
}

void CheckPending(std::string_view left) {
  while (!left.empty()) {
    const std::string_view before = left;
    const auto write = TakePendingWrite(&left);
    if (!write) return;
    Require(left.size() < before.size(), "reading a pending write gets on");
    const char* const end = left.data();
    Require(write->stored_key.data() >= before.data() &&
                write->stored_key.data() + write->stored_key.size() <= end,
            "its key is within");
    if (!write->put) continue;
    Require(write->stored_record.data() + write->stored_record.size() == end,
            "its record is within");
    CheckRecord(write->stored_key, write->stored_record);
  }
}

}  // namespace
}  // namespace weir::store

// The first byte is the length of the key, behind its position.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  weir::store::CheckPending(input);
  weir::store::CheckState(std::string(input));
  if (input.empty()) return 0;
  const size_t key_bytes =
      std::min<size_t>(weir::store::kPositionBytes + data[0] % 32, input.size() - 1);
  const std::string_view key = input.substr(1, key_bytes);
  const std::string_view stored = input.substr(1 + key_bytes);
  weir::store::CheckRecord(key, stored);
  weir::store::CheckWithChecksum(key, stored);
  return 0;
}
