// Epochs: what has been invalidated, as numbers that move where the cache looks a key up.
//
// A key's epoch is a sum: the number of its hash tag and those of all prefixes that it has. To
// invalidate a tag or a prefix is to add one to its number, so that what was cached under the old
// sum is never found again, however much it is; it goes as other entries do.
//
//   Epochs epochs;
//   cache.Put(key, epochs.Apply(key, hash), ...);
//   epochs.RaisePrefix("user:");
//   cache.Find(key, epochs.Apply(key, hash), now)   // nothing, if key begins with "user:"
//
// Tags share a fixed number of counters, so raising one takes some other keys along. A prefix
// beyond kPrefixesMax makes every key's epoch new and the others' numbers forgotten.
// Invariant: the epoch of a key only rises; after 2^32 steps it would come back.
// Threads: single-owner.
// Cost: Apply is a comparison while nothing was invalidated, then a hash of the tag and a
// comparison for each prefix; 4 * kTagStripes bytes from the first tag on.
// Source: lazy tags by time, FusionCache docs/Tagging.md; differs: no time and nothing in the
// entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

class Epochs {
 public:
  static constexpr size_t kPrefixesMax = 256;
  static constexpr size_t kTagStripes = 4096;

  // Returns the hash to look `key` up by in place of `hash`.
  uint64_t Apply(std::string_view key, uint64_t hash) const {
    if (!raised_) [[likely]]
      return hash;
    return hash + Of(key) * kSpread;
  }

  // Requires: `tag` comes from KeyTag.
  void RaiseTag(std::string_view tag);
  void RaisePrefix(std::string_view prefix);

 private:
  // Odd, so that another epoch means other low 32 bits.
  static constexpr uint64_t kSpread = 0x9e3779b97f4a7c15U;

  struct Prefix {
    std::string text;
    uint64_t number = 0;
  };

  uint64_t Of(std::string_view key) const;
  static size_t StripeOf(std::string_view tag);

  bool raised_ = false;
  uint64_t all_ = 0;
  std::vector<Prefix> prefixes_;
  std::vector<uint32_t> tags_;  // By stripe; empty while no tag has been raised.
};

}  // namespace weir::cache
