// RangeMove: what to do next so that a copy of a range becomes equal to it and stays so, is shown
// to be equal, and takes its place.
//
// It looks at what is *stored* on both sides and says what to write to the copy. Never is an
// operation repeated there, only the state of a key brought over, by this one writer, and a look at
// both sides comes before and after. So nothing that comes late can undo anything, a delete needs
// no tombstone, and beginning again, at any moment and whatever was left behind, is always right.
//
//   equalize: look at a piece of both sides, repair the copy ──► verify: look again; what differs
//      ▲                                                         must have been written meanwhile
//      │ cleared, too many writes                                       │
//      └──────────────────────────── in step: only written keys are looked at ──► hold, flip
//
// Written keys are those that the owner was told of (Write) and that were not seen to be equal
// since. Where the two differ otherwise, or again right after a repair, something is broken: the
// move fails, and nothing is flipped, ever.
//
//   for (RangeMove::Task task = move.Next(held); ; ) {…}    // do it, then On…, then Done or Failed
//
// Requires of the owner: Write comes after the write is durable in the source and before a look can
// see it; both sides of a look are read after Next; what is due at a time not before either look is
// left out on both sides; nobody else writes to the copy but to remove what is due there.
//
// Memory: the keys written since they were seen equal, at most kWrittenMax of kWrittenBytesMax in
// all; beyond, the whole range is looked at again.
// Threads: single-owner. Pure: no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/shard/range_map.h"

namespace weir::shard {

// A record as a move sees it.
struct MovedRecord {
  Position position;
  std::string key;
  uint64_t version = 0;
  int64_t expires_at_ms = 0;
  uint64_t digest = 0;  // Of its value.

  bool operator==(const MovedRecord&) const = default;
  bool operator<(const MovedRecord& other) const {
    return position != other.position ? position < other.position : key < other.key;
  }
};

// What is stored on both sides, in order.
struct MoveLook {
  std::vector<MovedRecord> source;
  std::vector<MovedRecord> copy;
};

// Indexes into a MoveLook: what to put into the copy, and what to remove from it.
struct MoveRepair {
  std::vector<size_t> puts;
  std::vector<size_t> removals;
  bool empty() const { return puts.empty() && removals.empty(); }
};

class RangeMove {
 public:
  static constexpr size_t kWrittenMax = 65536;
  static constexpr size_t kWrittenBytesMax = size_t{8} << 20;
  // From so many written keys on, or half of the bytes, the source's log is held until they are in
  // the copy, so that the copy keeps pace with any load.
  static constexpr size_t kHoldAt = 32768;
  static constexpr size_t kKeysAtOnce = 2048;
  static constexpr size_t kKeyBytesAtOnce = size_t{1} << 20;  // And the last.
  // So few can be brought over while writes wait.
  static constexpr size_t kFew = 256;

  enum class Stage : uint8_t { kEqualize, kVerify, kInStep, kClean, kFailed };
  struct Task {
    enum class Kind : uint8_t {
      kNothing,    // Until something is written, or a phase changes.
      kLookFrom,   // At both sides from `from` on: OnLook with how far both were read.
      kLookAt,     // At `keys` on both sides: OnLook.
      kHold,       // Hold the source's log, then go on with Next(true).
      kRelease,    // Release it.
      kFlip,       // Make the flip durable, route by it, SetPhase, release.
      kCleanFrom,  // Remove what the copy holds from `from` on, some of it: Done.
      kEnd,        // The copy is gone.
      kFail,       // Both sides differ where they must not.
    };
    Kind kind = Kind::kNothing;
    Position from;
    std::vector<std::string> keys;
  };

  // What was put for a key when it was looked at last; a second look must find it there.
  struct Mark {
    bool repaired = false;
    bool present = false;
    uint64_t version = 0;
  };
  using Marks = std::unordered_map<std::string, Mark>;

  // `from` and `to`: of the range.
  RangeMove(Position from, Position to, MovePhase phase);

  // A key of the range was written.
  void Write(std::string_view key);
  // Everything on one of the sides was removed, or an unknown part of it.
  void StartOver();
  // The keys that StartOver forgot, to be freed where there is time: some ms for kWrittenMax.
  Marks TakeForgotten() { return std::exchange(forgotten_, {}); }
  // The phase changed, as the map says.
  void SetPhase(MovePhase phase);
  void SetPaused(bool paused) { paused_ = paused; }
  // What the copy waits for in its files. Nothing, unless told; written keys are looked at
  // meanwhile.
  enum class AwaitsFiles : uint8_t {
    kNothing,
    kToVerify,  // No verifying begins,
    kToFlip,    // and no flip.
  };
  void SetAwaitsFiles(AwaitsFiles awaits) { awaits_files_ = awaits; }
  // Something is broken that is not seen by comparing: `what`. As where both sides differ.
  void Damage(std::string what);

  // What to do now. The same again until it is Done or Failed. `held`: the source's log is.
  // `may_hold`: it may be held for the flip; kHold may be asked for all the same, to keep pace.
  Task Next(bool held, bool may_hold = true);
  // What was seen of both sides; of kLookFrom up to `end`: that of the range (the `to` it was made
  // with, 0 for the last range of all) when there is no more. Returns the repairs to make to the
  // copy; then Done, or Failed if they could not be made.
  MoveRepair OnLook(const MoveLook& look, Position end);
  // kCleanFrom: up to `end`, as above, everything is removed.
  void OnCleaned(Position end);
  void Done();
  void Failed();
  // No more keys than this are looked at at once. At least 1.
  void LimitKeys(size_t keys);
  // The values of so many keys are too large: fewer at once from now on.
  void LookAtFewer();

  Stage stage() const { return stage_; }
  MovePhase phase() const { return phase_; }
  // How far the stage has come: positions before it are done, all at the end of the range.
  Position reached() const { return cursor_; }
  bool paused() const { return paused_; }
  size_t written() const { return written_.size(); }
  // In words, when the stage is kFailed.
  const std::string& failure() const { return failure_; }

 private:
  bool WantsFlip() const {
    return !paused_ && awaits_files_ == AwaitsFiles::kNothing &&
           (phase_ == MovePhase::kCopy || phase_ == MovePhase::kReturn);
  }
  bool LagsBehind() const {
    return written_.size() >= kHoldAt || written_bytes_ >= kWrittenBytesMax / 2;
  }
  void Note(std::string_view key, const Mark& mark);
  void NoteIfNew(std::string_view key, const Mark& mark);
  Task LookAtWritten();
  void Forget();
  void Compare(const MovedRecord* source, const MovedRecord* copy);
  void Fail(const std::string& key);
  void Restart();

  const Position from_;
  const Position to_;
  MovePhase phase_;
  Stage stage_ = Stage::kEqualize;
  Position cursor_;
  bool paused_ = false;
  AwaitsFiles awaits_files_ = AwaitsFiles::kNothing;
  bool start_over_ = false;
  bool cleaned_ = false;
  bool looked_at_last_ = false;
  size_t keys_at_once_most_ = kKeysAtOnce;
  size_t keys_at_once_ = kKeysAtOnce;
  size_t rounds_ = 0;  // Looks at written keys since the copy is in step.
  Marks written_;
  size_t written_bytes_ = 0;  // Of its keys.
  Marks forgotten_;
  // Of the task under way:
  Task task_;
  Marks looked_at_;  // Its keys.
  Marks repaired_;
  Position next_cursor_;
  bool ends_range_ = false;
  std::string failure_;
};

}  // namespace weir::shard
