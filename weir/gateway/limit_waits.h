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
#include "weir/limit/flow_shares.h"
#include "weir/limit/waiting_line.h"

namespace weir::gateway {

class LimitWaits {
 public:
  // How a command that waits may be ended by another client.
  enum class Unblocked : uint8_t { kNot, kAsAtItsMax, kByError };

  // What is delivered to the command when it is the first in its line, or is to wait no longer.
  class Turn final : public Operation {
   public:
    // `blocks`: the command is one that waits by itself, not one that a policy delays.
    Turn(Origin origin, bool blocks) : Operation(origin), blocks_(blocks) {}
    bool blocks() const { return blocks_; }
    Unblocked unblocked() const { return unblocked_.load(std::memory_order_relaxed); }

   private:
    friend class LimitWaits;
    const bool blocks_;
    std::atomic<Unblocked> unblocked_{Unblocked::kNot};
  };

  // A command's place, if it has one. The waits outlive it.
  class Seat {
   public:
    Seat() = default;
    Seat(Origin origin, limit::FlowId flow, bool blocks)
        : flow_(flow), turn_(std::make_shared<Turn>(origin, blocks)) {}
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept {
      Leave();
      waits_ = std::exchange(other.waits_, nullptr);
      flow_ = other.flow_;
      turn_ = std::move(other.turn_);
      place_ = std::exchange(other.place_, {});
      of_policy_ = other.of_policy_;
      return *this;
    }
    ~Seat() { Leave(); }

    void Leave() {
      if (waits_ == nullptr) return;
      std::exchange(waits_, nullptr)->Leave(this);
    }
    bool taken() const { return waits_ != nullptr; }
    // In whose line it is. Requires: taken().
    uint64_t bucket() const { return place_.bucket; }
    Unblocked unblocked() const { return turn_ == nullptr ? Unblocked::kNot : turn_->unblocked(); }

   private:
    friend class LimitWaits;
    LimitWaits* waits_ = nullptr;  // Of place_, when there is one.
    limit::FlowId flow_ = 0;       // Whose it is.
    bool of_policy_ = false;       // The bucket in whose line it is.
    std::shared_ptr<Turn> turn_;
    limit::WaitingLine::Place place_;
  };

  enum class Joined : uint8_t {
    kNowFirst,  // It has come, and nobody is before it: what was decided may be so no longer.
    kFirst,
    kBehind,
    kNoRoom,  // It has no place.
  };
  // Takes a place in the bucket's line, or keeps the one that it has there; see WaitingLine::Join.
  // Nobody has more places than are free, so that one user cannot fill them all.
  // `of_policy`: the bucket is one of a policy's, which requests meet that name none.
  Joined Wait(Seat* seat, uint64_t bucket, uint64_t cost, bool of_policy);

  // What those in the bucket's line will take. `seat`: of the one who asks, if any: of its own line
  // those who were there before it.
  uint64_t Ahead(uint64_t bucket, const Seat* seat) const;

  // Lets the command of this connection wait no longer that waits by itself. Returns whether there
  // was one. Cost: a look at all who wait.
  bool Unblock(uint64_t connection, Unblocked how);

  // Tells the first in the bucket's line, or in each, that it may be their time.
  void Tell(uint64_t bucket);
  void TellAll();

  // A guess, for those who need not ask further. Cost: a load.
  bool any() const { return count_.load(std::memory_order_relaxed) > 0; }
  // Of those at the buckets of policies.
  bool any_at_policies() const { return at_policies_.load(std::memory_order_relaxed) > 0; }
  size_t count() const { return count_.load(std::memory_order_relaxed); }
  // Of those that wait by themselves.
  size_t blocked() const { return blocked_.load(std::memory_order_relaxed); }

 private:
  void Leave(Seat* seat);

  std::atomic<size_t> count_{0};
  std::atomic<size_t> at_policies_{0};
  std::atomic<size_t> blocked_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  limit::WaitingLine line_;
  limit::FlowShares shares_;
  std::unordered_map<uint64_t, std::shared_ptr<Turn>> turns_;  // By number.
};

}  // namespace weir::gateway
