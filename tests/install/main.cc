// What a program outside the project does with the installed mechanisms: one use of each, checked.
// Exits with 1 and the name of the first mechanism that does not do its work.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <weir/base/key_hash.h>
#include <weir/cache/through.h>
#include <weir/limit/token_bucket.h>
#include <weir/ring/hash_ring.h>
#include <weir/ring/slot_table.h>
#include <weir/shard/position.h>
#include <weir/shard/range_map.h>

namespace {

bool RingServes() {
  weir::ring::HashRing ring;
  const auto table = std::make_unique<weir::ring::SlotTable>();
  const weir::ring::NodeId node{3};
  if (!ring.Add({.id = node}) || !table->Add({.id = node})) return false;
  const uint32_t slot = weir::TagSlot(weir::KeyTag("{user}:1"));
  return ring.Owner(weir::StableHash("key")) == node && table->Owner(slot) == node;
}

bool ShardServes() {
  const auto map = weir::shard::RangeMap::Even(4);
  if (!map) return false;
  const auto read = weir::shard::RangeMap::FromText(map.value().ToText());
  const auto position = weir::shard::PositionOf("user:12345");
  return read && read.value().Find(position).Contains(position);
}

bool CacheServes() {
  using Value = std::optional<std::string>;
  int reads = 0;
  weir::cache::ThroughCache cache(
      {.ttl = std::chrono::seconds(60), .negative_ttl = std::chrono::seconds(5)},
      [&](std::string_view) -> weir::Result<Value> {
        ++reads;
        return Value("stored");
      },
      [](std::string_view, const Value&) -> weir::Result<weir::Ok> { return weir::Ok{}; });
  const weir::WallTime now{1'700'000'000'000};
  const auto first = cache.Get("key", now);
  const auto again = cache.Get("key", now);
  return first && again && first.value() == "stored" && again.value() == "stored" && reads == 1;
}

bool LimitServes() {
  const auto bucket =
      weir::limit::BucketRule::Create({.count = 1, .period = std::chrono::seconds(1), .burst = 1});
  if (!bucket) return false;
  weir::limit::TokenBucket limited(bucket.value());
  const weir::MonoTime now;
  return limited.Take(now, 1).verdict == weir::limit::Verdict::kAllowed &&
         limited.Take(now, 1).verdict == weir::limit::Verdict::kLater &&
         limited.Take(now, 2).verdict == weir::limit::Verdict::kNever;
}

}  // namespace

int main() {
  struct Check {
    const char* mechanism;
    bool (*serves)();
  };
  for (const Check& check : {Check{"ring", &RingServes}, Check{"shard", &ShardServes},
                             Check{"cache", &CacheServes}, Check{"limit", &LimitServes}}) {
    if (check.serves()) continue;
    std::fprintf(stderr, "weir::%s does not do its work\n", check.mechanism);
    return 1;
  }
  std::puts("the installed weir works");
}
