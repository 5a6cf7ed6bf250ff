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
  enum class Kind : uint8_t { kLoad, kScan, kCount, kApply, kExpire, kClear, kSettle };
  enum class Outcome : uint8_t {
    kDone,
    kUnavailable,     // Nothing happened.
    kUnknownApplied,  // It happened. (Writes only, as the next two.)
    kUnknownLost,     // It did not.
    kUnknownLate,     // It happens when Settle does.
  };
  using CallId = uint64_t;
  using Place = std::tuple<uint32_t, uint64_t, std::string>;  // Shard, position, key.

  // Bugs to plant, in order to see that a test finds them.
  struct Faults {
    bool lose_a_batch = false;   // Every third batch is reported as applied, but is not.
    bool split_batches = false;  // Of each batch of several writes, the last is left out.
  };

  Faults faults;
  store::Limits limits_now;

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
  const std::map<Place, store::Record>& records() const { return records_; }
  const std::vector<store::Batch>& batches() const { return batches_; }
  uint64_t calls(Kind kind) const { return counts_[static_cast<size_t>(kind)]; }
  bool unsettled() const { return unsettled_; }
  // As if written by an earlier process. Requires: nothing was asked of `key` yet.
  void Preload(const store::Key& key, store::Record record) {
    records_[PlaceOf(key)] = std::move(record);
  }

  // As if an earlier process had made so many batches.
  void StartAtCommit(store::CommitNumber commit) { commit_ = commit; }

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
          return Write<store::Applied>(outcome, over, [this, batch] { return ApplyNow(batch); });
        });
  }
  void Expire(WallTime now, size_t limit, store::Done<store::Expired> done) override {
    BeginWrite();
    Hold<store::Expired>(Kind::kExpire, std::move(done), [this, now, limit](Outcome outcome) {
      return Write<store::Expired>(outcome, std::nullopt,
                                   [this, now, limit] { return ExpireNow(now, limit); });
    });
  }
  void Clear(store::Done<store::CommitNumber> done) override {
    BeginWrite();
    Hold<store::CommitNumber>(Kind::kClear, std::move(done), [this](Outcome outcome) {
      return Write<store::CommitNumber>(outcome, std::nullopt, [this] {
        records_.clear();
        return ++commit_;
      });
    });
  }
  void Settle(store::Done<store::CommitNumber> done) override {
    BeginWrite();
    Hold<store::CommitNumber>(Kind::kSettle, std::move(done),
                              [this](Outcome outcome) -> Result<store::CommitNumber> {
                                if (outcome != Outcome::kDone) return Unavailable();
                                if (late_) std::exchange(late_, nullptr)();
                                unsettled_ = false;
                                return commit_;
                              });
  }
  store::Version VersionFloor() const override { return version_max_ + 1; }
  const store::Limits& limits() const override { return limits_now; }
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
    if (unsettled_ || outcome != Outcome::kDone) return Unavailable();
    return effect();
  }

  template <typename T, typename Effect>
  Result<T> Write(Outcome outcome, std::optional<Error> refused, Effect effect) {
    if (refused) return *refused;
    if (unsettled_ || outcome == Outcome::kUnavailable) return Unavailable();
    if (outcome == Outcome::kDone) return T(effect());
    unsettled_ = true;
    if (outcome == Outcome::kUnknownApplied) effect();
    if (outcome == Outcome::kUnknownLost) ++commit_;
    if (outcome == Outcome::kUnknownLate) late_ = [effect] { effect(); };
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
    Check(now >= now_, "now goes backwards");
    now_ = now;
  }

  store::Applied ApplyNow(const store::Batch& batch) {
    Advance(batch.now);
    const bool lost = faults.lose_a_batch && ++applied_ % 3 == 0;
    store::Applied applied;
    if (batch.clear && !lost) records_.clear();
    std::set<Place> seen;
    for (const store::Write& write : batch.writes) {
      const Place place = PlaceOf(write.key);
      Check(seen.insert(place).second, "a key twice in one batch: " + write.key.key);
      store::Prior prior;
      if (const auto at = records_.find(place); at != records_.end()) {
        prior = {true, at->second.expires_at};
        Check(write.version > at->second.version, "the version does not rise: " + write.key.key);
      }
      Check(!write.known || (write.known->existed == prior.existed &&
                             write.known->expires_at == prior.expires_at),
            "`known` is not true: " + write.key.key);
      applied.priors.push_back(prior);
      version_max_ = std::max(version_max_, write.version);
      const bool left_out =
          faults.split_batches && batch.writes.size() > 1 && &write == &batch.writes.back();
      if (lost || left_out) continue;
      if (write.record) {
        records_[place] = *write.record;
      } else {
        records_.erase(place);
      }
    }
    applied.commit = ++commit_;
    return applied;
  }

  store::Expired ExpireNow(WallTime now, size_t limit) {
    Advance(now);
    std::set<std::pair<WallTime, Place>> expiring;
    for (const auto& [place, record] : records_) {
      if (record.expires_at != kNever) expiring.insert({record.expires_at, place});
    }
    store::Expired expired;
    while (!expiring.empty() && expiring.begin()->first <= now && expired.removed < limit) {
      records_.erase(expiring.begin()->second);
      expiring.erase(expiring.begin());
      ++expired.removed;
    }
    if (expired.removed > 0) ++commit_;
    expired.commit = commit_;
    expired.next = expiring.empty() ? kNever : expiring.begin()->first;
    return expired;
  }

  store::Loads LoadNow(const std::vector<store::Key>& keys, size_t bytes_max) {
    store::Loads loads{commit_, now_, {}, {}};
    store::LoadRoom room(bytes_max);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto at = records_.find(PlaceOf(keys[i]));
      loads.records.push_back(at == records_.end() ? std::nullopt : std::optional(at->second));
      if (at == records_.end() || room.Take(at->second.value.size())) continue;
      loads.left.push_back({i, at->second.value.size()});
      loads.records[i]->value = Bytes();
    }
    return loads;
  }

  store::Scanned ScanNow(const store::ScanRange& range) {
    store::Scanned scanned{commit_, now_, {}, std::nullopt};
    for (auto at = records_.lower_bound({range.shard, range.from, ""}); at != records_.end();
         ++at) {
      const auto& [shard, position, key] = at->first;
      if (shard != range.shard || (range.to != 0 && position >= range.to)) break;
      if (scanned.items.size() >= range.limit && position != scanned.items.back().position) {
        scanned.next = position;
        break;
      }
      scanned.items.push_back({position, key, at->second});
    }
    return scanned;
  }

  store::Counts CountNow(WallTime now) {
    store::Counts counts;
    counts.commit = commit_;
    counts.now = now_;
    now = std::max(now, now_);
    for (const auto& [place, record] : records_) {
      ++counts.records;
      if (record.expires_at != kNever) ++counts.with_expiry;
      if (record.expires_at <= now) ++counts.due;
    }
    return counts;
  }

  std::map<CallId, Call> calls_;
  CallId next_call_ = 0;
  std::array<uint64_t, 7> counts_{};
  std::map<Place, store::Record> records_;
  std::vector<store::Batch> batches_;
  store::CommitNumber commit_ = 0;
  store::Version version_max_ = 0;
  uint64_t applied_ = 0;
  WallTime now_{0};
  bool writing_ = false;
  bool unsettled_ = false;
  std::function<void()> late_;
  std::vector<std::string> problems_;
};

}  // namespace weir::gateway
