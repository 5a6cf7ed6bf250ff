// Memory: what the requests of all clients hold beside the cache, against their shares of the
// budget.
//
// Two accounts. `clients`: the buffers of connections and the commands that wait in them; each
// connection charges what it holds. `values`: large values (Bytes::kCountedBytesMin and more) that
// live outside of the cache, because they arrive, wait to be written, were loaded for a reader, or
// wait to be sent, pinned after their eviction. Nobody charges those: every large Bytes is counted
// where it is made, and the caches say which of them are theirs, so none can be forgotten and one
// that a thousand replies share is counted once.
//
// Whoever takes more in asks first: connections are not read, loads of large values wait.
// Threads: thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "weir/base/byte_account.h"
#include "weir/base/bytes.h"

namespace weir::gateway {

class Memory {
 public:
  struct Limits {
    size_t client_bytes = size_t{256} << 20;
    size_t value_bytes = size_t{256} << 20;
  };
  // Values that arrive may take this part of what all may take, so that uploads never keep readers
  // from their values.
  static constexpr size_t kUploadPart = 2;

  explicit Memory(Limits limits) : limits_(limits), clients_(limits.client_bytes) {}

  ByteAccount& clients() { return clients_; }
  const ByteAccount& clients() const { return clients_; }
  // Charged by the caches, for the large values they hold.
  ByteAccount& cached_values() { return cached_values_; }

  size_t value_bytes() const {
    const size_t cached = cached_values_.used();
    return std::max(Bytes::counted_bytes(), cached) - cached;
  }
  size_t value_bytes_max() const { return limits_.value_bytes; }
  // Bytes of large values that may still be taken in.
  size_t value_room() const {
    const size_t used = value_bytes();
    return used < limits_.value_bytes ? limits_.value_bytes - used : 0;
  }
  // Whether values that arrive must wait.
  bool uploads_wait() const { return value_bytes() > limits_.value_bytes / kUploadPart; }

  // Lets one of the uploads that wait go on whatever the others hold, or they might all wait for
  // each other for ever. Returns whether `connection` is the one.
  bool TakeUploadPass(uint64_t connection) {
    uint64_t nobody = 0;
    return upload_pass_.compare_exchange_strong(nobody, connection) || nobody == connection;
  }
  void ReturnUploadPass(uint64_t connection) {
    upload_pass_.compare_exchange_strong(connection, 0);
  }

  // Whether so much is held that clients which take nothing for a while must go.
  bool pressed() const { return clients_.over() || value_room() < limits_.value_bytes / 4; }

  // The largest reply to one command: what its values are together. Room for two, at least.
  size_t reply_bytes_max() const { return limits_.client_bytes / 2; }

 private:
  const Limits limits_;
  ByteAccount clients_;
  ByteAccount cached_values_{SIZE_MAX};
  std::atomic<uint64_t> upload_pass_{0};  // The connection that has it; 0: none.
};

}  // namespace weir::gateway
