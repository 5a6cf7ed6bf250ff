// The half of RangeMoves that reads both sides of a move and repairs the copy.
#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/base/key_hash.h"
#include "weir/gateway/range_moves.h"
#include "weir/gateway/range_moving.h"

namespace weir::gateway {
namespace {

using Items = std::vector<store::Scanned::Item>;

// What is not due at `now`, in order, and what the move sees of it.
std::vector<shard::MovedRecord> Take(Items* items, WallTime now) {
  std::erase_if(*items, [&](const auto& item) { return item.record.expires_at <= now; });
  std::vector<shard::MovedRecord> seen;
  seen.reserve(items->size());
  for (const store::Scanned::Item& item : *items) {
    seen.push_back({{item.position},
                    item.key,
                    item.record.version,
                    item.record.expires_at.ms,
                    StableHash(item.record.value.view())});
  }
  return seen;
}

bool AnyDue(const Items& items, WallTime now) {
  return std::any_of(items.begin(), items.end(),
                     [now](const auto& item) { return item.record.expires_at <= now; });
}

Items ItemsOf(const std::vector<store::Key>& keys, store::Loads loads) {
  Items items;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!loads.records[i].has_value()) continue;
    items.push_back({keys[i].position, keys[i].key, std::move(*loads.records[i])});
  }
  return items;
}

store::Write Removal(uint32_t shard, const store::Scanned::Item& item) {
  store::Write write;
  write.key = {shard, item.position, item.key};
  write.version = item.record.version + 1;
  return write;
}

}  // namespace

void RangeMoves::LookFrom(const MovingPtr& moving, uint64_t from) {
  const store::ScanRange wanted{moving->source.shard,   from, moving->range.to.value,
                                options_.piece_records, true, kPieceBytes};
  const auto look = std::make_shared<Look>();
  databases_[moving->source.database]->Scan(
      wanted, [this, moving, look, wanted](Result<store::Scanned> source) {
        if (!source.ok()) return Fail(moving, source.error(), Side::kSource);
        look->source = std::move(source.value().items);
        look->end = source.value().next.value_or(wanted.to);
        look->now = source.value().now;
        store::ScanRange other = wanted;
        other.shard = moving->copy.shard;
        other.to = look->end;
        databases_[moving->copy.database]->Scan(other, [this, moving,
                                                        look](Result<store::Scanned> copy) {
          if (!copy.ok()) return Fail(moving, copy.error());
          look->copy = std::move(copy.value().items);
          look->now = std::max(look->now, copy.value().now);
          if (const auto& next = copy.value().next) {
            look->end = *next;
            std::erase_if(look->source, [&](const auto& item) { return item.position >= *next; });
          }
          OnLook(moving, look);
        });
      });
}

void RangeMoves::LookAt(const MovingPtr& moving, std::vector<std::string> names) {
  const auto keys = std::make_shared<std::vector<store::Key>>();
  for (std::string& name : names) {
    const uint64_t position = shard::PositionOf(name).value;
    keys->push_back({moving->source.shard, position, std::move(name)});
  }
  std::sort(keys->begin(), keys->end(), [](const store::Key& a, const store::Key& b) {
    return std::tie(a.position, a.key) < std::tie(b.position, b.key);
  });
  const size_t most = keys->size() == 1 ? SIZE_MAX : kKeysBytes;
  const auto look = std::make_shared<Look>();
  const auto too_large = [this, moving] {
    {
      const std::lock_guard lock(mutex_);
      moving->machine.LookAtFewer();
      moving->working = false;
    }
    Go(moving);
  };
  const auto on_copy = [this, moving, keys, look, too_large](Result<store::Loads> copy) {
    if (!copy.ok()) return Fail(moving, copy.error());
    if (!copy.value().left.empty()) return too_large();
    look->now = std::max(look->now, copy.value().now);
    look->copy = ItemsOf(*keys, std::move(copy).value());
    OnLook(moving, look);
  };
  const auto on_source = [this, moving, keys, look, most, too_large,
                          on_copy](Result<store::Loads> source) {
    if (!source.ok()) return Fail(moving, source.error(), Side::kSource);
    if (!source.value().left.empty()) return too_large();
    look->now = source.value().now;
    look->source = ItemsOf(*keys, std::move(source).value());
    for (store::Key& key : *keys) key.shard = moving->copy.shard;
    databases_[moving->copy.database]->LoadSnapshot(
        {.keys = *keys, .bytes_max = most, .done = on_copy}, limit::FlowId{0});
  };
  databases_[moving->source.database]->LoadSnapshot(
      {.keys = *keys, .bytes_max = most, .done = on_source}, limit::FlowId{0});
}

void RangeMoves::OnLook(const MovingPtr& moving, const std::shared_ptr<Look>& look) {
  // Not before what either database has removed as due.
  look->now = std::max(look->now, clock_.Wall());
  // Not even of what is due. Only the move itself puts anything there, so that stays true:
  // writes of clients that were queued for the old place at a flip come back.
  const bool copy_is_bare = look->copy.empty();
  shard::MoveLook seen;
  seen.source = Take(&look->source, look->now);
  seen.copy = Take(&look->copy, look->now);
  store::Batch batch;
  bool equal = false;
  {
    const std::lock_guard lock(mutex_);
    const shard::MoveRepair repair = moving->machine.OnLook(seen, {look->end});
    for (const auto& item : look->source) {
      budget_bytes_ -= static_cast<int64_t>(item.key.size() + item.record.value.size());
    }
    for (const size_t index : repair.removals) {
      batch.writes.push_back(Removal(moving->copy.shard, look->copy[index]));
    }
    for (const size_t index : repair.puts) {
      store::Scanned::Item& item = look->source[index];
      const size_t bytes = item.key.size() + item.record.value.size();
      ++moving->keys;
      ++totals_.keys;
      moving->bytes += bytes;
      totals_.bytes += bytes;
      store::Write& write = batch.writes.emplace_back();
      write.key = {moving->copy.shard, item.position, std::move(item.key)};
      write.version = item.record.version;
      write.record = std::move(item.record);
      if (copy_is_bare) write.known = store::Prior{};
    }
    equal = batch.writes.empty();
  }
  equal ? Succeed(moving) : Apply(moving, std::move(batch));
}

void RangeMoves::CleanFrom(const MovingPtr& moving, uint64_t from) {
  const store::ScanRange wanted{moving->copy.shard, from, moving->range.to.value,
                                options_.piece_records};
  databases_[moving->copy.database]->Scan(
      wanted, [this, moving, wanted](const Result<store::Scanned>& scanned) {
        if (!scanned.ok()) return Fail(moving, scanned.error());
        store::Batch batch;
        bool empty = false;
        {
          const std::lock_guard lock(mutex_);
          if (AnyDue(scanned.value().items, clock_.Wall())) {
            moving->machine.Failed();
            moving->working = false;
            return;  // Removed as due first, so that clients with caches are told.
          }
          moving->machine.OnCleaned({scanned.value().next.value_or(wanted.to)});
          for (const store::Scanned::Item& item : scanned.value().items) {
            budget_bytes_ -= static_cast<int64_t>(item.key.size());
            batch.writes.push_back(Removal(wanted.shard, item));
          }
          empty = batch.writes.empty();
        }
        empty ? Succeed(moving) : Apply(moving, std::move(batch));
      });
}

// As a turn of the copy's log.
void RangeMoves::Apply(const MovingPtr& moving, store::Batch batch) {
  Committer& committer = CommitterOf(moving->copy);
  store::Store& store = databases_[moving->copy.database]->store();
  WallTime earliest = kNever;
  for (const store::Write& write : batch.writes) {
    if (write.record.has_value()) earliest = std::min(earliest, write.record->expires_at);
  }
  batch.copies = true;
  const auto writes = std::make_shared<store::Batch>(std::move(batch));
  committer.SubmitStoreWrite(
      [this, &store, &committer, writes, earliest](const store::Done<store::CommitNumber>& done) {
        writes->now = clock_.Wall();
        store.Apply(std::move(*writes),
                    [&committer, earliest, done](const Result<store::Applied>& applied) {
                      // Within the turn: what a removal before it found to be the next is older
                      // than these.
                      committer.NoteExpiry(earliest);
                      done(applied.ok() ? Result<store::CommitNumber>(applied.value().commit)
                                        : Result<store::CommitNumber>(applied.error()));
                    });
      },
      [this, moving](const Result<Ok>& applied) {
        applied.ok() ? Succeed(moving) : Fail(moving, applied.error());
      });
}

}  // namespace weir::gateway
