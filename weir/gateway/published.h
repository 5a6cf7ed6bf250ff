// Published: a value that every thread reads all the time and somebody replaces now and then.
//
//   Published<Rules> rules(first);
//   rules.Get().limit            // on any thread
//   rules.Set(next);             // seen by each thread's next Get
//
// Each thread keeps the value that it saw last, so Get takes no lock while nothing changes, and a
// value goes when the last thread that saw it has looked again.
// When not to use: for what changes often, or for several values of one type T that one thread
// reads in turn; they share the thread's place, so each look would take the lock. Threads:
// thread-safe. Cost: Get is a load, a comparison and the address of a thread's variable.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace weir::gateway {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<T> value) { Set(std::move(value)); }

  // The value is valid until this thread's next Get of a Published<T>.
  T& Get() const {
    static thread_local Version seen;
    if (seen.number != number_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(mutex_);
      seen = version_;
    }
    return *seen.value;
  }

  void Set(std::shared_ptr<T> value) {
    const std::lock_guard lock(mutex_);
    version_ = {NextNumber(), std::move(value)};
    number_.store(version_.number, std::memory_order_release);
  }

 private:
  struct Version {
    uint64_t number = 0;
    std::shared_ptr<T> value;
  };

  // Different for every value of type T that there ever is.
  static uint64_t NextNumber() {
    static std::atomic<uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  std::atomic<uint64_t> number_{0};
  mutable std::mutex mutex_;
  Version version_;  // Guarded by mutex_.
};

}  // namespace weir::gateway
