// Loads: the database reads under way, so that a key that many ask for is read once.
//
// A reader that misses joins the load of its key if there is one whose token is still current, else
// it begins one. So a reader is never answered by a load that began before a write it must see.
// One key can have several loads under way; only the newest can be joined.
//
// Ownership: waiters are opaque; every waiter that was taken in comes out of exactly one Finish.
// Threads: single-owner.
// Cost: O(1) and a few allocations for a load that begins, O(1) amortised for one that is joined.
// Source: golang/groupcache singleflight; differs: joinable only while the token is current.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"
#include "weir/cache/token.h"

namespace weir::cache {

using LoadId = uint64_t;

// Who waits for a load; meaningful to the caller only.
struct Waiter {
  void* home = nullptr;
  uint64_t connection = 0;
  uint64_t sequence = 0;
  uint32_t index = 0;
  uint32_t attempt = 0;
};

class Loads {
 public:
  static constexpr size_t kWaitersMax = 65536;  // For one load.
  static constexpr size_t kLoadsMax = 16384;    // Under way at once.

  struct Joined {
    LoadId load = 0;
    bool begun = false;  // The caller must perform the load and call Finish.
  };
  struct Finished {
    std::string key;
    uint64_t hash = 0;
    Token token = 0;
    std::vector<Waiter> waiters;
  };

  // Errors: kOverloaded when the load has kWaitersMax waiters or kLoadsMax loads are under way.
  // `joinable` false begins a load of its own that nobody else may join.
  Result<Joined> Join(std::string_view key, uint64_t hash, Token current, bool joinable,
                      Waiter waiter);
  // Begins a load that can be joined and that nobody waits for yet. Errors: kOverloaded, as Join.
  Result<LoadId> Begin(std::string_view key, uint64_t hash, Token current);

  // Whether Join would join a load that is under way.
  bool CanJoin(std::string_view key, uint64_t hash, Token current) const;

  // Requires: `load` was begun and is not finished.
  Finished Finish(LoadId load);

  size_t size() const { return loads_.size(); }
  uint64_t begun() const { return next_; }
  uint64_t joined() const { return joined_; }

 private:
  Result<LoadId> Begin(std::string_view key, uint64_t hash, Token current, bool joinable);

  LoadId next_ = 0;
  uint64_t joined_ = 0;
  std::unordered_map<LoadId, Finished> loads_;
  std::unordered_map<uint64_t, LoadId> joinable_;  // By hash of the key; the newest load.
};

}  // namespace weir::cache
