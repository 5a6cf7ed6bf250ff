// LoadPicture: where in the space the load of the last seconds lies, as samples tell: how much any
// range has, where its halves meet, and which tags have the most.
//
//   const LoadPicture picture(samples, now);
//   picture.Of(range).reads;                 // a second
//   for (const LoadPicture::Tag& tag : picture.Hottest(range, 3)) ...
//
// Threads: thread-compatible; const calls are safe together. Cost: O(entries log entries) to make,
// a copy of some of the names; memory of the order of the samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/base/time.h"
#include "weir/shard/load_sample.h"
#include "weir/shard/range_map.h"

namespace weir::shard {

class LoadPicture {
 public:
  // What is in the sample of fewer requests than this may be there by chance, and is never among
  // the hottest.
  static constexpr uint32_t kSeenLeast = 4;

  // Requests a second.
  struct Load {
    double reads = 0;
    double writes = 0;
    double all() const { return reads + writes; }
  };
  struct Sampled {
    const LoadSample* sample = nullptr;  // Borrowed for the constructor.
    bool writes = false;                 // Of writes; else of reads.
  };
  // All requests of the keys of one tag, which no cut parts.
  struct Tag {
    Position from;  // A multiple of kPositionUnit.
    Load load;
    uint32_t seen = 0;  // In the samples.
    // The key, when all that was seen is of one; else the tag in braces. Cut to kKeyBytesMax, and
    // "..." then.
    std::string name;
  };

  LoadPicture(std::span<const Sampled> samples, MonoTime now);

  Load Of(const Range& range) const;
  // How many of the sampled requests it is made of.
  uint64_t seen() const { return seen_; }
  // The tags with the most load, the most first, at most `most`.
  std::vector<Tag> Hottest(const Range& range, size_t most) const;
  // Where to cut the range so that half of its load lies on either side, or nullopt when all of it
  // is of one tag, or there is none.
  std::optional<Position> HalfwayIn(const Range& range) const;

 private:
  std::span<const Tag> TagsIn(const Range& range) const;

  std::vector<Tag> tags_;  // By rising beginning.
  uint64_t seen_ = 0;
};

}  // namespace weir::shard
