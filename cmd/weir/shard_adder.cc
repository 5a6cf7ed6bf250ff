#include "cmd/weir/shard_adder.h"

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"
#include "cmd/weir/stores.h"
#include <sys/random.h>

#include "weir/backup/files.h"
#include "weir/base/checked_text.h"
#include "weir/store/rocksdb/verifier.h"

namespace weir::cmd {
namespace {

// Each may need a [[shard]] section one day, as after a restore, and there may be so many.
constexpr size_t kShardsInAllMax = 64;
constexpr size_t kPathBytesMax = 4000;  // Leaves room for the names of files below PATH_MAX.
constexpr size_t kFormatBytesMax = 4096;

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

// The mark that the directory has already, of a try that was cut short: shards.txt may name it.
Result<uint64_t> MarkFor(store::RocksDbStore& store, uint32_t shard) {
  const Result<std::optional<std::string>> there = store.Metadata(kAddedAsName);
  if (!there.ok()) return there.error();
  std::string_view text = there.value() ? std::string_view(*there.value()) : std::string_view();
  AddedShard marked;
  const bool read = checked_text::TakeNumber(&text, &marked.shard) &&
                    checked_text::Take(&text, " ") &&
                    checked_text::TakeNumber(&text, &marked.mark, 16) && text.empty();
  return read && marked.shard == shard ? marked.mark : DrawMark();
}

// Looks at what is there without changing anything. Returns whether it may be opened to be seen
// as IsUnused does: it is absent or empty, was begun, or has no record and nobody else's marks.
Result<bool> MayBeUnused(const std::string& directory, const std::string& first) {
  std::error_code error;
  bool database = false;
  std::string other;
  std::filesystem::directory_iterator at(directory, error);
  if (error == std::errc::no_such_file_or_directory) return true;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    database |= name == "FORMAT";
    if (name != "LOCK" && name != "FORMAT.new" && name != "lost+found") other = name;
  }
  if (error) return Error{ErrorCode::kUnavailable, directory + ": " + error.message()};
  if (!database && other.empty()) return true;
  if (!database) {
    return Invalid("cannot add " + directory + ": it holds " + other +
                   " but no FORMAT; give an empty directory");
  }
  const Result<std::string> format = backup::ReadWholeFile(directory + "/FORMAT", kFormatBytesMax);
  if (!format.ok()) return format.error();
  if (format.value().find(" ready ") == std::string::npos) return true;  // Nobody has used it yet.
  const Result<std::unique_ptr<store::Verifier>> opened = store::Verifier::Open(directory);
  if (!opened.ok()) return opened.error();
  store::Verifier& there = *opened.value();
  const Result<std::optional<std::string>> added_to = there.Metadata(kAddedToName);
  if (!added_to.ok()) return added_to.error();
  const Result<std::optional<shard::StoredMap>> map = ReadRangeMap(there);
  if (!map.ok()) return map.error();
  const Result<bool> empty = there.IsEmpty();
  if (!empty.ok()) return empty.error();
  const bool others = added_to.value() && added_to.value() != first;
  return !others && there.shards() == 1 && !map.value() && empty.value();
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
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    ended = ended_;
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
  done(Error{ErrorCode::kUnavailable, ended ? "the server is stopping; add it to the next start"
                                            : "another shard is being added; try again"});
}

// Returns the directory's own path.
Result<std::string> DiskShardAdder::Check(const std::string& place) const {
  const auto refused = [&](const std::string& why) {
    return Invalid("cannot add " + place + ": " + why);
  };
  if (place.find("://") != std::string::npos) return refused("there is no driver for this URL");
  if (!place.starts_with('/')) return refused("give the whole path, beginning with /");
  if (place.size() > kPathBytesMax) return refused("its name is too long");
  if (std::any_of(place.begin(), place.end(),
                  [](unsigned char c) { return c < ' ' || c == 127; })) {
    return refused("its name has a control character");
  }
  if (options_.config.server.durability == Durability::kOs) {
    return refused(
        "with durability = \"os\" a power cut could take what it says of itself, and the next "
        "start "
        "would refuse it; restart with durability = \"fsync\" to add shards");
  }
  if (options_.gateway->placement().shards() >= kShardsInAllMax) {
    return refused("there are " + std::to_string(kShardsInAllMax) +
                   " shards or more, and a configuration names no more");
  }
  std::string real = backup::RealPath(place);
  for (const std::string& data : directories_) {
    if (real == data) return refused("it holds a shard of this server already");
    const bool in = LiesIn(real, data);
    const bool around = LiesIn(data, real);
    if (in && around) return refused("it is the data directory " + data + " by another name");
    if (in) return refused("it lies in the data directory " + data);
    if (around) return refused("the data directory " + data + " lies in it");
  }
  return real;
}

Result<std::unique_ptr<store::RocksDbStore>> DiskShardAdder::Open(
    const std::string& directory) const {
  const Error taken = Invalid("cannot add " + directory +
                              ": it holds data of a weir already; give an empty directory");
  const Result<bool> may_be = MayBeUnused(directory, directories_[0]);
  if (!may_be.ok()) return may_be.error();
  if (!may_be.value()) return taken;
  auto opened = OpenDirectory(
      options_.config, options_.budget,
      {.directory = directory, .shards = 1, .create = true, .count = stores_.size() + 1});
  if (!opened.ok()) return opened;
  const Result<bool> unused = IsUnused(*opened.value(), directories_[0]);
  if (!unused.ok()) return unused.error();
  if (unused.value()) return opened;
  return taken;
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
  const auto next = static_cast<uint32_t>(gateway.placement().shards());
  const Result<uint64_t> mark = MarkFor(store, next);
  if (!mark.ok()) return mark.error();
  const AddedShard shard{next, mark.value(), directory.value()};
  if (auto put = Put(store, kAddedToName, directories_[0]); !put.ok()) return put.error();
  if (auto put = Put(store, kAddedAsName, shard.MarkText()); !put.ok()) return put.error();
  Reach(1);
  if (auto kept = Keep(shard); !kept.ok()) {
    Error error = kept.error();
    if (error.code == ErrorCode::kUnknown) error.message += "; add the same directory again";
    return error;
  }
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
