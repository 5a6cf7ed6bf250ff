#include "sim/model.h"

#include <algorithm>
#include <utility>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"

namespace weir::sim {
namespace {

uint64_t Mix(uint64_t hash, uint64_t number) {
  return Random(hash ^ number).Next();
}

}  // namespace

Space::Space(std::vector<Cell> cells, std::vector<uint32_t> databases, size_t sessions)
    : cells_(std::move(cells)), databases_(std::move(databases)), watched_(sessions) {
  for (size_t i = 0; i < cells_.size(); ++i) hash_ += HashOf(i);
}

uint64_t Space::HashOf(size_t index) const {
  const Cell& cell = cells_[index];
  if (!cell.present) return 0;
  uint64_t hash = Mix(StableHash(cell.value), index);
  hash = Mix(hash, static_cast<uint64_t>(cell.from_ms));
  return Mix(hash, static_cast<uint64_t>(cell.to_ms));
}

uint64_t Space::HashOfWatch(size_t session) const {
  uint64_t hash = 0;
  for (const WatchedKey& key : watched_[session]) {
    hash = Mix(hash, (uint64_t{key.cell} << 2 | (key.was_present ? 2 : 0) | (key.written ? 1 : 0)) +
                         (uint64_t{session} << 32) + 1);
  }
  return hash;
}

void Space::Put(size_t index, Cell cell, bool written) {
  hash_ -= HashOf(index);
  undo_.push_back({false, index, std::exchange(cells_[index], std::move(cell)), {}});
  hash_ += HashOf(index);
  for (size_t session = 0; written && session < watched_.size(); ++session) {
    const std::vector<WatchedKey>& keys = watched_[session];
    const auto untouched = [index](const WatchedKey& key) {
      return key.cell == index && !key.written;
    };
    if (std::none_of(keys.begin(), keys.end(), untouched)) continue;
    std::vector<WatchedKey> touched = keys;
    for (WatchedKey& key : touched) key.written |= key.cell == index;
    Watch(session, std::move(touched));
  }
}

void Space::Watch(size_t session, std::vector<WatchedKey> keys) {
  undo_.push_back({true, session, {}, watched_[session]});
  SetWatch(session, std::move(keys));
}

void Space::SetWatch(size_t session, std::vector<WatchedKey> keys) {
  hash_ -= HashOfWatch(session);
  watched_[session] = std::move(keys);
  hash_ += HashOfWatch(session);
}

void Space::Undo(size_t mark) {
  while (undo_.size() > mark) {
    Change& change = undo_.back();
    if (change.watch) {
      SetWatch(change.index, std::move(change.keys));
    } else {
      hash_ -= HashOf(change.index);
      cells_[change.index] = std::move(change.cell);
      hash_ += HashOf(change.index);
    }
    undo_.pop_back();
  }
}

}  // namespace weir::sim
