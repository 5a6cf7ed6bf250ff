// ScriptedStore: the Store contract over a map, in which a test decides when each call takes
// effect, when it is answered, and how it fails.
//
// A call is held until Perform (it takes effect and its result is fixed) and then Answer (its
// `done` runs); Complete is both. Reads may be performed and answered in any order. After an
// unknown outcome it refuses reads and writes until Settle, as the contract demands of every
// driver.
//
// It checks what callers promise: one write at a time, `now` and versions rise, no key twice,
// `Write::known` is true. What is broken is kept in problems(), so that a test of the test can see
// that it is noticed.
//
// For tests only. Threads: single-owner. `done` runs inside Answer, never inside the call itself.
#pragma once

#include <algorithm>
#include <cassert>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "weir/store/limits.h"
#include "weir/store/store.h"

namespace weir::gateway {

class ScriptedStore final : public store::Store {
 public:
  enum class Kind : uint8_t {
    kLoad,
    kScan,
    kCount,
    kCheck,
    kApply,
    kExpire,
    kClear,
    kSettle,
    kPut
  };
  enum class Outcome : uint8_t {
    kDone,
    kUnavailable,     // Nothing happened.
    kUnknownApplied,  // It happened. (Writes only, as the next two.)
    kUnknownLost,     // It did not.
    kUnknownLate,     // It happens when Settle does.
  };
  using CallId = uint64_t;
  using Place = std::tuple<uint32_t, uint64_t, std::string>;  // Shard, position, key.

  // What the database holds, which outlives the process that opened it: a second store over the
  // same contents goes on where the first one ended.
  struct Contents {
    std::map<Place, store::Record> records;
    std::map<std::string, std::string> metadata;
    store::CommitNumber commit = 0;
    store::Version version_max = 0;
    WallTime now{0};  // Of the latest batch.
    bool unsettled = false;
    std::function<void(ScriptedStore&)> late;  // A batch that happens when Settle does, or before.
  };

  ScriptedStore() : ScriptedStore(std::make_shared<Contents>()) {}
  // Requires: no other store is open over the same contents.
  explicit ScriptedStore(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}

  // Bugs to plant, in order to see that a test finds them.
  struct Faults {
    bool lose_a_batch = false;   // Every third batch is reported as applied, but is not.
    bool split_batches = false;  // Of each batch of several writes, the last is left out.
  };

  Faults faults;
  store::Limits limits_now;
  // What reads and checks of files find.
  std::optional<Error> damage = std::nullopt;
  bool has_files = false;  // Which CheckFiles would check.
  // Called whenever somebody asks for them.
  std::function<void()> on_limits = nullptr;

  // What is held, oldest first.
  std::vector<CallId> held() const {
    std::vector<CallId> ids;
    for (const auto& [id, call] : calls_) ids.push_back(id);
    return ids;
  }
  std::vector<CallId> held(Kind kind) const {
    std::vector<CallId> ids;
    for (const auto& [id, call] : calls_) {
      if (call.kind == kind) ids.push_back(id);
    }
    return ids;
  }
  Kind kind(CallId id) const { return calls_.at(id).kind; }
  bool performed(CallId id) const { return calls_.at(id).answer != nullptr; }
  static bool IsWrite(Kind kind) { return kind >= Kind::kApply; }
  // The call made last. Requires: there was one.
  CallId last_call() const { return next_call_ - 1; }
  bool holds(CallId id) const { return calls_.count(id) != 0; }

  void Perform(CallId id, Outcome outcome = Outcome::kDone) {
    Call& call = calls_.at(id);
    assert(call.answer == nullptr);
    call.answer = call.perform(outcome);
  }
  void Answer(CallId id) {
    Call call = std::move(calls_.at(id));
    calls_.erase(id);
    if (IsWrite(call.kind)) writing_ = false;
    call.answer();
  }
  void Complete(CallId id, Outcome outcome = Outcome::kDone) {
    if (!performed(id)) Perform(id, outcome);
    Answer(id);
  }

  const std::vector<std::string>& problems() const { return problems_; }
  const std::map<Place, store::Record>& records() const { return contents_->records; }
  const Contents& contents() const { return *contents_; }
  const std::vector<store::Batch>& batches() const { return batches_; }
  uint64_t calls(Kind kind) const { return counts_[static_cast<size_t>(kind)]; }
  bool unsettled() const { return contents_->unsettled; }
  // The batch of unknown outcome that may still happen does so now.
  void HappenLate() {
    if (contents_->late) std::exchange(contents_->late, nullptr)(*this);
  }
  // As if written by an earlier process, or by somebody else behind weir; no write through weir may
  // then build on what it has cached of `key`.
  void Preload(const store::Key& key, store::Record record) {
    contents_->records[PlaceOf(key)] = std::move(record);
  }

  // As if an earlier process had made so many batches.
  void StartAtCommit(store::CommitNumber commit) { contents_->commit = commit; }

  void LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                  store::Done<store::Loads> done) override {
    Hold<store::Loads>(Kind::kLoad, std::move(done),
                       [this, keys = std::move(keys), bytes_max](Outcome o) {
                         return Readable(o, store::OverLimit(limits_now, keys),
                                         [&] { return LoadNow(keys, bytes_max); });
                       });
  }
  void Scan(store::ScanRange range, store::Done<store::Scanned> done) override {
    Hold<store::Scanned>(Kind::kScan, std::move(done), [this, range](Outcome o) {
      return Readable(o, store::OverLimit(limits_now, range), [&] { return ScanNow(range); });
    });
  }
  void Count(WallTime now, store::Done<store::Counts> done) override {
    Hold<store::Counts>(Kind::kCount, std::move(done), [this, now](Outcome o) {
      return Readable(o, std::nullopt, [&] { return CountNow(now); });
    });
  }
  void Apply(store::Batch batch, store::Done<store::Applied> done) override {
    BeginWrite();
    batches_.push_back(batch);
    Hold<store::Applied>(
        Kind::kApply, std::move(done), [this, batch = std::move(batch)](Outcome outcome) {
          auto over = store::OverLimit(limits_now, batch);
          return Write<store::Applied>(
              outcome, over, [batch](ScriptedStore& self) { return self.ApplyNow(batch); });
        });
  }
  void Expire(WallTime now, size_t limit, store::Done<store::Expired> done) override {
    BeginWrite();
    Hold<store::Expired>(Kind::kExpire, std::move(done), [this, now, limit](Outcome outcome) {
      return Write<store::Expired>(outcome, std::nullopt, [now, limit](ScriptedStore& self) {
        return self.ExpireNow(now, limit);
      });
    });
  }
  void Clear(store::Done<store::CommitNumber> done) override {
    BeginWrite();
    Hold<store::CommitNumber>(Kind::kClear, std::move(done), [this](Outcome outcome) {
      return Write<store::CommitNumber>(outcome, std::nullopt, [](ScriptedStore& self) {
        self.contents_->records.clear();
        return ++self.contents_->commit;
      });
    });
  }
  // As RocksDbStore::PutMetadata.
  void PutMetadata(std::string name, std::string value, store::Done<store::CommitNumber> done) {
    BeginWrite();
    Hold<store::CommitNumber>(Kind::kPut, std::move(done), [this, name, value](Outcome outcome) {
      return Write<store::CommitNumber>(outcome, std::nullopt, [name, value](ScriptedStore& self) {
        self.contents_->metadata[name] = value;
        return ++self.contents_->commit;
      });
    });
  }
  void Settle(store::Done<store::CommitNumber> done) override {
    BeginWrite();
    Hold<store::CommitNumber>(Kind::kSettle, std::move(done),
                              [this](Outcome outcome) -> Result<store::CommitNumber> {
                                if (outcome != Outcome::kDone) return Unavailable();
                                HappenLate();
                                contents_->unsettled = false;
                                return contents_->commit;
                              });
  }
  bool CheckFiles(const store::FileRange& range, const store::Done<Ok>& done) override {
    if (!has_files) return false;
    checked_.push_back(range);
    Hold<Ok>(Kind::kCheck, done, [this](Outcome outcome) {
      return Readable(outcome, std::nullopt, [] { return Ok{}; });
    });
    return true;
  }
  const std::vector<store::FileRange>& checked() const { return checked_; }
  store::Version VersionFloor() const override { return contents_->version_max + 1; }
  const store::Limits& limits() const override {
    if (on_limits != nullptr) on_limits();
    return limits_now;
  }
  Result<Ok> Health() const override { return Ok{}; }
  std::vector<std::pair<std::string, uint64_t>> Counters() const override { return {}; }

 private:
  struct Call {
    Kind kind;
    std::function<std::function<void()>(Outcome)> perform;
    std::function<void()> answer;  // Once performed.
  };

  static Error Unavailable() { return {ErrorCode::kUnavailable, "disk full"}; }
  static Place PlaceOf(const store::Key& key) { return {key.shard, key.position, key.key}; }

  template <typename T, typename Effect>
  void Hold(Kind kind, store::Done<T> done, Effect effect) {
    ++counts_[static_cast<size_t>(kind)];
    calls_[next_call_++] = {kind,
                            [effect = std::move(effect), done = std::move(done)](Outcome outcome) {
                              return [result = effect(outcome), done] { done(result); };
                            },
                            nullptr};
  }

  template <typename Effect>
  auto Readable(Outcome outcome, std::optional<Error> refused, Effect effect)
      -> Result<decltype(effect())> {
    if (refused) return *refused;
    if (unsettled() || outcome != Outcome::kDone) return Unavailable();
    if (damage) return *damage;
    return effect();
  }

  template <typename T, typename Effect>
  Result<T> Write(Outcome outcome, std::optional<Error> refused, Effect effect) {
    if (refused) return *refused;
    if (unsettled() || outcome == Outcome::kUnavailable) return Unavailable();
    if (outcome == Outcome::kDone) return T(effect(*this));
    contents_->unsettled = true;
    if (outcome == Outcome::kUnknownApplied) effect(*this);
    if (outcome == Outcome::kUnknownLost) ++contents_->commit;
    if (outcome == Outcome::kUnknownLate) {
      contents_->late = [effect](ScriptedStore& self) { effect(self); };
    }
    return Error{ErrorCode::kUnknown, "the outcome is not known"};
  }

  void BeginWrite() {
    Check(!writing_, "two writes at once");
    writing_ = true;
  }
  void Check(bool good, const std::string& problem) {
    if (!good) problems_.push_back(problem);
  }
  void Advance(WallTime now) {
    Check(now >= contents_->now, "now goes backwards");
    contents_->now = now;
  }

  store::Applied ApplyNow(const store::Batch& batch) {
    Advance(batch.now);
    const bool lost = faults.lose_a_batch && ++applied_ % 3 == 0;
    store::Applied applied;
    auto& records = contents_->records;
    if (batch.clear && !lost) records.clear();
    std::set<Place> seen;
    for (const store::Write& write : batch.writes) {
      const Place place = PlaceOf(write.key);
      Check(seen.insert(place).second, "a key twice in one batch: " + write.key.key);
      store::Prior prior;
      if (const auto at = records.find(place); at != records.end()) {
        prior = {true, at->second.expires_at};
        Check(write.version > at->second.version, "the version does not rise: " + write.key.key);
      }
      Check(!write.known || (write.known->existed == prior.existed &&
                             write.known->expires_at == prior.expires_at),
            "`known` is not true: " + write.key.key);
      applied.priors.push_back(prior);
      contents_->version_max = std::max(contents_->version_max, write.version);
      const bool left_out =
          faults.split_batches && batch.writes.size() > 1 && &write == &batch.writes.back();
      if (lost || left_out) continue;
      if (write.record) {
        records[place] = *write.record;
      } else {
        records.erase(place);
      }
    }
    applied.commit = ++contents_->commit;
    return applied;
  }

  store::Expired ExpireNow(WallTime now, size_t limit) {
    Advance(now);
    std::set<std::pair<WallTime, Place>> expiring;
    for (const auto& [place, record] : records()) {
      if (record.expires_at != kNever) expiring.insert({record.expires_at, place});
    }
    store::Expired expired;
    while (!expiring.empty() && expiring.begin()->first <= now && expired.removed < limit) {
      expired.keys.push_back(std::get<std::string>(expiring.begin()->second));
      contents_->records.erase(expiring.begin()->second);
      expiring.erase(expiring.begin());
      ++expired.removed;
    }
    if (expired.removed > 0) ++contents_->commit;
    expired.commit = contents_->commit;
    expired.next = expiring.empty() ? kNever : expiring.begin()->first;
    return expired;
  }

  store::Loads LoadNow(const std::vector<store::Key>& keys, size_t bytes_max) {
    store::Loads loads{contents_->commit, contents_->now, {}, {}};
    store::LoadRoom room(bytes_max);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto at = records().find(PlaceOf(keys[i]));
      loads.records.push_back(at == records().end() ? std::nullopt : std::optional(at->second));
      if (at == records().end() || room.Take(at->second.value.size())) continue;
      loads.left.push_back({i, at->second.value.size()});
      loads.records[i]->value = Bytes();
    }
    return loads;
  }

  store::Scanned ScanNow(const store::ScanRange& range) {
    store::Scanned scanned{contents_->commit, contents_->now, {}, std::nullopt};
    size_t bytes = 0;
    for (auto at = records().lower_bound({range.shard, range.from, ""}); at != records().end();
         ++at) {
      const auto& [shard, position, key] = at->first;
      if (shard != range.shard || (range.to != 0 && position >= range.to)) break;
      if (store::IsFull(range, scanned.items.size(), bytes) &&
          position != scanned.items.back().position) {
        scanned.next = position;
        break;
      }
      store::Record found = at->second;
      if (!range.with_values) found.value = Bytes();
      bytes += key.size() + found.value.size();
      scanned.items.push_back({position, key, std::move(found)});
    }
    return scanned;
  }

  store::Counts CountNow(WallTime now) {
    store::Counts counts;
    counts.commit = contents_->commit;
    counts.now = contents_->now;
    now = std::max(now, contents_->now);
    for (const auto& [place, record] : records()) {
      ++counts.records;
      if (record.expires_at != kNever) ++counts.with_expiry;
      if (record.expires_at <= now) ++counts.due;
    }
    return counts;
  }

  std::map<CallId, Call> calls_;
  CallId next_call_ = 0;
  std::array<uint64_t, 9> counts_{};
  const std::shared_ptr<Contents> contents_;
  std::vector<store::Batch> batches_;
  std::vector<store::FileRange> checked_;
  uint64_t applied_ = 0;
  bool writing_ = false;
  std::vector<std::string> problems_;
};

}  // namespace weir::gateway
