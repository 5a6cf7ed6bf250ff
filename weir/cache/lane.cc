#include "weir/cache/lane.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace weir::cache {
namespace {

constexpr size_t kNotesMin = 4096;             // Bits.
constexpr size_t kNotesMax = size_t{1} << 22;  // 32 MiB for 64 lanes.

Until UntilOf(WallTime fresh, std::chrono::milliseconds stale, WallTime now) {
  if (fresh <= now || fresh == kNever) return fresh;
  return {fresh, {fresh.ms + stale.count()}};
}

}  // namespace

void Lane::Store(std::string_view key, uint64_t hash, const std::optional<Value>& value,
                 const Keep& keep, WallTime now) {
  const uint64_t place = epochs_.Apply(key, hash);
  if (value.has_value()) {
    cache_.Put(key, place, *value, UntilOf(keep.value_until, keep.stale, now), now);
  } else {
    cache_.PutAbsent(key, place, UntilOf(keep.absent_until, keep.stale, now), now);
  }
}

std::optional<LoadId> Lane::BeginRefresh(std::string_view key, uint64_t hash) {
  if (InDoubt(hash) || CanJoin(key, hash)) return std::nullopt;
  const Result<LoadId> begun = loads_.Begin(key, hash, tokens_.Current(hash));
  return begun.ok() ? std::optional(begun.value()) : std::nullopt;
}

Loads::Finished Lane::Finish(LoadId load, const std::optional<Value>& value, const Keep& keep,
                             WallTime now) {
  Loads::Finished finished = loads_.Finish(load);
  Fill(finished.key, finished.hash, finished.token, value, keep, now);
  return finished;
}

void Lane::Fill(std::string_view key, uint64_t hash, Token token, const std::optional<Value>& value,
                const Keep& keep, WallTime now) {
  if (token != tokens_.Current(hash) || InDoubt(hash)) {
    ++counters_.stale_fills_rejected;
    return;
  }
  ++counters_.fills;
  Store(key, hash, value, keep, now);
}

bool Lane::FillLast(std::string_view key, uint64_t hash, Token token, const Value& value,
                    const Keep& keep, WallTime now) {
  if (token != tokens_.Current(hash) || InDoubt(hash)) {
    ++counters_.stale_fills_rejected;
    return false;
  }
  const Until until = UntilOf(keep.value_until, keep.stale, now);
  if (!cache_.PutLast(key, epochs_.Apply(key, hash), value, until, now)) return false;
  ++counters_.fills;
  return true;
}

void Lane::BeginRestore() {
  assert(doubts_.empty());
  const size_t notes = std::clamp(cache_.budget_bytes() / kBytesPerNote, kNotesMin, kNotesMax);
  tokens_.Note(static_cast<unsigned>(std::bit_width(notes)) - 1);
}

bool Lane::Restore(std::string_view key, uint64_t hash, const Value& value, const Keep& keep,
                   WallTime now) {
  if (!tokens_.Unchanged(hash)) return false;
  const Until until = UntilOf(keep.value_until, keep.stale, now);
  return cache_.PutLast(key, epochs_.Apply(key, hash), value, until, now);
}

void Lane::Publish(std::string_view key, uint64_t hash, const std::optional<Value>& value,
                   const Keep& keep, WallTime now) {
  tokens_.Bump(hash);
  if (InDoubt(hash)) {
    cache_.Erase(key, epochs_.Apply(key, hash));
    return;
  }
  Store(key, hash, value, keep, now);
}

void Lane::Doubt(std::string_view key, uint64_t hash) {
  tokens_.Bump(hash);
  cache_.Erase(key, epochs_.Apply(key, hash));
  ++doubts_[hash];
}

void Lane::Settle(uint64_t hash) {
  const auto doubt = doubts_.find(hash);
  assert(doubt != doubts_.end());
  if (--doubt->second == 0) doubts_.erase(doubt);
  tokens_.Bump(hash);
}

void Lane::Invalidate(std::string_view key, uint64_t hash) {
  tokens_.Bump(hash);
  cache_.Erase(key, epochs_.Apply(key, hash));
}

void Lane::InvalidateTag(std::string_view tag) {
  tokens_.BumpAll();
  epochs_.RaiseTag(tag);
}

void Lane::InvalidatePrefix(std::string_view prefix) {
  tokens_.BumpAll();
  epochs_.RaisePrefix(prefix);
}

Cache Lane::Clear() {
  tokens_.BumpAll();
  epochs_ = Epochs();  // Nothing is left that must not be found.
  return cache_.TakeEntries();
}

Lane::Taken Lane::Take() {
  Epochs epochs = epochs_;
  return {Clear(), std::move(epochs)};
}

}  // namespace weir::cache
