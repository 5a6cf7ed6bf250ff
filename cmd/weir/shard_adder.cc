#include "cmd/weir/shard_adder.h"

#include <cassert>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"
#include "cmd/weir/stores.h"
#include <sys/random.h>

#include "weir/backup/files.h"

namespace weir::cmd {
namespace {

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

uint64_t DrawMark() {
  uint64_t mark = 0;
  [[maybe_unused]] const ssize_t got = getrandom(&mark, sizeof(mark), 0);
  assert(got == static_cast<ssize_t>(sizeof(mark)));
  return mark;
}

// Of a store that nobody else uses yet.
Result<Ok> Put(store::RocksDbStore& store, const char* name, const std::string& value) {
  std::promise<Result<store::CommitNumber>> stored;
  store.PutMetadata(name, value,
                    [&](Result<store::CommitNumber> done) { stored.set_value(std::move(done)); });
  const Result<store::CommitNumber> done = stored.get_future().get();
  if (!done.ok()) return done.error();
  return Ok{};
}

Result<uint64_t> RecordsIn(store::RocksDbStore& store) {
  std::promise<Result<store::Counts>> counted;
  store.Count(WallTime{},
              [&](Result<store::Counts> counts) { counted.set_value(std::move(counts)); });
  const Result<store::Counts> counts = counted.get_future().get();
  if (!counts.ok()) return counts.error();
  return counts.value().records;
}

// Whether nothing was ever written there, or only what an addition to `first` that was cut short
// has left.
Result<bool> IsUnused(store::RocksDbStore& store, const std::string& first) {
  const Result<std::optional<std::string>> added_to = store.Metadata(kAddedToName);
  if (!added_to.ok()) return added_to.error();
  const Result<std::optional<shard::StoredMap>> map = ReadRangeMap(store);
  if (!map.ok()) return map.error();
  const Result<uint64_t> records = RecordsIn(store);
  if (!records.ok()) return records.error();
  const bool written = store.VersionFloor() > 1;
  const bool ours = added_to.value() == first || (!added_to.value() && !written);
  return ours && store.shards() == 1 && !map.value() && records.value() == 0;
}

}  // namespace

DiskShardAdder::DiskShardAdder(Options options)
    : options_(std::move(options)), directories_(options_.directories), stores_(options_.stores) {
  for (std::string& directory : directories_) {
    directory = backup::RealPath(std::filesystem::absolute(directory).string());
  }
}

DiskShardAdder::~DiskShardAdder() {
  End();
}

void DiskShardAdder::End() {
  std::thread last;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

void DiskShardAdder::Add(std::string place, std::function<void(const Result<uint32_t>&)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!busy_ && !ended_) {
      if (thread_.joinable()) thread_.join();  // It has said its last word.
      busy_ = true;
      thread_ = std::thread([this, place = std::move(place), done = std::move(done)] {
        const Result<uint32_t> added = AddNow(place);
        {
          const std::lock_guard end(mutex_);
          busy_ = false;
        }
        done(added);
      });
      return;
    }
  }
  done(Error{ErrorCode::kUnavailable, "another shard is being added; try again"});
}

// Returns the directory's own path.
Result<std::string> DiskShardAdder::Check(const std::string& place) const {
  const auto refused = [&](const std::string& why) {
    return Invalid("cannot add " + place + ": " + why);
  };
  if (place.find("://") != std::string::npos) return refused("there is no driver for this URL");
  if (!place.starts_with('/')) return refused("give the whole path, beginning with /");
  if (place.find('\n') != std::string::npos) return refused("its name has a newline");
  std::string real = backup::RealPath(place);
  for (const std::string& data : directories_) {
    if (real == data) return refused("it holds a shard of this server already");
    if (backup::IsWithin(real, data)) return refused("it lies in the data directory " + data);
    if (backup::IsWithin(data, real)) return refused("the data directory " + data + " lies in it");
  }
  return real;
}

Result<std::unique_ptr<store::RocksDbStore>> DiskShardAdder::Open(
    const std::string& directory) const {
  auto opened = OpenDirectory(
      options_.config, options_.budget,
      {.directory = directory, .shards = 1, .create = true, .count = stores_.size() + 1});
  if (!opened.ok()) return opened;
  const Result<bool> unused = IsUnused(*opened.value(), directories_[0]);
  if (!unused.ok()) return unused.error();
  if (unused.value()) return opened;
  return Invalid("cannot add " + directory +
                 ": it holds data of a weir already; give an empty directory");
}

// In shards.txt, in place of what was ever added as this shard but never held anything.
Result<Ok> DiskShardAdder::Keep(const AddedShard& shard) const {
  Result<std::vector<AddedShard>> shards = ReadAddedShards(directories_[0]);
  if (!shards.ok()) return shards.error();
  std::vector<AddedShard> all = std::move(shards).value();
  std::erase_if(all, [&](const AddedShard& each) { return each.shard >= shard.shard; });
  all.push_back(shard);
  return WriteAddedShards(directories_[0], all);
}

void DiskShardAdder::ShareMemory(size_t count) const {
  for (store::RocksDbStore* store : stores_) {
    store->SetMemory(BlockCacheOf(options_.budget, count), WriteBuffersOf(options_.budget, count));
  }
}

void DiskShardAdder::Reach(size_t step) const {
  if (options_.reached) options_.reached(kSteps[step]);
}

Result<uint32_t> DiskShardAdder::AddNow(const std::string& place) {
  gateway::Gateway& gateway = *options_.gateway;
  const Result<std::string> directory = Check(place);
  if (!directory.ok()) return directory.error();
  if (const Result<Ok> room = gateway.RoomForDatabase(); !room.ok()) return room.error();
  Result<std::unique_ptr<store::RocksDbStore>> opened = Open(directory.value());
  if (!opened.ok()) return opened.error();
  store::RocksDbStore& store = *opened.value();
  Reach(0);
  const AddedShard shard{static_cast<uint32_t>(gateway.placement().shards()), DrawMark(),
                         directory.value()};
  if (auto put = Put(store, kAddedToName, directories_[0]); !put.ok()) return put.error();
  if (auto put = Put(store, kAddedAsName, shard.MarkText()); !put.ok()) return put.error();
  Reach(1);
  if (auto kept = Keep(shard); !kept.ok()) return kept.error();
  Reach(2);
  stores_.push_back(&store);
  directories_.push_back(shard.directory);
  ShareMemory(stores_.size());
  const uint32_t database = gateway.AddDatabase(std::move(opened).value());
  options_.backup->AddDatabase({&gateway.database(database).committer(), &store});
  const uint32_t number = gateway.AddShard({database, 0}, shard.directory);
  LogInfo("a shard is added", {{"shard", std::to_string(number)}, {"directory", shard.directory}});
  return number;
}

}  // namespace weir::cmd
