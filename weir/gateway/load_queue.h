// LoadQueue: which loads of one database are in the store's hands, which wait, and which are
// refused.
//
// As many keys are in the store as its answers show that it can do (limit/concurrency_limit.h). The
// rest waits in a room that flows share (limit/waiting_room.h); what finds no place there, or waits
// too long, is refused, and all of it while the store fails or stands still (limit/circuit.h).
//
// How large a value is shows only when it has been read. So every load is tried in a batch that
// returns small values whatever happens, and large ones while they are few. A value that was left
// out waits in a second queue, with its size known, until there is room for it; so what readers
// hold stays within the share of the budget, and a reader of small values never waits for it.
//
//   Add ──► waiting ──► batch in the store ──► small: done
//      └──────┴─► refused                  └─► left out ──► large ──► alone in the store ──► done
//                                                             └─► no room for kLargeWaitMax:
//                                                             refused
//
// A call is in the store from when it is asked until it has answered, and only so long does it take
// places and can it stall; what it found may have to wait at the commit gate after that, and the
// store be asked again. Who waits for a call that stalls is refused as well: the call itself goes
// on, and what it finds in the end is told nobody.
//
// A snapshot waits like a load of one key, goes alone, and takes a place for each of its keys, also
// more than there are: else it might never go. While the store is tried again it is refused.
//
// It decides and counts; Database performs. Threads: single-owner; Database puts a lock before it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/loads.h"
#include "weir/gateway/overload.h"
#include "weir/limit/circuit.h"
#include "weir/limit/concurrency_limit.h"
#include "weir/limit/waiting_room.h"
#include "weir/store/store.h"

namespace weir::gateway {

// Keys of one command that are read from one snapshot, past the lanes. `done` is called once.
struct SnapshotLoad {
  std::vector<store::Key> keys;
  size_t bytes_max = 0;  // See Store::LoadWithin.
  // Nobody waits for it: that it stalls, or fails, opens no circuit. Clients' own loads find out.
  bool background = false;
  store::Done<store::Loads> done;
};

// A load that a reader has begun in a lane and that must now be performed; or a snapshot.
struct LoadRequest {
  cache::LoadId load = 0;
  uint32_t lane = 0;
  store::Key key;
  limit::FlowId flow = 0;                            // Whose it is.
  std::shared_ptr<SnapshotLoad> snapshot = nullptr;  // Then `key` is its first.
  uint64_t routes = 0;                               // Placement::routes() before it was placed.
};

class LoadQueue {
 public:
  static constexpr size_t kBatchesMax = 8;  // In the store at once.
  // Bytes of large values that one batch may return.
  static constexpr size_t kBatchBytesMax = size_t{512} << 10;
  // Bytes of left out values in the store at once; a single one may be larger.
  static constexpr size_t kLargeBytesMax = size_t{8} << 20;
  static constexpr auto kLargeWaitMax = std::chrono::seconds(1);
  // Calls that do not end: with so many the store is asked nothing before it answers one of them.
  static constexpr size_t kStalledCallsMax = 64;
  // Keys whose answers wait at the gate: with so many nothing more is asked.
  static constexpr size_t kHeldKeysMax = 4096;

  struct Batch {
    uint64_t call = 0;  // Which it is.
    std::vector<store::Key> keys;
    size_t bytes_max = 0;
    size_t reserved_bytes = 0;  // Of a batch of a left out value: its size. Else 0.
  };
  struct Refused {
    LoadRequest request;
    Overload why;
  };

  explicit LoadQueue(const limit::QueueDelay::Options& delay = {},
                     const limit::ConcurrencyLimit::Options& limit = {})
      : stall_(delay.deadline), limit_(limit), waiting_(delay) {}

  void Add(std::vector<LoadRequest> requests, MonoTime now);

  // Returns what the store shall load now, or nullopt. `room`: bytes of large values that may be
  // taken in. Requires: Finish is called for each.
  std::optional<Batch> Next(size_t room, size_t keys_max, MonoTime now);
  // The store has answered a call, by an error or not.
  void OnAnswered(uint64_t call, bool ok, MonoTime now);
  // It is asked once more for the same call. Requires: it has answered.
  void OnAskedAgain(uint64_t call, MonoTime now);
  // Ends a call. Returns its requests, to be told what was found; none when they were refused.
  std::vector<LoadRequest> Finish(uint64_t call);
  // What was left out waits for room from now on.
  void AddLarge(LoadRequest request, size_t bytes, MonoTime now);

  // Looks for what has waited, or not been answered, for too long. To be called a few times a
  // second.
  void Tick(MonoTime now);

  // Takes out all that waits, for good, and returns the snapshots among it.
  std::vector<std::shared_ptr<SnapshotLoad>> TakeSnapshots();

  // Returns what has waited for room too long, to be refused.
  std::vector<LoadRequest> TakeOverdue(MonoTime now);
  // Returns what has been refused since the last call. Requires: called after each of the others.
  std::vector<Refused> TakeRefused() { return std::exchange(refused_, {}); }

  // Whether some requests are refused now; then Refusal tells which.
  bool sheds() const { return waiting_.standing() || !circuit_.closed(); }
  // Returns why a load of this flow would be refused, or nullopt.
  std::optional<Overload> Refusal(limit::FlowId flow, MonoTime now);
  // Counts one that was refused for that.
  void CountRefused(Overload::Reason why) { ++facts_.refused[static_cast<size_t>(why)]; }

  bool empty() const { return waiting_.empty() && large_.empty() && !snapshot_; }
  AdmissionFacts Facts() const;

 private:
  struct Large {
    LoadRequest request;
    size_t bytes = 0;
    MonoTime since;
  };
  struct Call {
    enum class State : uint8_t { kInStore, kStalls, kAnswered };
    std::vector<LoadRequest> requests;
    size_t keys = 0;                                // That take places.
    size_t reserved_bytes = 0;                      // As of its batch.
    std::optional<limit::Circuit::CallId> circuit;  // None of large values.
    bool measured = true;  // Not one that is larger than the limit lets others be.
    MonoTime asked;
    State state = State::kInStore;
  };

  limit::Service Service() const { return {limit_.limit(), limit_.recent()}; }
  std::optional<Batch> NextLarge(size_t room, MonoTime now);
  std::optional<Batch> NextSnapshot(MonoTime now);
  // Asks for the first key of a snapshot that was refused while the store is tried again, to
  // nobody: else a store that is asked for snapshots alone would never be found to be well.
  std::optional<Batch> NextProbe(MonoTime now);
  // Takes up to `keys` requests that go together; a snapshot ends them.
  std::vector<LoadRequest> TakeWaiting(size_t keys, MonoTime now);
  // How many keys the next call may ask for.
  size_t Room(MonoTime now);
  void Begin(std::vector<LoadRequest> requests, Batch* batch, MonoTime now);
  void Enter(Call* call, MonoTime now);
  void Leave(Call* call, Call::State state);
  Overload Because(Overload::Reason reason, MonoTime now) const;
  void Refuse(std::vector<LoadRequest> requests, Overload::Reason reason, MonoTime now);
  void RefuseAllIfOpen(MonoTime now);

  const std::chrono::nanoseconds stall_;
  limit::ConcurrencyLimit limit_;
  limit::Circuit circuit_;
  limit::WaitingRoom<LoadRequest> waiting_;
  std::optional<LoadRequest> snapshot_;  // Whose turn it is.
  std::optional<store::Key> probe_key_;
  std::deque<Large> large_;
  std::map<uint64_t, Call> calls_;
  // Of these, those in each state, and their keys. Those that stall take no places, so that there
  // can be probes.
  size_t calls_in_store_ = 0;
  size_t keys_in_store_ = 0;
  size_t stalled_calls_ = 0;
  size_t held_keys_ = 0;
  uint64_t next_call_ = 0;
  size_t reserved_bytes_ = 0;  // Of the left out values in the store.
  std::vector<Refused> refused_;
  AdmissionFacts facts_;
};

}  // namespace weir::gateway
