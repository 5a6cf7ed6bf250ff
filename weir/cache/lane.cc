#include "weir/cache/lane.h"

#include <cassert>

namespace weir::cache {

void Lane::Store(std::string_view key, uint64_t hash, const std::optional<Value>& value,
                 const Keep& keep, WallTime now) {
  if (value.has_value()) {
    cache_.Put(key, hash, *value, keep.value_until, now);
  } else {
    cache_.PutAbsent(key, hash, keep.absent_until, now);
  }
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

void Lane::Publish(std::string_view key, uint64_t hash, const std::optional<Value>& value,
                   const Keep& keep, WallTime now) {
  tokens_.Bump(hash);
  if (InDoubt(hash)) {
    cache_.Erase(key, hash);
    return;
  }
  Store(key, hash, value, keep, now);
}

void Lane::Doubt(std::string_view key, uint64_t hash) {
  tokens_.Bump(hash);
  cache_.Erase(key, hash);
  ++doubts_[hash];
}

void Lane::Settle(uint64_t hash) {
  const auto doubt = doubts_.find(hash);
  assert(doubt != doubts_.end());
  if (--doubt->second == 0) doubts_.erase(doubt);
  tokens_.Bump(hash);
}

Cache Lane::Clear() {
  tokens_.BumpAll();
  return cache_.TakeEntries();
}

}  // namespace weir::cache
