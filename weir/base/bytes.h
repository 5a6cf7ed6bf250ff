// Bytes: an immutable, reference-counted byte string, for values that travel between threads.
//
// A value that came in with a SET is held once while it is queued, written, cached and sent to a
// reader. Copying a Bytes copies a pointer. When not to use: for keys and other short-lived pieces,
// where std::string_view into the owner is enough.
// Large data is a mapping of its own, which grows without a copy. To unmap it takes the kernel some
// 50 us for each MB, so whoever may not be held up so long lets a Reclaimer do it.
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

  // Makes `bytes` as long as `size` says, keeping what it held, and sets `*data` to where it is
  // now; the caller fills the rest. Requires: nobody shares it; size >= bytes->size(). Cost: no
  // copy from kMappedBytesMin on, below that one.
  static void Grow(Bytes* bytes, size_t size, char** data);

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

  // Data of at least this size is a mapping, while there are no more than kMappingsMax: the kernel
  // allows a process some 65 000.
  static constexpr size_t kMappedBytesMin = size_t{1} << 20;
  static constexpr size_t kMappingsMax = 16384;

  class Mapping;
  // Takes the mappings whose last Bytes is gone, on the thread that let go of it. Take must not
  // block. What it keeps stays counted.
  class Reclaimer {
   public:
    virtual ~Reclaimer() = default;
    virtual void Take(Mapping mapping) = 0;
  };
  // nullptr, as at first: each is unmapped where the last Bytes ends. Borrows `reclaimer`.
  // Requires: no other thread is about to give it one when another takes its place.
  static void SetReclaimer(Reclaimer* reclaimer) { reclaimer_.store(reclaimer); }

  // The view is valid while any Bytes sharing this data lives.
  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_->data(), block_->size);
  }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  bool empty() const { return size() == 0; }

 private:
  struct Block {
    std::atomic<uint32_t> references{1};
    bool mapped = false;
    size_t size = 0;
    char* data() { return reinterpret_cast<char*>(this + 1); }
  };

  static Block* New(size_t size);
  static bool MayMap(size_t size);
  static void Count(size_t size) {
    if (size >= kCountedBytesMin) counted_bytes_.fetch_add(size, std::memory_order_relaxed);
  }
  static void Release(Block* block);
  static void Free(Block* block);
  static void Unmap(Block* block);

  static inline std::atomic<size_t> counted_bytes_{0};
  static inline std::atomic<size_t> mappings_{0};
  static inline std::atomic<Reclaimer*> reclaimer_{nullptr};

  Block* block_ = nullptr;
};

// Data that no Bytes shows any more; unmapped when this ends.
class Bytes::Mapping {
 public:
  Mapping(Mapping&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Mapping& operator=(Mapping other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Mapping() {
    if (block_ != nullptr) Free(block_);
  }

 private:
  friend class Bytes;
  explicit Mapping(Block* block) : block_(block) {}

  Block* block_;
};

}  // namespace weir
