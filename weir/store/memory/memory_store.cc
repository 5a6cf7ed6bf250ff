#include "weir/store/memory/memory_store.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "weir/store/limits.h"
#include "weir/store/task_threads.h"

namespace weir::store {

struct MemoryContents {
  using Place = std::pair<uint64_t, std::string>;  // Position, key.
  std::vector<std::map<Place, Record>> shards;
  // (expiry, shard, place) of every record that expires.
  std::set<std::tuple<WallTime, uint32_t, Place>> expiries;
  CommitNumber commit = 0;
  Version version_max = 0;
  WallTime now{std::numeric_limits<int64_t>::min()};
  WallTime batch_now;  // Of the latest batch that had one.
};

std::shared_ptr<MemoryContents> MakeMemoryContents(uint32_t shards) {
  assert(shards > 0);
  auto contents = std::make_shared<MemoryContents>();
  contents->shards.resize(shards);
  return contents;
}

namespace {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryContents> contents)
      : contents_(std::move(contents)), version_max_(contents_->version_max), thread_(1) {}

  void LoadWithin(std::vector<Key> keys, size_t bytes_max, Done<Loads> done) override {
    auto over = OverLimit(limits_, keys);
    Read(std::move(over), std::move(done),
         [this, keys = std::move(keys), bytes_max] { return LoadNow(keys, bytes_max); });
  }

  void Scan(ScanRange range, Done<Scanned> done) override {
    assert(range.limit > 0);
    assert(range.shard < contents_->shards.size());
    Read(OverLimit(limits_, range), std::move(done), [this, range] { return ScanNow(range); });
  }

  void Count(WallTime now, Done<Counts> done) override {
    Read(std::nullopt, std::move(done), [this, now] { return CountNow(now); });
  }

  void Apply(Batch batch, Done<Applied> done) override {
    auto over = OverLimit(limits_, batch);
    Write(std::move(over), std::move(done),
          [this, batch = std::move(batch)]() mutable { return ApplyNow(std::move(batch)); });
  }

  void Expire(WallTime now, size_t limit, Done<Expired> done) override {
    Write(OverExpireLimit(limits_, limit), std::move(done),
          [this, now, limit] { return ExpireNow(now, limit); });
  }

  void Clear(Done<CommitNumber> done) override {
    Write(std::nullopt, std::move(done), [this] {
      RemoveAll();
      ++batches_;
      return ++contents_->commit;
    });
  }

  void Settle(Done<CommitNumber> done) override {
    Write(std::nullopt, std::move(done), [this] { return contents_->commit; });
  }

  Version VersionFloor() const override { return version_max_.load() + 1; }
  const Limits& limits() const override { return limits_; }
  Result<Ok> Health() const override { return Ok{}; }

  std::vector<std::pair<std::string, uint64_t>> Counters() const override {
    return {{"batches", batches_.load()},
            {"writes", writes_.load()},
            {"loads", loads_.load()},
            {"load_keys", load_keys_.load()},
            {"settles", 0}};
  }

 private:
  using Place = MemoryContents::Place;

  template <typename T, typename Call>
  void Read(std::optional<Error> refused, Done<T> done, Call call) {
    if (!refused && outstanding_reads_.fetch_add(1) >= limits_.outstanding_reads_max) {
      outstanding_reads_.fetch_sub(1);
      refused = TooManyReads(limits_);
    }
    if (refused) return Refuse(std::move(*refused), std::move(done));
    thread_.Post([this, call = std::move(call), done = std::move(done)] {
      Result<T> result = call();
      outstanding_reads_.fetch_sub(1);
      done(std::move(result));
    });
  }

  template <typename T, typename Call>
  void Write(std::optional<Error> refused, Done<T> done, Call call) {
    [[maybe_unused]] const bool second = writing_.exchange(true);
    assert(!second && "at most one of Apply, Expire, Clear and Settle may be outstanding");
    thread_.Post([this, refused = std::move(refused), call = std::move(call),
                  done = std::move(done)]() mutable {
      Result<T> result = refused ? Result<T>(std::move(*refused)) : Result<T>(call());
      writing_.store(false);
      done(std::move(result));
    });
  }

  template <typename T>
  void Refuse(Error error, Done<T> done) {
    thread_.PostFirst([error = std::move(error), done = std::move(done)] { done(error); });
  }

  void Advance(WallTime now) {
    assert(now >= contents_->now && "now goes backwards");
    contents_->now = now;
  }

  // Puts `record` in the place of what stands at `key`, or removes that.
  Prior Replace(const Key& key, std::optional<Record> record) {
    assert(key.shard < contents_->shards.size());
    auto& shard = contents_->shards[key.shard];
    Place place(key.position, key.key);
    Prior prior;
    if (auto found = shard.find(place); found != shard.end()) {
      prior = {true, found->second.expires_at};
      assert(!record || record->version > found->second.version);
      contents_->expiries.erase({prior.expires_at, key.shard, place});
      shard.erase(found);
    }
    if (record) {
      if (record->expires_at != kNever) {
        contents_->expiries.emplace(record->expires_at, key.shard, place);
      }
      shard.emplace(std::move(place), std::move(*record));
    }
    return prior;
  }

  void RemoveAll() {
    for (auto& shard : contents_->shards) shard.clear();
    contents_->expiries.clear();
  }

  Applied ApplyNow(Batch batch) {
    Advance(batch.now);
    if (batch.clear) RemoveAll();
    Applied applied;
    applied.priors.reserve(batch.writes.size());
    for (store::Write& write : batch.writes) {
      assert(!write.record || write.record->version == write.version);
      const Prior prior = Replace(write.key, std::move(write.record));
      assert(!write.known || (write.known->existed == prior.existed &&
                              write.known->expires_at == prior.expires_at));
      applied.priors.push_back(prior);
      contents_->version_max = std::max(contents_->version_max, write.version);
    }
    version_max_ = contents_->version_max;
    ++batches_;
    writes_ += batch.writes.size();
    contents_->batch_now = batch.now;
    applied.commit = ++contents_->commit;
    return applied;
  }

  Expired ExpireNow(WallTime now, size_t limit) {
    Advance(now);
    Expired expired;
    auto& expiries = contents_->expiries;
    while (expired.removed < limit && !expiries.empty()) {
      const auto [expiry, shard, place] = *expiries.begin();
      if (expiry > now) break;
      contents_->shards[shard].erase(place);
      expiries.erase(expiries.begin());
      ++expired.removed;
      expired.keys.push_back(place.second);
    }
    if (expired.removed > 0) {
      contents_->batch_now = now;
      ++contents_->commit;
      ++batches_;
    }
    expired.commit = contents_->commit;
    expired.next = expiries.empty() ? kNever : std::get<WallTime>(*expiries.begin());
    return expired;
  }

  Loads LoadNow(const std::vector<Key>& keys, size_t bytes_max) {
    Loads loads{contents_->commit, contents_->batch_now, {}, {}};
    LoadRoom room(bytes_max);
    loads.records.reserve(keys.size());
    for (const Key& key : keys) {
      assert(key.shard < contents_->shards.size());
      const auto& shard = contents_->shards[key.shard];
      const auto found = shard.find(Place(key.position, key.key));
      std::optional<Record>& record = loads.records.emplace_back();
      if (found == shard.end()) continue;
      record = found->second;
      if (room.Take(record->value.size())) continue;
      loads.left.push_back({loads.records.size() - 1, record->value.size()});
      record->value = Bytes();
    }
    ++loads_;
    load_keys_ += keys.size();
    return loads;
  }

  Scanned ScanNow(const ScanRange& range) {
    Scanned scanned{contents_->commit, contents_->batch_now, {}, std::nullopt};
    const auto& shard = contents_->shards[range.shard];
    size_t bytes = 0;
    for (auto at = shard.lower_bound(Place(range.from, "")); at != shard.end(); ++at) {
      const auto& [place, record] = *at;
      if (range.to != 0 && place.first >= range.to) break;
      if (IsFull(range, scanned.items.size(), bytes) &&
          place.first != scanned.items.back().position) {
        scanned.next = place.first;
        break;
      }
      Record copy{range.with_values ? record.value : Bytes(), record.expires_at, record.version};
      bytes += place.second.size() + copy.value.size();
      scanned.items.push_back({place.first, place.second, std::move(copy)});
    }
    return scanned;
  }

  Counts CountNow(WallTime now) {
    Counts counts;
    counts.commit = contents_->commit;
    counts.now = contents_->batch_now;
    now = std::max(now, counts.now);
    for (const auto& shard : contents_->shards) counts.records += shard.size();
    counts.with_expiry = contents_->expiries.size();
    for (const auto& entry : contents_->expiries) {
      if (std::get<WallTime>(entry) > now) break;
      ++counts.due;
    }
    return counts;
  }

  const std::shared_ptr<MemoryContents> contents_;  // Touched by the thread alone.
  const Limits limits_;
  std::atomic<Version> version_max_;
  std::atomic<size_t> outstanding_reads_{0};
  std::atomic<bool> writing_{false};
  std::atomic<uint64_t> batches_{0};
  std::atomic<uint64_t> writes_{0};
  std::atomic<uint64_t> loads_{0};
  std::atomic<uint64_t> load_keys_{0};
  TaskThreads thread_;  // Last, so that it ends first.
};

}  // namespace

std::unique_ptr<Store> OpenMemoryStore(MemoryOptions options) {
  if (!options.contents) options.contents = MakeMemoryContents(options.shards);
  return std::make_unique<MemoryStore>(std::move(options.contents));
}

}  // namespace weir::store
