// Bytes: an immutable, reference-counted byte string, for values that travel between threads.
//
// A value that came in with a SET is held once while it is queued, written, cached and sent to a
// reader. Copying a Bytes copies a pointer. When not to use: for keys and other short-lived pieces,
// where std::string_view into the owner is enough.
// Threads: distinct Bytes that share data may be used from distinct threads; one Bytes object is
// thread-compatible.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace weir {

class Bytes {
 public:
  Bytes() = default;

  // Copies `from`. Cost: one allocation (none when empty) of size() + 16 bytes.
  static Bytes Copy(std::string_view from);

  // Allocates `size` bytes; the caller fills `*data` before the Bytes is shared.
  static Bytes Allocate(size_t size, char** data);

  Bytes(const Bytes& other) : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Bytes(Bytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Bytes() {
    if (block_ != nullptr) Release(block_);
  }

  // Data of at least this size is counted while it lives, however many Bytes share it.
  static constexpr size_t kCountedBytesMin = 4097;
  // Bytes of all such data in the process: what values take, whoever holds them. Threads:
  // thread-safe.
  static size_t counted_bytes() { return counted_bytes_.load(std::memory_order_relaxed); }

  // The view is valid while any Bytes sharing this data lives.
  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_->data(), block_->size);
  }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const { return size() == 0; }

 private:
  struct Block {
    std::atomic<uint32_t> references{1};
    size_t size = 0;
    char* data() { return reinterpret_cast<char*>(this + 1); }
  };

  static void Release(Block* block);

  static inline std::atomic<size_t> counted_bytes_{0};

  Block* block_ = nullptr;
};

}  // namespace weir
