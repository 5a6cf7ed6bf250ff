// Prefixes: which clients want to hear of every key that begins with what.
//
// When not to use: for clients that are to hear of what they were shown alone (table.h).
// Ownership: copies prefixes. Threads: single-owner; const calls are safe with other const calls.
// Limits: kPrefixesMax different prefixes, of kPrefixBytesMax each, beside "", which every key has.
// Cost: Match is O(different lengths of prefixes * log prefixes) for each key.
// Source: the BCAST mode of Redis 6, tracking.c.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/tracking/client_id.h"

namespace weir::tracking {

class Prefixes {
 public:
  static constexpr size_t kPrefixesMax = 4096;
  static constexpr size_t kPrefixBytesMax = 1024;

  using Clients = std::set<ClientId>;
  // The keys, by their place, that begin with one prefix.
  struct Match {
    const Clients* clients = nullptr;  // Valid until the next non-const call.
    std::vector<size_t> keys;          // Rising.
  };

  // Whether both can be wanted by one client, which would be told of some keys twice.
  static bool Overlap(std::string_view a, std::string_view b) {
    return a.starts_with(b) || b.starts_with(a);
  }

  // Returns false, and adds nothing, when there would be too many prefixes or this is too long.
  bool Add(std::string_view prefix, ClientId client);
  // The client no longer wants it. Nothing happens if it never did.
  void Remove(std::string_view prefix, ClientId client);

  // Returns the prefixes that some of `keys` begin with, in the order of their text.
  std::vector<Match> MatchAll(std::span<const std::string_view> keys) const;
  bool Wants(ClientId client, std::string_view key) const;

  size_t size() const { return clients_.size(); }

 private:
  using ByPrefix = std::map<std::string, Clients, std::less<>>;
  // Calls `found` for each prefix of `key`, the shortest first, until it returns false.
  template <typename Found>
  void ForEachPrefixOf(std::string_view key, const Found& found) const;

  ByPrefix clients_;
  std::map<size_t, size_t> lengths_;  // How many prefixes have so many bytes.
};

}  // namespace weir::tracking
