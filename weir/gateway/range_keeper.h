// RangeKeeper: the range map of a running server: what changes it, one change at a time.
//
//   change a copy ──► store it, as a turn of the first database's log ──► route by it ──► done
//
// So a change that was acknowledged is durable, and one that was not changes no route. Splitting
// and merging move no record; writes wait for the one fsync, reads for nothing.
//
// Threads: thread-safe. `done` runs once, on any thread.
// Errors: what the change says (kInvalid, kOverloaded); kOverloaded while another change is under
// way; those of Committer::SubmitStoreWrite. After kUnknown the map that is stored may be the old
// or the new one, and both are right for the next start, which alone reads it: they differ in
// boundaries, or in the phase of a move, not in the shard of any position. This process goes on
// with the old one.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/result.h"
#include "weir/gateway/committer.h"
#include "weir/gateway/placement.h"
#include "weir/shard/range_map.h"
#include "weir/store/store.h"

namespace weir::gateway {

class RangeKeeper {
 public:
  // Stores the text of a map durably as copy 0 or 1 (shard::MapCopies).
  using StoreCopy =
      std::function<void(size_t copy, std::string text, store::Done<store::CommitNumber> done)>;
  using Change = std::function<Result<Ok>(shard::RangeMap&)>;
  using Done = std::function<void(const Result<Ok>&)>;

  struct Options {
    // nullptr: nothing is stored, since the records are not either.
    StoreCopy store = nullptr;
    size_t newer_copy = 0;            // Which copy is the map that the placement begins with.
    std::vector<std::string> places;  // By shard: where it is, for people. Empty: in memory.
  };

  // Borrows both.
  RangeKeeper(Options options, Placement& placement, Committer& committer);

  // Makes `change` the map's. One that gives a range another shard is a flip of a move, whose owner
  // holds the log of the range's database meanwhile; its outcome must become known (kRepeats).
  void Submit(const Change& change, Done done,
              Committer::Unknown unknown = Committer::Unknown::kIsTold);
  // As Submit, by who holds the first database's log: no turn of its own, and the commit for who
  // ends the turn.
  void SubmitHeld(const Change& change, store::Done<store::CommitNumber> done);

  shard::RangeMap map() const;
  // The ranges in moves, each with the shard of its copy. Cost: O(moves log ranges).
  std::vector<std::pair<shard::Range, shard::ShardId>> Copies() const;
  // Where `shard` is, for people.
  std::string PlaceOf(size_t shard) const;
  // Of the next shard.
  void AddPlace(std::string place);

 private:
  // What `change` makes of the map, from where on the caller must Finish.
  Result<shard::RangeMap> Begin(const Change& change);
  size_t NextCopy() const;
  void Finish(const shard::RangeMap& changed, bool stored);

  const Options options_;  // But for places.
  Placement& placement_;
  Committer& committer_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  shard::RangeMap map_;
  size_t newer_copy_;
  bool changing_ = false;
  std::vector<std::string> places_;
};

}  // namespace weir::gateway
