#include "weir/store/rocksdb/pending_format.h"

#include <cstring>

#include "weir/store/rocksdb/record_format.h"

namespace weir::store {
namespace {

constexpr char kPut = 1;
constexpr char kSettled = 2;

void AppendSize(size_t size, std::string* to) {
  const auto number = static_cast<uint32_t>(size);
  char bytes[sizeof(number)];
  std::memcpy(bytes, &number, sizeof(number));
  to->append(bytes, sizeof(number));
}

void AppendKey(char kind, const Key& key, std::string* to) {
  to->push_back(kind);
  AppendSize(key.shard, to);
  AppendSize(kPositionBytes + key.key.size(), to);
  char position[kPositionBytes];
  EncodePosition(key.position, position);
  to->append(position, kPositionBytes);
  to->append(key.key);
}

std::optional<uint32_t> TakeNumber(std::string_view* from) {
  uint32_t number = 0;
  if (from->size() < sizeof(number)) return std::nullopt;
  std::memcpy(&number, from->data(), sizeof(number));
  from->remove_prefix(sizeof(number));
  return number;
}

std::optional<std::string_view> TakeSized(std::string_view* from) {
  const std::optional<uint32_t> size = TakeNumber(from);
  if (!size || from->size() < *size) return std::nullopt;
  const std::string_view taken = from->substr(0, *size);
  from->remove_prefix(*size);
  return taken;
}

}  // namespace

void AppendPendingPut(const Key& key, const Record& record, std::string* to) {
  AppendKey(kPut, key, to);
  char header[kRecordHeaderBytesMax];
  const size_t header_bytes = EncodeRecordHeader(key.position, key.key, record, header);
  AppendSize(header_bytes + record.value.size(), to);
  to->append(header, header_bytes);
  to->append(record.value.view());
}

void AppendPendingSettled(const Key& key, std::string* to) {
  AppendKey(kSettled, key, to);
}

size_t PendingPutBytes(const Key& key, const Record& record) {
  return 1 + 4 + 4 + kPositionBytes + key.key.size() + 4 + kRecordHeaderBytesMax +
         record.value.size();
}

std::optional<PendingWrite> TakePendingWrite(std::string_view* from) {
  if (from->empty()) return std::nullopt;
  const char kind = from->front();
  if (kind != kPut && kind != kSettled) return std::nullopt;
  from->remove_prefix(1);
  PendingWrite write;
  write.put = kind == kPut;
  const std::optional<uint32_t> shard = TakeNumber(from);
  if (!shard) return std::nullopt;
  write.shard = *shard;
  const std::optional<std::string_view> key = TakeSized(from);
  if (!key || key->size() < kPositionBytes) return std::nullopt;
  write.stored_key = *key;
  if (!write.put) return write;
  const std::optional<std::string_view> record = TakeSized(from);
  if (!record) return std::nullopt;
  write.stored_record = *record;
  return write;
}

}  // namespace weir::store
