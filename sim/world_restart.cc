// What a new process of the simulated node finds in memory of the one before, and how.
#include <algorithm>
#include <utility>

#include "sim/world.h"

#include "weir/gateway/key_listing.h"

namespace weir::sim {
namespace {

constexpr size_t kListedBytesMax = size_t{64} << 10;
constexpr std::chrono::microseconds kRestorePauseMax{500};

}  // namespace

// As the server does: from the snapshot, if nothing was written since, or by reading again.
void World::FillMemory() {
  ++processes_;
  restored_ = 0;
  if (!SnapshotHolds()) return Warm();
  node_->gateway().restore().Begin();
  RestoreSome();
}

// Where the last batch of a process that was killed may yet happen, the snapshot is of no use.
bool World::SnapshotHolds() const {
  if (snapshot_.commits.empty()) return false;
  for (size_t i = 0; i < contents_.size(); ++i) {
    const gateway::ScriptedStore::Contents& contents = *contents_[i];
    if (contents.unsettled || contents.late) return false;
    if (contents.commit != snapshot_.commits[i]) return false;
  }
  return true;
}

void World::RestoreSome() {
  gateway::CacheRestore& restore = node_->gateway().restore();
  for (uint64_t some = 1 + random_.Below(4); some > 0; --some) {
    if (restored_ == snapshot_.entries.size()) return restore.End();
    const Snapshot::Entry& entry = snapshot_.entries[restored_++];
    gateway::SnapshotEntry put = entry.rest;
    put.key = entry.key;
    put.value = entry.value;
    restore.Put(put, clock_.Wall());
  }
  const std::chrono::nanoseconds pause(
      random_.Below(std::chrono::nanoseconds(kRestorePauseMax).count()));
  scheduler_.After(pause, [this, process = processes_] {
    if (node_ != nullptr && process == processes_) RestoreSome();
  });
}

// As after a restart with the list of the process before, or with one that names what it did not.
void World::Warm() {
  gateway::KeyList keys = listed_;
  if (keys.empty() || random_.OneIn(2)) {
    for (const std::string& key : workload_.keys()) keys.Add(key);
  }
  node_->gateway().Warm(std::move(keys));
}

void World::LookAtMemory() {
  if (random_.OneIn(100)) {
    listed_ = {};
    gateway::ListKeys(node_->gateway().lanes(), kListedBytesMax, [this](std::string_view key) {
      listed_.Add(key);
      return true;
    });
  }
  // As at the end of a process that was asked to stop: no write is under way.
  if (plan_.crash_one_in != 0 && node_->idle() && random_.OneIn(20)) {
    TakeSnapshot();
    crash_due_ = true;
  }
}

void World::TakeSnapshot() {
  snapshot_ = {};
  gateway::Gateway& gateway = node_->gateway();
  gateway::TakeEntries(
      gateway.lanes(), gateway.placement(), clock_.Wall(),
      [this](const gateway::SnapshotEntry& entry) {
        snapshot_.entries.push_back({std::string(entry.key), std::string(entry.value), entry});
        return true;
      });
  for (const auto& contents : contents_) snapshot_.commits.push_back(contents->commit);
}

}  // namespace weir::sim
