#include "weir/cache/loads.h"

#include <cassert>

namespace weir::cache {

Result<Loads::Joined> Loads::Join(std::string_view key, uint64_t hash, Token current, bool joinable,
                                  Waiter waiter) {
  if (joinable) {
    const auto newest = joinable_.find(hash);
    if (newest != joinable_.end()) {
      Finished& load = loads_.at(newest->second);
      if (load.token == current && load.key == key) {
        if (load.waiters.size() >= kWaitersMax) {
          return Error{ErrorCode::kOverloaded, "too many readers wait for this key"};
        }
        load.waiters.push_back(waiter);
        ++joined_;
        return Joined{newest->second, false};
      }
    }
  }
  if (loads_.size() >= kLoadsMax) {
    return Error{ErrorCode::kOverloaded, "too many reads of the database are under way"};
  }
  const LoadId id = next_++;
  loads_[id] = Finished{std::string(key), hash, current, {waiter}};
  if (joinable) joinable_[hash] = id;
  return Joined{id, true};
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
