// LimitState: the buckets of limits that requests bring along, kept over a restart.
//
// Two files beside the data. `limits.state` is a save of the buckets that were not full, replaced
// whole every so often and when weir stops. `limits.marks`, 64 KiB that are mapped, says of each
// part of all keys before what save something was taken last; the kernel keeps it when the process
// dies. After a stop all is as it was. After a kill what was taken since the last save is not
// known: the buckets of a part of which something was taken count as empty at the start, the others
// are as saved. After a crash of the machine, whose marks may be lost, without the marks that
// belong to the state, or with one that cannot be read, all buckets count as empty then. So never
// more passes than without the restart, but for two things of a bucket that counts as empty: what
// was owed beyond that is not counted; and it lacks no more than the burst of who asks first, so a
// key that is asked for by several rates may have more by the slower one.
//
// Time is that of the machine since it was started, so steps of its clock do not matter; over a
// restart of the machine, or on another one, none is counted as gone by.
// When not to use: for policies, whose buckets are full after a restart.
//
// Threads: single-owner. Save blocks; it is for a thread of its own. Errors: kUnavailable with the
// path. Memory: 64 KiB and what the marks take; after a kill 256 KiB more, for the parts that count
// as empty. Cost: Save locks one group of the table at a time, and writes 20 bytes a bucket. A mark
// is written to a mapped page of the data's file system, which may make its writer wait while that
// page is on its way to the device.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/base/time.h"
#include "weir/limit/bucket_table.h"

namespace weir::cmd {

inline constexpr std::string_view kLimitStateFile = "limits.state";
inline constexpr std::string_view kLimitMarksFile = "limits.marks";

class LimitState {
 public:
  struct Place {
    std::string directory;
    std::string boot_id;  // Another one after the machine was started again. Empty: not known.
  };
  enum class Found : uint8_t {
    kNothing,  // No file: buckets are full.
    kAll,      // A stop: they are as they were.
    kMost,     // A kill: those of some parts are empty.
    kNone,     // All are empty.
  };

  // The secret seed of hashes by which buckets in the file are named. nullopt: any will do.
  static std::optional<uint64_t> SeedIn(const std::string& directory);

  // Removes what was saved there, durably: buckets are full at the next start.
  // Errors: kUnavailable.
  static Result<Ok> Forget(const std::string& directory);

  // Restores into the table, which nothing has used, and saves once, so that what is taken from now
  // on is marked. Borrows the table. `seed`: what it names buckets by. `run`: any number, not 0, by
  // which state and marks of this run know each other; no other run has it.
  // Errors: kUnavailable; what was saved is kept for the next start.
  static Result<std::unique_ptr<LimitState>> Open(const Place& place, uint64_t seed, uint64_t run,
                                                  limit::BucketTable& table, MonoTime now);
  ~LimitState();
  LimitState(const LimitState&) = delete;
  LimitState& operator=(const LimitState&) = delete;

  // The first save of a run and that of a stop are on the device afterwards; those between need not
  // be, since they say nothing once the machine has been started again.
  enum class Moment : uint8_t {
    kStart,
    kBetween,
    kStop,  // Nothing is taken any more until the process ends.
  };
  Result<Ok> Save(Moment moment, MonoTime now);

  Found found() const { return found_; }

 private:
  struct Header;
  struct Marks;
  class Reader;
  class Writer;

  LimitState(const Place& place, uint64_t seed, uint64_t run, limit::BucketTable& table);
  std::string PathOf(std::string_view file) const;
  Result<Ok> MapMarks();
  void TouchMarks();
  // Returns what of the file can be used.
  Found Restore(MonoTime now);
  Found RestoreFrom(Reader& reader, MonoTime now);
  // Of each part whether it is not known what was taken of it since the save.
  std::vector<bool> UnknownParts(const Header& header) const;
  void AssumeEmpty(std::vector<MonoTime> since);
  Result<Ok> WriteNew(const std::string& path, Moment moment, MonoTime now);

  const Place place_;
  const uint64_t seed_;
  const uint64_t run_;
  limit::BucketTable& table_;
  Marks* marks_ = nullptr;
  uint32_t save_ = 0;                  // The number of the last one.
  std::vector<MonoTime> empty_since_;  // As the table was told; none, or kParts.
  Found found_ = Found::kNothing;
};

}  // namespace weir::cmd
