// SimStore: a database with simulated time: calls take effect and are answered after random delays,
// out of order where the contract allows it, and fail as databases do.
//
// The contents, and what the contract says of them, are ScriptedStore's; this decides when and how
// each call ends. After Die, as when the process is killed, nothing touches the contents any more:
// what had not taken effect is lost, or happens before the next process settles it.
// Threads: single-owner. `done` runs in an event of the scheduler, never inside the call itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/scheduler.h"

#include "weir/gateway/scripted_store.h"

namespace weir::sim {

// How a store behaves. Rates are one in so many calls; 0: never.
struct StoreFaults {
  std::chrono::nanoseconds delay_max = std::chrono::milliseconds(1);
  uint64_t slow_one_in = 0;                // Takes ten times as long.
  uint64_t error_one_in = 0;               // Nothing happened, and it says so.
  uint64_t unknown_one_in = 0;             // Of writes: it is not known whether it happened.
  uint64_t restart_one_in = 0;             // The database goes away for a while.
  gateway::ScriptedStore::Faults planted;  // Bugs, to see that they are noticed.
};

class SimStore final : public store::Store {
 public:
  using Script = gateway::ScriptedStore;

  SimStore(Scheduler& scheduler, uint64_t seed, const StoreFaults& faults,
           const store::Limits& limits, std::shared_ptr<Script::Contents> contents);
  ~SimStore() override;

  // Called when an emptied database has been told of.
  void OnCleared(std::function<void()> told) { cleared_ = std::move(told); }
  // All faults end, or begin again.
  void SetCalm(bool calm) { calm_ = calm; }
  // The process is gone. What it had asked for is answered as refused, to nobody, as `Drain` is
  // called; `late`: the write under way may still happen.
  void Die(bool late);
  // Answers what is held after Die. Returns whether anything was.
  bool Drain();

  Script& script() { return script_; }
  const Script& script() const { return script_; }
  bool idle() const { return script_.held().empty(); }
  // Whether a write has taken effect and the gateway does not know it yet.
  bool write_untold() const { return write_untold_; }

  void LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                  store::Done<store::Loads> done) override;
  void Apply(store::Batch batch, store::Done<store::Applied> done) override;
  void Scan(store::ScanRange range, store::Done<store::Scanned> done) override;
  void Expire(WallTime now, size_t limit, store::Done<store::Expired> done) override;
  void Clear(store::Done<store::CommitNumber> done) override;
  void PutMetadata(std::string name, std::string value, store::Done<store::CommitNumber> done);
  void Settle(store::Done<store::CommitNumber> done) override;
  void Count(WallTime now, store::Done<store::Counts> done) override;
  store::Version VersionFloor() const override { return script_.VersionFloor(); }
  const store::Limits& limits() const override { return script_.limits(); }
  Result<Ok> Health() const override;
  std::vector<std::pair<std::string, uint64_t>> Counters() const override { return {}; }

 private:
  void Begin();
  void Perform(Script::CallId id);
  void Answer(Script::CallId id);
  Script::Outcome AnyOutcome(Script::Kind kind);
  std::chrono::nanoseconds Delay();
  bool Happens(uint64_t one_in) { return !calm_ && one_in != 0 && random_.OneIn(one_in); }

  Scheduler& scheduler_;
  Random random_;
  StoreFaults faults_;
  Script script_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::function<void()> cleared_ = [] {};
  bool calm_ = false;
  bool write_untold_ = false;
  MonoTime away_until_;
};

}  // namespace weir::sim
