// WriteQueue: what waits for one log, in the order in which it came, and what finds no place.
//
// A log takes all that waits as one batch, so what waits is normally gone with the next. The queue
// stands (limit/queue_delay.h) when batches leave something behind again and again. Then no more
// keys may wait than one batch takes, flows share that equally (limit/flow_shares.h), and what has
// waited too long is refused. A batch takes as many keys as the log does quickly
// (limit/concurrency_limit.h). While the log does not answer at all, nothing more may wait.
//
// Order: what is not refused stays in the order in which it came; so do the writes of a connection.
// Threads: single-owner; Committer puts a lock before it.
// Limits: kWritesMax entries; the bytes that the caller names.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/gateway/overload.h"
#include "weir/gateway/write_item.h"
#include "weir/limit/concurrency_limit.h"
#include "weir/limit/flow_shares.h"
#include "weir/limit/queue_delay.h"
#include "weir/store/store.h"

namespace weir::gateway {

class WriteQueue {
 public:
  static constexpr size_t kWritesMax = 65536;

  using TurnDone = std::function<void(const Result<Ok>&)>;
  using StoreWrite = std::function<void(store::Done<store::CommitNumber>)>;
  struct Queued {
    std::unique_ptr<WriteItem> write;
    TurnDone clear;  // When `write` is null, or:
    TurnDone hold;
    StoreWrite store_write = nullptr;  // `clear` is told of its end.
    bool repeats = false;              // `store_write`, until its outcome is known.
    size_t keys = 0;                   // Of `write`, at least one.
  };
  struct Refused {
    std::unique_ptr<WriteItem> write;
    Overload why;
  };

  // `writes_max`: of one batch, at most.
  WriteQueue(const limit::QueueDelay::Options& delay, size_t writes_max);

  // Takes the write in, or returns why not and leaves it. One that is larger than `bytes_max` is
  // taken in alone.
  std::optional<Overload> Push(std::unique_ptr<WriteItem>* write, size_t bytes_max, MonoTime now);
  // Takes in what is no write. Returns whether there was room.
  bool PushTurn(Queued turn);
  // Ahead of everything that waits, whatever there is room for.
  void PushFirst(Queued turn);

  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  // Whether a write is the first. Requires: not empty.
  bool write_first() const { return queue_.front().write != nullptr; }
  // The first write. Requires: write_first().
  const WriteItem& first_write() const { return *queue_.front().write; }
  Queued Pop();
  // Everything that waits, in order.
  std::vector<Queued> TakeAll();

  // How many keys the next batch takes.
  size_t batch_writes() const { return limit_.limit(); }
  // A batch of so many keys has been taken. Returns what has waited too long since then, to be
  // refused.
  std::vector<Refused> OnTaken(size_t writes, MonoTime now);
  // It has ended; whether the log had it, and answered it other than by an error.
  void OnEnded(bool answered, MonoTime now);
  // Looks whether the log stands still. To be called a few times a second. Returns as OnTaken.
  std::vector<Refused> Tick(MonoTime now);

  // Whether some writes are refused now; then Refusal tells which.
  bool sheds() const { return delay_.standing() || stalls_; }
  std::optional<Overload> Refusal(limit::FlowId flow) const;
  void CountRefused(Overload::Reason why) {
    ++facts_.refused[static_cast<size_t>(why)];
    turned_away_ |= why == Overload::Reason::kConcurrency;
  }
  AdmissionFacts Facts() const;

 private:
  Overload Because(Overload::Reason reason) const;
  std::vector<Refused> TakeOverdue(MonoTime now);
  void Enter(Queued* queued);
  void Leave(const Queued& queued);

  const std::chrono::nanoseconds stall_;
  limit::ConcurrencyLimit limit_;
  limit::QueueDelay delay_;
  limit::FlowShares shares_;  // By keys.
  std::deque<Queued> queue_;
  size_t bytes_ = 0;      // Of its writes,
  size_t keys_ = 0;       // and what they count for.
  size_t under_way_ = 0;  // Keys of the batch.
  MonoTime taken_at_;
  bool stalls_ = false;
  bool turned_away_ = false;  // Writes, since the last batch was taken.
  AdmissionFacts facts_;
};

}  // namespace weir::gateway
