// Keyspace: keys with one prefix, and how they are kept in memory. docs/caching.md says what each
// option does to what readers may see.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "weir/base/time.h"
#include "weir/cache/lane.h"

namespace weir::gateway {

// What happened to keys of one keyspace, since the process began. Threads: thread-safe.
struct KeyspaceCounters {
  std::atomic<uint64_t> refreshes{0};  // Loads that nobody waited for when they began.
  // Answers from memory past the entry's time: while it is revalidated, because the load failed or
  // was refused, and because it took longer than the soft timeout.
  std::atomic<uint64_t> stale_while_revalidate{0};
  std::atomic<uint64_t> stale_if_error{0};
  std::atomic<uint64_t> soft_timeouts{0};
  std::atomic<uint64_t> hard_timeouts{0};  // Reads that were told so.
  std::atomic<uint64_t> invalidations{0};  // By WEIR.INVALIDATE; of a tag: where tags go.
};

struct Keyspace {
  static constexpr size_t kValueBytesMaxDefault = size_t{64} << 20;
  static constexpr unsigned kJitterPercentMax = 90;

  std::string prefix;
  // Nothing is served from memory, whatever the times say.
  bool bypass = false;
  // How long a value may be served from memory; nullopt: as long as there is room, 0: not at all.
  std::optional<std::chrono::milliseconds> cache_ttl;
  // How long "there is no such key" may be served from memory; 0: not at all, max(): as above.
  std::chrono::milliseconds negative_ttl = std::chrono::seconds(5);
  // Both times are shorter by up to this share, each key's by its own.
  unsigned jitter_percent = 0;
  // From this share of its time on, the first read of an entry begins a load of it; 0: never.
  unsigned refresh_ahead_percent = 0;
  // For how long after its time an entry is answered: at once, while it is loaded again; and where
  // the load fails, or takes longer than the soft timeout.
  std::chrono::milliseconds stale_while_revalidate{0};
  std::chrono::milliseconds stale_if_error{0};
  // How long a read waits for its loads: where there is something stale, and anyhow. 0: no limit.
  std::chrono::milliseconds load_soft_timeout{0};
  std::chrono::milliseconds load_hard_timeout{0};
  size_t value_bytes_max = kValueBytesMaxDefault;
  // Shared by all copies, and over changes of the configuration.
  std::shared_ptr<KeyspaceCounters> counters = std::make_shared<KeyspaceCounters>();

  // How long a key with this hash is fresh: its value, or that there is none.
  std::optional<std::chrono::milliseconds> TtlOf(uint64_t hash, bool absent) const;
  // Of an entry that was put at `now`. `hash`: of its key (KeyHash::hash).
  cache::Lane::Keep KeepFrom(WallTime now, uint64_t hash) const;
  // How long ago an entry was put that is fresh until then, as if these options had held; nullopt
  // when it has no time of its own, or one that they do not explain.
  std::optional<std::chrono::milliseconds> AgeOf(WallTime fresh_until, WallTime expires_at,
                                                 uint64_t hash, bool absent, WallTime now) const;
  // When the first read is to refresh such an entry; kNever where none is.
  WallTime RefreshAt(WallTime fresh_until, WallTime expires_at, uint64_t hash, bool absent) const;
  // No entry is to be refreshed earlier than so long before its time is over.
  std::chrono::milliseconds RefreshSpan() const;
};

}  // namespace weir::gateway
