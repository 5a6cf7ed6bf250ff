#include "cmd/weir/limit_state.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weir/backup/files.h"
#include "weir/base/key_hash.h"

namespace weir::cmd {
namespace {

using limit::BucketTable;

constexpr std::array<char, 8> kMagic = {'w', 'e', 'i', 'r', 'l', 'i', 'm', '1'};
constexpr size_t kParts = BucketTable::kParts;
constexpr size_t kBucketBytes = 20;
constexpr size_t kRegionBytes = 16;
constexpr size_t kPartBytes = 8;
// Nothing that was saved is of a time further off; so sums of a few of them do not overflow.
constexpr int64_t kTimeMaxNs = int64_t{1} << 60;
// The pieces in which records are read and written, and summed.
constexpr size_t kBufferBytes = size_t{64} << 10;

// Of all pieces in order.
uint64_t SumOf(uint64_t before, std::string_view piece) {
  const std::array<uint64_t, 2> both = {before, StableHash(piece)};
  return StableHash({reinterpret_cast<const char*>(both.data()), sizeof(both)});
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  bool WriteAll(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(done));
    }
    return true;
  }
  // Returns how many there were, at most as many as wanted.
  size_t ReadUpTo(char* bytes, size_t wanted) const {
    size_t got = 0;
    while (got < wanted) {
      const ssize_t done = ::read(fd_, bytes + got, wanted - got);
      if (done <= 0) break;
      got += static_cast<size_t>(done);
    }
    return got;
  }

 private:
  int fd_;
};

Error Unavailable(const std::string& path) {
  return Error{ErrorCode::kUnavailable, "cannot write '" + path + "': " + std::strerror(errno)};
}

}  // namespace

// As it lies in the file, in the byte order of the machine.
struct LimitState::Header {
  std::array<char, 8> magic = kMagic;
  uint64_t seed = 0;
  uint64_t groups = 0;
  uint64_t buckets = 0;
  uint64_t regions = 0;
  uint64_t parts = 0;  // None, or kParts: when each was empty.
  uint64_t run = 0;
  int64_t at_ns = 0;
  uint32_t save = 0;
  uint32_t last = 0;
  std::array<char, 64> boot_id{};
};

// The mapped file.
struct LimitState::Marks {
  std::array<std::atomic<uint32_t>, kParts> of;
  std::atomic<uint64_t> run;  // Whose they are; 0: nobody's.
};

// Pieces of records behind the header, each with its place in one sum, which ends the file.
class LimitState::Writer {
 public:
  explicit Writer(const std::string& path) : file_(path, O_WRONLY | O_CREAT | O_TRUNC) {}
  // The header comes last and stands first, since only then its counts are known.
  bool Begin() { return file_.open() && ::lseek(file_.fd(), sizeof(Header), SEEK_SET) >= 0; }
  template <typename T>
  void Add(const T& value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    buffer_.append(bytes, sizeof(value));
  }
  // Between records.
  void MayFlush() {
    if (buffer_.size() + kBucketBytes > kBufferBytes) Flush();
  }
  void Flush() {
    if (buffer_.empty()) return;
    sum_ = SumOf(sum_, buffer_);
    ok_ = ok_ && file_.WriteAll(buffer_);
    buffer_.clear();
  }
  // `durable`: it is on the device when this returns.
  bool End(const Header& header, bool durable) {
    Flush();
    const std::string_view head(reinterpret_cast<const char*>(&header), sizeof(header));
    const uint64_t sum = SumOf(sum_, head);
    ok_ = ok_ && file_.WriteAll({reinterpret_cast<const char*>(&sum), sizeof(sum)});
    ok_ = ok_ && ::lseek(file_.fd(), 0, SEEK_SET) == 0 && file_.WriteAll(head);
    return ok_ && (!durable || ::fdatasync(file_.fd()) == 0);
  }

 private:
  File file_;
  std::string buffer_;
  uint64_t sum_ = 0;
  bool ok_ = true;
};

class LimitState::Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(path, O_RDONLY) {}
  bool open() const { return file_.open(); }
  const Header& header() const { return header_; }

  bool ReadHeader() {
    const size_t got = file_.ReadUpTo(reinterpret_cast<char*>(&header_), sizeof(header_));
    return got == sizeof(header_) && header_.magic == kMagic && header_.at_ns >= 0 &&
           header_.at_ns <= kTimeMaxNs && (header_.parts == 0 || header_.parts == kParts);
  }
  // Calls each with what it visits, in the order of the file; returns whether all of the file is as
  // it was written. Requires: ReadHeader succeeded.
  template <typename VisitBucket, typename VisitRegion, typename VisitPart>
  bool ReadRecords(VisitBucket visit_bucket, VisitRegion visit_region, VisitPart visit_part) {
    if (::lseek(file_.fd(), sizeof(Header), SEEK_SET) < 0) return false;
    uint64_t sum = 0;
    if (!ReadAll<kBucketBytes>(header_.buckets, &sum, [&](const char* at) {
          BucketTable::SavedBucket bucket;
          std::memcpy(&bucket.group, at, 4);
          std::memcpy(&bucket.hash, at + 4, 8);
          std::memcpy(&bucket.missing, at + 12, 8);
          return visit_bucket(bucket);
        })) {
      return false;
    }
    if (!ReadAll<kRegionBytes>(header_.regions, &sum, [&](const char* at) {
          BucketTable::SavedRegion region;
          std::memcpy(&region.region, at, 4);
          std::memcpy(&region.time_class, at + 4, 4);
          std::memcpy(&region.full_ns, at + 8, 8);
          return visit_region(region);
        })) {
      return false;
    }
    if (!ReadAll<kPartBytes>(header_.parts, &sum, [&](const char* at) {
          int64_t since_ns = 0;
          std::memcpy(&since_ns, at, sizeof(since_ns));
          return visit_part(since_ns);
        })) {
      return false;
    }
    sum = SumOf(sum, {reinterpret_cast<const char*>(&header_), sizeof(header_)});
    uint64_t written = 0;
    return file_.ReadUpTo(reinterpret_cast<char*>(&written), sizeof(written)) == sizeof(written) &&
           written == sum;
  }

 private:
  template <size_t bytes, typename Visit>
  bool ReadAll(uint64_t count, uint64_t* sum, Visit visit) {
    constexpr uint64_t kAtOnce = (kBufferBytes - kBucketBytes) / bytes + 1;
    std::string piece;
    while (count > 0) {
      const uint64_t records = std::min(count, kAtOnce);
      piece.resize(records * bytes);
      if (file_.ReadUpTo(piece.data(), piece.size()) != piece.size()) return false;
      *sum = SumOf(*sum, piece);
      for (uint64_t i = 0; i < records; ++i) {
        if (!visit(piece.data() + i * bytes)) return false;
      }
      count -= records;
    }
    return true;
  }

  std::string path_;
  File file_;
  Header header_;
};

LimitState::LimitState(const Place& place, uint64_t seed, uint64_t run, BucketTable& table)
    : place_(place), seed_(seed), run_(run), table_(table) {
  assert(run != 0);
  assert(place.boot_id.size() < Header().boot_id.size());
}

LimitState::~LimitState() {
  if (marks_ == nullptr) return;
  table_.UseMarks(nullptr);
  ::munmap(marks_, sizeof(Marks));
}

std::string LimitState::PathOf(std::string_view file) const {
  return place_.directory + "/" + std::string(file);
}

std::optional<uint64_t> LimitState::SeedIn(const std::string& directory) {
  Reader reader(directory + "/" + std::string(kLimitStateFile));
  if (!reader.open() || !reader.ReadHeader()) return std::nullopt;
  return reader.header().seed;
}

Result<Ok> LimitState::Forget(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kLimitStateFile);
  if (::unlink(path.c_str()) == 0) return backup::SyncDirectory(directory);
  if (errno == ENOENT) return Ok();
  return Unavailable(path);
}

Result<std::unique_ptr<LimitState>> LimitState::Open(const Place& place, uint64_t seed,
                                                     uint64_t run, BucketTable& table,
                                                     MonoTime now) {
  std::unique_ptr<LimitState> state(new LimitState(place, seed, run, table));
  const Result<Ok> mapped = state->MapMarks();
  if (!mapped.ok()) return mapped.error();
  state->found_ = state->Restore(now);
  state->table_.UseMarks(state->marks_->of.data());
  const Result<Ok> saved = state->Save(Moment::kStart, now);
  if (!saved.ok()) return saved.error();
  return state;
}

Result<Ok> LimitState::MapMarks() {
  const std::string path = PathOf(kLimitMarksFile);
  const File file(path, O_RDWR | O_CREAT);
  if (!file.open()) return Unavailable(path);
  // Room is taken now, so that writing to it cannot fail later, where the file system writes in
  // place.
  if (const int failed = ::posix_fallocate(file.fd(), 0, sizeof(Marks)); failed != 0) {
    errno = failed;
    return Unavailable(path);
  }
  void* memory = ::mmap(nullptr, sizeof(Marks), PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  if (memory == MAP_FAILED) return Unavailable(path);
  static_assert(sizeof(Marks) == kParts * sizeof(uint32_t) + sizeof(uint64_t));
  marks_ = static_cast<Marks*>(memory);
  return Ok();
}

// Whoever first writes to a page that has been written back may wait for the device: better this
// thread than one that decides and holds a lock meanwhile.
void LimitState::TouchMarks() {
  constexpr size_t kMarksOfAPage = 4096 / sizeof(uint32_t);
  for (size_t i = 0; i < kParts; i += kMarksOfAPage) {
    uint32_t same = marks_->of[i].load();
    marks_->of[i].compare_exchange_strong(same, same);
  }
}

void LimitState::AssumeEmpty(std::vector<MonoTime> since) {
  const auto was_empty = [](MonoTime each) { return each != BucketTable::kNeverEmpty; };
  if (std::none_of(since.begin(), since.end(), was_empty)) return;
  empty_since_ = since;
  table_.AssumeEmpty(std::move(since));
}

LimitState::Found LimitState::Restore(MonoTime now) {
  // The next save is after all that are marked.
  for (const std::atomic<uint32_t>& mark : marks_->of) save_ = std::max(save_, mark.load());
  std::error_code error;
  if (!std::filesystem::exists(PathOf(kLimitStateFile), error) && !error) return Found::kNothing;
  Reader reader(PathOf(kLimitStateFile));
  // Looked through before anything of it is used.
  const auto any = [](const auto&) { return true; };
  const bool whole = reader.open() && reader.ReadHeader() && reader.ReadRecords(any, any, any);
  const bool fits =
      whole && reader.header().seed == seed_ && reader.header().groups == table_.group_count();
  if (fits) return RestoreFrom(reader, now);
  AssumeEmpty(std::vector<MonoTime>(kParts, now));
  return Found::kNone;
}

std::vector<bool> LimitState::UnknownParts(const Header& header) const {
  if (header.last != 0) return std::vector<bool>(kParts, false);
  // Marks say what was taken only in the run of the machine, and beside the state, that they are
  // of.
  const std::string boot_id(header.boot_id.data());
  const bool of_state = marks_->run.load() == header.run;
  if (boot_id.empty() || boot_id != place_.boot_id || !of_state) {
    return std::vector<bool>(kParts, true);
  }
  std::vector<bool> unknown(kParts);
  for (size_t i = 0; i < kParts; ++i) unknown[i] = marks_->of[i].load() >= header.save;
  return unknown;
}

LimitState::Found LimitState::RestoreFrom(Reader& reader, MonoTime now) {
  const Header& header = reader.header();
  save_ = std::max(save_, header.save);
  const std::string boot_id(header.boot_id.data());
  const bool same_boot = !boot_id.empty() && boot_id == place_.boot_id;
  const std::vector<bool> unknown = UnknownParts(header);
  // What has gone by for certain since the save. Of another start of the machine nothing is: it may
  // be another machine, which was up long before.
  const int64_t gone_ns = same_boot ? std::max<int64_t>(now.ns - header.at_ns, 0) : 0;
  // A moment of that time in the one of today.
  const auto today = [&](int64_t ns) {
    return now.ns + (std::clamp(ns, -kTimeMaxNs, kTimeMaxNs) - header.at_ns) - gone_ns;
  };
  std::vector<MonoTime> empty_since;
  const bool read = reader.ReadRecords(
      [&](BucketTable::SavedBucket bucket) {
        const uint64_t come = static_cast<uint64_t>(gone_ns) * BucketTable::kTimeUnitsPerNs;
        bucket.missing -= std::min(bucket.missing, come);
        if (bucket.missing == 0 || unknown[BucketTable::PartOf(bucket.hash)]) return true;
        return table_.Restore(bucket, now);
      },
      [&](BucketTable::SavedRegion region) {
        region.full_ns = today(region.full_ns);
        return table_.Restore(region);
      },
      [&](int64_t since_ns) {
        const bool never = since_ns == BucketTable::kNeverEmpty.ns;
        empty_since.push_back(never ? BucketTable::kNeverEmpty : MonoTime{today(since_ns)});
        return true;
      });
  if (!read) {  // It was whole a moment ago.
    AssumeEmpty(std::vector<MonoTime>(kParts, now));
    return Found::kNone;
  }
  empty_since.resize(kParts, BucketTable::kNeverEmpty);
  size_t unknown_parts = 0;
  for (size_t i = 0; i < kParts; ++i) {
    if (!unknown[i]) continue;
    empty_since[i] = now;
    ++unknown_parts;
  }
  AssumeEmpty(std::move(empty_since));
  if (unknown_parts == kParts) return Found::kNone;
  return unknown_parts == 0 ? Found::kAll : Found::kMost;
}

Result<Ok> LimitState::Save(Moment moment, MonoTime now) {
  ++save_;
  TouchMarks();  // From SetSave on whoever decides writes them.
  table_.SetSave(save_);
  const std::string path = PathOf(kLimitStateFile);
  const std::string next = path + ".new";
  const Result<Ok> written = WriteNew(next, moment, now);
  if (!written.ok()) {
    ::unlink(next.c_str());
    return written;
  }
  if (std::rename(next.c_str(), path.c_str()) != 0) return Unavailable(path);
  marks_->run.store(run_);
  if (moment == Moment::kBetween) return Ok();
  return backup::SyncDirectory(place_.directory);
}

Result<Ok> LimitState::WriteNew(const std::string& path, Moment moment, MonoTime now) {
  Header header;
  header.seed = seed_;
  header.groups = table_.group_count();
  header.at_ns = now.ns;
  header.save = save_;
  header.last = moment == Moment::kStop ? 1 : 0;
  header.parts = empty_since_.size();
  header.run = run_;
  std::copy(place_.boot_id.begin(), place_.boot_id.end(), header.boot_id.begin());
  Writer writer(path);
  if (!writer.Begin()) return Unavailable(path);
  std::vector<BucketTable::SavedBucket> buckets;
  for (size_t group = 0; group < table_.group_count(); ++group) {
    buckets.clear();
    table_.Save(group, now, &buckets);
    for (const BucketTable::SavedBucket& bucket : buckets) {
      writer.Add(bucket.group);
      writer.Add(bucket.hash);
      writer.Add(bucket.missing);
      writer.MayFlush();
    }
    header.buckets += buckets.size();
  }
  writer.Flush();
  // After the buckets: what was forgotten before its group was looked at is among these.
  for (const BucketTable::SavedRegion& region : table_.SaveRegions(now)) {
    writer.Add(region.region);
    writer.Add(region.time_class);
    writer.Add(region.full_ns);
    writer.MayFlush();
    ++header.regions;
  }
  writer.Flush();
  for (const MonoTime since : empty_since_) {
    writer.Add(since.ns);
    writer.MayFlush();
  }
  if (!writer.End(header, moment != Moment::kBetween)) return Unavailable(path);
  return Ok();
}

}  // namespace weir::cmd
