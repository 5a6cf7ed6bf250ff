// Journal: samples of the requests of the last hour, of which what_if.h asks what a policy would
// have done.
//
// A limit for each client is judged by all requests of some clients, one for each key by all about
// some keys; a limit that all share by some of all requests. So there are three samples, each in
// memory of its own: a request is in one if the draw of it, its client or its key is low enough.
// When a sample is full before its oldest entry is kSpan old, half of the draws drop out, and of
// the entries those with them: one in 2^rarity is left. When it is nearly empty they come back.
// When not to use: to decide, or to prove what happened.
//
// Ownership: holds copies of the front of users and keys. Threads: single-owner, but for Takes.
// Cost: two nanoseconds for a request that is in no sample. Each halving looks through the sample.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "weir/base/time.h"
#include "weir/limit/policy.h"

namespace weir::limit {

struct JournalEntry {
  static constexpr size_t kUserBytesMax = 24;
  static constexpr size_t kKeyBytesMax = 32;

  MonoTime at;
  uint64_t draw = 0;
  uint64_t key_hash = 0;
  Address client;
  uint32_t bytes = 0;  // At most; more is cut.
  CommandClass command = CommandClass::kRead;
  uint8_t rarity = 0;  // It stands for 2^rarity like it.
  bool has_key = false;
  uint8_t user_bytes = 0;
  uint8_t key_bytes = 0;
  std::array<char, kUserBytesMax> user;
  std::array<char, kKeyBytesMax> key;

  // The request, with the front of its user and its key; a view of this.
  Request request() const;
};

class JournalSample {
 public:
  static constexpr std::chrono::hours kSpan{1};
  static constexpr uint8_t kRarityMax = 24;

  // Requires: entries_max > 0.
  explicit JournalSample(size_t entries_max) : ring_(entries_max) {}

  // Whether a request with this draw is in the sample at present. Threads: thread-safe.
  bool Takes(uint64_t draw) const { return draw <= most_.load(std::memory_order_relaxed); }
  // Of a request that has none.
  static constexpr uint64_t kNoDraw = UINT64_MAX;
  // Requires: entry.at does not fall by more than threads are apart.
  void Note(JournalEntry entry);

  // A copy, the oldest first.
  std::vector<JournalEntry> entries() const;
  size_t size() const { return size_; }
  // When the first request was noted.
  MonoTime began() const { return began_; }
  uint8_t rarity() const { return rarity_; }
  size_t entries_max() const { return ring_.size(); }

 private:
  // The i-th oldest.
  JournalEntry& At(size_t i) { return ring_[(begin_ + i) % ring_.size()]; }
  void DropOldest();
  void DropOld(MonoTime now);
  void SetRarity(uint8_t rarity, MonoTime now);

  std::atomic<uint64_t> most_{kNoDraw - 1};
  std::vector<JournalEntry> ring_;  // As large as ever from the start: to note allocates nothing.
  size_t begin_ = 0;                // Of the oldest.
  size_t size_ = 0;
  MonoTime began_;
  MonoTime changed_;  // When rarity_ last did.
  uint8_t rarity_ = 0;
  bool begun_ = false;
};

class Journal {
 public:
  // Uniform numbers: anew for each request; the same for all of one client; of one key.
  struct Draws {
    uint64_t request = 0;
    uint64_t client = 0;
    uint64_t key = JournalSample::kNoDraw;
  };

  // Divides `bytes` among the samples; each has one entry at least.
  explicit Journal(size_t bytes);

  // Threads: thread-safe.
  bool Takes(const Draws& draws) const {
    return requests.Takes(draws.request) || clients.Takes(draws.client) || keys.Takes(draws.key);
  }
  void Note(const Draws& draws, const Request& request, MonoTime now);

  JournalSample requests;
  JournalSample clients;
  JournalSample keys;
};

}  // namespace weir::limit
