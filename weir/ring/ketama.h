// KetamaRing: the ring of memcached clients and proxies, point for point, for those who come from
// them: which server holds each key today.
//
// "Ketama" names several rings that differ in the text they hash for a point, in how weights are
// rounded and in the hash of a key; the same servers give different owners. A dialect follows one:
//   kLibketama     libketama 0.1 and what wraps it; the address as in its file of servers
//   kLibmemcached  MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED; the port only when it is not 11211
//   kSpy           MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA_SPY, as spymemcached
//   kTwemproxy     `distribution: ketama`; the server's name when it has one
// Envoy, nginx, HAProxy and groupcache have rings of their own and none of these.
//
//   KetamaRing ring = KetamaRing::Create({{.address = "10.0.1.1:11211", .weight = 600}, …},
//                                        {.dialect = KetamaDialect::kLibmemcached}).value();
//   const KetamaServer& server = ring.servers()[ring.Owner("user:12345")];
//
// When not to use: for anything new. HashRing takes changes, has ids in place of names and weights
// that move no key of another node; here a change of one weight rounds the others anew.
//
// Threads: immutable after construction.
// Source: RJ/ketama libketama/ketama.c; libmemcached src/libmemcached/hosts.cc; twemproxy
// src/hashkit/nc_ketama.c; their float32 arithmetic is kept, since their points depend on it;
// differs: equal points go to the server named first, where the originals leave it to qsort. Public
// vectors of each in ketama_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/ring/ketama_hash.h"

namespace weir::ring {

enum class KetamaDialect : uint8_t { kLibketama, kLibmemcached, kSpy, kTwemproxy };

struct KetamaServer {
  std::string address = "";  // "host:port", or "host" for port 11211.
  std::string name = "";     // kTwemproxy's third word; empty: none. Others have no names.
  uint32_t weight = 1;       // At least 1. libketama calls it memory.
};

struct KetamaOptions {
  KetamaDialect dialect = KetamaDialect::kLibketama;
  // libketama has kMd5 only; KETAMA_WEIGHTED of libmemcached sets it; twemproxy's default is
  // kFnv1a64.
  KetamaKeyHash key_hash = KetamaKeyHash::kMd5;
  // What `char` is where the ring to follow runs. It matters to keys with bytes above 127 only.
  KetamaChar char_type = KetamaChar::kSigned;
  // Two characters as twemproxy's `hash_tag`, "{}" say: what is between is hashed in the key's
  // place, if it is not empty. Empty: the whole key.
  std::string hash_tag = "";
};

class KetamaRing {
 public:
  static constexpr size_t kMaxServers = 1024;
  static constexpr size_t kMaxAddressBytes = 255;

  struct Point {
    uint32_t hash = 0;
    uint32_t server = 0;  // Index into servers().
    auto operator<=>(const Point&) const = default;
  };

  // Errors: kInvalid (no servers, more than kMaxServers, an address that is empty or too long, a
  // weight of 0, a name outside kTwemproxy, a hash tag that is not two characters, weights so
  // uneven that no server has a point).
  static Result<KetamaRing> Create(std::vector<KetamaServer> servers, KetamaOptions options);

  // Returns the index of the server that holds `key`. Cost: the key's hash and O(log points).
  size_t Owner(std::string_view key) const { return PointOf(HashOf(key)).server; }

  uint32_t HashOf(std::string_view key) const;

  // Returns the first point at or after `hash` on the circle.
  const Point& PointOf(uint32_t hash) const;

  std::span<const KetamaServer> servers() const { return servers_; }
  // In ascending order of hash, then server.
  std::span<const Point> points() const { return points_; }

 private:
  KetamaRing(std::vector<KetamaServer> servers, KetamaOptions options);

  std::vector<KetamaServer> servers_;
  KetamaOptions options_;
  std::vector<Point> points_;
};

}  // namespace weir::ring
