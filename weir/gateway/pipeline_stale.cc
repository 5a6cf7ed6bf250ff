// What Pipeline answers from memory beside what is plainly fresh: entries that are to be loaded
// again, and those whose time is over; and how long it waits for loads. docs/caching.md says what
// it promises.
#include <algorithm>

#include "weir/gateway/pipeline.h"
#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

// Whether an entry that was fresh until then is past a window that follows.
bool IsPast(WallTime fresh_until, std::chrono::milliseconds window, WallTime now) {
  return now.ms - fresh_until.ms >= window.count();
}

}  // namespace

// For a read that has looked already. The load that it began then is still its own.
// Requires: the lock of the key's lane is held.
bool Pipeline::LookAgain(cache::Lane& lane, std::string_view key, Slot& slot, Found* found) {
  const WallTime now = outbox_.now.wall;
  const auto hit = lane.FindAgain(key, slot.hash.hash, now);
  if (!hit.has_value()) return false;
  if (hit->fresh_until.ms - now.ms > gateway_.placement().refresh_span_ms()) {
    *found = FoundIn(*hit);
    return true;
  }
  if (!LookCloser(lane, key, slot.hash, hit, found)) return false;
  if (found->begins_load()) slot.reloads = found->fresh_until;
  if (slot.reloads != found->fresh_until) return true;
  found->source =
      found->past_its_time() ? Found::Source::kRevalidating : Found::Source::kRefreshing;
  return true;
}

void Pipeline::CountRevalidating(std::string_view key) {
  gateway_.placement().KeyspaceOf(key).counters->stale_while_revalidate.fetch_add(
      1, std::memory_order_relaxed);
}

// `hit`: what was found, if that is not fresh for long.
bool Pipeline::LookCloser(cache::Lane& lane, std::string_view key, const KeyHash& hash,
                          const std::optional<cache::Cache::Hit>& hit, Found* found) {
  using Source = Found::Source;
  const WallTime now = outbox_.now.wall;
  const Keyspace& keyspace = gateway_.placement().KeyspaceOf(key);
  if (hit.has_value() && hit->fresh_until > now) {
    *found = FoundIn(*hit);
    const WallTime refresh_at =
        keyspace.RefreshAt(hit->fresh_until, hit->expires_at, hash.hash, hit->absent);
    if (refresh_at <= now && BeginRefresh(lane, key, hash, keyspace)) {
      found->source = Source::kRefreshing;
    }
    return true;
  }
  if (keyspace.stale_while_revalidate.count() == 0) return false;
  const auto stale = hit.has_value() ? hit : lane.FindStale(key, hash.hash, now);
  if (!stale.has_value() || IsPast(stale->fresh_until, keyspace.stale_while_revalidate, now)) {
    return false;
  }
  *found = FoundIn(*stale);
  found->source = BeginRefresh(lane, key, hash, keyspace) ? Source::kRevalidating : Source::kStale;
  return true;
}

// Takes what is stale in place of a load that does not come. Requires: the key's lane is locked.
bool Pipeline::TakeStale(cache::Lane& lane, Queued& queued, uint32_t key,
                         std::atomic<uint64_t> KeyspaceCounters::*counter) {
  Slot& slot = queued.slots[key];
  const std::string_view name = queued.args[queued.spec->KeyIndex(key)];
  const WallTime now = outbox_.now.wall;
  const Keyspace& keyspace = gateway_.placement().KeyspaceOf(name);
  if (keyspace.stale_if_error.count() == 0) return false;
  const auto window = std::max(keyspace.stale_if_error, keyspace.stale_while_revalidate);
  const auto stale = lane.FindStale(name, slot.hash.hash, now);
  if (!stale.has_value() || IsPast(stale->fresh_until, window, now)) return false;
  slot.loaded = true;
  slot.stale = true;
  slot.as_head = false;
  slot.token = lane.CurrentToken(slot.hash.hash);
  slot.fresh_until = stale->fresh_until;
  slot.value.reset();
  if (!stale->absent) {
    const Bytes* shared = stale->shared;
    slot.value = cache::Value{shared != nullptr ? *shared : Bytes::Copy(stale->value),
                              stale->expires_at, stale->version};
  }
  ((*keyspace.counters).*counter).fetch_add(1, std::memory_order_relaxed);
  KeepWithinReply(queued, slot);
  return true;
}

// For a load that is asked for now; of one that is asked for again the first deadlines stay.
void Pipeline::SetDeadlines(Queued& queued, Slot& slot, std::string_view key) {
  const Keyspace& keyspace = gateway_.placement().KeyspaceOf(key);
  const auto due = [this](std::chrono::milliseconds wait) {
    return wait.count() == 0 ? kNoDue : outbox_.now.mono + wait;
  };
  const bool stale = keyspace.stale_if_error.count() != 0;
  if (stale) slot.soft_due = std::min(slot.soft_due, due(keyspace.load_soft_timeout));
  slot.hard_due = std::min(slot.hard_due, due(keyspace.load_hard_timeout));
  NoteDue(queued, std::min(slot.soft_due, slot.hard_due));
}

void Pipeline::NoteDue(Queued& queued, MonoTime due) {
  queued.due = std::min(queued.due, due);
  if (due >= alarm_) return;
  if (alarm_ != kNoDue) outbox_.alarms.Cancel(alarm_, session_.id);
  alarm_ = due;
  outbox_.alarms.Set(due, session_.id);
}

void Pipeline::OnAlarm() {
  alarm_ = kNoDue;
  for (size_t i = 0; i < queue_.size(); ++i) {
    Queued& queued = queue_[i];
    if (queued.due <= outbox_.now.mono) queued.waits ? TryLimits(queued) : EndWaits(queued);
    NoteDue(queued, queued.due);
  }
  Pump();
}

// The loads go on, and fill the cache.
void Pipeline::EndWaits(Queued& queued) {
  queued.due = kNoDue;
  const MonoTime now = outbox_.now.mono;
  for (uint32_t key = 0; key < queued.slots.size() && queued.state == State::kPending; ++key) {
    Slot& slot = queued.slots[key];
    if (!slot.pending) continue;
    if (std::min(slot.soft_due, slot.hard_due) <= now) {
      const Lanes::Locked lane = gateway_.lanes().Lock(slot.hash.lane);
      if (TakeStale(*lane, queued, key, &KeyspaceCounters::soft_timeouts)) {
        if (queued.state != State::kPending) return;
        NoteTimeSoFar(queued);
        slot.pending = false;
        --queued.pending;
        continue;
      }
      slot.soft_due = kNoDue;  // There is nothing stale to wait for.
    }
    if (slot.hard_due <= now) return GiveUp(queued, key);
    queued.due = std::min({queued.due, slot.soft_due, slot.hard_due});
  }
}

void Pipeline::GiveUp(Queued& queued, uint32_t key) {
  const std::string_view name = queued.args[queued.spec->KeyIndex(key)];
  const Placement& placement = gateway_.placement();
  placement.KeyspaceOf(name).counters->hard_timeouts.fetch_add(1, std::memory_order_relaxed);
  NoteTimeSoFar(queued);
  queued.state = State::kAnswered;
  queued.pending = 0;
  queued.reply = ErrorReply(OverloadError(
      {"timeout", Refusal::kUntilQueue,
       "the database did not answer within load_hard_timeout; what it answers will be cached",
       placement.ShardAt(placement.Place(name).position)}));
}

// Returns whether this is the one read that begins it.
bool Pipeline::BeginRefresh(cache::Lane& lane, std::string_view key, const KeyHash& hash,
                            const Keyspace& keyspace) {
  if (lane.CanJoin(key, hash.hash)) return false;
  const uint64_t routes = gateway_.placement().routes();
  const KeyPlace place = gateway_.placement().Place(key);
  const uint32_t database = place.place.database;
  if (!gateway_.database(database).TakesRefreshes(outbox_.now.mono)) return false;
  const std::optional<cache::LoadId> load = lane.BeginRefresh(key, hash.hash);
  if (!load.has_value()) return false;
  keyspace.counters->refreshes.fetch_add(1, std::memory_order_relaxed);
  LoadRequest request{*load, hash.lane, {place.place.shard, place.position, std::string(key)}};
  request.flow = Flow();
  request.routes = routes;
  outbox_.loads[database].push_back(std::move(request));
  return true;
}

}  // namespace weir::gateway
