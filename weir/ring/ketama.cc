#include "weir/ring/ketama.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "weir/base/md5.h"

namespace weir::ring {
namespace {

// A digest gives four points.
constexpr uint32_t kPointsPerDigest = 4;
constexpr uint32_t kDigestsPerServer = 40;
constexpr std::string_view kMemcachedPort = ":11211";

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message)};
}

// What is hashed for a point, before "-" and the number of the digest.
std::string LabelOf(const KetamaServer& server, KetamaDialect dialect) {
  const bool has_port = server.address.rfind(':') != std::string::npos;
  switch (dialect) {
    case KetamaDialect::kLibketama:
      return server.address;
    case KetamaDialect::kSpy:
      return "/" + server.address + (has_port ? "" : std::string(kMemcachedPort));
    case KetamaDialect::kTwemproxy:
      if (!server.name.empty()) return server.name;
      [[fallthrough]];
    case KetamaDialect::kLibmemcached:
      break;
  }
  std::string label = server.address;
  if (label.ends_with(kMemcachedPort)) label.resize(label.size() - kMemcachedPort.size());
  return label;
}

// In float32, where each of the originals computes in it.
uint32_t DigestsOf(uint32_t weight, uint64_t total_weight, size_t servers, KetamaDialect dialect) {
  const float part = static_cast<float>(weight) / static_cast<float>(total_weight);
  const auto count = static_cast<float>(servers);
  if (dialect == KetamaDialect::kLibketama) {
    const double digests =
        static_cast<double>(part) * kDigestsPerServer * static_cast<double>(count);
    return static_cast<uint32_t>(std::floor(static_cast<float>(digests)));
  }
  const float points = part * static_cast<float>(kDigestsPerServer * kPointsPerDigest);
  const float digests = points / static_cast<float>(kPointsPerDigest) * count;
  if (dialect == KetamaDialect::kTwemproxy) {
    return static_cast<uint32_t>(
        std::floor(static_cast<float>(static_cast<double>(digests) + 0.0000000001)));
  }
  return static_cast<uint32_t>(std::floor(digests + 0.0000000001F));
}

Result<Ok> CheckServer(const KetamaServer& server, KetamaDialect dialect) {
  if (server.address.empty()) return Invalid("a server needs an address");
  if (server.address.size() > KetamaRing::kMaxAddressBytes ||
      server.name.size() > KetamaRing::kMaxAddressBytes) {
    return Invalid("the address or name of a server has at most " +
                   std::to_string(KetamaRing::kMaxAddressBytes) + " bytes");
  }
  if (server.weight == 0) return Invalid(server.address + ": the weight is at least 1");
  if (!server.name.empty() && dialect != KetamaDialect::kTwemproxy) {
    return Invalid(server.address + ": only servers of twemproxy have names");
  }
  return Ok{};
}

// The part of `key` that twemproxy hashes.
std::string_view TaggedPart(std::string_view key, std::string_view tag) {
  if (tag.empty()) return key;
  const size_t open = key.find(tag[0]);
  if (open == std::string_view::npos) return key;
  const size_t close = key.find(tag[1], open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

Result<KetamaRing> KetamaRing::Create(std::vector<KetamaServer> servers, KetamaOptions options) {
  if (servers.empty() || servers.size() > kMaxServers) {
    return Invalid("a ring has 1 to " + std::to_string(kMaxServers) + " servers");
  }
  for (const KetamaServer& server : servers) {
    if (auto right = CheckServer(server, options.dialect); !right) return right.error();
  }
  if (!options.hash_tag.empty() && options.hash_tag.size() != 2) {
    return Invalid("a hash tag is two characters");
  }
  KetamaRing ring(std::move(servers), std::move(options));
  if (ring.points_.empty()) return Invalid("the weights leave every server without a point");
  return ring;
}

KetamaRing::KetamaRing(std::vector<KetamaServer> servers, KetamaOptions options)
    : servers_(std::move(servers)), options_(std::move(options)) {
  uint64_t total_weight = 0;
  for (const KetamaServer& server : servers_) total_weight += server.weight;
  for (uint32_t index = 0; index < servers_.size(); ++index) {
    const KetamaServer& server = servers_[index];
    const std::string label = LabelOf(server, options_.dialect) + "-";
    const uint32_t digests =
        DigestsOf(server.weight, total_weight, servers_.size(), options_.dialect);
    for (uint32_t number = 0; number < digests; ++number) {
      const Md5Digest digest = Md5(label + std::to_string(number));
      for (size_t point = 0; point < kPointsPerDigest; ++point) {
        points_.push_back({.hash = KetamaDigestWord(digest, point), .server = index});
      }
    }
  }
  std::ranges::sort(points_);
}

uint32_t KetamaRing::HashOf(std::string_view key) const {
  return KetamaHash(TaggedPart(key, options_.hash_tag), options_.key_hash, options_.char_type);
}

const KetamaRing::Point& KetamaRing::PointOf(uint32_t hash) const {
  const auto at = std::ranges::lower_bound(points_, hash, {}, &Point::hash);
  return at == points_.end() ? points_.front() : *at;
}

}  // namespace weir::ring
