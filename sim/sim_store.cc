#include "sim/sim_store.h"

#include <algorithm>

namespace weir::sim {

SimStore::SimStore(Scheduler& scheduler, uint64_t seed, const StoreFaults& faults,
                   const store::Limits& limits, std::shared_ptr<Script::Contents> contents)
    : scheduler_(scheduler), random_(seed), faults_(faults), script_(std::move(contents)) {
  script_.limits_now = limits;
  script_.faults = faults.planted;
}

SimStore::~SimStore() {
  *alive_ = false;
}

void SimStore::LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                          store::Done<store::Loads> done) {
  script_.LoadWithin(std::move(keys), bytes_max, std::move(done));
  Begin();
}

void SimStore::Apply(store::Batch batch, store::Done<store::Applied> done) {
  for (const store::Write& write : batch.writes) {
    scheduler_.trace().Note(write.key.key);
    scheduler_.trace().Note(write.version);
    if (write.record) scheduler_.trace().Note(write.record->value.view());
  }
  script_.Apply(std::move(batch), std::move(done));
  Begin();
}

void SimStore::Scan(store::ScanRange range, store::Done<store::Scanned> done) {
  script_.Scan(range, std::move(done));
  Begin();
}

void SimStore::Expire(WallTime now, size_t limit, store::Done<store::Expired> done) {
  script_.Expire(now, limit, std::move(done));
  Begin();
}

void SimStore::Clear(store::Done<store::CommitNumber> done) {
  script_.Clear(std::move(done));
  Begin();
}

void SimStore::PutMetadata(std::string name, std::string value,
                           store::Done<store::CommitNumber> done) {
  script_.PutMetadata(std::move(name), std::move(value), std::move(done));
  Begin();
}

void SimStore::Settle(store::Done<store::CommitNumber> done) {
  script_.Settle(std::move(done));
  Begin();
}

void SimStore::Count(WallTime now, store::Done<store::Counts> done) {
  script_.Count(now, std::move(done));
  Begin();
}

Result<Ok> SimStore::Health() const {
  if (script_.unsettled()) return Error{ErrorCode::kUnavailable, "a write is not settled"};
  return Ok{};
}

void SimStore::Begin() {
  if (!*alive_) return;  // Drain answers.
  scheduler_.After(Delay(), [this, alive = alive_, id = script_.last_call()] {
    if (*alive) Perform(id);
  });
}

void SimStore::Perform(Script::CallId id) {
  const Script::Kind kind = script_.kind(id);
  const Script::Outcome outcome = AnyOutcome(kind);
  Trace& trace = scheduler_.trace();
  trace.Note(static_cast<uint64_t>(kind) << 8 | static_cast<uint64_t>(outcome));
  trace.Note(static_cast<uint64_t>(scheduler_.now().ns));
  if (Happens(2)) script_.HappenLate();
  script_.Perform(id, outcome);
  write_untold_ |= Script::IsWrite(kind);
  scheduler_.After(Delay(), [this, alive = alive_, id] {
    if (*alive) Answer(id);
  });
}

void SimStore::Answer(Script::CallId id) {
  const Script::Kind kind = script_.kind(id);
  if (Script::IsWrite(kind)) write_untold_ = false;
  if (kind == Script::Kind::kClear) cleared_();
  script_.Answer(id);
}

gateway::ScriptedStore::Outcome SimStore::AnyOutcome(Script::Kind kind) {
  using Outcome = Script::Outcome;
  if (Happens(faults_.restart_one_in)) {
    away_until_ =
        scheduler_.now() + std::chrono::nanoseconds(random_.Below(100 * Delay().count() + 1));
    // What it was just about to do may have been done.
    if (Script::IsWrite(kind)) return Outcome::kUnknownApplied;
  }
  if (!calm_ && scheduler_.now() < away_until_) return Outcome::kUnavailable;
  if (Happens(faults_.error_one_in)) return Outcome::kUnavailable;
  if (!Script::IsWrite(kind) || !Happens(faults_.unknown_one_in)) return Outcome::kDone;
  constexpr std::array kUnknown = {Outcome::kUnknownApplied, Outcome::kUnknownLost,
                                   Outcome::kUnknownLate};
  return kUnknown[random_.Below(kUnknown.size())];
}

std::chrono::nanoseconds SimStore::Delay() {
  const auto most = static_cast<uint64_t>(faults_.delay_max.count());
  return std::chrono::nanoseconds(random_.Below(most + 1) *
                                  (Happens(faults_.slow_one_in) ? 10 : 1));
}

void SimStore::Die(bool late) {
  *alive_ = false;
  for (const Script::CallId id : script_.held()) {
    const Script::Kind kind = script_.kind(id);
    const bool writes = kind == Script::Kind::kApply || kind == Script::Kind::kPut;
    if (late && writes && !script_.performed(id)) {
      script_.Perform(id, Script::Outcome::kUnknownLate);
    }
  }
}

bool SimStore::Drain() {
  const std::vector<Script::CallId> held = script_.held();
  for (const Script::CallId id : held) {
    if (script_.performed(id)) {
      script_.Answer(id);
    } else {
      script_.Complete(id, Script::Outcome::kUnavailable);
    }
  }
  return !held.empty();
}

}  // namespace weir::sim
