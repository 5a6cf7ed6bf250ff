// LoadSample: which keys the last requests were about, of one kind in one database: a sample in a
// fixed memory, from which weir/shard/load_picture.h tells the load of any piece of the space.
//
//   LoadSample reads(seed, now);
//   reads.Note(keys.size(), now, [&](size_t i) { return LoadSample::Request{position, key}; });
//
// One of so many requests is kept that about kKeptPerSecond are, at any rate; which one, a seeded
// generator says, so that no period in the requests meets one in the sample. What was kept last
// takes the place of the oldest. Each stands for as many requests as there was one kept of, so the
// part of the load that lies anywhere is known to within the square root of how many were kept
// there.
//
// Memory: kEntriesMax entries of 72 bytes. Threads: thread-compatible. Cost: a comparison and a
// subtraction a call, and some 50 ns for what is kept (shard_bench).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "weir/base/random.h"
#include "weir/base/time.h"
#include "weir/shard/position.h"

namespace weir::shard {

class LoadSample {
 public:
  static constexpr size_t kEntriesMax = 4096;
  // What is older counts no longer.
  static constexpr std::chrono::nanoseconds kWindow = std::chrono::seconds(10);
  static constexpr uint64_t kKeptPerSecond = 300;
  static_assert(kKeptPerSecond * 10 < kEntriesMax, "the entries last for the window");
  // Of a longer key the beginning is kept.
  static constexpr size_t kKeyBytesMax = 50;

  struct Request {
    Position position;
    std::string_view key;
  };
  struct Entry {
    std::string_view KeyText() const { return {key.data(), key_bytes}; }

    Position position;
    MonoTime at;
    uint32_t stands_for = 0;  // Requests.
    uint8_t key_bytes = 0;
    bool key_is_cut = false;
    std::array<char, kKeyBytesMax> key;
  };
  static_assert(sizeof(Entry) == 72);

  LoadSample(uint64_t seed, MonoTime now);

  // Notes `count` requests, and asks for those that it keeps: request_at(i), i < count, is a
  // Request that is valid until it is asked for the next.
  // Requires: `now` is not below that of the call before.
  template <typename RequestAt>
  void Note(size_t count, MonoTime now, RequestAt request_at) {
    // Also where none would be kept for long: the rate may have fallen.
    if (now - adapted_ >= kAdaptAfter) Adapt(now);
    size_t done = 0;
    while (pass_ < count - done) {
      done += static_cast<size_t>(pass_) + 1;
      noted_ += pass_ + 1;
      Keep(request_at(done - 1), now);
    }
    noted_ += count - done;
    pass_ -= count - done;
  }

  // In no order.
  const std::vector<Entry>& entries() const { return entries_; }
  // Over which time, up to `now`, the entries that are not older tell of all requests: kWindow, or
  // less as long as there was less, or when so much came that the oldest are gone. At least a
  // second.
  std::chrono::nanoseconds Span(MonoTime now) const;

 private:
  // How long it is before it is seen anew how many requests there are.
  static constexpr std::chrono::nanoseconds kAdaptAfter = std::chrono::milliseconds(250);

  void Keep(const Request& request, MonoTime now);
  void Adapt(MonoTime now);

  Random random_;
  const MonoTime began_;
  std::vector<Entry> entries_;  // A ring once it is full.
  size_t oldest_ = 0;           // Where the next one goes then.
  uint64_t every_ = 1;          // One of so many is kept.
  uint64_t pass_ = 0;           // So many requests pass before the next that is kept.
  // Since `every_` was set last:
  MonoTime adapted_;
  uint64_t noted_ = 0;
  uint64_t kept_ = 0;
};

}  // namespace weir::shard
