#include "weir/gateway/write_batch.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <numeric>
#include <utility>

#include "weir/gateway/command.h"
#include "weir/gateway/errors.h"

namespace weir::gateway {
namespace {

bool IsLive(const store::Record& record, WallTime now) {
  return record.expires_at > now;
}

// Whether the command overwrites or erases its keys whatever they hold.
bool IsBlind(const WriteItem& item) {
  return item.command->blind != nullptr && item.command->blind(item.args.views());
}

store::Key StoreKey(const Placement& placement, const std::string& key) {
  const KeyPlace place = placement.Place(key);
  return {place.place.shard, place.position, key};
}

// A transaction runs whole or not at all, so a step is certain to run only if no other can keep it
// from running. Under a watch none is; and who counts all records must know of each whether it was
// there.
bool IsBlind(const TransactionBody& body) {
  if (body.watches != nullptr || body.whole) return false;
  return std::all_of(body.steps.begin(), body.steps.end(),
                     [](const WriteItem& step) { return step.KeyCount() == 0 || IsBlind(step); });
}

}  // namespace

void WriteBatch::Add(std::unique_ptr<WriteItem> item, WallTime now) {
  now_ = now;
  if (item->transaction != nullptr) {
    EnterTransaction(*item->transaction);
  } else {
    EnterKeys(*item, IsBlind(*item));
  }
  items_.push_back(std::move(item));
}

void WriteBatch::EnterKeys(const WriteItem& item, bool blind) {
  copies_ |= (item.command->flags & kFlagCopies) != 0;
  held_bytes_ += item.args.bytes();
  const size_t count = item.KeyCount();
  for (size_t key = 0; key < count; ++key) {
    const std::string_view name = item.args[item.command->KeyIndex(key)];
    const KeyHash hash = key == 0 ? item.hash : placement_.Hash(name);
    keys_.push_back(static_cast<uint32_t>(Enter(name, hash, blind)));
  }
}

void WriteBatch::EnterTransaction(const TransactionBody& body) {
  const bool watches = body.watches != nullptr;
  for (size_t i = 0; watches && i < body.watches->keys.size(); ++i) {
    const WatchedKey& watched = body.watches->keys[i];
    keys_.push_back(static_cast<uint32_t>(Enter(watched.key, watched.hash, false)));
  }
  const bool blind = IsBlind(body);
  for (const WriteItem& step : body.steps) EnterKeys(step, blind);
}

void WriteBatch::Prefetch(const WriteItem& item, bool entry) const {
  const Lanes::Locked lane = lanes_.Lock(item.hash.lane);
  const std::string_view key = item.first_key().value_or("");
  if (entry) {
    lane->PrefetchEntry(key, item.hash.hash);
  } else {
    lane->PrefetchSlot(key, item.hash.hash);
  }
}

size_t WriteBatch::Enter(std::string_view key, const KeyHash& hash, bool blind) {
  cache::Group& group = groups_.At(key, hash.hash);
  const size_t index = group.index();
  // Only the first command on a key asks for its base: whatever comes later in the batch finds
  // what the ones before made of it. (A blind command always succeeds.)
  if (index < members_.size()) return index;
  members_.push_back({&group, hash.lane});
  Member& member = members_[index];
  const Lanes::Locked lane = lanes_.Lock(hash.lane);
  member.token = lane->CurrentToken(hash.hash);
  const std::optional<cache::Cache::Hit> hit = lane->Find(key, hash.hash, now_);
  if (!hit.has_value()) {
    member.missing = !blind;
  } else if (hit->absent) {
    group.SetBase(std::nullopt, true);
  } else {
    Bytes bytes;  // A blind command has no use for the value itself.
    if (!blind) bytes = hit->shared != nullptr ? *hit->shared : Bytes::Copy(hit->value);
    held_bytes_ += bytes.size();
    group.SetBase(cache::Value{std::move(bytes), hit->expires_at, hit->version}, true);
  }
  return index;
}

std::vector<store::Key> WriteBatch::MissingKeys() const {
  std::vector<store::Key> missing;
  for (const Member& member : members_) {
    if (member.missing) missing.push_back(StoreKey(placement_, member.group->key()));
  }
  return missing;
}

void WriteBatch::SetBases(const store::Loads& loaded) {
  const std::vector<std::optional<store::Record>>& records = loaded.records;
  size_t next = 0;
  size_t next_left = 0;
  for (Member& member : members_) {
    if (!member.missing) continue;
    if (next == records.size()) return;
    if (next_left < loaded.left.size() && loaded.left[next_left].index == next) {
      ++next_left;
      ++next;
      continue;
    }
    const std::optional<store::Record>& record = records[next++];
    if (record.has_value()) held_bytes_ += record->value.size();
    member.missing = false;
    if (record.has_value() && IsLive(*record, now_)) {
      member.group->SetBase(cache::Value{record->value, record->expires_at, record->version}, true);
    } else {  // Not exact when an expired record still stands there.
      member.group->SetBase(std::nullopt, !record.has_value());
    }
  }
}

void WriteBatch::Run(const std::optional<Unread>& unread) {
  first_key_ = 0;
  for (size_t i = 0; i < items_.size(); ++i) {
    WriteItem& item = *items_[i];
    const size_t next = first_key_ + item.KeyCount();
    const bool can_run = CanRun(item, unread.has_value());
    assert(can_run || unread.has_value());
    const bool waits = !can_run && unread->for_want_of_room;
    if (i > 0 && (waits || made_bytes_ > memory_.made_bytes_max())) {
      const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(i);
      rest_.assign(std::make_move_iterator(begin), std::make_move_iterator(items_.end()));
      items_.erase(begin, items_.end());
      keys_.resize(first_key_);
      return;
    }
    if (can_run) {
      RunItem(item);
    } else {
      item.reply = ErrorReply(unread->error);
    }
    first_key_ = next;
  }
}

void WriteBatch::RunItem(WriteItem& item) {
  if (item.transaction != nullptr) {
    RunTransaction(item);
  } else {
    running_copies_ = (item.command->flags & kFlagCopies) != 0;
    item.command->write(*this, item);
    running_copies_ = false;
    if (std::exchange(refused_, false)) {
      item.reply = Reply::Failure(errors::NoRoomForValue());
    }
  }
  made_bytes_ += item.reply.bulk.size() + item.reply.items.size() * sizeof(Reply);
}

// Whether nothing that the item may look at is unknown. `failed`: something could not be read.
bool WriteBatch::CanRun(const WriteItem& item, bool failed) {
  if (item.transaction != nullptr ? IsBlind(*item.transaction) : IsBlind(item)) return true;
  if (item.transaction != nullptr && item.transaction->whole && failed) return false;
  const size_t count = item.KeyCount();
  for (size_t key = 0; key < count; ++key) {
    if (!GroupOf(key).known()) return false;
  }
  return true;
}

void WriteBatch::RunTransaction(WriteItem& item) {
  TransactionBody& body = *item.transaction;
  if (body.watches != nullptr) {
    if (!WatchesHold(*body.watches)) {
      item.reply = Reply::NullArray();
      return;
    }
    first_key_ += body.watches->keys.size();
  }
  body.now = now_;
  for (WriteItem& step : body.steps) {
    const size_t count = step.KeyCount();
    switch (step.command->kind) {
      case CommandKind::kWrite:
        if (made_bytes_ > memory_.made_bytes_max() && (step.command->flags & kFlagCopies) != 0) {
          step.reply = Reply::Failure(errors::TooMuchMade(memory_.made_bytes_max()));
          break;
        }
        RunItem(step);
        break;
      case CommandKind::kRead:
        for (size_t key = 0; key < count; ++key) {
          const cache::Value* value = Find(key);
          body.found.push_back(value != nullptr ? std::optional(*value) : std::nullopt);
          body.tokens.push_back(members_[MemberOf(key)].token);
        }
        break;
      case CommandKind::kOperation:
        if (!body.RunsApart(step)) step.command->in_transaction(*this, step);
        break;
      case CommandKind::kLocal:  // It is answered on the connection's loop.
      case CommandKind::kAuthenticate:
      case CommandKind::kWait:
      case CommandKind::kExec:
        break;
    }
    first_key_ += count;
  }
  item.reply = Reply::Array({});
}

// Requires: the watched keys are the first of the running item.
bool WriteBatch::WatchesHold(const Watches& watches) {
  for (size_t key = 0; key < watches.keys.size(); ++key) {
    assert(watches.keys[key].read);
    const cache::Value* value = Find(key);
    const std::optional<uint64_t>& watched = watches.keys[key].version;
    if (watched.has_value() != (value != nullptr)) return false;
    if (value != nullptr && value->version != *watched) return false;
  }
  return true;
}

void WriteBatch::Empty() {
  clears_ = true;
  records_ = 0;
  for (cache::Group& group : groups_) group.Reset();
}

int64_t WriteBatch::CountRecords() {
  int64_t count = records_;
  for (const cache::Group& group : groups_) {
    count += int64_t{group.current() != nullptr} - int64_t{group.base_existed()};
  }
  return count;
}

void WriteBatch::Put(size_t key, Bytes bytes, WallTime expires_at) {
  if (expires_at <= now_) {
    GroupOf(key).Erase();
    return;
  }
  // A command of kFlagCopies puts one value, at its end. It counts already.
  const bool large = running_copies_ && bytes.size() >= Bytes::kCountedBytesMin;
  if (large && memory_.value_room() == 0) {
    refused_ = true;
    return;
  }
  made_bytes_ += bytes.size();
  GroupOf(key).Put(cache::Value{std::move(bytes), expires_at, 0});
}

void WriteBatch::EraseCounted(size_t key, WriteItem& item) {
  cache::Group& group = GroupOf(key);
  if (!group.known()) {
    item.counted_by_store.push_back(static_cast<uint32_t>(MemberOf(key)));
  } else if (group.current() != nullptr) {
    ++item.reply.integer;
  }
  group.Erase();
}

store::Batch WriteBatch::Build(bool believes_absence) {
  store::Batch batch;
  batch.now = now_;
  batch.clear = clears_;
  batch.writes.reserve(members_.size());
  for (Member& member : members_) {
    const cache::Group& group = *member.group;
    if (!group.changed()) continue;
    member.write = static_cast<uint32_t>(batch.writes.size());
    store::Write& write = batch.writes.emplace_back();
    write.key = StoreKey(placement_, group.key());
    write.version = versions_.Next(now_);
    if (const cache::Value* value = group.current()) {
      write.record = store::Record{value->bytes, value->expires_at, write.version};
    }
    if (group.base_exact() && (group.base_existed() || believes_absence)) {
      write.known = store::Prior{group.base_existed(), group.base_expires_at()};
    }
    member.group->SetVersion(write.version);
  }
  written_.clear();
  std::copy_if(keys_.begin(), keys_.end(), std::back_inserter(written_),
               [this](uint32_t key) { return members_[key].write != kNoWrite; });
  hidden_ = batch.writes.size() > kPublishedAtOnceMax;
  if (hidden_) MarkDoubtful();
  return batch;
}

std::vector<uint32_t> WriteBatch::ChangedLanes() const {
  std::vector<uint32_t> lanes;
  if (clears_) {
    lanes.resize(lanes_.count());
    std::iota(lanes.begin(), lanes.end(), 0U);
    return lanes;
  }
  lanes.reserve(members_.size());
  for (const Member& member : members_) {
    if (member.write != kNoWrite) lanes.push_back(member.lane);
  }
  return lanes;
}

void WriteBatch::AddCounts(const store::Applied& applied, WriteItem& item) const {
  for (const uint32_t index : item.counted_by_store) {
    const store::Prior& prior = applied.priors[members_[index].write];
    if (prior.existed && prior.expires_at > now_) ++item.reply.integer;
  }
}

void WriteBatch::Publish(const store::Applied& applied) {
  for (const std::unique_ptr<WriteItem>& item : items_) {
    AddCounts(applied, *item);
    if (item->transaction == nullptr) continue;
    for (WriteItem& step : item->transaction->steps) AddCounts(applied, step);
  }
  if (hidden_) {
    // A load that began before must not be answered beside one that sees the batch, so no token is
    // left as it was when the gate lets those pass.
    if (clears_) lanes_.Clear();
    for (const Member& member : members_) {
      if (member.write != kNoWrite) lanes_.Lock(member.lane)->Overtake(member.group->hash());
    }
    return;
  }
  std::vector<cache::Cache> dropped;  // Freed after the locks are released.
  const std::vector<uint32_t> numbers = ChangedLanes();
  // This thread takes in new keyspaces, if there are any, before it holds lanes, not while.
  placement_.KeyspaceOf({});
  const Lanes::LockedSet lanes(lanes_, numbers);
  if (clears_) {
    for (const uint32_t number : numbers) dropped.push_back(lanes[number].Clear());
  }
  for (const Member& member : members_) {
    if (member.write == kNoWrite) continue;
    lanes[member.lane].PrefetchSlot(member.group->key(), member.group->hash());
  }
  for (const Member& member : members_) {
    if (member.write == kNoWrite) continue;
    lanes[member.lane].PrefetchEntry(member.group->key(), member.group->hash());
  }
  for (const Member& member : members_) {
    if (member.write == kNoWrite) continue;
    const cache::Group& group = *member.group;
    const cache::Value* value = group.current();
    lanes[member.lane].Publish(
        group.key(), group.hash(), value != nullptr ? std::optional(*value) : std::nullopt,
        placement_.KeyspaceOf(group.key()).KeepFrom(now_, group.hash()), now_);
  }
}

std::vector<ClientTracking::Change> WriteBatch::Changes() const {
  // Whoever named a key counts as its writer: at worst somebody is told of what it did itself.
  std::vector<std::optional<uint64_t>> writers(members_.size());
  size_t next = 0;
  for (const std::unique_ptr<WriteItem>& item : items_) {
    for (const size_t end = next + item->KeyCount(); next < end; ++next) {
      std::optional<uint64_t>& writer = writers[keys_[next]];
      writer = writer.value_or(item->origin.connection) == item->origin.connection
                   ? item->origin.connection
                   : 0;
    }
  }
  std::vector<ClientTracking::Change> changes;
  changes.reserve(members_.size());
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].write == kNoWrite) continue;
    const cache::Group& group = *members_[i].group;
    changes.push_back({group.key(), group.hash(), writers[i].value_or(0)});
  }
  return changes;
}

void WriteBatch::FailAll(const Error& error) {
  // Errors too: they may say what another write of the batch, which failed with it, had made true.
  for (const std::unique_ptr<WriteItem>& item : items_) item->reply = ErrorReply(error);
}

void WriteBatch::Reveal() {
  if (std::exchange(hidden_, false)) Settle();
}

void WriteBatch::Doubt(const Error& error) {
  FailAll(error);
  if (clears_) lanes_.Clear();
  if (!std::exchange(hidden_, false)) MarkDoubtful();
}

void WriteBatch::MarkDoubtful() {
  for (const Member& member : members_) {
    if (member.write == kNoWrite) continue;
    lanes_.Lock(member.lane)->Doubt(member.group->key(), member.group->hash());
  }
}

void WriteBatch::Settle() {
  for (const Member& member : members_) {
    if (member.write == kNoWrite) continue;
    lanes_.Lock(member.lane)->Settle(member.group->hash());
  }
}

void WriteBatch::Refuse(const Error& error) {
  FailAll(error);
  Reveal();
}

std::vector<std::unique_ptr<WriteItem>> WriteBatch::TakeItems(std::chrono::nanoseconds took) {
  const auto weight = [](const std::unique_ptr<WriteItem>& item) {
    return static_cast<int64_t>(std::max<size_t>(item->KeyCount(), 1));
  };
  int64_t weights = 0;
  for (const std::unique_ptr<WriteItem>& item : items_) weights += weight(item);
  uint32_t place = 0;
  for (std::unique_ptr<WriteItem>& item : items_) {
    item->database_time = took / weights * weight(item);
    item->place = place++;
  }
  return std::exchange(items_, {});
}

void WriteBatch::Clear() {
  assert(items_.empty());
  members_.clear();
  keys_.clear();
  written_.clear();
  groups_.Clear();
  clears_ = false;
  records_ = 0;
  copies_ = false;
  held_bytes_ = 0;
  made_bytes_ = 0;
}

}  // namespace weir::gateway
