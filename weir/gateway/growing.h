// Growing: a list that grows at its end while others read it.
//
//   Growing<int> list(/*room=*/8);
//   list.Add(7);              // by one thread at a time
//   for (int each : list)     // on any thread: all that were added before
//
// There is room from the beginning, so that nothing ever moves and no reader takes a lock. When not
// to use: for what shrinks, or grows without a limit.
// Threads: reads are thread-safe with each other and with one Add; Clear is for the end, alone. Who
// sees that an item is there sees it whole, and all that its maker did before.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>
#include <utility>

namespace weir::gateway {

template <typename T>
class Growing {
 public:
  explicit Growing(size_t room) : room_(room), items_(new T[room]) {}

  // Requires: room() > 0.
  void Add(T item) {
    const size_t size = size_.load(std::memory_order_relaxed);
    assert(size < room_);
    items_[size] = std::move(item);
    size_.store(size + 1, std::memory_order_release);
  }
  void Clear() {
    const size_t size = size_.exchange(0);
    for (size_t i = 0; i < size; ++i) items_[i] = T();
  }

  size_t size() const { return size_.load(std::memory_order_acquire); }
  size_t room() const { return room_ - size(); }
  T& operator[](size_t index) {
    assert(index < size());
    return items_[index];
  }
  const T& operator[](size_t index) const {
    assert(index < size());
    return items_[index];
  }
  T* begin() { return items_.get(); }
  T* end() { return items_.get() + size(); }
  const T* begin() const { return items_.get(); }
  const T* end() const { return items_.get() + size(); }

 private:
  const size_t room_;
  const std::unique_ptr<T[]> items_;
  std::atomic<size_t> size_{0};
};

}  // namespace weir::gateway
