// Goal: no power cut loses an acknowledged write, halves a batch, miscounts, or lowers a version.
// Method: clients write through one committer over SimulatedDisk, whose power goes off at a random
// operation, be it of the log, a flush, a compaction or the recovery itself. What is recovered must
// be the state after all acknowledged batches, or that and the one batch in flight; with Durability
// kOs, the state after any of them. In further runs one sync of a cycle fails, appends are torn
// into sectors, and bits flip while the power is off. The same check must find losses when syncs
// are left out: a checker that cannot fail proves nothing.
//
// WEIR_POWER_CUTS=N makes N cycles of each run, WEIR_POWER_CUT_SEED other ones: ./dev crash.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <thread>

#include "weir/base/key_hash.h"
#include "weir/base/random.h"
#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/rocksdb/simulated_disk.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kCyclesByDefault = 40;
#else
constexpr int kCyclesByDefault = 250;
#endif

uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

const int kCycles = static_cast<int>(NumberFrom("WEIR_POWER_CUTS", kCyclesByDefault));
const uint64_t kSeed = NumberFrom("WEIR_POWER_CUT_SEED", 20261123);
constexpr uint32_t kShards = 2;
constexpr size_t kClients = 4;
constexpr size_t kGroupsInABatchMax = 3;

struct Stored {
  std::string value;
  WallTime expires_at;
  Version version;
  bool operator==(const Stored&) const = default;
};
using Contents = std::map<std::tuple<uint32_t, uint64_t, std::string>, Stored>;

// Clients that write groups of keys over both shards, and block until each is answered.
class Clients {
 public:
  explicit Clients(uint64_t seed) {
    for (size_t client = 0; client < kClients; ++client) {
      threads_.emplace_back(
          [this, client, seed] { Run(client, Random(seed * kClients + client)); });
    }
  }
  ~Clients() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // The groups of up to kGroupsInABatchMax clients, in one; waits for one at least.
  std::vector<Write> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    std::vector<Write> writes;
    for (size_t i = 0; i < kGroupsInABatchMax && !waiting_.empty(); ++i) {
      for (Write& write : waiting_.front().writes) writes.push_back(std::move(write));
      taken_.push_back(waiting_.front().client);
      waiting_.pop_front();
    }
    return writes;
  }

  // Answers the groups of the last Take.
  void Answer() {
    std::lock_guard lock(mutex_);
    for (const size_t client : taken_) answered_[client] = true;
    taken_.clear();
    changed_.notify_all();
  }

 private:
  struct Group {
    size_t client;
    std::vector<Write> writes;
  };

  void Run(size_t client, Random random) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      Group group{client, MakeGroup(client, &random)};
      lock.lock();
      answered_[client] = false;
      waiting_.push_back(std::move(group));
      changed_.notify_all();
      changed_.wait(lock, [&] { return stopping_ || answered_[client]; });
    }
  }

  // Distinct keys of this client, so that a batch never has a key twice. Versions come later.
  static std::vector<Write> MakeGroup(size_t client, Random* random) {
    std::vector<Write> writes;
    const uint64_t first = random->Below(40);
    for (uint64_t i = 0; i < 2 + random->Below(5); ++i) {
      const uint64_t number = first + i;
      const Key key{static_cast<uint32_t>(number % kShards), number, std::to_string(client)};
      if (random->Below(5) == 0) {
        writes.push_back(RemovalOf(key, 0));
      } else {
        const WallTime expiry = random->Below(3) == 0
                                    ? WallTime{1 + static_cast<int64_t>(random->Below(1000))}
                                    : kNever;
        const char letter = static_cast<char>('a' + random->Below(26));
        writes.push_back(PutOf(key, std::string(random->Below(1500), letter), 0, expiry));
      }
    }
    return writes;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<Group> waiting_;
  std::vector<size_t> taken_;
  bool answered_[kClients] = {};
  std::vector<std::thread> threads_;
};

uint64_t DigestOf(const Contents& contents) {
  uint64_t digest = 0;
  for (const auto& [place, stored] : contents) {
    const auto& [shard, position, key] = place;
    const uint64_t numbers[] = {position, static_cast<uint64_t>(stored.expires_at.ms),
                                stored.version, key.size(), shard};
    std::string bytes(reinterpret_cast<const char*>(numbers), sizeof(numbers));
    digest += StableHash(bytes.append(key).append(stored.value));
  }
  return digest;
}

// How many cycles found what.
struct Tally {
  int kept = 0;    // The state after all that was acknowledged.
  int undone = 0;  // An earlier state that was there since the last cycle: the end was lost.
  int broken = 0;  // No state that ever was, or counts and index that do not fit it.
  int refused = 0;
  int told = 0;      // Refused, until a person did as the message says.
  int noticed = 0;   // Flipped bits that were an error,
  int harmless = 0;  // and that were in nothing that is read.
};

class PowerCutRun {
 public:
  struct Options {
    Durability durability = Durability::kFsync;
    SimulatedDisk::Syncs syncs = SimulatedDisk::Syncs::kKept;
    SimulatedDisk::Tears tears = SimulatedDisk::Tears::kEnds;
    bool failing_syncs = false;  // One in every other cycle.
    bool flipped_bits = false;   // In a copy of what each power cut leaves.
  };

  explicit PowerCutRun(const Options& options) : options_(options) { StartAnew(); }

  Tally Run(int cycles) {
    Tally tally;
    for (int cycle = 0; cycle < cycles && !testing::Test::HasFatalFailure(); ++cycle) {
      SCOPED_TRACE(cycle);
      disk_->CutPowerAfter(1 + random_.Below(cycle % 10 == 0 ? 3000 : 300));
      if (options_.failing_syncs && cycle % 2 == 0) disk_->FailOneSyncAfter(random_.Below(100));
      WriteUntilPowerCut(kSeed + static_cast<uint64_t>(cycle));
      disk_->PowerOn();
      if (options_.flipped_bits) OpenWithAFlippedBit(&tally);
      auto store = Open(disk_);
      if (!store.ok() && DoAsTold(*disk_, store.error().message)) {
        ++tally.told;
        store = Open(disk_);
      }
      if (!store.ok()) {
        ++tally.refused;
        std::cout << "cycle " << cycle << ": " << store.error().message << "\n";
        StartAnew();
        continue;
      }
      const int broken = tally.broken;
      Check(*store.value(), &tally);
      disk_->CutPower();
      store.value().reset();
      disk_->PowerOn();
      if (tally.broken > broken) StartAnew();
    }
    return tally;
  }

  uint64_t acknowledged() const { return acknowledged_batches_; }
  uint64_t in_flight_applied() const { return in_flight_applied_; }
  uint64_t settled() const { return settled_; }
  uint64_t prepared() const { return prepared_; }
  uint64_t cut_off() const { return cut_off_; }

 private:
  Result<std::unique_ptr<RocksDbStore>> Open(std::shared_ptr<SimulatedDisk> disk) {
    return OpenRocksDbOn({.directory = "/data",
                          .shards = kShards,
                          .durability = options_.durability,
                          .write_buffer_bytes = kWriteBufferBytesMin,
                          .read_threads = 1,
                          .prepared_bytes_min = 1,
                          .free_space = [] { return Result<uint64_t>(uint64_t{1} << 40); },
                          .warn = [this](const std::string&) { ++cut_off_; }},
                         MakeEnv(std::move(disk)));
  }

  void StartAnew() {
    disk_ = std::make_shared<SimulatedDisk>(random_.Next(), options_.syncs, options_.tears);
    acknowledged_.clear();
    in_flight_.clear();
    states_ = {DigestOf({})};
    floor_ = 0;
  }

  void WriteUntilPowerCut(uint64_t seed) {
    auto opened = Open(disk_);
    if (!opened.ok()) {
      // A cut while it recovers, or what earlier cycles were made to lose.
      if (disk_->powered()) disk_->CutPower();
      return;
    }
    RocksDbStore& store = *opened.value();
    Clients clients(seed);
    for (;;) {
      in_flight_ = acknowledged_;
      std::optional<Error> error;
      const uint64_t choice = random_.Below(200);
      if (choice == 0) {
        error = ErrorOf(ClearOf(store));
        in_flight_.clear();
      } else if (choice < 10) {
        error = Expire(store);
      } else if (choice < 40) {
        error = Copy(store);
      } else {
        error = Apply(store, clients.Take());
        clients.Answer();
      }
      states_.insert(DigestOf(in_flight_));
      // What is answered after the cut was in flight at the cut.
      if (!disk_->powered()) return;
      if (error && disk_->sync_has_failed()) {
        if (GoOn(store, error->code)) continue;
        return;
      }
      ASSERT_FALSE(error) << error->message;
      acknowledged_ = in_flight_;
      ++acknowledged_batches_;
    }
  }

  // After a write that failed with a sync. Returns false when the power went off meanwhile.
  bool GoOn(RocksDbStore& store, ErrorCode code) {
    // Refused: not applied. It is accepted again when the flush has been repeated.
    if (code != ErrorCode::kUnknown) return true;
    while (!SettleOf(store).ok()) {
      if (!disk_->powered()) return false;
    }
    Contents found = ContentsOf(store, nullptr);
    if (!disk_->powered()) return false;
    EXPECT_TRUE(found == acknowledged_ || found == in_flight_) << "settled, and neither";
    acknowledged_ = std::move(found);
    states_.insert(DigestOf(acknowledged_));
    ++settled_;
    return true;
  }

  // What a flipped bit may do: it is not noticed because it matters to nothing, or it is an error.
  void OpenWithAFlippedBit(Tally* tally) {
    const std::shared_ptr<SimulatedDisk> disk = disk_->Copy();
    const std::vector<std::string> paths = disk->FilesEndingIn("");
    const std::string& path = paths[random_.Below(paths.size())];
    // RocksDB believes the top bit of a table's properties block before it looks at the checksum,
    // and Debian's build asserts on what follows: the process ends, which is no error to be
    // counted.
    const uint64_t bits = path.ends_with(".sst") ? 7 : 8;
    disk->Edit(path, [&](std::string* content) {
      if (content->empty()) return;
      char& byte = (*content)[random_.Below(content->size())];
      byte = static_cast<char>(byte ^ (1 << random_.Below(bits)));
    });
    auto store = Open(disk);
    bool whole = true;
    Contents found;
    if (store.ok()) found = ContentsOf(*store.value(), &whole);
    if (!store.ok() || !whole) {
      ++tally->noticed;
    } else if (found == acknowledged_ || found == in_flight_) {
      ++tally->harmless;
    } else {
      ++tally->broken;
      std::cout << "a flipped bit in " << path << " gave " << found.size() << " records\n";
    }
  }

  // All records. `whole`: becomes false if one is an error; nullptr: none may be.
  static Contents ContentsOf(RocksDbStore& store, bool* whole) {
    Contents found;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      ScanRange range{.shard = shard, .limit = 1000, .with_values = true};
      for (bool more = true; more;) {
        const auto page = ScanOf(store, range);
        if (whole == nullptr) {
          EXPECT_TRUE(page.ok()) << page.error().message;
        }
        if (!page.ok() && whole != nullptr) *whole = false;
        if (!page.ok()) break;
        for (const auto& item : page.value().items) {
          found[{shard, item.position, item.key}] = {std::string(item.record.value.view()),
                                                     item.record.expires_at, item.record.version};
        }
        more = page.value().next.has_value();
        if (more) range.from = *page.value().next;
      }
    }
    return found;
  }

  template <typename T>
  static std::optional<Error> ErrorOf(const Result<T>& result) {
    return result.ok() ? std::nullopt : std::optional(result.error());
  }

  std::optional<Error> Apply(RocksDbStore& store, std::vector<Write> writes,
                             bool prepares = false) {
    Batch batch{now_, {}};
    batch.copies = prepares;
    for (Write& write : writes) {
      write.version = ++version_;
      const auto place = std::tuple(write.key.shard, write.key.position, write.key.key);
      if (write.record) {
        write.record->version = version_;
        in_flight_[place] = {std::string(write.record->value.view()), write.record->expires_at,
                             version_};
      } else {
        in_flight_.erase(place);
      }
      batch.writes.push_back(std::move(write));
    }
    if (!prepares) return ErrorOf(ApplyTo(store, std::move(batch)));
    const auto prepared = PrepareIn(store, &batch);
    if (!prepared.ok()) return prepared.error();
    prepared_ += prepared.value() ? 1 : 0;
    return ErrorOf(ApplyTo(store, std::move(batch)));
  }

  std::optional<Error> Expire(RocksDbStore& store) {
    now_.ms += 20;
    std::erase_if(in_flight_, [&](const auto& entry) { return entry.second.expires_at <= now_; });
    if (in_flight_.size() == acknowledged_.size()) return std::nullopt;
    return ErrorOf(ExpireIn(store, now_, store.limits().batch_writes_max));
  }

  // Copies, some prepared, of keys that no client writes; or their removal.
  std::optional<Error> Copy(RocksDbStore& store) {
    const auto shard = static_cast<uint32_t>(random_.Below(kShards));
    const bool removes = in_flight_.contains({shard, 1000, "copy"});
    const uint64_t end = 1001 + random_.Below(30);
    std::vector<Write> writes;
    for (uint64_t position = 1000; position < end; ++position) {
      const bool there = in_flight_.contains({shard, position, "copy"});
      if (there != removes) continue;
      if (removes) {
        writes.push_back(RemovalOf({shard, position, "copy"}, 0));
        continue;
      }
      const WallTime expiry = random_.Below(3) == 0
                                  ? WallTime{now_.ms + static_cast<int64_t>(random_.Below(1000))}
                                  : kNever;
      writes.push_back(
          PutOf({shard, position, "copy"}, std::string(random_.Below(3000), 'c'), 0, expiry));
      writes.back().known = Prior{};
    }
    return Apply(store, std::move(writes), /*prepares=*/!removes && random_.Below(4) > 0);
  }

  // Goes on from what is found.
  void Check(RocksDbStore& store, Tally* tally) {
    Contents found = ContentsOf(store, nullptr);
    uint64_t with_expiry = 0;
    Version highest = 0;
    for (const auto& [place, stored] : found) {
      with_expiry += stored.expires_at != kNever ? 1 : 0;
      highest = std::max(highest, stored.version);
    }
    const auto counts = CountOf(store, WallTime{kNever.ms - 1});
    ASSERT_TRUE(counts.ok()) << counts.error().message;
    const bool consistent = counts.value().records == found.size() &&
                            counts.value().with_expiry == with_expiry &&
                            counts.value().due == with_expiry && store.VersionFloor() > highest;
    if (consistent && (found == acknowledged_ || found == in_flight_) &&
        store.VersionFloor() >= floor_) {  // Versions never fall.
      ++tally->kept;
      if (found != acknowledged_) ++in_flight_applied_;
    } else if (consistent && states_.contains(DigestOf(found))) {
      ++tally->undone;
    } else {
      ++tally->broken;
      std::cout << found.size() << " records, " << with_expiry << " with expiry; counted "
                << counts.value().records << " and " << counts.value().with_expiry << ", "
                << counts.value().due << " in the index; version floor " << store.VersionFloor()
                << " after " << floor_ << ", highest version " << highest << "\n";
    }
    floor_ = store.VersionFloor();
    acknowledged_ = in_flight_ = std::move(found);
    states_ = {DigestOf(acknowledged_)};
  }

  const Options options_;
  Random random_{kSeed};
  std::shared_ptr<SimulatedDisk> disk_;
  Contents acknowledged_;
  Contents in_flight_;                       // What is there if the batch in flight is applied.
  std::set<uint64_t> states_{DigestOf({})};  // All since the last check, that one too.
  WallTime now_{0};
  Version version_ = 0;
  Version floor_ = 0;
  uint64_t acknowledged_batches_ = 0;
  uint64_t in_flight_applied_ = 0;
  uint64_t settled_ = 0;
  uint64_t prepared_ = 0;
  std::atomic<uint64_t> cut_off_{0};
};

TEST(RocksDbPowerCutTest, NothingAcknowledgedIsLost) {
  PowerCutRun run({});
  EXPECT_EQ(run.Run(kCycles).kept, kCycles);
  RecordProperty("acknowledged_batches", std::to_string(run.acknowledged()));
  EXPECT_GT(run.acknowledged(), static_cast<uint64_t>(kCycles) * 10);
  EXPECT_GT(run.prepared(), static_cast<uint64_t>(kCycles / 4)) << "copies are cut as well";
  EXPECT_GT(run.in_flight_applied(), 0U) << "the cut never fell between the sync and the answer";
}

TEST(RocksDbPowerCutTest, NothingAcknowledgedIsLostWhenSyncsFail) {
  PowerCutRun run({.failing_syncs = true});
  EXPECT_EQ(run.Run(kCycles / 2).kept, kCycles / 2);
  // Not each sync that fails is one that a write waits for.
  constexpr int kMore = 10;
  for (int i = 0; i < 50 && run.settled() == 0; ++i) EXPECT_EQ(run.Run(kMore).kept, kMore);
  EXPECT_GT(run.settled(), 0U) << "no failed sync left a write in doubt";
}

// A torn write is cut off where a sector shows that it was never synced. A few of its first or last
// bytes may be all that is lacking, which shows nothing: then a person must decide.
TEST(RocksDbPowerCutTest, AWriteTornIntoSectorsIsWholeOrAbsent) {
  PowerCutRun run({.tears = SimulatedDisk::Tears::kSectors});
  // About one cut in twenty tears a write where it matters.
  constexpr int kTurnsMax = 20;
  int turns = 0;
  int told = 0;
  while (run.cut_off() == 0 && turns < kTurnsMax && !HasFailure()) {
    const Tally tally = run.Run(kCycles / 2);
    EXPECT_EQ(tally.kept, kCycles / 2);
    told += tally.told;
    ++turns;
  }
  EXPECT_LE(told, std::max(turns * kCycles / 40, 2));
  EXPECT_GT(run.cut_off(), 0U) << "no write was torn where it mattered";
}

TEST(RocksDbPowerCutTest, AFlippedBitIsNeverAnotherState) {
  PowerCutRun run({.flipped_bits = true});
  const Tally tally = run.Run(kCycles / 2);
  EXPECT_EQ(tally.broken, 0);
  EXPECT_EQ(tally.kept, kCycles / 2);
  EXPECT_GT(tally.noticed, 0);
}

TEST(RocksDbPowerCutTest, TheCheckFindsWhatSyncsThatDoNothingLose) {
  PowerCutRun run({.syncs = SimulatedDisk::Syncs::kLogsForgotten});
  EXPECT_LT(run.Run(20).kept, 16);
}

TEST(RocksDbPowerCutTest, DurabilityOsLosesLastBatchesAndNoneBeforeThem) {
  PowerCutRun run({.durability = Durability::kOs});
  const Tally tally = run.Run(kCycles / 2);
  EXPECT_EQ(tally.broken, 0);
  EXPECT_EQ(tally.refused, 0);
  EXPECT_GT(tally.undone, kCycles / 8) << "nothing is synced, and yet the check misses nothing";
}

}  // namespace
}  // namespace weir::store
