// Goal: a flush or compaction that failed stops writes until RocksDB has resumed, and no longer.
// Method: a real database over SimulatedDisk, whose background jobs the test may hold back.
#include "weir/store/rocksdb/background_errors.h"

#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/rocksdb/simulated_disk.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

using rocksdb::BackgroundErrorReason;
using rocksdb::Status;
using Fault = SimulatedDisk::Fault;

// An environment whose background jobs may be held before they begin.
class HeldJobsEnv final : public rocksdb::EnvWrapper {
 public:
  using rocksdb::EnvWrapper::EnvWrapper;
  const char* Name() const override { return "weir.HeldJobsEnv"; }

  void Schedule(void (*job)(void*), void* of, Priority priority, void* tag,
                void (*unscheduled)(void*)) override {
    {
      const std::lock_guard lock(mutex_);
      const auto kind = kinds_.find(priority);
      if (kind != kinds_.end()) {
        kind->second.emplace_back(job, of);
        return;
      }
    }
    EnvWrapper::Schedule(job, of, priority, tag, unscheduled);
  }

  void Hold(Priority priority) {
    const std::lock_guard lock(mutex_);
    kinds_[priority];
  }
  bool Holds(Priority priority) const {
    const std::lock_guard lock(mutex_);
    return !kinds_.at(priority).empty();
  }
  // Runs the held jobs, here.
  void Release(Priority priority) {
    Jobs jobs;
    {
      const std::lock_guard lock(mutex_);
      jobs = std::exchange(kinds_[priority], {});
      kinds_.erase(priority);
    }
    for (const auto& [job, of] : jobs) job(of);
  }

 private:
  using Jobs = std::vector<std::pair<void (*)(void*), void*>>;
  mutable std::mutex mutex_;
  std::map<Priority, Jobs> kinds_;
};

constexpr auto kFlushes = rocksdb::Env::Priority::HIGH;
constexpr auto kCompactions = rocksdb::Env::Priority::LOW;

TEST(BackgroundErrors, AnErrorForgottenBeforeRocksDbStoppedIsKnownAgainByTheNextWrite) {
  BackgroundErrors errors;
  rocksdb::EventListener& listener = errors;
  const Status failed(Status::IOError("no sync", "/data/000007.sst"), Status::kFatalError);
  Status status = failed;
  listener.OnBackgroundError(BackgroundErrorReason::kFlush, &status);
  EXPECT_EQ(status.severity(), Status::kHardError);
  errors.Clear(errors.count());
  EXPECT_FALSE(errors.refusal().has_value());
  status = failed;
  listener.OnBackgroundError(BackgroundErrorReason::kWriteCallback, &status);
  EXPECT_TRUE(status.ok()) << "not one of the log";
  EXPECT_TRUE(errors.refusal().has_value());
  EXPECT_TRUE(errors.Await()) << "so that it is resumed from";
}

TEST(BackgroundErrors, AnErrorOfTheLogIsLeftAsItIs) {
  BackgroundErrors errors;
  rocksdb::EventListener& listener = errors;
  Status status = Status::IOError("no sync", "/data/000007.log");
  listener.OnBackgroundError(BackgroundErrorReason::kWriteCallback, &status);
  EXPECT_TRUE(status.IsIOError());
  EXPECT_FALSE(errors.refusal().has_value());
}

class TryResumeTest : public testing::Test {
 protected:
  void Open() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.env = &env_;
    options.max_bgerror_resume_count = 0;
    options.disable_auto_compactions = true;
    options.listeners = {errors_};
    rocksdb::DB* rocks = nullptr;
    const Status opened = rocksdb::DB::Open(options, "/data", &rocks);
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    rocks_.reset(rocks);
  }

  void Put(const std::string& key) {
    ASSERT_TRUE(rocks_->Put(rocksdb::WriteOptions(), key, "value").ok());
  }

  // A compaction that fails, and with it everything in the background.
  void StopBackgroundWork() {
    disk_->FailAfter(Fault::kTableSync, 0);
    const rocksdb::Slice from("a");
    const rocksdb::Slice to("b");
    ASSERT_FALSE(rocks_->CompactRange(rocksdb::CompactRangeOptions(), &from, &to).ok());
    disk_->Repair();
  }

  void OpenWithTwoTablesAndAMemtable() {
    Open();
    for (int table = 0; table < 2; ++table) {
      Put("a");
      Put("b");
      ASSERT_TRUE(rocks_->Flush(rocksdb::FlushOptions()).ok());
    }
    Put("z");
  }

  const std::shared_ptr<SimulatedDisk> disk_ = std::make_shared<SimulatedDisk>(1);
  const std::unique_ptr<rocksdb::Env> simulated_ = MakeEnv(disk_);
  HeldJobsEnv env_{simulated_.get()};
  const std::shared_ptr<BackgroundErrors> errors_ = std::make_shared<BackgroundErrors>();
  std::unique_ptr<rocksdb::DB> rocks_;
};

TEST_F(TryResumeTest, ResumesFromACompactionThatFailed) {
  OpenWithTwoTablesAndAMemtable();
  StopBackgroundWork();
  const TriedResume tried = TryResume(*rocks_, std::chrono::milliseconds(60000));
  EXPECT_TRUE(tried.status.ok()) << tried.status.ToString();
  EXPECT_FALSE(tried.forgotten);
  Put("y");
}

// Without the look at what is at work this never ends.
TEST_F(TryResumeTest, NoticesAFlushThatRocksDbForgot) {
  OpenWithTwoTablesAndAMemtable();
  env_.Hold(kFlushes);
  rocksdb::FlushOptions at_once;
  at_once.wait = false;
  ASSERT_TRUE(rocks_->Flush(at_once).ok());
  while (!env_.Holds(kFlushes)) std::this_thread::yield();
  StopBackgroundWork();
  env_.Release(kFlushes);
  const TriedResume tried = TryResume(*rocks_, std::chrono::milliseconds(100));
  EXPECT_TRUE(tried.forgotten);
  EXPECT_FALSE(tried.status.ok());
  rocks_.reset();
  Open();
  std::string value;
  EXPECT_TRUE(rocks_->Get(rocksdb::ReadOptions(), "z", &value).ok());
}

TEST(ForgottenFlush, OpensTheDatabaseAnewAndWritesGoOn) {
  const auto disk = std::make_shared<SimulatedDisk>(1);
  const std::unique_ptr<rocksdb::Env> simulated = MakeEnv(disk);
  auto owned = std::make_unique<HeldJobsEnv>(simulated.get());
  HeldJobsEnv& env = *owned;
  RocksDbOptions options{.directory = "/data",
                         .shards = 1,
                         .write_buffer_bytes = kWriteBufferBytesMin,
                         .forgotten_flush_after = std::chrono::milliseconds(100)};
  options.free_space = [] { return Result<uint64_t>(uint64_t{1} << 40); };
  auto opened = OpenRocksDbOn(options, std::move(owned));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const std::unique_ptr<RocksDbStore> store = std::move(opened).value();
  Version stored = 0;
  const auto put = [&] {  // The same keys again and again, so that compactions have to write.
    const Key key{0, (stored + 1) % 10, "key"};
    auto applied =
        ApplyTo(*store, {WallTime{0}, {PutOf(key, std::string(10'000, 'x'), stored + 1)}});
    if (applied.ok()) ++stored;
    return applied;
  };
  env.Hold(kCompactions);
  while (!env.Holds(kCompactions)) ASSERT_TRUE(put().ok());
  env.Hold(kFlushes);
  while (!env.Holds(kFlushes)) ASSERT_TRUE(put().ok());
  disk->FailAfter(Fault::kTableSync, 0);
  env.Release(kCompactions);
  EXPECT_EQ(put().error().code, ErrorCode::kUnavailable);
  env.Release(kFlushes);
  disk->Repair();
  while (!store->Health().ok()) std::this_thread::yield();
  EXPECT_TRUE(put().ok());
  EXPECT_EQ(AllOf(*store, 0).size(), 10U);
  EXPECT_EQ(store->VersionFloor(), stored + 1) << "what was acknowledged is there";
  for (const auto& [name, value] : store->Counters()) {
    EXPECT_TRUE(name != "settles" || value == 1) << value;
  }
}

}  // namespace
}  // namespace weir::store
