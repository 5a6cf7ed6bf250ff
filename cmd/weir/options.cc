#include "cmd/weir/options.h"

#include <cassert>
#include <utility>

#include "cmd/weir/declare.h"

#include "weir/ring/node_set.h"

namespace weir::cmd {
namespace {

constexpr Duration kHour = std::chrono::hours(1);
constexpr int64_t kPriceMax = 1'000'000'000;

void DeclareListeners(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(
      &ServerConfig::listen,
      {.key = "listen",
       .doc = "Addresses on which clients are served; loopback only unless there are users."}));
  add(Declare(&ServerConfig::admin,
              {.key = "admin",
               .doc = "Address of the HTTP server for `/healthz`, `/readyz` and `/metrics`; "
                      "loopback only without `admin_token_file`."}));
  add(Declare(&ServerConfig::admin_token_file,
              {.key = "admin_token_file",
               .doc = "File with the token that everything but `/healthz` and `/readyz` asks for, "
                      "as `Authorization: Bearer TOKEN`.",
               .default_words = "none: no token is asked for"}));
  add(Declare(&ServerConfig::check,
              {.key = "check",
               .doc = "Address of the HTTP server that proxies ask, `/v1/check/<policy>`; loopback "
                      "only without `check_token_file`.",
               .default_words = "none: it does not run"}));
  add(Declare(&ServerConfig::check_grpc,
              {.key = "check_grpc",
               .doc = "Address of the gRPC service that an Envoy asks, by `check_rules`; loopback "
                      "only without `check_token_file`. Not every build has it.",
               .default_words = "none: it does not run"}));
  add(Declare(&ServerConfig::check_token_file,
              {.key = "check_token_file",
               .doc = "File with the token that both ask for, as `Authorization: Bearer TOKEN`.",
               .default_words = "none: no token is asked for"}));
  add(Declare(&ServerConfig::check_rules,
              {.key = "check_rules",
               .doc = "Files of rules of envoyproxy/ratelimit, by which `check` answers `POST "
                      "/json`, and `check_grpc`.",
               .default_words = "none: there is no such page"}));
}

void DeclareServer(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&ServerConfig::data,
              {.key = "data",
               .doc = "Directory of the data, relative to the working directory; created when "
                      "absent."}));
  add(Declare(&ServerConfig::shards,
              {.key = "shards",
               .doc = "Shards to create in a new data directory; an existing one keeps its own.",
               .least = 1,
               .most = 64}));
  add(Declare(&ServerConfig::memory,
              {.key = "memory",
               .doc = "Memory budget of the whole process; `weir check` shows how it is divided.",
               .least = ByteSize{uint64_t{64} << 20},
               .most = ByteSize{uint64_t{64} << 40},
               .default_words = "a quarter of the smaller of RAM and the cgroup's limit"}));
  add(Declare(&ServerConfig::cache_objective,
              {.key = "cache_objective",
               .doc = "What the cache makes the most of where values differ in size: reads that it "
                      "answers, or their bytes."}));
  add(Declare(&ServerConfig::threads, {.key = "threads",
                                       .doc = "Threads that serve clients.",
                                       .least = 1,
                                       .most = 64,
                                       .default_words = "the number of CPUs, at most 64"}));
  add(Declare(&ServerConfig::durability,
              {.key = "durability",
               .doc = "When a write is acknowledged: after fsync, or once the operating system has "
                      "it, which a power cut may undo."}));
  add(Declare(
      &ServerConfig::limits_crowded,
      {.key = "limits_crowded",
       .doc = "What becomes of a newcomer when the buckets of limits take all their memory: it "
              "shares what the bucket nearest to full has left, or is refused, or passes "
              "uncounted. docs/limits.md tells more."}));
  add(Declare(
      &ServerConfig::limits_kept_every,
      {.key = "limits_kept_every",
       .doc = "How often the buckets of limits that requests bring along are written beside "
              "the data, so that they survive a restart: docs/limits.md. 0: they are full "
              "after one.",
       .least = Duration(0),
       .most = kHour}));
  add(Declare(&ServerConfig::move_finish_after,
              {.key = "move_finish_after",
               .doc = "How long a range that has moved can be rolled back before the move finishes "
                      "by itself and its old place is cleared. 0: only when it is told to.",
               .least = Duration(0),
               .most = 1000 * 24 * kHour}));
  add(Declare(&ServerConfig::queue_deadline,
              {.key = "queue_deadline",
               .doc = "Longest wait for a place at a database; docs/overload.md tells more.",
               .least = std::chrono::milliseconds(20),
               .most = kHour}));
  add(Declare(&ServerConfig::max_tracked_keys,
              {.key = "max_tracked_keys",
               .doc = "Keys remembered for clients that cache what they read (`CLIENT TRACKING`), "
                      "in at most a quarter of the memory for clients; one that must make room is "
                      "told to them as changed.",
               .least = 1,
               .most = int64_t{1'000'000'000}}));
  add(Declare(&ServerConfig::store,
              {.key = "store",
               .doc = "Where records live; with memory, nothing survives a restart and records are "
                      "outside the memory budget."}));
}

void DeclareTls(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(
      &ServerConfig::tls_listen,
      {.key = "tls_listen",
       .doc = "Addresses on which clients are served over TLS 1.2 or 1.3, besides `listen`; "
              "loopback only unless there are users."}));
  add(Declare(&ServerConfig::tls_cert,
              {.key = "tls_cert",
               .doc = "PEM file with the server's certificate, then its issuers up to the root; "
                      "read again when it changes."}));
  add(Declare(&ServerConfig::tls_key,
              {.key = "tls_key",
               .doc = "PEM file with the key of `tls_cert`, without a passphrase; read again when "
                      "it changes."}));
  add(Declare(
      &ServerConfig::tls_client_ca,
      {.key = "tls_client_ca",
       .doc = "PEM file with the certificates of those who sign clients' certificates; read "
              "again when it changes."}));
  add(Declare(
      &ServerConfig::tls_client_auth,
      {.key = "tls_client_auth",
       .doc = "Whether a client over TLS must show a certificate; one that is shown and not "
              "signed by `tls_client_ca` is refused, unless none is asked for."}));
}

void DeclareServerLimits(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&ServerConfig::max_clients,
              {.key = "max_clients",
               .doc = "Clients at once; over TLS at most as many as their memory has room for.",
               .least = 1,
               .most = 1'000'000,
               .reloads = true}));
  add(Declare(
      &ServerConfig::max_output_per_client,
      {.key = "max_output_per_client",
       .doc = "Replies that may wait for a client before its commands wait too; one that "
              "takes nothing for 60s is disconnected. Lowered to a quarter of the budget's share "
              "for client buffers.",
       .least = ByteSize{uint64_t{64} << 10},
       .most = ByteSize{uint64_t{1} << 40},
       .reloads = true}));
  add(Declare(&ServerConfig::partial_command_timeout,
              {.key = "partial_command_timeout",
               .doc = "Time a client has to finish a command that it has begun to send.",
               .least = std::chrono::milliseconds(100),
               .most = kHour,
               .reloads = true}));
  add(Declare(&ServerConfig::idle_timeout,
              {.key = "idle_timeout",
               .doc = "Time after which a client that sends nothing is disconnected.",
               .least = std::chrono::seconds(1),
               .reloads = true}));
  add(Declare(&ServerConfig::auth_timeout,
              {.key = "auth_timeout",
               .doc = "Time after which a client that has not authenticated, where there are "
                      "users, is disconnected.",
               .least = std::chrono::seconds(1),
               .most = kHour,
               .reloads = true}));
  add(Declare(&ServerConfig::auth_attempts,
              {.key = "auth_attempts",
               .doc = "Wrong passwords that a client address may try: so many at once, and in the "
                      "long run; one more is answered `THROTTLED`.",
               .most = Rate{.amount = {1'000'000, false}},
               .reloads = true}));
  add(Declare(&ServerConfig::drain_timeout,
              {.key = "drain_timeout",
               .doc = "Time that SIGTERM leaves to commands under way.",
               .least = Duration(0),
               .most = kHour,
               .reloads = true}));
  add(Declare(&ServerConfig::log_level,
              {.key = "log_level", .doc = "Least severity that is logged.", .reloads = true}));
  add(Declare(&ServerConfig::slowlog_slower_than_us,
              {.key = "slowlog_slower_than_us",
               .doc = "Microseconds after which a command is kept for `SLOWLOG`; 0 keeps every "
                      "command, -1 none.",
               .least = -1,
               .most = int64_t{3'600'000'000},
               .reloads = true}));
  add(Declare(&ServerConfig::slowlog_length, {.key = "slowlog_length",
                                              .doc = "Commands that `SLOWLOG` keeps, the latest.",
                                              .least = 0,
                                              .most = 10'000,
                                              .reloads = true}));
  add(Declare(&ServerConfig::latency_threshold,
              {.key = "latency_threshold",
               .doc = "Time after which `LATENCY` notes a command, a commit or a load; 0: none.",
               .least = Duration(0),
               .most = kHour,
               .reloads = true}));
}

void DeclareCacheAndShards(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&CacheConfig::enabled,
              {.key = "enabled",
               .doc = "Whether anything is cached; false sends every read to the "
                      "database."}));
  add(Declare(&CacheConfig::ttl,
              {.key = "ttl",
               .doc = "Longest time that a value is served from the cache; 0 caches no value."}));
  add(Declare(&CacheConfig::negative_ttl,
              {.key = "negative_ttl",
               .doc = "Longest time that the absence of a key is served from the cache; 0 caches "
                      "no absence."}));
  add(Declare(&CacheConfig::price_gb_month,
              {.key = "price_gb_month",
               .doc = "For `weir advise`: what a GB of memory costs a month, in hundredths of any "
                      "currency; 0: not known.",
               .least = 0,
               .most = kPriceMax}));
  add(Declare(&CacheConfig::price_million_reads,
              {.key = "price_million_reads",
               .doc = "For `weir advise`: what a million reads of a database cost, in the same; 0: "
                      "not known.",
               .least = 0,
               .most = kPriceMax}));
  add(Declare(
      &CacheConfig::warm_restart,
      {.key = "warm_restart",
       .doc = "Whether what is in memory is there again after a restart: from `cache-snapshot` in "
              "the (first) data directory after SIGTERM, else read from the store by the keys that "
              "are listed in `hot-keys`."}));
  add(Declare(&CacheConfig::warm_restart_interval,
              {.key = "warm_restart_interval",
               .doc = "How often they are listed while weir runs, in case it is killed; less often "
                      "where that takes more than a hundredth of the time.",
               .least = std::chrono::seconds(1),
               .most = kHour}));
  add(Declare(&ShardConfig::name,
              {.key = "name",
               .doc = "Name of the shard: 1 to 64 letters, digits and `_ . : / -`, used once.",
               .required = true}));
  add(Declare(&ShardConfig::data,
              {.key = "data",
               .doc = "Directory of the shard; a directory of its own costs an fsync of its own.",
               .default_words = "`server.data`"}));
}

void DeclareUsers(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&UserConfig::name,
              {.key = "name",
               .doc = "Name given to `AUTH`: 1 to 64 letters, digits and `_ . : / -`, used once. "
                      "`default` is who `AUTH` with a password alone means.",
               .required = true}));
  add(Declare(&UserConfig::password,
              {.key = "password",
               .doc = "Hash of the password, as `weir user hash` prints it. All users' hashes cost "
                      "the same.",
               .required = true}));
  add(Declare(&UserConfig::rights,
              {.key = "rights",
               .doc = "What the user may do: commands that tell what keys hold, that change keys, "
                      "that see or change the server."}));
  add(Declare(&UserConfig::key_prefixes,
              {.key = "key_prefixes",
               .doc = "Only keys that begin with one of these; at most 64.",
               .default_words = "all keys"}));
}

}  // namespace

const std::vector<Section>& Sections() {
  static const std::vector<Section> kSections = {
      {.name = "server", .doc = "The process. Every key is also a flag of `weir serve`."},
      {.name = "cache",
       .reloads = true,
       .doc = "What holds for all keys unless a keyspace says otherwise."},
      {.name = "shard",
       .repeated = true,
       .count_max = 64,
       .doc = "Names the shards of a new data directory, instead of `server.shards`."},
      {.name = "node",
       .repeated = true,
       .count_max = ring::kMaxNodes,
       .doc = "The nodes that share the slots, the same list on all of them. See docs/nodes.md."},
      {.name = "keyspace",
       .repeated = true,
       .count_max = 256,
       .reloads = true,
       .doc = "Rules for the keys that begin with a prefix."},
      {.name = "user",
       .repeated = true,
       .count_max = 1024,
       .reloads = true,
       .doc = "Who may connect; without any, everybody who can reach `server.listen`. See "
              "docs/users.md."},
      {.name = "limit",
       .repeated = true,
       .count_max = 64,
       .reloads = true,
       .doc = "A rate limit. A request that matches several must pass them all; one that matches "
              "none is not limited."},
  };
  return kSections;
}

const std::vector<Option>& Options() {
  static const std::vector<Option> kOptions = [] {
    std::vector<Option> table;
    DeclareListeners(table);
    DeclareServer(table);
    DeclareTls(table);
    DeclareServerLimits(table);
    DeclareCacheAndShards(table);
    DeclareNodes(table);
    DeclareKeyspaces(table);
    DeclareUsers(table);
    DeclareLimits(table);
    for (Option& option : table) option.reloadable |= FindSection(option.section)->reloads;
    return table;
  }();
  return kOptions;
}

const Section* FindSection(std::string_view name) {
  for (const Section& section : Sections()) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

const Option* FindOption(std::string_view section, std::string_view key) {
  for (const Option& option : Options()) {
    if (option.section == section && option.key == key) return &option;
  }
  return nullptr;
}

std::string FlagOf(const Option& option) {
  assert(option.section == "server");
  std::string flag = "--" + std::string(option.key);
  for (char& letter : flag) {
    if (letter == '_') letter = '-';
  }
  return flag;
}

}  // namespace weir::cmd
