// Offenders: who is refused most, of any number of keys, in a fixed number of entries.
//
// The Space-Saving sketch: a newcomer takes over the entry that counts least, and its count, so
// each count is too high by at most `error`, and whoever is refused more often than one in kEntries
// times is among them. Counts halve every kHalfLife, so it shows who is refused now. When not to
// use: to decide; see limiter.h. Threads: single-owner. Cost: a look through kEntries. Source:
// Metwally et al., ICDT 2005; halving is our own, and keeps the bounds for halved counts.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/time.h"

namespace weir::limit {

class Offenders {
 public:
  static constexpr size_t kEntries = 64;
  static constexpr size_t kKeyBytesMax = 128;  // Of a longer key the front.
  static constexpr std::chrono::seconds kHalfLife{60};

  struct Entry {
    std::string policy;  // Empty: a limit that the request brought along.
    std::string key;     // Whom it has a bucket for.
    uint64_t count = 0;
    uint64_t error = 0;
  };

  void Note(std::string_view policy, std::string_view key, MonoTime now) {
    Decay(now);
    key = key.substr(0, kKeyBytesMax);
    Entry* least = nullptr;
    for (Entry& entry : entries_) {
      if (entry.count > 0 && entry.policy == policy && entry.key == key) {
        ++entry.count;
        return;
      }
      if (least == nullptr || entry.count < least->count) least = &entry;
    }
    least->policy = policy;
    least->key = key;
    least->error = least->count;
    ++least->count;
  }

  // Those that count anything, most first.
  std::vector<Entry> Top(MonoTime now) {
    Decay(now);
    std::vector<Entry> top;
    for (const Entry& entry : entries_) {
      if (entry.count > entry.error) top.push_back(entry);
    }
    std::stable_sort(top.begin(), top.end(),
                     [](const Entry& a, const Entry& b) { return a.count > b.count; });
    return top;
  }

 private:
  void Decay(MonoTime now) {
    constexpr int kHalvingsMax = 64;
    const auto halvings = static_cast<int>(
        std::min<int64_t>((now - halved_at_) / std::chrono::nanoseconds(kHalfLife), kHalvingsMax));
    if (halvings <= 0) return;
    halved_at_ = halvings == kHalvingsMax ? now : halved_at_ + halvings * kHalfLife;
    for (Entry& entry : entries_) {
      entry.count = halvings == kHalvingsMax ? 0 : entry.count >> halvings;
      entry.error = halvings == kHalvingsMax ? 0 : entry.error >> halvings;
    }
  }

  std::array<Entry, kEntries> entries_{};
  MonoTime halved_at_;
};

}  // namespace weir::limit
