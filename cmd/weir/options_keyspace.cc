// The options of [[keyspace]]. docs/caching.md says what they do to what readers may see.
#include "cmd/weir/declare.h"

#include "weir/gateway/keyspace.h"

namespace weir::cmd {
namespace {

constexpr Duration kStaleMost = std::chrono::hours(24 * 30);
constexpr Duration kTimeoutMost = std::chrono::hours(1);

void DeclareStale(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(
      &KeyspaceConfig::refresh_ahead_percent,
      {.key = "refresh_ahead_percent",
       .doc = "From this share of its time on, the first read of a key has it loaded again, "
              "while it is answered from the cache; 0: never.",
       .least = 0,
       .most = 99}));
  add(Declare(
      &KeyspaceConfig::stale_while_revalidate,
      {.key = "stale_while_revalidate",
       .doc = "How long after its time a value is still answered, while it is loaded again.",
       .least = Duration(0),
       .most = kStaleMost}));
  add(Declare(&KeyspaceConfig::stale_if_error,
              {.key = "stale_if_error",
               .doc = "How long after its time a value is still answered where the database fails, "
                      "refuses, or takes longer than `load_soft_timeout`.",
               .least = Duration(0),
               .most = kStaleMost}));
  add(Declare(
      &KeyspaceConfig::load_soft_timeout,
      {.key = "load_soft_timeout",
       .doc = "How long a read waits for the database before it takes what `stale_if_error` "
              "allows; 0: until the database answers.",
       .least = Duration(0),
       .most = kTimeoutMost}));
  add(Declare(&KeyspaceConfig::load_hard_timeout,
              {.key = "load_hard_timeout",
               .doc = "How long a read waits for the database before it is told `OVERLOADED`; 0: "
                      "until the database answers.",
               .least = Duration(0),
               .most = kTimeoutMost}));
}

}  // namespace

void DeclareKeyspaces(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&KeyspaceConfig::prefix,
              {.key = "prefix",
               .doc = "The keys it covers: those that begin so. The longest prefix that matches "
                      "wins; the empty one covers the rest.",
               .required = true}));
  add(Declare(&KeyspaceConfig::cache_ttl,
              {.key = "cache_ttl",
               .doc = "Longest time that a value of these keys is served from the cache; 0 caches "
                      "none.",
               .default_words = "`cache.ttl`"}));
  add(Declare(
      &KeyspaceConfig::negative_ttl,
      {.key = "negative_ttl",
       .doc = "Longest time that the absence of one of these keys is served from the cache; "
              "0 caches none.",
       .default_words = "`cache.negative_ttl`"}));
  add(Declare(
      &KeyspaceConfig::max_value,
      {.key = "max_value",
       .doc = "Largest value that may be stored; lowered to a quarter of the budget's share for "
              "client buffers.",
       .least = ByteSize{1},
       .most = ByteSize{uint64_t{512} << 20}}));
  add(Declare(
      &KeyspaceConfig::bypass,
      {.key = "bypass",
       .doc = "Caches nothing of these keys: each read asks the database. What this and the "
              "keys below mean for what readers see is in docs/caching.md."}));
  add(Declare(
      &KeyspaceConfig::jitter_percent,
      {.key = "jitter_percent",
       .doc = "Shortens both times by up to this share, each key's by its own, so that keys "
              "cached together do not end together.",
       .least = 0,
       .most = gateway::Keyspace::kJitterPercentMax}));
  DeclareStale(table);
}

}  // namespace weir::cmd
