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
    // What the parts for writes are measured by: value_bytes, where that is limited.
    size_t write_bytes = size_t{256} << 20;
  };
  static constexpr size_t kBatchBytesMax = size_t{16} << 20;
  // Values that arrive may take this part of what all may take, so that uploads never keep readers
  // from their values.
  static constexpr size_t kUploadPart = 2;

  explicit Memory(Limits limits) : limits_(limits), clients_(limits.client_bytes) {}

  ByteAccount& clients() { return clients_; }
  const ByteAccount& clients() const { return clients_; }
  // Charged by the caches, for the large values they hold.
  ByteAccount& cached_values() { return cached_values_; }

  // Charged by the connections, for the large values of commands that are not whole yet.
  ByteAccount& arriving() { return arriving_; }

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
  // Whether a value that arrives, and would take so many bytes more now, must wait.
  bool upload_waits(size_t bytes) const {
    const size_t used = value_bytes();
    return used > 0 && used + bytes > limits_.value_bytes / kUploadPart;
  }

  // Lets one of the uploads that wait go on whatever the others hold, or they might all wait for
  // each other for ever; but while others than they have the whole share, none.
  // Returns whether `connection` is the one.
  bool TakeUploadPass(uint64_t connection) {
    if (value_bytes() >= limits_.value_bytes + arriving_.used()) return false;
    uint64_t nobody = 0;
    return upload_pass_.compare_exchange_strong(nobody, connection) || nobody == connection;
  }
  void ReturnUploadPass(uint64_t connection) {
    upload_pass_.compare_exchange_strong(connection, 0);
  }

  // What the writes of one log may hold, small values included: the arguments of those that wait,
  // and of one batch; the old values that a batch looks at; the new ones that it makes. What is
  // larger alone is taken alone, but for old values when there is no room.
  size_t queued_bytes_max() const { return limits_.write_bytes; }
  size_t batch_bytes_max() const { return std::min(limits_.write_bytes / 4, kBatchBytesMax); }
  size_t base_bytes_max() const { return limits_.write_bytes / 2; }
  size_t made_bytes_max() const { return limits_.write_bytes / 4; }
  // Bytes of large old values that a batch may load now: all or nothing, so that values take at
  // most one batch more than their share. `alone`: it needs but one, whatever its size.
  size_t base_room(bool alone) const {
    if (value_room() == 0) return 0;
    return alone ? SIZE_MAX : base_bytes_max();
  }

  // Whether so much is held that clients which take nothing for a while must go.
  bool pressed() const { return clients_.over() || value_room() < limits_.value_bytes / 4; }

  // The largest reply to one command: what its values are together. Room for two, at least.
  size_t reply_bytes_max() const { return limits_.client_bytes / 2; }

 private:
  const Limits limits_;
  ByteAccount clients_;
  ByteAccount cached_values_{SIZE_MAX};
  ByteAccount arriving_{SIZE_MAX};
  std::atomic<uint64_t> upload_pass_{0};  // The connection that has it; 0: none.
};

}  // namespace weir::gateway
