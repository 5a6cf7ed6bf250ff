// Goal: of a log that a power cut has torn, the write that nobody was told of is cut off, and
// nothing else ever is; what is refused can be given up by the command that the message tells.
// Method: the driver over SimulatedDisk, whose log is edited between two openings.
#include "weir/store/rocksdb/log_check.h"

#include "weir/store/rocksdb/rocksdb_open.h"
#include "weir/store/rocksdb/simulated_disk.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {
namespace {

const Key kKey{0, 1, "a"};
constexpr size_t kSector = 512;
constexpr size_t kBlock = 32768;

class LogCheckTest : public testing::Test {
 protected:
  Result<std::unique_ptr<RocksDbStore>> TryOpen() { return TryOpenOn(disk_); }
  Result<std::unique_ptr<RocksDbStore>> TryOpenOn(const std::shared_ptr<SimulatedDisk>& disk) {
    return OpenRocksDbOn({.directory = "/data",
                          .shards = 1,
                          .durability = durability_,
                          .write_buffer_bytes = size_t{4} << 20,
                          .free_space = [] { return Result<uint64_t>(uint64_t{1} << 40); },
                          .warn = [this](const std::string& what) { warnings_.push_back(what); }},
                         MakeEnv(disk));
  }

  void Open() {
    auto opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  void Put(const std::string& value) {
    const Version version = store_->VersionFloor();
    ASSERT_TRUE(ApplyTo(*store_, {WallTime{0}, {PutOf(kKey, value, version)}}).ok());
    ends_.push_back(LogSize());
  }

  std::string Value() { return ValueOf(LoadFrom(*store_, {kKey}).value().records[0]); }

  std::string Log() const { return disk_->FilesEndingIn(".log").back(); }
  size_t LogSize() const {
    size_t size = 0;
    disk_->Edit(Log(), [&](std::string* content) { size = content->size(); });
    return size;
  }

  // Writes values of so many bytes, each of one letter: a, b, ...
  void Write(const std::vector<size_t>& sizes) {
    Open();
    ends_ = {LogSize()};
    char letter = 'a';
    for (const size_t size : sizes) Put(std::string(size, letter++));
    store_.reset();
  }

  // The sector of the log that holds `at`, but not what is before `from`, as if never written.
  void Lack(size_t at, size_t from = 0) {
    disk_->Edit(Log(), [&](std::string* content) {
      for (size_t i = std::max(at / kSector * kSector, from);
           i < std::min(at / kSector * kSector + kSector, content->size()); ++i) {
        (*content)[i] = 0;
      }
    });
  }

  void ExpectRefused() {
    const auto opened = TryOpen();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt) << opened.error().message;
    message_ = opened.error().message;
    EXPECT_TRUE(warnings_.empty());
  }

  std::shared_ptr<SimulatedDisk> disk_ = std::make_shared<SimulatedDisk>(1);
  Durability durability_ = Durability::kFsync;
  std::vector<std::string> warnings_;
  std::vector<size_t> ends_;  // Of the log, before each write and after the last.
  std::string message_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(LogCheckTest, ALastWriteThatLacksASectorIsCutOff) {
  Write({3000, 3000});
  const std::shared_ptr<SimulatedDisk> whole = disk_;
  for (size_t at = ends_[1]; at < ends_[2]; at += kSector) {
    disk_ = whole->Copy();
    Lack(at, ends_[1]);
    Open();
    EXPECT_EQ(Value(), std::string(3000, 'a')) << "without the sector of byte " << at;
    EXPECT_EQ(warnings_.size(), 1U);
    Put("on");
    store_.reset();
    Open();
    EXPECT_EQ(Value(), "on");
    EXPECT_EQ(warnings_.size(), 1U) << "what is cut off once is gone";
    store_.reset();
    warnings_.clear();
    ends_.resize(3);
  }
}

TEST_F(LogCheckTest, SoIsOneThatSpansBlocks) {
  Write({100, 5 * kBlock});
  const std::shared_ptr<SimulatedDisk> whole = disk_;
  for (size_t at = ends_[1]; at < ends_[2]; at += kBlock / 4) {
    disk_ = whole->Copy();
    Lack(at, ends_[1]);
    Open();
    EXPECT_EQ(Value(), std::string(100, 'a')) << "without the sector of byte " << at;
    store_.reset();
  }
  EXPECT_EQ(warnings_.size(), (ends_[2] - ends_[1] - 1) / (kBlock / 4) + 1);
}

TEST_F(LogCheckTest, ASectorThatIsLackingBeforeAnotherWriteIsRefusedUntilItIsGivenUp) {
  Write({3000, 3000, 40});
  Lack(ends_[1] + 1000);
  ExpectRefused();
  ExpectRefused();
  ASSERT_TRUE(DoAsTold(*disk_, message_)) << message_;
  EXPECT_EQ(LogSize(), ends_[1]);
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'a'));
}

TEST_F(LogCheckTest, OfWritesThatWereNotSyncedOneByOneAllFromTheFirstTornOneAreCutOff) {
  Write({3000, 3000, 40, 3000, 40});
  Lack(ends_[1] + 1000);
  Lack(ends_[3] + 1000);
  durability_ = Durability::kOs;
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'a'));
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(LogCheckTest, DamageThatLeftNoSectorOutIsRefusedAmongThemToo) {
  Write({3000, 3000, 40});
  disk_->Edit(Log(), [&](std::string* content) { (*content)[ends_[1] + 1000] ^= 1; });
  durability_ = Durability::kOs;
  ExpectRefused();
}

TEST_F(LogCheckTest, NorDoesASectorThatALaterOneLacksExcuseIt) {
  Write({100, 3 * kBlock, 3000, 3000});
  disk_->Edit(Log(), [&](std::string* content) { (*content)[ends_[1] + 1000] ^= 1; });
  Lack(ends_[3] + 1000);
  durability_ = Durability::kOs;
  ExpectRefused();
}

TEST_F(LogCheckTest, DamageOfTheLastWriteThatLeftNoSectorOutIsRefusedUntilItIsGivenUp) {
  Write({3000, 3000});
  disk_->Edit(Log(), [&](std::string* content) {
    content->replace(ends_[1] + 1000, kSector / 2, kSector / 2, '\0');
    content->append(3 * kSector, '\0');  // Zeroes behind it say nothing about it.
  });
  ExpectRefused();
  ASSERT_TRUE(DoAsTold(*disk_, message_)) << message_;
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'a'));
}

TEST_F(LogCheckTest, InAnOlderLogNothingIsCutOffAndNothingIsOffered) {
  Write({3000, 3000});
  Lack(ends_[1] + 1000);
  std::unique_ptr<rocksdb::FSWritableFile> newer;
  const std::string path = Log().substr(0, Log().find_last_of('/')) + "/999999.log";
  ASSERT_TRUE(disk_->NewWritableFile(path, {}, &newer, nullptr).ok());
  ExpectRefused();
  EXPECT_FALSE(DoAsTold(*disk_, message_)) << message_;
}

TEST_F(LogCheckTest, SoIsATornEndOfTheManifest) {
  Write({3000});
  for (const std::string& path : disk_->FilesEndingIn("")) {
    if (path.find("/MANIFEST-") == std::string::npos) continue;
    disk_->Edit(path, [&](std::string* content) {
      const size_t begin = content->size();
      // A header of 2000 bytes in one piece, and what there should be of them.
      content->append("sums\xd0\x07\x01" + std::string(2000, 'x'));
      const size_t sector = begin / kSector * kSector + 2 * kSector;
      content->replace(sector, kSector, kSector, '\0');
    });
  }
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'a'));
  EXPECT_EQ(warnings_.size(), 1U);
}

// RocksDB takes a length that reaches past the end of the manifest for a write that was not
// finished, and some kinds for the end of a log, and forgets what is there with all that is behind.
TEST_F(LogCheckTest, ALengthOrKindThatHasFlippedIsDamageOfAnyLogAndOfTheManifest) {
  Write({3000, 3000});
  std::unique_ptr<rocksdb::FSWritableFile> newer;
  const std::string log = Log();
  const std::string path = log.substr(0, log.find_last_of('/')) + "/999999.log";
  ASSERT_TRUE(disk_->NewWritableFile(path, {}, &newer, nullptr).ok());
  int manifests = 0;
  for (const std::string& file : disk_->FilesEndingIn("")) {
    if (file.find("/MANIFEST-") == std::string::npos && file != log) continue;
    manifests += file == log ? 0 : 1;
    std::string whole;
    disk_->Edit(file, [&](std::string* content) { whole = *content; });
    for (size_t at = 0; at + 7 <= whole.size();) {
      for (size_t bit = 32; bit < 56; ++bit) {
        const std::shared_ptr<SimulatedDisk> disk = disk_->Copy();
        disk->Edit(file, [&](std::string* content) {
          char& byte = (*content)[at + bit / 8];
          byte = static_cast<char>(byte ^ (1 << bit % 8));
        });
        const auto env = MakeEnv(disk);
        // Of what is behind it depends whether RocksDB refuses the manifest.
        const bool refused =
            file == log ? !TryOpenOn(disk).ok()
                        : !CheckLogs(*env->GetFileSystem(), "/data/rocksdb", durability_).ok();
        EXPECT_TRUE(refused) << file << ", the record at " << at << ", bit " << bit;
      }
      at += 7 + static_cast<uint8_t>(whole[at + 4]) + 256 * static_cast<uint8_t>(whole[at + 5]);
    }
  }
  EXPECT_GT(manifests, 0);
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'b'));
}

TEST_F(LogCheckTest, APowerCutWhileATornWriteIsCutOffChangesNothing) {
  Write({3000, 3000});
  Lack(ends_[1] + 1000);
  for (uint64_t operations = 1; operations < 40; ++operations) {
    disk_->CutPowerAfter(operations);
    store_.reset();
    auto opened = TryOpen();
    if (disk_->powered()) disk_->CutPower();
    if (opened.ok()) opened.value().reset();
    disk_->PowerOn();
  }
  Open();
  EXPECT_EQ(Value(), std::string(3000, 'a'));
}

}  // namespace
}  // namespace weir::store
