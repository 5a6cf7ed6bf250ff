// The reading half of Pipeline: values at once, loads, and taking them in order.
#include <array>
#include <cassert>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/heavy_read.h"
#include "weir/gateway/pipeline.h"

namespace weir::gateway {
namespace {

// Requires: the lock of the key's lane is held since it was found, or its token was noted then.
ClientTracking::Shown ShownBy(const Found& found) {
  return {.version = found.version,
          .current = !found.past_its_time(),
          .expires_at = found.present ? found.expires_at : kNever};
}

}  // namespace

Pipeline::Resolved Pipeline::Resolve(const resp::Command& command) const {
  const Args args = command.args();
  Resolved resolved;
  resolved.spec = ResolveCommand(args);
  if (resolved.spec == nullptr || !resolved.spec->ArityFits(args.size())) return resolved;
  resolved.keys = resolved.spec->KeyCount(args);
  if (resolved.IsReadOfOneKey()) {
    resolved.hash = gateway_.placement().Hash(args[resolved.spec->KeyIndex(0)]);
  }
  return resolved;
}

void Pipeline::LookAhead(std::span<const resp::Command> burst, std::span<Resolved> resolved) const {
  assert(resolved.size() >= burst.size());
  for (size_t i = 0; i < burst.size(); ++i) resolved[i] = Resolve(burst[i]);
  if (burst.size() == 1) return;
  for (size_t i = 0; i < burst.size(); ++i) {
    if (resolved[i].spec == nullptr || (resolved[i].spec->flags & kFlagBucket) == 0) continue;
    if (burst[i].args().size() > 1) gateway_.admission().PrefetchBucket(burst[i].args()[1]);
  }
  // The index first, then the entries behind it.
  for (const bool entry : {false, true}) {
    for (size_t i = 0; i < burst.size(); ++i) {
      const Resolved& each = resolved[i];
      if (!each.IsReadOfOneKey()) continue;
      const std::string_view key = burst[i].args()[each.spec->KeyIndex(0)];
      const Lanes::Locked lane = gateway_.lanes().Lock(each.hash.lane);
      entry ? lane->PrefetchEntry(key, each.hash.hash) : lane->PrefetchSlot(key, each.hash.hash);
    }
  }
}

bool Pipeline::TryOneKey(const CommandSpec& spec, Args args, const KeyHash& hash) {
  const std::string_view key = args[spec.KeyIndex(0)];
  const Lanes::Locked lane = gateway_.lanes().Lock(hash.lane);
  Found found;
  if (!Look(*lane, key, hash, &found)) return false;
  const ReadCall call{args, {&found, 1}, outbox_.now.wall, SIZE_MAX, &gateway_.placement()};
  if (spec.heavy != nullptr && spec.heavy(call)) return false;
  CountStale(found, key);
  outbox_.stats->hits.Add(1);
  resp::Writer writer = MakeWriter();
  spec.read(call, writer);
  CountFailure(spec, writer);
  if (session_.tracking.keeps_now() && writer.error_code().empty()) [[unlikely]]
    TrackKey(key, hash.hash, ShownBy(found));
  return true;
}

bool Pipeline::TryManyKeys(const CommandSpec& spec, Args args, size_t count) {
  outbox_.keys_looked_at += count;
  std::vector<KeyHash> hashes(count);
  std::vector<uint32_t> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    hashes[i] = gateway_.placement().Hash(args[spec.KeyIndex(i)]);
    numbers[i] = hashes[i].lane;
  }
  const Lanes::LockedSet lanes(gateway_.lanes(), std::move(numbers));
  std::vector<Found> found(count);
  bool all = true;
  for (size_t i = 0; i < count; ++i) {
    all &= Look(lanes[hashes[i].lane], args[spec.KeyIndex(i)], hashes[i], &found[i]);
  }
  if (!all) return false;
  const ReadCall call{args, found, outbox_.now.wall, gateway_.memory().reply_bytes_max()};
  if (spec.heavy != nullptr && spec.heavy(call)) return false;
  for (size_t i = 0; i < count; ++i) CountStale(found[i], args[spec.KeyIndex(i)]);
  outbox_.stats->hits.Add(count);
  resp::Writer writer = MakeWriter();
  spec.read(call, writer);
  CountFailure(spec, writer);
  if (session_.tracking.keeps_now() && writer.error_code().empty()) [[unlikely]] {
    for (size_t i = 0; i < count; ++i) {
      TrackKey(args[spec.KeyIndex(i)], hashes[i].hash, ShownBy(found[i]));
    }
  }
  return true;
}

void Pipeline::BeginRead(Queued& queued, uint64_t sequence, bool as_head) {
  const CommandSpec& spec = *queued.spec;
  if (ReadsManyKeys(spec, queued.args.views())) {
    BeginManyKeys(queued, sequence);
    return;
  }
  const size_t count = spec.KeyCount(queued.args.views());
  if (count > 1) outbox_.keys_looked_at += count;
  queued.slots.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Slot& slot = queued.slots[i];
    const std::string_view key = queued.args[spec.KeyIndex(i)];
    slot.hash = gateway_.placement().Hash(key);
    const Lanes::Locked lane = gateway_.lanes().Lock(slot.hash.lane);
    Found found;
    if (queued.looked ? LookAgain(*lane, key, slot, &found) : Look(*lane, key, slot.hash, &found)) {
      if (found.begins_load()) slot.reloads = found.fresh_until;
      outbox_.stats->hits.Add(1);
    } else {
      outbox_.stats->misses.Add(1);
      BeginLoad(*lane, queued, sequence, i, as_head);
    }
    if (queued.state == State::kAnswered) return;
  }
}

// Requires: the lock of the key's lane is held.
void Pipeline::BeginLoad(cache::Lane& lane, Queued& queued, uint64_t sequence, uint32_t key,
                         bool as_head) {
  Slot& slot = queued.slots[key];
  const std::string_view name = queued.args[queued.spec->KeyIndex(key)];
  const auto answer = [&](const Error& error) {
    if (TakeStale(lane, queued, key, &KeyspaceCounters::stale_if_error)) return;
    queued.state = State::kAnswered;
    queued.pending = 0;
    queued.reply = ErrorReply(error);
  };
  std::optional<LoadRequest> request;
  uint32_t database = 0;
  if (!lane.CanJoin(name, slot.hash.hash)) {
    const uint64_t routes = gateway_.placement().routes();
    const KeyPlace place = gateway_.placement().Place(name);
    database = place.place.database;
    request = {0, slot.hash.lane, {place.place.shard, place.position, std::string(name)}, Flow()};
    request->routes = routes;
    if (auto refusal = gateway_.database(database).LoadRefusal(request->key, request->flow)) {
      return answer(*refusal);
    }
  }
  const Result<cache::Loads::Joined> joined =
      lane.Join(name, slot.hash.hash, {&home_, session_.id, sequence, key, ++slot.attempt});
  if (!joined.ok()) return answer(joined.error());
  slot.pending = true;
  slot.loaded = false;
  slot.stale = false;
  slot.asked = outbox_.now.wall;
  slot.as_head = as_head;
  ++queued.pending;
  SetDeadlines(queued, slot, name);
  if (joined.value().begun) {
    request->load = joined.value().load;
    outbox_.loads[database].push_back(std::move(*request));
  }
}

void Pipeline::OnLoad(LoadDone done) {
  Queued* queued = Find(done.origin);
  if (queued == nullptr || queued->state == State::kAnswered) return;
  Slot& slot = queued->slots[done.index];
  if (!slot.pending || slot.attempt != done.attempt) return;  // It was not waited for so long.
  slot.pending = false;
  --queued->pending;
  queued->database_time += done.database_time;
  if (done.error.has_value() && TakeStale(*gateway_.lanes().Lock(slot.hash.lane), *queued,
                                          done.index, &KeyspaceCounters::stale_if_error)) {
    PumpIfReady(*queued);
    return;
  }
  if (done.error.has_value()) {
    NoteTimeSoFar(*queued);
    queued->state = State::kAnswered;
    queued->pending = 0;
    queued->reply = ErrorReply(*done.error);
  } else {
    slot.loaded = true;
    slot.token = done.token;
    slot.value = std::move(done.value);
    KeepWithinReply(*queued, slot);
  }
  PumpIfReady(*queued);
}

// What one command of many keys holds is bounded, also before its reply is written.
void Pipeline::KeepWithinReply(Queued& queued, Slot& slot) {
  if (!slot.value.has_value() || queued.slots.size() == 1) return;
  if (!queued.spec->NeedsValues()) {
    slot.value->bytes = Bytes();
    return;
  }
  queued.loaded_bytes += slot.value->bytes.size();
  if (queued.loaded_bytes <= gateway_.memory().reply_bytes_max()) return;
  NoteTimeSoFar(queued);
  queued.state = State::kAnswered;
  queued.pending = 0;
  queued.reply = Reply::Failure(std::string(errors::kReplyTooLarge));
  queued.slots.clear();
}

// Requires: nothing of the front is pending. Returns whether it has been answered.
bool Pipeline::TakeFront() {
  Queued& front = queue_.front();
  return front.slots.size() == 1 ? TakeOneKey(front) : TakeManyKeys(front);
}

bool Pipeline::TakeOneKey(Queued& front) {
  Slot& slot = front.slots[0];
  const Args args = front.args.views();
  const std::string_view key = args[front.spec->KeyIndex(0)];
  const Lanes::Locked lane = gateway_.lanes().Lock(slot.hash.lane);
  Found found;
  if (LookAgain(*lane, key, slot, &found)) {
    slot.token = lane->CurrentToken(slot.hash.hash);
    if (!slot.stale) CountStale(found, key);
    const bool plain = found.source == Found::Source::kFresh;
    if (slot.loaded && !slot.stale && plain) found.source = Found::Source::kLoaded;
  } else if (slot.as_head ? slot.Shows(slot.asked)
                          : slot.Shows(outbox_.now.wall) &&
                                lane->CurrentToken(slot.hash.hash) == slot.token) {
    found = FoundIn(slot.value);
    if (slot.stale) {
      found.source = Found::Source::kStale;
      found.fresh_until = slot.fresh_until;
    }
  } else {
    // A write overtook the load, or the entry has been evicted or has expired since. A load that
    // begins now, with everything before it answered, can be used whatever happens meanwhile: so
    // this ends.
    BeginLoad(*lane, front, first_sequence_, 0, true);
    return false;
  }
  slot.shown = ShownBy(found);
  return Read(front, {&found, 1});
}

// Returns whether the front has been answered. If not, a thread of heavy work does it.
bool Pipeline::Read(Queued& front, std::span<const Found> found) {
  const CommandSpec& spec = *front.spec;
  const ReadCall call{front.args.views(), found, outbox_.now.wall,
                      gateway_.memory().reply_bytes_max(), &gateway_.placement()};
  if (spec.heavy != nullptr && spec.heavy(call)) {
    BeginHeavyRead(front, OriginOf(first_sequence_), spec, call);
    front.snapshot = nullptr;  // What it found is in the hands of that thread.
    return false;
  }
  if (front.watches != nullptr) NoteWatched(front, found);
  resp::Writer writer = MakeWriter();
  spec.read(call, writer);
  CountFailure(spec, writer);
  return true;
}

void Pipeline::BeginHeavyRead(Queued& queued, const Origin& origin, const CommandSpec& spec,
                              const ReadCall& call) {
  auto read = std::make_shared<HeavyRead>(origin, spec, call, session_.protocol);
  ++queued.pending;
  if (HeavyRead::Begin(read, gateway_.heavy_reads())) return;
  read->reply() = Reply::Failure(errors::TooMuchHeavyWork());
  Deliver(std::move(read));
}

// All values at one moment: with all lanes locked, or from one snapshot of the store.
bool Pipeline::TakeManyKeys(Queued& front) {
  const Args args = front.args.views();
  std::vector<Found> found(front.slots.size());
  if (front.snapshot != nullptr) {
    for (size_t i = 0; i < found.size(); ++i) {
      found[i] = FoundIn(front.snapshot->values()[i]);
      front.slots[i].shown = ShownBy(found[i]);
    }
    return Read(front, found);
  }
  outbox_.keys_looked_at += found.size();
  const WallTime now = outbox_.now.wall;
  std::vector<uint32_t> numbers;
  numbers.reserve(front.slots.size());
  for (const Slot& slot : front.slots) numbers.push_back(slot.hash.lane);
  {
    const Lanes::LockedSet lanes(gateway_.lanes(), std::move(numbers));
    bool all = true;
    for (size_t i = 0; i < found.size() && all; ++i) {
      Slot& slot = front.slots[i];
      cache::Lane& lane = lanes[slot.hash.lane];
      if (LookAgain(lane, args[front.spec->KeyIndex(i)], slot, &found[i])) {
        slot.token = lane.CurrentToken(slot.hash.hash);
      } else if (slot.Shows(now) && lane.CurrentToken(slot.hash.hash) == slot.token) {
        found[i] = FoundIn(slot.value);
        if (slot.stale) found[i].source = Found::Source::kStale;
      } else {
        all = false;
        continue;
      }
      slot.shown = ShownBy(found[i]);
    }
    for (size_t i = 0; i < found.size() && all; ++i) {
      if (!front.slots[i].stale) CountStale(found[i], args[front.spec->KeyIndex(i)]);
    }
    if (all) return Read(front, found);
  }
  BeginSnapshot(front);
  return false;
}

void Pipeline::BeginSnapshot(Queued& queued) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < queued.slots.size(); ++i) {
    Slot& slot = queued.slots[i];
    keys.emplace_back(queued.args[queued.spec->KeyIndex(i)]);
    slot.token = gateway_.lanes().Lock(slot.hash.lane)->CurrentToken(slot.hash.hash);
  }
  queued.pending = 1;
  queued.apart_since = outbox_.now.mono;
  queued.snapshot = std::make_shared<SnapshotOperation>(OriginOf(first_sequence_), std::move(keys),
                                                        queued.spec->NeedsValues());
  SnapshotOperation::Begin(queued.snapshot, gateway_, Flow());
}

void Pipeline::BeginManyKeys(Queued& queued, uint64_t sequence) {
  assert(queued.watches == nullptr);
  queued.pending = 1;
  queued.many = std::make_shared<ManyKeysRead>(OriginOf(sequence), *queued.spec,
                                               std::move(queued.args), session_.protocol, gateway_);
  if (ManyKeysRead::LookUp(queued.many)) return;
  queued.args = queued.many->TakeArgs();
  queued.many = nullptr;
  queued.pending = 0;
  queued.state = State::kAnswered;
  queued.reply = Reply::Failure(errors::TooMuchHeavyWork());
}

// It has looked at the cache; or the store has shown a snapshot; or the reply is made of that.
void Pipeline::OnManyKeys(Queued& queued) {
  ManyKeysRead& many = *queued.many;
  if (many.needs_snapshot()) {
    ++queued.pending;
    queued.apart_since = outbox_.now.mono;
    queued.snapshot = many.TakeSnapshot();
    SnapshotOperation::Begin(queued.snapshot, gateway_, Flow());
    return;
  }
  const bool failed = queued.snapshot != nullptr && queued.snapshot->error().has_value();
  if (queued.snapshot != nullptr && !failed) {
    ++queued.pending;
    ManyKeysRead::AnswerFrom(queued.many, std::exchange(queued.snapshot, nullptr));
    return;
  }
  outbox_.stats->hits.Add(many.hits());
  outbox_.stats->misses.Add(many.misses());
  Reply reply = failed ? ErrorReply(*queued.snapshot->error()) : std::move(many.reply());
  if (!queued.shares.empty()) {
    ++queued.pending;
    TakePart(queued, many.origin().part, std::move(reply));
    return;
  }
  queued.state = State::kAnswered;
  queued.reply = std::move(reply);
  queued.args = many.TakeArgs();
}

}  // namespace weir::gateway
