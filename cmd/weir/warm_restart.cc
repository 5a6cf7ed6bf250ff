#include "cmd/weir/warm_restart.h"

#include <algorithm>
#include <utility>

#include "cmd/weir/hot_keys.h"
#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"

#include "weir/gateway/key_listing.h"

namespace weir::cmd {
namespace {

// Keys between two questions whether to give up.
constexpr size_t kKeysBetweenQuestions = 4096;

// Changes where a key may lie elsewhere than before although no database has changed.
std::string PlacesId(const gateway::Placement& placement) {
  std::string text;
  for (uint32_t shard = 0; shard < placement.shards(); ++shard) {
    const gateway::ShardPlace place = placement.place(shard::ShardId{shard});
    text += std::to_string(place.database) + ":" + std::to_string(place.shard) + " ";
  }
  return "-" + std::to_string(StableHash(text));
}

}  // namespace

WarmRestart::WarmRestart(const Config& config, gateway::Gateway& gateway,
                         const OpenedStores& opened)
    : config_(config.cache),
      keeps_data_(config.server.store != StoreKind::kMemory),
      directory_(keeps_data_ ? LayOut(config).directories.front() : ""),
      gateway_(gateway),
      began_(gateway.clock().Wall()) {
  if (!enabled()) return;
  snapshot_.emplace(directory_);
  restores_ = !opened.sealed.empty() && snapshot_->id() == opened.sealed &&
              opened.sealed.ends_with(PlacesId(gateway.placement()));
  if (restores_) gateway.restore().Begin();
}

WarmRestart::~WarmRestart() {
  Stop();
}

void WarmRestart::Start() {
  if (!keeps_data_) return;
  thread_ = std::thread([this] { Run(); });
}

void WarmRestart::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void WarmRestart::Configure(const CacheConfig& config) {
  {
    const std::lock_guard lock(mutex_);
    config_ = config;
  }
  if (!enabled()) gateway_.warmer().Drop();
}

std::chrono::milliseconds WarmRestart::interval() const {
  const std::lock_guard lock(mutex_);
  const Duration configured = config_.warm_restart_interval;
  return std::max<std::chrono::milliseconds>(
      failed_ ? kIntervalsAfterFailure * configured : configured, kTimePart * took_);
}

bool WarmRestart::enabled() const {
  const std::lock_guard lock(mutex_);
  return keeps_data_ && config_.enabled && config_.warm_restart;
}

size_t WarmRestart::names_bytes_max() const {
  using gateway::CacheWarmer;
  return std::min(CacheWarmer::kNamesBytesMax,
                  gateway_.lanes().budget_bytes() / CacheWarmer::kNamesPart);
}

void WarmRestart::Run() {
  RemoveHotKeys(directory_, !enabled());
  RemoveSnapshot(directory_, !enabled());
  if (snapshot_) ReadSnapshot();
  gateway::CacheWarmer& warmer = gateway_.warmer();
  while (!stops_ && !warmer.done()) warmer.Wait(warmer.Step());
  if (const uint64_t dropped = warmer.counts().dropped; dropped > 0 && !stops_) {
    LogWarn("not all keys that were in memory have been read again",
            {{"keys", std::to_string(dropped)}});
  }
  read_all_ = !stops_;
  while (!stops_) {
    const std::chrono::milliseconds pause = interval();
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, pause, [this] { return stops_.load(); });
    }
    if (!stops_) Save();
  }
}

void WarmRestart::ReadSnapshot() {
  gateway::CacheRestore& restore = gateway_.restore();
  Clock& clock = gateway_.clock();
  const MonoTime began = clock.Mono();
  gateway::KeyList names;
  const size_t names_max = names_bytes_max();
  const auto take = [&](const gateway::SnapshotEntry& entry) {
    if (restores_) {
      // What had expired as we began may have been removed since, whatever the clock says now.
      restore.Put(entry, std::max(began_, clock.Wall()));
    } else if (names.bytes() < names_max) {
      names.Add(entry.key);
    }
  };
  const auto full = [&] { return restores_ ? restore.full() : names.bytes() >= names_max; };
  while (!stops_ && enabled() && !full() && snapshot_->Next(take)) {
  }
  SayDamage(kSnapshotFile, snapshot_->damage());
  snapshot_.reset();
  if (restores_) {
    restore.End();
    const auto took = std::chrono::ceil<std::chrono::milliseconds>(clock.Mono() - began);
    LogInfo("what was in memory is there again", {{"values", std::to_string(restore.kept())},
                                                  {"took", std::to_string(took.count()) + "ms"}});
  }
  ReadList(std::move(names));
}

void WarmRestart::ReadList(gateway::KeyList names) {
  const size_t names_max = names_bytes_max();
  HotKeys read = ReadHotKeys(directory_, names_max);
  SayDamage(kHotKeysFile, read.damage);
  if (names.empty()) return Warm(std::move(read.keys));
  while (names.bytes() < names_max) {
    const std::optional<std::string> key = read.keys.Take();
    if (!key) break;
    names.Add(*key);
  }
  Warm(std::move(names));
}

void WarmRestart::Warm(gateway::KeyList keys) {
  if (keys.empty()) return;
  LogInfo("keys that were in memory are read from the store in the background",
          {{"keys", std::to_string(keys.count())}});
  gateway_.Warm(std::move(keys));
}

void WarmRestart::SayDamage(std::string_view file, const std::string& damage) const {
  if (damage.empty()) return;
  LogWarn("the file of what was in memory is damaged; what comes before that is used",
          {{"file", directory_ + "/" + std::string(file)}, {"damage", damage}});
}

void WarmRestart::Save() {
  if (!enabled()) return;
  Clock& clock = gateway_.clock();
  const MonoTime began = clock.Mono();
  HotKeysWriter writer(directory_, kFreeMin + names_bytes_max());
  size_t keys = 0;
  ListKeys(gateway_.lanes(), names_bytes_max(), [&](std::string_view key) {
    return writer.Add(key) && (++keys % kKeysBetweenQuestions != 0 || !stops_);
  });
  if (stops_) return;
  const Result<Ok> written = writer.Commit();
  if (written.ok()) RemoveSnapshot(directory_, true);
  if (!written.ok() && !failed_) {
    LogWarn("keys in memory are not listed for the next start: " + written.error().message);
  }
  took_ = std::chrono::ceil<std::chrono::milliseconds>(clock.Mono() - began);
  failed_ = !written.ok();
}

std::string WarmRestart::NewId() const {
  return std::to_string(gateway_.NextRandom()) + "-" + std::to_string(gateway_.NextRandom()) +
         PlacesId(gateway_.placement());
}

void WarmRestart::SaveAll(const SealedStores& stores, std::function<bool()> interrupted) {
  if (!enabled() || !read_all_) return;  // What there is, is the better one.
  const std::string id = NewId();
  SnapshotWriter writer({.directory = directory_,
                         .id = id,
                         .free_min = kFreeMin + names_bytes_max(),
                         .interrupted = std::move(interrupted)});
  gateway::TakeEntries(gateway_.lanes(), gateway_.placement(), gateway_.clock().Wall(),
                       [&](const gateway::SnapshotEntry& entry) { return writer.Add(entry); });
  using Kept = SnapshotWriter::Kept;
  const Result<Kept> kept = writer.Commit();
  if (kept.ok() && kept.value() == Kept::kFileBefore) {
    return LogWarn("there was no time or room for what was in memory, so the file before stays");
  }
  const bool all = kept.ok() && kept.value() == Kept::kAll;
  if (all) RemoveHotKeys(directory_, true);
  const Result<Ok> sealed = kept.ok() ? SealSnapshot(stores, id) : kept.error();
  if (!sealed.ok()) {
    return LogWarn("what was in memory will have to be read from the store by the next process: " +
                   sealed.error().message);
  }
  const std::string values = std::to_string(writer.entries());
  if (all) return LogInfo("what was in memory is kept for the next start", {{"values", values}});
  LogWarn("there was no time or room for all that was in memory; some is kept for the next start",
          {{"values", values}});
}

}  // namespace weir::cmd
