// LimitWaits: the commands that wait at limits, and the lines in which they stand.
//
// A command stands in one line, that of the bucket which would make it wait longest, and is told
// (by Deliver) when it is the first there. It tries again then, and when its tokens should be
// there; if another bucket has too little, it goes to the end of that one's line. So a line is
// served in order of arrival, and who waits for one bucket does not hold up others at another.
//
// Ownership: a Seat gives the place up when it goes away, and so does a connection that ends.
// Threads: thread-safe; a Seat is of the connection's thread. Cost: a lock held for a microsecond.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "weir/gateway/home.h"
#include "weir/limit/waiting_line.h"

namespace weir::gateway {

class LimitWaits {
 public:
  // What is delivered to the command when it is the first in its line.
  class Turn final : public Operation {
   public:
    using Operation::Operation;
  };

  // A command's place, if it has one. The waits outlive it.
  class Seat {
   public:
    Seat() = default;
    explicit Seat(Origin origin) : turn_(std::make_shared<Turn>(origin)) {}
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept {
      Leave();
      waits_ = std::exchange(other.waits_, nullptr);
      turn_ = std::move(other.turn_);
      place_ = std::exchange(other.place_, {});
      of_policy_ = other.of_policy_;
      return *this;
    }
    ~Seat() { Leave(); }

    void Leave() {
      if (waits_ == nullptr) return;
      std::exchange(waits_, nullptr)->Leave(std::exchange(place_, {}), of_policy_);
    }
    bool taken() const { return waits_ != nullptr; }
    // In whose line it is. Requires: taken().
    uint64_t bucket() const { return place_.bucket; }

   private:
    friend class LimitWaits;
    LimitWaits* waits_ = nullptr;  // Of place_, when there is one.
    bool of_policy_ = false;       // The bucket in whose line it is.
    std::shared_ptr<Turn> turn_;
    limit::WaitingLine::Place place_;
  };

  // Takes a place in the bucket's line, or keeps the one that it has there; see WaitingLine::Join.
  // Returns whether it is the first; nullopt when too many wait, and then it has none.
  // `of_policy`: the bucket is one of a policy's, which requests meet that name none.
  std::optional<bool> Wait(Seat* seat, uint64_t bucket, uint64_t cost, bool of_policy);

  // What those in the bucket's line will take. `seat`: of the one who asks, if any: nothing is
  // ahead of the first.
  uint64_t Ahead(uint64_t bucket, const Seat* seat) const;

  // Tells the first in the bucket's line, or in each, that it may be their time.
  void Tell(uint64_t bucket);
  void TellAll();

  // A guess, for those who need not ask further. Cost: a load.
  bool any() const { return count_.load(std::memory_order_relaxed) > 0; }
  // Of those at the buckets of policies.
  bool any_at_policies() const { return at_policies_.load(std::memory_order_relaxed) > 0; }
  size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  void Leave(const limit::WaitingLine::Place& place, bool of_policy);

  std::atomic<size_t> count_{0};
  std::atomic<size_t> at_policies_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  limit::WaitingLine line_;
  std::unordered_map<uint64_t, std::shared_ptr<Turn>> turns_;  // By number.
};

}  // namespace weir::gateway
