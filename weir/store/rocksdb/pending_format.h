// The bytes of a record of the family `pending`: the pending writes of one batch, in order.
//
//   for each write     kind (1) + shard (4) + size of the stored key (4) + stored key
//     kind 1, put      + size of the stored record (4) + stored record
//     kind 2, settled  nothing: what earlier batches left pending of this key no longer counts,
//                      because this batch wrote the key to its tables directly
// Stored key and stored record are those of record_format.h, ready to be put into the family of the
// shard's records. Numbers are little-endian. pending_writes_test.cc pins this.
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/store/store.h"

namespace weir::store {

// Views into the bytes it was read from.
struct PendingWrite {
  bool put = false;  // Else settled.
  uint32_t shard = 0;
  std::string_view stored_key;
  std::string_view stored_record;
};

// Append one write to `*to`. Cost: copies key and value; a put hashes them for the checksum.
void AppendPendingPut(const Key& key, const Record& record, std::string* to);
void AppendPendingSettled(const Key& key, std::string* to);

// What AppendPendingPut adds, at most.
size_t PendingPutBytes(const Key& key, const Record& record);

// Takes the first write off `*from`. Returns: nullopt unless one stands there whole.
std::optional<PendingWrite> TakePendingWrite(std::string_view* from);

}  // namespace weir::store
