// Committer: the serial writer of one database's log.
//
// Writes queue in the order they arrive. When the log is free, the longest prefix that fits becomes
// one batch: composed in memory, made durable by one Apply, published to the cache whole, and only
// then acknowledged. While a batch is in the store the next one gathers, so the more wait, the more
// share one fsync. Whoever has just got replies is likely to write again at once: so after a small
// batch the committer waits until the homes that got its replies have nothing more to read, and the
// writes that follow come along, instead of two halves of the clients taking turns at an fsync
// each. Four things take a turn between batches: emptying the database, removing expired records,
// storing what is no record, and holding the log still for whoever must see several databases at
// one moment.
//
//      Submit ──► queue ──► compose ──► load missing bases ──► run ──► Apply ──► publish ──► reply
//                   ▲                                                    │ unknown
//                   └──────────── refuse all writes ◄── Settle ◄── doubt ┘
//
// Threads: thread-safe. One thread at a time works on a batch: the one that submits to an idle
// committer, then the store's threads as they call back.
// Errors: reach the writers as replies. Limits: those of WriteQueue (OVERLOADED), kBatchWritesMax,
// and in bytes those of Memory for writes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/client_tracking.h"
#include "weir/gateway/commit_gate.h"
#include "weir/gateway/commit_observer.h"
#include "weir/gateway/heavy_work.h"
#include "weir/gateway/home.h"
#include "weir/gateway/latency_events.h"
#include "weir/gateway/memory.h"
#include "weir/gateway/stats_totals.h"
#include "weir/gateway/write_batch.h"
#include "weir/gateway/write_follower.h"
#include "weir/gateway/write_queue.h"
#include "weir/shard/load_sample.h"
#include "weir/store/store.h"

namespace weir::gateway {

class Committer {
 public:
  // Of one batch. Publication holds the lanes, so it must be short.
  static constexpr size_t kBatchWritesMax = 2048;
  // Arguments and bases of a batch that is run where it was composed, perhaps on an event loop.
  static constexpr size_t kRunAtOnceBytesMax = size_t{1} << 20;
  static constexpr size_t kExpireRecordsMax = 512;
  // After a larger batch, one fsync costs little for each write: nothing is waited for.
  static constexpr size_t kGatherAfterWritesMax = 256;
  // Between removals that did not fill their batch.
  static constexpr int64_t kExpirePauseMs = 250;

  struct Counters {
    uint64_t batches = 0;
    uint64_t writes = 0;
    uint64_t refused = 0;
    uint64_t unknown = 0;
    uint64_t expired = 0;
  };

  Committer(store::Store& store, Lanes& lanes, const Placement& placement, VersionClock& versions,
            const Memory& memory, CommitGate& gate, Clock& clock, HeavyWork& heavy_batches,
            ClientTracking& tracking, LatencyEvents* events = nullptr,
            const limit::QueueDelay::Options& waits = {});
  // Requires: the store has been destroyed or is idle, and nothing is queued.
  ~Committer();

  // Queues writes in order; their items come back to their homes with a reply.
  void Submit(std::vector<std::unique_ptr<WriteItem>> items);
  // Returns why a write of `key`, asked for by `flow`, would be refused now; and counts it as that.
  // Cost: one load while nothing is refused.
  std::optional<Error> Refusal(std::string_view key, limit::FlowId flow);
  AdmissionFacts Facts() const;
  // Queues the emptying of the database, in order with the writes.
  void SubmitClear(std::function<void(const Result<Ok>&)> done);

  // A write of the store beside the records, such as RocksDbStore::PutMetadata: calls its argument
  // once, as the store does.
  using StoreWrite = WriteQueue::StoreWrite;
  // What becomes of one whose outcome is unknown: `done` is told so, or it is made again until it
  // succeeds, and no write is taken before.
  enum class Unknown { kIsTold, kRepeats };
  // Calls `write` as soon as no other is under way, ahead of those that wait, and `done` when it is
  // durable and reads that saw it are answered, or with what went wrong.
  void SubmitStoreWrite(StoreWrite write, std::function<void(const Result<Ok>&)> done,
                        Unknown unknown = Unknown::kIsTold);

  // Calls `held` as soon as no write is under way, ahead of those that wait; from then on none
  // begins until Release. Or calls it with an error, and holds nothing. `held` must not block.
  // Requires: no other hold is wanted or under way. Reads go on; writes queue, up to the limits.
  void SubmitHold(std::function<void(const Result<Ok>&)> held);
  void Release();

  // Tells `observer`, which is borrowed, of every step. Requires: nothing has been submitted.
  void Observe(CommitObserver* observer) { observer_ = observer; }

  // Tells `follower`, which is borrowed, of what is written from now on. `database`: this one's
  // number, for the follower. Requires: nothing has been submitted.
  void Follow(WriteFollower* follower, uint32_t database) {
    follower_ = follower;
    database_ = database;
  }
  // Records come here whose keys the cache may know to be absent since they were removed, as due,
  // where they came from. It is not believed until all that is due by now is removed here as well.
  void DoubtAbsence();
  // A record with this expiry was stored by other means than a write.
  void NoteExpiry(WallTime expires_at);

  // One of the homes that got replies has nothing more to read for now. (A hint: one too many, of
  // another home, makes the next batch start early; one that never comes is made up for by Tick.)
  void OnHomeIdle();
  // Homes go away, and may not tell any more: nothing is waited for from now on.
  void StopGathering();

  // To be called a few times a second: removes what has expired, tries again to settle.
  void Tick();

  // Removes nothing and settles nothing from now on, and waits until nothing is queued or under
  // way. Blocks: for shutdown, when nobody submits any more.
  void Stop();
  // The first half of it, of several databases before Stop of each: a turn of one may wait for one
  // of another, which is refused from now on.
  void EndTurns();
  Counters counters() const;
  // What commits took: each one call of Store::Apply.
  LatencyTotals Durations() const;
  // Of which keys the writes were that the store has applied: each key that the batch has changed,
  // as often as commands of the batch name it, though they were one record.
  shard::LoadSample Load() const;

 private:
  using ClearDone = WriteQueue::TurnDone;
  using HoldDone = WriteQueue::TurnDone;
  using Queued = WriteQueue::Queued;
  // What the store held of the keys that a batch needs, so far.
  struct Bases {
    void Add(const store::Loads& piece);
    store::Loads loaded;
    size_t bytes = 0;
    size_t room = 0;  // Of large values.
  };
  struct StoreTurn {
    StoreWrite write;
    ClearDone done;
    bool repeats = false;
  };
  enum class Turn { kNone, kBatch, kClear, kStoreWrite, kHold, kExpire, kSettle };

  void Reach(CommitObserver::Step step) {
    if (observer_ != nullptr) [[unlikely]]
      observer_->OnStep(step);
  }

  // The caller has the right to work: it set busy_.
  void Work();
  Turn TakeTurn(Queued* whole_turn);
  Turn Rest();
  void TakeBatch();
  bool StartBatch();
  bool Compose();
  void CountRecords();
  bool LoadOrRun();
  bool Run(const std::optional<WriteBatch::Unread>& unread);
  bool RunBatch(const std::optional<WriteBatch::Unread>& unread);
  void FitBatches(size_t ran, size_t put_back);
  void PutBack(std::vector<std::unique_ptr<WriteItem>> items);
  void OnApplied(const Result<store::Applied>& applied);
  std::vector<std::unique_ptr<WriteItem>> EndBatch();
  void FinishBatch();
  bool FinishAndGather();
  static size_t CountThatTell(const std::vector<std::unique_ptr<WriteItem>>& items);
  void StartClear(ClearDone done);
  void StartStoreWrite(StoreTurn turn);
  void RepeatStoreWrite();
  void EndDoubt();
  void TellFollower();
  void TellOfBatch();
  bool BelievesAbsence() const;
  void StartExpire();
  void PublishExpired(const std::vector<std::string>& keys);
  void OnExpired(const Result<store::Expired>& expired);
  void StartSettle();
  std::vector<Queued> BeginDoubt();
  Reply ReplyOf(const Overload& why, const WriteItem& item) const;
  void RefuseOverdue(std::vector<WriteQueue::Refused> overdue);
  void NoteEnded(bool answered);
  void NoteQueue() { sheds_.store(queue_.sheds(), std::memory_order_relaxed); }
  void LoadBases(std::vector<store::Key> missing);
  void LoadNextBases(std::shared_ptr<std::vector<store::Key>> keys, std::shared_ptr<Bases> bases);
  // Queues a turn ahead of everything that waits.
  void SubmitFirst(Queued turn);
  static void RefuseAll(std::vector<Queued> refused);
  static void Deliver(std::vector<std::unique_ptr<WriteItem>> items);

  store::Store& store_;
  Lanes& lanes_;
  VersionClock& versions_;
  const Placement& placement_;
  const Memory& memory_;
  CommitGate& gate_;
  Clock& clock_;
  HeavyWork& heavy_batches_;
  ClientTracking& tracking_;
  LatencyEvents* events_;  // Told of slow commits; may be null.
  CommitObserver* observer_ = nullptr;
  WriteFollower* follower_ = nullptr;
  uint32_t database_ = 0;
  LatencyCounters commit_latency_;  // Written by whoever set busy_.
  // Belong to whoever set busy_:
  WriteBatch batch_;
  std::vector<std::unique_ptr<WriteItem>> taken_;
  std::vector<std::unique_ptr<WriteItem>> misrouted_;  // Found among them, to be told.
  // Keys of the next batch: fewer after one that could not hold the values of all its commands, so
  // that what is put back is not loaded over and over.
  size_t batch_writes_max_ = kBatchWritesMax;
  WallTime batch_now_;
  MonoTime batch_began_;
  MonoTime apply_began_;
  WallTime batch_expiry_ = kNever;  // The earliest expiry that the batch writes.
  StoreTurn unsettled_;             // To be made again before anything else.
  // What stood in the store at first is settled, and the gate knows it. Writes wait until then.
  bool opened_ = false;

  std::atomic<bool> sheds_{false};  // Whether queue_ refused some when last seen.
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  WriteQueue queue_;
  std::vector<WriteQueue::Refused> overdue_;  // To be told, without the lock.
  bool busy_ = false;
  size_t gathering_ = 0;  // Homes that are waited for; then the right to work lies here.
  bool may_gather_ = true;
  bool in_doubt_ = false;  // A batch's outcome is unknown: no write until it is settled.
  bool settle_due_ = true;
  WallTime next_expiry_{0};   // No record expires before; 0 at first: look.
  WallTime expire_after_{0};  // Removals wait until then, so that they come in batches.
  bool doubts_absence_ = false;
  WallTime absence_doubted_at_{0};
  bool expired_last_ = false;  // The last turn was a removal: writes go first now.
  bool stopping_ = false;
  std::condition_variable idle_;
  Counters counters_;
  shard::LoadSample load_;
};

}  // namespace weir::gateway
