// ThroughCache: a cache in front of a database, for a program with one thread at it.
//
// Reads go through it (a miss calls `load` and keeps the answer, "nothing there" included), writes
// go through it (the database first, then the cache; a write that fails leaves nothing cached). The
// full machinery for many threads, joined loads and unknown outcomes is Lane, which this wraps.
//
// When not to use: where `load` and `store` are asynchronous, or several threads share it.
// Threads: single-owner. `load` and `store` are called inside Get and Put. `load` may call back:
// what it writes through this cache wins over what it returns. `store` must not. Errors: those of
// `load` and `store`, passed on.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "weir/base/key_hash.h"
#include "weir/base/result.h"
#include "weir/cache/lane.h"

namespace weir::cache {

class ThroughCache {
 public:
  struct Options {
    size_t budget_bytes = size_t{64} << 20;
    std::chrono::milliseconds ttl = std::chrono::hours(1);  // max(): while there is room.
    std::chrono::milliseconds negative_ttl = std::chrono::seconds(5);  // 0: do not keep absence.
    uint64_t hash_seed = 0;  // Secret where clients choose the keys.
  };
  using Load = std::function<Result<std::optional<std::string>>(std::string_view key)>;
  // nullopt removes the key.
  using Store =
      std::function<Result<Ok>(std::string_view key, const std::optional<std::string>& value)>;

  ThroughCache(Options options, Load load, Store store)
      : options_(options),
        load_(std::move(load)),
        store_(std::move(store)),
        lane_(
            Cache::Options{.budget_bytes = options.budget_bytes, .hash_seed = options.hash_seed}) {}

  // Returns the value of `key`, or nullopt when the database has none.
  Result<std::optional<std::string>> Get(std::string_view key, WallTime now) {
    const uint64_t hash = SeededHash(key, options_.hash_seed);
    if (const auto hit = lane_.Find(key, hash, now)) {
      if (hit->absent) return std::optional<std::string>();
      return std::optional<std::string>(hit->value);
    }
    const Token token = lane_.CurrentToken(hash);
    Result<std::optional<std::string>> loaded = load_(key);
    if (loaded.ok()) lane_.Fill(key, hash, token, ToValue(loaded.value()), Until(now), now);
    return loaded;
  }

  // Writes `value`, or removes the key when it is nullopt.
  Result<Ok> Put(std::string_view key, const std::optional<std::string>& value, WallTime now) {
    const uint64_t hash = SeededHash(key, options_.hash_seed);
    Result<Ok> stored = store_(key, value);
    if (stored.ok()) {
      lane_.Publish(key, hash, ToValue(value), Until(now), now);
    } else {  // What the database holds now is not known here: the next Get asks it.
      lane_.Doubt(key, hash);
      lane_.Settle(hash);
    }
    return stored;
  }

 private:
  static std::optional<Value> ToValue(const std::optional<std::string>& value) {
    if (!value.has_value()) return std::nullopt;
    return Value{Bytes::Copy(*value), kNever, 0};
  }
  Lane::Keep Until(WallTime now) const {
    return {After(now, options_.ttl), After(now, options_.negative_ttl)};
  }
  static WallTime After(WallTime now, std::chrono::milliseconds ttl) {
    return ttl.count() < kNever.ms - now.ms ? WallTime{now.ms + ttl.count()} : kNever;
  }

  Options options_;
  Load load_;
  Store store_;
  Lane lane_;
};

}  // namespace weir::cache
