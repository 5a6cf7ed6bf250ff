#include "weir/store/limits.h"

#include <string>

namespace weir::store {
namespace {

std::optional<Error> Check(size_t actual, size_t limit, const char* what) {
  if (actual <= limit) return std::nullopt;
  return Error{ErrorCode::kOverloaded, std::string(what) + " " + std::to_string(actual) +
                                           " is over the limit of " + std::to_string(limit)};
}

}  // namespace

size_t BytesOf(const Batch& batch) {
  size_t bytes = 0;
  for (const Write& write : batch.writes) {
    bytes += write.key.key.size() + (write.record ? write.record->value.size() : 0);
  }
  return bytes;
}

std::optional<Error> OverLimit(const Limits& limits, const Batch& batch) {
  const size_t writes_max = batch.copies ? limits.copies_max : limits.batch_writes_max;
  if (auto error = Check(batch.writes.size(), writes_max, "batch_writes")) return error;
  for (const Write& write : batch.writes) {
    if (auto error = Check(write.key.key.size(), limits.key_bytes_max, "key_bytes")) return error;
    if (!write.record) continue;
    if (auto error = Check(write.record->value.size(), limits.value_bytes_max, "value_bytes")) {
      return error;
    }
  }
  return Check(BytesOf(batch), limits.batch_bytes_max, "batch_bytes");
}

std::optional<Error> OverLimit(const Limits& limits, const std::vector<Key>& keys) {
  if (auto error = Check(keys.size(), limits.load_keys_max, "load_keys")) return error;
  for (const Key& key : keys) {
    if (auto error = Check(key.key.size(), limits.key_bytes_max, "key_bytes")) return error;
  }
  return std::nullopt;
}

std::optional<Error> OverLimit(const Limits& limits, const ScanRange& range) {
  return Check(range.limit, limits.scan_items_max, "scan_items");
}

std::optional<Error> OverExpireLimit(const Limits& limits, size_t limit) {
  return Check(limit, limits.batch_writes_max, "batch_writes");
}

Error TooManyReads(const Limits& limits) {
  return {ErrorCode::kOverloaded,
          "more than " + std::to_string(limits.outstanding_reads_max) + " reads are outstanding"};
}

}  // namespace weir::store
