#include "weir/gateway/range_load.h"

#include <deque>
#include <utility>
#include <vector>

namespace weir::gateway {

shard::LoadPicture LoadOfRanges(Gateway& gateway) {
  std::deque<shard::LoadSample> samples;
  std::vector<shard::LoadPicture::Sampled> sampled;
  for (size_t i = 0; i < gateway.databases(); ++i) {
    Database& database = gateway.database(i);
    sampled.push_back({&samples.emplace_back(database.ReadLoad()), /*writes=*/false});
    sampled.push_back({&samples.emplace_back(database.committer().Load()), /*writes=*/true});
  }
  return shard::LoadPicture(sampled, gateway.clock().Mono());
}

bool BeginLoadOfRanges(Gateway& gateway, std::function<void(const shard::LoadPicture&)> seen) {
  const size_t bytes =
      gateway.databases() * 2 * sizeof(shard::LoadSample::Entry) * shard::LoadSample::kEntriesMax;
  return gateway.heavy_reads().TryPost(
      bytes, [&gateway, seen = std::move(seen)] { seen(LoadOfRanges(gateway)); });
}

}  // namespace weir::gateway
