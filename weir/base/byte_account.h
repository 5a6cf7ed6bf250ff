// ByteAccount: how many bytes the holders of one kind of memory hold together, against a limit.
//
// It only counts; whoever takes in more looks at room() or over() first and then waits, refuses or
// closes. Charge is one holder's part, given back when it ends:
//
//   ByteAccount clients(budget.clients);
//   Charge held(clients);                     // in each connection
//   held.Set(input.held_bytes() + ...);       // whenever that may have changed
//   if (clients.over()) stop reading.
//
// When not to use: where the number must be exact at the limit for several threads at once; two
// that look at the same time may both find room.
// Threads: ByteAccount is thread-safe; a Charge is single-owner and borrows its account.
// Cost: one atomic addition when the number changes, none when it does not.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>

namespace weir {

class ByteAccount {
 public:
  explicit ByteAccount(size_t limit) : limit_(limit) {}
  ByteAccount(const ByteAccount&) = delete;
  ByteAccount& operator=(const ByteAccount&) = delete;

  void Take(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  // Requires: so many bytes were taken.
  void Give(size_t bytes) {
    [[maybe_unused]] const size_t before = used_.fetch_sub(bytes, std::memory_order_relaxed);
    assert(before >= bytes);
  }

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }
  // Bytes that may still be taken.
  size_t room() const {
    const size_t used = this->used();
    return used < limit_ ? limit_ - used : 0;
  }
  // Whether more is taken than the limit. At the limit it is not.
  bool over() const { return used() > limit_; }
  // What each of its charges may hold when all hold the same.
  size_t share() const {
    const size_t charges = charges_.load(std::memory_order_relaxed);
    return charges == 0 ? limit_ : limit_ / charges;
  }

 private:
  friend class Charge;

  const size_t limit_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> charges_{0};
};

class Charge {
 public:
  explicit Charge(ByteAccount& account) : account_(account) {
    account_.charges_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Charge() {
    Set(0);
    account_.charges_.fetch_sub(1, std::memory_order_relaxed);
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  // From now on this holder holds `bytes`.
  void Set(size_t bytes) {
    if (bytes > bytes_) account_.Take(bytes - bytes_);
    if (bytes < bytes_) account_.Give(bytes_ - bytes);
    bytes_ = bytes;
  }
  size_t bytes() const { return bytes_; }

 private:
  ByteAccount& account_;
  size_t bytes_ = 0;
};

}  // namespace weir
