#include "weir/gateway/cache_warmer.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::gateway {
namespace {

using std::chrono::nanoseconds;

// Whose its reads are where databases are shared out among those who ask.
constexpr limit::FlowId kFlow = 0;
// Of the room for large values, what one batch may take.
constexpr size_t kRoomPart = 8;

}  // namespace

void CacheWarmer::Begin(KeyList keys, const Growing<std::unique_ptr<Database>>& databases) {
  assert(sources_.empty());
  began_ = clock_.Mono();
  clears_ = lanes_.clears();
  for (const std::unique_ptr<Database>& database : databases) {
    Source& source = sources_.emplace_back();
    source.database = database.get();
    source.asked = source.rests_until = began_;
  }
  waiting_ = keys.count();
  if (sources_.size() == 1) {
    sources_[0].keys = std::move(keys);
    return;
  }
  while (std::optional<std::string> key = keys.Take()) {
    AddTo(placement_.Place(*key).place.database, *key);
  }
}

// What has gone to a database that was added since Begin is left to the clients.
void CacheWarmer::AddTo(uint32_t database, std::string_view key) {
  if (database < sources_.size()) {
    sources_[database].keys.Add(key);
    return;
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

nanoseconds CacheWarmer::Step() {
  if (done()) return kLookEvery;
  const bool late = clock_.Mono() - began_ > kTimeMax;
  if (drop_.exchange(false) || late || lanes_.clears() != clears_) DropAll();
  nanoseconds next = kLookEvery;
  for (uint32_t i = 0; i < sources_.size(); ++i) next = std::min(next, StepOf(i));
  return next;
}

// Begins the next batch, unless one is under way or it is to wait. Returns as Step.
nanoseconds CacheWarmer::StepOf(uint32_t number) {
  Source& source = sources_[number];
  if (source.under_way && !TakeAnswer(&source)) return kLookEvery;
  if (source.empty()) return kLookEvery;
  const MonoTime now = clock_.Mono();
  if (now < source.rests_until) return source.rests_until - now;
  const size_t most = KeysNow(source, now);
  if (most == 0) return kLookEvery;
  Batch batch = source.large.empty() ? TakeBatch(number, most) : TakeLarge(number, most);
  if (batch.keys.empty()) return nanoseconds(0);
  Ask(number, std::move(batch));
  return kLookEvery;
}

// Returns whether there is one.
bool CacheWarmer::TakeAnswer(Source* source) {
  std::optional<Answer> answer;
  {
    const std::lock_guard lock(mutex_);
    answer = std::exchange(source->answer, std::nullopt);
  }
  if (!answer) return false;
  source->under_way = false;
  --under_way_;
  const nanoseconds took = answer->at - source->asked;
  if (!answer->ok) {
    source->batch_keys = kBatchKeysFirst;
    source->rests_until = answer->at + kRestAfterError;
    return true;
  }
  const bool crowded = source->crowded || source->database->LoadAdmission().under_way > 0;
  source->rests_until = crowded ? answer->at + took : answer->at;
  source->batch_keys = took < kBatchTime ? std::min(2 * source->batch_keys, kBatchKeysMax)
                                         : std::max<size_t>(source->batch_keys / 2, 1);
  if (std::exchange(source->dropped, false)) return true;
  waiting_.fetch_add(answer->left.size(), std::memory_order_relaxed);
  for (Large& large : answer->left) source->large.push_back(std::move(large));
  return true;
}

// How many keys may be asked for; 0: none now.
size_t CacheWarmer::KeysNow(const Source& source, MonoTime now) const {
  const AdmissionFacts loads = source.database->LoadAdmission();
  if (!loads.circuit_closed) return 0;
  const size_t most = std::min(source.batch_keys, source.database->store().limits().load_keys_max);
  if (loads.waiting > 0 || loads.under_way >= loads.limit) {
    return now - source.asked > kYieldMax ? std::min(most, kBatchKeysFirst) : 0;
  }
  return std::min(most, std::max<size_t>((loads.limit - loads.under_way) / 2, 1));
}

std::optional<std::string> CacheWarmer::NextKey(Source* source) {
  if (source->sorted.empty() && source->taken >= kInOrder) {
    source->sorted = SortedKeys(std::exchange(source->keys, {}), [this](std::string_view key) {
      return placement_.Place(key).position;
    });
  }
  if (!source->sorted.empty()) return source->sorted.Take();
  ++source->taken;
  return source->keys.Take();
}

CacheWarmer::Batch CacheWarmer::TakeBatch(uint32_t number, size_t keys_max) {
  const WallTime now = clock_.Wall();
  Batch batch;
  batch.routes = placement_.routes();
  batch.bytes_max = std::min(kBatchBytesMax, memory_.value_room() / kRoomPart);
  for (size_t i = 0; i < kLookedAtMax && batch.keys.size() < keys_max; ++i) {
    std::optional<std::string> key = NextKey(&sources_[number]);
    if (!key) break;
    Add(number, std::move(*key), now, &batch);
  }
  return batch;
}

CacheWarmer::Batch CacheWarmer::TakeLarge(uint32_t number, size_t keys_max) {
  const WallTime now = clock_.Wall();
  std::deque<Large>& large = sources_[number].large;
  Batch batch;
  batch.large = true;
  batch.routes = placement_.routes();
  batch.bytes_max = std::min(kBatchBytesMax, memory_.value_room() / kRoomPart);
  size_t bytes = 0;
  while (!large.empty() && batch.keys.size() < keys_max) {
    if (large.front().bytes > batch.bytes_max) {  // It has no room, and may never have.
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      dropped_.fetch_add(1, std::memory_order_relaxed);
      large.pop_front();
      continue;
    }
    bytes += large.front().bytes;
    if (bytes > batch.bytes_max) break;
    Add(number, std::move(large.front().key), now, &batch);
    large.pop_front();
  }
  return batch;
}

// Of keys that wait: takes one into the batch, if it is to be read there.
void CacheWarmer::Add(uint32_t number, std::string key, WallTime now, Batch* batch) {
  const KeyPlace place = placement_.Place(key);
  if (place.place.database != number) {
    AddTo(place.place.database, key);
    return;
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  const KeyHash hash = placement_.Hash(key);
  Wanted wanted{std::move(key), hash, {}};
  if (!IsWanted(number, now, &wanted)) return;
  batch->keys.push_back({place.place.shard, place.position, wanted.key});
  batch->wanted.push_back(std::move(wanted));
}

// If it is, notes the token from which on a write makes what is read worth nothing.
bool CacheWarmer::IsWanted(uint32_t number, WallTime now, Wanted* wanted) {
  const std::string& key = wanted->key;
  const KeyHash& hash = wanted->hash;
  if (key.size() > sources_[number].database->store().limits().key_bytes_max) return false;
  const Keyspace& keyspace = placement_.KeyspaceOf(key);
  if (keyspace.bypass || keyspace.KeepFrom(now, hash.hash).value_until <= now) return false;
  const Lanes::Locked lane = lanes_.Lock(hash.lane);
  if (IsAlmostFull(lane->cache()) || !lane->Lacks(key, hash.hash)) return false;
  wanted->token = lane->CurrentToken(hash.hash);
  return true;
}

void CacheWarmer::Ask(uint32_t number, Batch batch) {
  Source& source = sources_[number];
  source.asked = clock_.Mono();
  source.under_way = true;
  source.crowded = source.database->LoadAdmission().under_way > 0;
  ++under_way_;
  SnapshotLoad load;
  load.keys = std::exchange(batch.keys, {});
  load.bytes_max = batch.bytes_max;
  load.background = true;
  load.done = [this, &source, batch = std::make_shared<Batch>(std::move(batch))](
                  const Result<store::Loads>& loads) {
    Answer answer = Take(*batch, loads);
    const std::lock_guard lock(mutex_);
    source.answer = std::move(answer);
    woken_ = true;
    wake_.notify_one();
  };
  source.database->LoadSnapshot(std::move(load), kFlow);
}

CacheWarmer::Answer CacheWarmer::Take(Batch& batch, const Result<store::Loads>& loads) {
  Answer answer{clock_.Mono(), loads.ok(), {}};
  // Of another route it may have read a copy that is no longer kept.
  if (!loads.ok() || batch.routes != placement_.routes()) return answer;
  const store::Loads& found = loads.value();
  ClientTracking::Untold untold;
  size_t left = 0;
  for (size_t i = 0; i < batch.wanted.size(); ++i) {
    if (left < found.left.size() && found.left[left].index == i) {
      const size_t bytes = found.left[left++].bytes;
      if (!batch.large && bytes <= batch.bytes_max) {
        answer.left.push_back({std::move(batch.wanted[i].key), bytes});
      }
      continue;
    }
    Keep(batch.wanted[i], LiveValue(found.records[i], found.now), found.now, &untold);
  }
  if (!untold.empty()) tracking_.Tell(&untold);
  return answer;
}

void CacheWarmer::Keep(const Wanted& wanted, const std::optional<cache::Value>& value, WallTime now,
                       ClientTracking::Untold* untold) {
  const uint64_t hash = wanted.hash.hash;
  const cache::Lane::Keep keep = placement_.KeyspaceOf(wanted.key).KeepFrom(now, hash);
  const Lanes::Locked lane = lanes_.Lock(wanted.hash.lane);
  // A client's load may have brought what others wrote since, so what is there stays.
  if (lane->CurrentToken(hash) != wanted.token || !lane->Lacks(wanted.key, hash)) return;
  // What has gone meanwhile is not worth remembering.
  if (value && !IsAlmostFull(lane->cache()) &&
      lane->FillLast(wanted.key, hash, wanted.token, *value, keep, now)) {
    loaded_.fetch_add(1, std::memory_order_relaxed);
  }
  tracking_.OnLoaded(wanted.key, hash, value ? value->version : 0, untold);
}

void CacheWarmer::DropAll() {
  for (Source& source : sources_) {
    source.keys = {};
    source.sorted = {};
    source.large = {};
    source.dropped = source.under_way;
  }
  dropped_.fetch_add(waiting_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed);
  clears_ = lanes_.clears();
}

void CacheWarmer::Wait(nanoseconds most) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, most, [this] { return woken_; });
  woken_ = false;
}

void CacheWarmer::Drop() {
  drop_ = true;
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_one();
}

}  // namespace weir::gateway
