#include "weir/cache/loads.h"

#include <cassert>

namespace weir::cache {

Result<Loads::Joined> Loads::Join(std::string_view key, uint64_t hash, Token current, bool joinable,
                                  Waiter waiter) {
  if (joinable && CanJoin(key, hash, current)) {
    const LoadId newest = joinable_.at(hash);
    std::vector<Waiter>& waiters = loads_.at(newest).waiters;
    if (waiters.size() >= kWaitersMax) {
      return Error{ErrorCode::kOverloaded, "too many readers wait for this key"};
    }
    waiters.push_back(waiter);
    ++joined_;
    return Joined{newest, false};
  }
  const Result<LoadId> begun = Begin(key, hash, current, joinable);
  if (!begun.ok()) return begun.error();
  loads_.at(begun.value()).waiters.push_back(waiter);
  return Joined{begun.value(), true};
}

Result<LoadId> Loads::Begin(std::string_view key, uint64_t hash, Token current) {
  return Begin(key, hash, current, true);
}

Result<LoadId> Loads::Begin(std::string_view key, uint64_t hash, Token current, bool joinable) {
  if (loads_.size() >= kLoadsMax) {
    return Error{ErrorCode::kOverloaded, "too many reads of the database are under way"};
  }
  const LoadId id = next_++;
  loads_[id] = Finished{std::string(key), hash, current, {}};
  if (joinable) joinable_[hash] = id;
  return id;
}

bool Loads::CanJoin(std::string_view key, uint64_t hash, Token current) const {
  const auto newest = joinable_.find(hash);
  if (newest == joinable_.end()) return false;
  const Finished& load = loads_.at(newest->second);
  return load.token == current && load.key == key;
}

Loads::Finished Loads::Finish(LoadId load) {
  const auto found = loads_.find(load);
  assert(found != loads_.end());
  Finished finished = std::move(found->second);
  loads_.erase(found);
  const auto newest = joinable_.find(finished.hash);
  if (newest != joinable_.end() && newest->second == load) joinable_.erase(newest);
  return finished;
}

}  // namespace weir::cache
