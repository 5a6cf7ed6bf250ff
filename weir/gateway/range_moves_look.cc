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
using Stage = shard::RangeMove::Stage;

size_t BytesOf(const store::Scanned::Item& item) {
  return item.key.size() + item.record.value.size();
}

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

// The piece was read ahead, or is being read, or is read now.
void RangeMoves::LookFrom(const MovingPtr& moving, uint64_t from) {
  std::shared_ptr<Look> look;
  bool begins = false;
  bool there = false;
  {
    const std::lock_guard lock(mutex_);
    look = std::exchange(moving->ahead, nullptr);
    begins = look == nullptr || look->from != from;
    if (begins) look = std::make_shared<Look>();
    there = !begins && look->reads == 0;
    look->wanted = true;
  }
  if (begins) return ReadFrom(moving, look, from);
  if (there) OnPiece(moving, look);
}

// What comes after a piece of the range that begins at `from`, if it is time for more.
void RangeMoves::ReadAhead(const MovingPtr& moving, uint64_t from) {
  auto look = std::make_shared<Look>();
  {
    const std::lock_guard lock(mutex_);
    if (from == moving->range.to.value || ending_ || moving->paused || !MayLook(*moving)) return;
    moving->ahead = look;
  }
  ReadFrom(moving, look, from);
}

void RangeMoves::ReadFrom(const MovingPtr& moving, const std::shared_ptr<Look>& look,
                          uint64_t from) {
  store::ScanRange wanted;
  Database& other = *databases_[moving->copy.database];
  bool together = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = PieceOf(*moving, from);
    look->from = from;
    look->end = wanted.to;
    // Both have the same there. A copy that is not made yet may hold nothing but what RocksDB knows
    // to be removed, and is read no further than the source.
    together = moving->machine.stage() == Stage::kVerify;
    look->reads = 2;
  }
  store::ScanRange copy = wanted;
  copy.shard = moving->copy.shard;
  const auto on_copy = [this, moving, look](Result<store::Scanned> read) {
    OnRead(moving, look, std::move(read), &Look::copy);
  };
  if (together) other.Scan(copy, on_copy);
  databases_[moving->source.database]->Scan(
      wanted, [this, moving, look, copy, together, on_copy, &other](Result<store::Scanned> read) {
        const bool goes_on = !together && read.ok();
        store::ScanRange rest = copy;
        if (goes_on) rest.to = read.value().next.value_or(copy.to);
        if (!together && !goes_on) on_copy(read.error());
        OnRead(moving, look, std::move(read), &Look::source);
        if (goes_on) other.Scan(rest, on_copy);
      });
}

// One side of a piece was read.
void RangeMoves::OnRead(const MovingPtr& moving, const std::shared_ptr<Look>& look,
                        Result<store::Scanned> read, Items Look::*side) {
  {
    const std::lock_guard lock(mutex_);
    if (read.ok()) {
      (*look).*side = std::move(read.value().items);
      look->now = std::max(look->now, read.value().now);
      const auto& next = read.value().next;
      // 0 is the end of all.
      if (next && (look->end == 0 || *next < look->end)) look->end = *next;
    } else {
      look->error = read.error();
    }
    if (--look->reads > 0 || !look->wanted) return;
  }
  OnPiece(moving, look);
}

void RangeMoves::OnPiece(const MovingPtr& moving, const std::shared_ptr<Look>& look) {
  if (look->error) return Fail(moving, *look->error);
  if (look->end != 0) {
    const auto beyond = [&](const auto& item) { return item.position >= look->end; };
    std::erase_if(look->source, beyond);
    std::erase_if(look->copy, beyond);
  }
  ReadAhead(moving, look->end);
  OnLook(moving, look);
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
    if (!source.ok()) return Fail(moving, source.error());
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
  size_t bytes = 0;
  for (const auto& item : look->source) bytes += BytesOf(item);
  shard::MoveRepair repair;
  {
    const std::lock_guard lock(mutex_);
    const Stage stage = moving->machine.stage();
    repair = moving->machine.OnLook(seen, {look->end});
    budget_bytes_ -= static_cast<int64_t>(bytes);
    if (look->wanted) moving->progress.Note(stage == Stage::kVerify ? 1 : 0, bytes);
  }
  repair.empty() ? Succeed(moving) : Repair(moving, look, repair, copy_is_bare);
}

void RangeMoves::Repair(const MovingPtr& moving, const std::shared_ptr<Look>& look,
                        const shard::MoveRepair& repair, bool copy_is_bare) {
  store::Batch batch;
  batch.writes.reserve(repair.removals.size() + repair.puts.size());
  for (const size_t index : repair.removals) {
    batch.writes.push_back(Removal(moving->copy.shard, look->copy[index]));
  }
  size_t bytes = 0;
  for (const size_t index : repair.puts) {
    store::Scanned::Item& item = look->source[index];
    bytes += BytesOf(item);
    store::Write& write = batch.writes.emplace_back();
    write.key = {moving->copy.shard, item.position, std::move(item.key)};
    write.version = item.record.version;
    write.record = std::move(item.record);
    if (copy_is_bare) write.known = store::Prior{};
  }
  {
    const std::lock_guard lock(mutex_);
    moving->keys += repair.puts.size();
    totals_.keys += repair.puts.size();
    moving->bytes += bytes;
    totals_.bytes += bytes;
  }
  Apply(moving, std::move(batch));
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

void RangeMoves::Apply(const MovingPtr& moving, store::Batch batch) {
  batch.copies = true;
  const auto writes = std::make_shared<store::Batch>(std::move(batch));
  const auto prepared = [this, moving, writes](Result<std::shared_ptr<store::Prepared>> made) {
    if (!made.ok()) return Fail(moving, made.error());
    writes->prepared = std::move(made).value();
    Submit(moving, writes);
  };
  if (!databases_[moving->copy.database]->store().Prepare(writes, prepared)) Submit(moving, writes);
}

// As a turn of the copy's log.
void RangeMoves::Submit(const MovingPtr& moving, const std::shared_ptr<store::Batch>& writes) {
  Committer& committer = CommitterOf(moving->copy);
  store::Store& store = databases_[moving->copy.database]->store();
  WallTime earliest = kNever;
  for (const store::Write& write : writes->writes) {
    if (write.record.has_value()) earliest = std::min(earliest, write.record->expires_at);
  }
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
