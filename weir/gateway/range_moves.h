// RangeMoves: moves ranges between the databases of a running server.
//
// What a move does next is decided by shard::RangeMove; its phases live in the range map. Here is
// what carries them out: reads of both sides, repairs as turns of the copy's log, the hold of the
// authority's log for the flip, and the change of the map. docs/moves.md tells the whole.
//
// Threads: thread-safe; `done` runs once, on any thread. Work goes on in the callbacks of the
// stores, after an order, and at Tick where it waits for time to pass, for writes that come, or for
// what went wrong to be over.
// Limits: one range at a time is held. Of each move the notes of RangeMove are in memory, and from
// either side one piece (kPieceBytes) or written keys (kKeysBytes), or a single larger value; small
// values are not counted. Bytes a second as told.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/gateway/database.h"
#include "weir/gateway/growing.h"
#include "weir/gateway/log_holds.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/range_keeper.h"
#include "weir/gateway/write_follower.h"
#include "weir/shard/range_move.h"

namespace weir::gateway {

// How far a move is. One that has ended stays known for a while.
struct MoveStatus {
  uint64_t id = 0;
  shard::Range range;  // With the shard that is its authority.
  shard::ShardId copy{};
  std::string_view phase;  // Of the map, or "ended".
  std::string_view stage;
  bool paused = false;
  uint32_t done_permille = 0;  // Of the stage, by positions.
  uint64_t keys = 0;           // Brought over so far, and their bytes.
  uint64_t bytes = 0;
  uint64_t written = 0;        // Keys that were written and are to be looked at.
  std::string error;           // What went wrong last, "" nothing.
  int64_t finishes_in_s = -1;  // By itself; -1: never, or not now.
};

class RangeMoves final : public WriteFollower {
 public:
  static constexpr size_t kPieceBytes = size_t{1} << 20;
  static constexpr size_t kKeysBytes = size_t{4} << 20;  // Of written keys' values at once.
  static constexpr size_t kEndedMax = 64;
  // Writes wait no longer, and as long as until the next Tick, while keys are brought over.
  static constexpr std::chrono::milliseconds kHoldMax{200};
  // Until the next hold after one that got nowhere; twice as long each time.
  static constexpr std::chrono::nanoseconds kHoldPause = std::chrono::milliseconds(200);
  static constexpr std::chrono::nanoseconds kHoldPauseMax = std::chrono::seconds(10);

  // Until the next try of what has failed; twice as long each time.
  static constexpr std::chrono::nanoseconds kTryPause = std::chrono::milliseconds(100);
  static constexpr std::chrono::nanoseconds kTryPauseMax = std::chrono::seconds(10);

  // Until a move is finished by itself, after that could not be.
  static constexpr std::chrono::nanoseconds kFinishPause = std::chrono::minutes(10);

  struct Options {
    // Of all moves together.
    int64_t bytes_per_second = int64_t{64} << 20;
    // Looked at at once. At least 1.
    size_t piece_records = 1024;
    // Why nothing may be moved; "" if it may. Moves of the map rest then, but for removing a copy
    // that is kept no longer; they can be cancelled and finished.
    std::string refusal;
    // A move that has gone over and is in step is finished by itself after this; 0: never.
    std::chrono::seconds finish_after{0};
    // Told of a move that was, or could not be; on any thread.
    std::function<void(const std::string&)> tell = nullptr;
  };
  // Since the start.
  struct Totals {
    uint64_t moves = 0;    // Now,
    uint64_t written = 0;  // and their keys that are to be looked at.
    uint64_t flips = 0;
    uint64_t keys = 0;  // Brought over, and their bytes.
    uint64_t bytes = 0;
    uint64_t failures = 0;  // What is tried again.
    uint64_t holds = 0;
    std::chrono::nanoseconds held{0};
    std::chrono::nanoseconds held_longest{0};
  };
  enum class Order : uint8_t { kCancel, kFinish, kPause, kResume, kRollback };

  // Borrows all. Goes on with the moves of the map at the first Tick.
  RangeMoves(Options options, Growing<std::unique_ptr<Database>>& databases, Placement& placement,
             RangeKeeper& keeper, LogHolds& holds, Clock& clock);

  // Begins to move the range that begins at `from`. Returns the move's number.
  // Errors: kInvalid (also when both shards are in one database, whose log and files they share),
  // those of RangeKeeper.
  void Begin(shard::Position from, shard::ShardId to, std::function<void(Result<uint64_t>)> done);
  // Learns what is written to `database`, which has this index or is about to. Before it is used.
  void Follow(Database& database, uint32_t index);
  void Give(uint64_t move, Order order, RangeKeeper::Done done);
  std::vector<MoveStatus> Status() const;
  Totals totals() const;
  // To be called ten times a second.
  void Tick();
  // Nothing is begun from now on, and no log is held for longer than what is under way takes.
  void End();

  bool follows() const override { return active_.load() > 0; }
  void OnBatch(uint32_t database, const WriteBatch& batch) override;
  void OnCleared(uint32_t database) override;

 private:
  struct Moving;
  struct Look;
  using MovingPtr = std::shared_ptr<Moving>;

  void Add(const shard::RangeMap& map, const shard::Move& move);
  bool Rests(const shard::Move& move) const;
  void Sync();
  MovingPtr Find(uint64_t move) const;
  void Go(const MovingPtr& moving);
  void GoOn(uint64_t move);
  std::string Damage(uint64_t move) const;
  bool AnyStands(const Moving& moving) const;
  bool MayLook(const Moving& moving) const;
  bool MayHold(const Moving& moving) const;
  bool HeldTooLong(const Moving& moving) const;
  void LetGo(const MovingPtr& moving);
  void Succeed(const MovingPtr& moving);
  enum class Side : uint8_t { kSource, kCopy };
  void Fail(const MovingPtr& moving, const Error& error, Side side = Side::kCopy);
  void NoteDamage(Moving& moving, const Error& error, Side side);
  std::string DamageOf(const Moving& moving, const Error& error, Side side) const;
  std::optional<store::FileRange> FilesToCheck(Moving& moving);
  void CheckFiles(const MovingPtr& moving, const store::FileRange& range);
  void OnFilesChecked(Moving& moving, const store::FileRange& range, const Result<Ok>& checked);
  void FinishIfSound(const MovingPtr& moving, const RangeKeeper::Done& done);
  void FinishIfDue(const MovingPtr& moving);
  std::optional<std::chrono::nanoseconds> FinishesIn(const Moving& moving) const;
  void Submit(uint64_t move, Order order, RangeKeeper::Done done);
  void Hold(const MovingPtr& moving);
  store::Done<store::CommitNumber> TakeTurn(Moving& moving);
  void OnReleased(const MovingPtr& moving, const Result<Ok>& ended);
  void Release(const MovingPtr& moving, Result<store::CommitNumber> ended);
  void Flip(const MovingPtr& moving);
  void OnFlip(const MovingPtr& moving, const Result<store::CommitNumber>& stored);
  void Change(const MovingPtr& moving, const RangeKeeper::Change& change);
  void LookFrom(const MovingPtr& moving, uint64_t from);
  void LookAt(const MovingPtr& moving, std::vector<std::string> keys);
  void OnLook(const MovingPtr& moving, const std::shared_ptr<Look>& look);
  void CleanFrom(const MovingPtr& moving, uint64_t from);
  void Apply(const MovingPtr& moving, store::Batch batch);
  Committer& CommitterOf(const ShardPlace& place);
  MoveStatus StatusOf(const Moving& moving) const;

  const Options options_;
  Growing<std::unique_ptr<Database>>& databases_;
  Placement& placement_;
  RangeKeeper& keeper_;
  LogHolds& holds_;
  Clock& clock_;
  std::atomic<size_t> active_{0};
  std::vector<std::atomic<bool>> moving_in_;  // By database: whether a move has part in it.
  mutable std::mutex mutex_;
  // Guarded by mutex_, as is what the moves hold:
  bool ending_ = false;
  std::vector<MovingPtr> moves_;
  std::deque<MoveStatus> ended_;
  uint64_t epoch_ = 0;    // Of the map that the moves were brought in line with.
  int64_t budget_bytes_;  // What may be looked at until the next Tick.
  Totals totals_;         // But for what is now.
};

}  // namespace weir::gateway
