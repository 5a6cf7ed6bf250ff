// The model-based part of the contract suite; included by store_contract.h alone.
//
// Goal: no sequence of calls, reopenings included, tells a driver from a naive map. Method: seeded
// random operations on few positions and awkward keys, each answer compared with the model's.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "weir/base/random.h"
#include "weir/store/store_contract_harness.h"

namespace weir::store {

class StoreContractModel : public StoreContract {
 protected:
  using Place = std::tuple<uint32_t, uint64_t, std::string>;

  struct Entry {
    std::string value;
    WallTime expires_at;
    Version version;
  };

  Key SomeKey() {
    static constexpr uint64_t kPositions[] = {0,          1,          2,     255,  256,
                                              1ULL << 32, 1ULL << 63, ~1ULL, ~0ULL};
    static const std::string kKeys[] = {
        "", std::string(1, '\0'), "a", "ab", std::string("a\0", 2), "b", std::string(9, '\xff')};
    return {static_cast<uint32_t>(random_.Below(kContractShards)),
            kPositions[random_.Below(std::size(kPositions))],
            kKeys[random_.Below(std::size(kKeys))]};
  }

  void ApplySome() {
    Batch batch{now_, {}};
    std::map<Place, Key> chosen;
    const uint64_t count = random_.Below(20);
    for (uint64_t i = 0; i < count; ++i) {
      Key key = SomeKey();
      chosen.emplace(Place(key.shard, key.position, key.key), std::move(key));
    }
    std::vector<Prior> expected;
    for (const auto& [place, key] : chosen) {
      ++version_;
      const auto found = model_.find(place);
      expected.push_back(found == model_.end() ? Prior{} : Prior{true, found->second.expires_at});
      if (random_.Below(4) == 0) {
        batch.writes.push_back(RemovalOf(key, version_));
        model_.erase(place);
      } else {
        const WallTime expiry =
            random_.Below(2) == 0 ? kNever
                                  : WallTime{now_.ms - 5 + static_cast<int64_t>(random_.Below(30))};
        const std::string value(random_.Below(200), static_cast<char>('a' + version_ % 26));
        batch.writes.push_back(PutOf(key, value, version_, expiry));
        model_[place] = {value, expiry, version_};
      }
      if (random_.Below(2) == 0) batch.writes.back().known = expected.back();
    }
    // Now and then what is new to one shard comes as prepared copies.
    if (random_.Below(4) == 0) ASSERT_NO_FATAL_FAILURE(CopySome());
    const auto applied = ApplyTo(*store_, std::move(batch));
    ASSERT_TRUE(applied.ok());
    ASSERT_EQ(applied.value().priors.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(applied.value().priors[i].existed, expected[i].existed);
      ASSERT_EQ(applied.value().priors[i].expires_at, expected[i].expires_at);
    }
  }

  // New records of one shard, in order.
  void CopySome() {
    Batch batch{now_, {}};
    batch.copies = true;
    const auto shard = static_cast<uint32_t>(random_.Below(kContractShards));
    for (uint64_t position = 5000; position < 5040; ++position) {
      const Place place(shard, position, "copy");
      if (model_.contains(place) || random_.OneIn(2)) continue;
      const WallTime expiry = random_.OneIn(3) ? WallTime{now_.ms + 25} : kNever;
      const std::string value(random_.Below(200), 'v');
      batch.writes.push_back(PutOf({shard, position, "copy"}, value, ++version_, expiry));
      batch.writes.back().known = Prior{};
      model_[place] = {value, expiry, version_};
    }
    const size_t writes = batch.writes.size();
    ASSERT_TRUE(PrepareIn(*store_, &batch).ok());
    const auto applied = ApplyTo(*store_, std::move(batch));
    ASSERT_TRUE(applied.ok());
    ASSERT_EQ(applied.value().priors.size(), writes);
  }

  void ExpireSome() {
    const size_t limit = random_.Below(6);
    std::vector<std::pair<WallTime, Place>> expiring;
    for (const auto& [place, entry] : model_) {
      if (entry.expires_at != kNever) expiring.emplace_back(entry.expires_at, place);
    }
    // Records with one expiry may go in any order, so the model follows the store within a tie.
    std::sort(expiring.begin(), expiring.end());
    size_t removed = 0;
    while (removed < std::min(limit, expiring.size()) && expiring[removed].first <= now_) ++removed;
    const auto expired = ExpireIn(*store_, now_, limit);
    ASSERT_TRUE(expired.ok());
    ASSERT_EQ(expired.value().removed, removed);
    ASSERT_EQ(expired.value().next, removed == expiring.size() ? kNever : expiring[removed].first);
    if (removed == 0) return;
    const WallTime last = expiring[removed - 1].first;
    size_t gone = 0;
    for (const auto& [expiry, place] : expiring) {
      if (expiry > last) break;
      const auto& [shard, position, key] = place;
      const auto loads = LoadFrom(*store_, {{shard, position, key}});
      ASSERT_TRUE(loads.ok());
      if (loads.value().records[0]) {
        ASSERT_EQ(expiry, last) << "an earlier one was left";
        continue;
      }
      model_.erase(place);
      ++gone;
    }
    ASSERT_EQ(gone, removed);
  }

  void CompareAll() {
    auto expected = model_.begin();
    uint64_t with_expiry = 0;
    uint64_t due = 0;
    for (uint32_t shard = 0; shard < kContractShards; ++shard) {
      for (const auto& item : AllOf(*store_, shard, 1 + random_.Below(8))) {
        ASSERT_NE(expected, model_.end());
        ASSERT_EQ(Place(shard, item.position, item.key), expected->first);
        ASSERT_EQ(item.record.value.view(), expected->second.value);
        ASSERT_EQ(item.record.version, expected->second.version);
        ASSERT_EQ(item.record.expires_at, expected->second.expires_at);
        if (item.record.expires_at != kNever) ++with_expiry;
        if (item.record.expires_at <= now_) ++due;
        ++expected;
      }
    }
    ASSERT_EQ(expected, model_.end());
    ExpectCounts(now_, {.records = model_.size(), .due = due, .with_expiry = with_expiry});
    ASSERT_GE(store_->VersionFloor(), version_ + 1);
  }

  void CompareOne() {
    const Key key = SomeKey();
    const auto loads = LoadFrom(*store_, {key});
    ASSERT_TRUE(loads.ok());
    const auto found = model_.find(Place(key.shard, key.position, key.key));
    ASSERT_EQ(loads.value().records[0].has_value(), found != model_.end());
    if (found == model_.end()) return;
    ASSERT_EQ(loads.value().records[0]->value.view(), found->second.value);
    ASSERT_EQ(loads.value().records[0]->version, found->second.version);
  }

  Random random_{20261123};
  std::map<Place, Entry> model_;
  WallTime now_{1000};
  Version version_ = 0;
};

TEST_P(StoreContractModel, RandomOperationsMatchANaiveMap) {
  for (int step = 0; step < 1500 && !HasFatalFailure(); ++step) {
    SCOPED_TRACE(step);
    now_.ms += static_cast<int64_t>(random_.Below(3));
    const uint64_t choice = random_.Below(100);
    if (choice < 50) {
      ApplySome();
    } else if (choice < 65) {
      ExpireSome();
    } else if (choice < 85) {
      CompareOne();
    } else if (choice < 97) {
      CompareAll();
    } else if (choice < 98) {
      ASSERT_TRUE(ClearOf(*store_).ok());
      model_.clear();
    } else {
      Reopen();
    }
  }
  if (!HasFatalFailure()) CompareAll();
}

}  // namespace weir::store
