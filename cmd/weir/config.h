// Config: everything that can be configured, as plain data. The member initialisers are the
// defaults, and the only place where they stand; options.h declares names, limits and words.
//
// What LoadConfig returns is checked and complete: no member is left to be derived.
// Threads: plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::cmd {

// As an amount: a number of bytes.
struct ByteSize {
  uint64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

// An IP address literal and a port; port 0 asks the system for a free one.
struct Endpoint {
  std::string ip;
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

// A network in CIDR form, its host bits zero, such as 10.0.0.0/8 or ::1/128.
struct Network {
  std::string ip;
  unsigned prefix_bits = 0;
  auto operator<=>(const Network&) const = default;
};

// A number of requests or of bytes; `sized` when it was written with a unit of bytes.
struct Amount {
  uint64_t count = 0;
  bool sized = false;
  auto operator<=>(const Amount&) const = default;
};

// `amount` in every `period`.
struct Rate {
  Amount amount;
  std::chrono::milliseconds period{1000};
  auto operator<=>(const Rate&) const = default;
};

// The hash of a password, as `weir user hash` writes it.
struct PasswordHash {
  std::string text = "";
  auto operator<=>(const PasswordHash&) const = default;
};

using Duration = std::chrono::milliseconds;
// The duration that never ends; written "none".
inline constexpr Duration kUnbounded = Duration::max();

enum class Durability { kFsync, kOs };
enum class CacheObjective { kHits, kBytes };
enum class LimitsCrowded { kShare, kDeny, kAllow };
enum class StoreKind { kRocksdb, kMemory };
enum class ClientCertificates { kNone, kOptional, kRequired };
enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct ServerConfig {
  std::string node = "";                              // Empty: this process is no node of a list.
  std::vector<Endpoint> listen{{"127.0.0.1", 6390}};  // Derived from the node's address, if any.
  std::vector<Endpoint> tls_listen;                   // Empty: no TLS.
  std::string tls_cert = "";
  std::string tls_key = "";
  std::string tls_client_ca = "";
  ClientCertificates tls_client_auth = ClientCertificates::kNone;
  Endpoint admin{"127.0.0.1", 6391};
  std::string data = "./weir-data";
  int64_t shards = 4;
  ByteSize memory{0};  // Derived from the machine.
  CacheObjective cache_objective = CacheObjective::kHits;
  int64_t threads = 0;  // Derived from the machine.
  Durability durability = Durability::kFsync;
  StoreKind store = StoreKind::kRocksdb;
  int64_t max_clients = 10'000;
  int64_t max_tracked_keys = 1'000'000;
  ByteSize max_output_per_client{uint64_t{1} << 20};
  Duration partial_command_timeout{std::chrono::seconds(10)};
  Duration idle_timeout = kUnbounded;
  Duration auth_timeout{std::chrono::seconds(10)};
  Rate auth_attempts{.amount = {30, false}, .period = std::chrono::minutes(1)};
  std::string admin_token_file = "";
  std::optional<Endpoint> check;
  std::optional<Endpoint> check_grpc;
  std::string check_token_file = "";
  std::vector<std::string> check_rules;
  LimitsCrowded limits_crowded = LimitsCrowded::kShare;
  Duration limits_kept_every{std::chrono::seconds(10)};  // 0: they are not.
  Duration move_finish_after{0};                         // 0: never.
  Duration queue_deadline{std::chrono::seconds(1)};
  Duration drain_timeout{std::chrono::seconds(10)};
  LogLevel log_level = LogLevel::kInfo;
  int64_t slowlog_slower_than_us = 10'000;  // -1: nothing.
  int64_t slowlog_length = 128;
  Duration latency_threshold{0};  // 0: nothing is noted.
};

struct CacheConfig {
  bool enabled = true;
  Duration ttl = kUnbounded;
  Duration negative_ttl{std::chrono::seconds(5)};
  int64_t price_gb_month = 0;  // In hundredths of a currency; 0 = not known.
  int64_t price_million_reads = 0;
  bool warm_restart = false;
  Duration warm_restart_interval{std::chrono::seconds(60)};
};

struct ShardConfig {
  std::string name = "";
  std::string data = "";  // Derived from the server.
};

struct NodeConfig {
  std::string id = "";
  Endpoint address;
  int64_t weight = 1;
  bool operator==(const NodeConfig&) const = default;
};

struct KeyspaceConfig {
  std::string prefix = "";
  Duration cache_ttl{0};     // Derived from the cache; 0 = never cached.
  Duration negative_ttl{0};  // Derived from the cache; 0 = absence is never cached.
  ByteSize max_value{uint64_t{64} << 20};
  bool bypass = false;
  int64_t jitter_percent = 0;
  int64_t refresh_ahead_percent = 0;  // 0 = never.
  Duration stale_while_revalidate{0};
  Duration stale_if_error{0};
  Duration load_soft_timeout{0};  // 0 = as long as it takes.
  Duration load_hard_timeout{0};  // As above.
};

enum class UserRight { kRead, kWrite, kAdmin };

struct UserConfig {
  std::string name = "";
  PasswordHash password;
  std::vector<UserRight> rights{UserRight::kRead, UserRight::kWrite};
  std::vector<std::string> key_prefixes;
  bool operator==(const UserConfig&) const = default;
};

enum class LimitCommands { kAll, kRead, kWrite, kAdmin, kNone };
enum class LimitScope { kAll, kClient, kKey, kUser };
enum class LimitUnit { kRequests, kBytes, kDatabaseMs };

// What has a bucket of its own: each of what `scope` says, or each text that `text` makes.
struct LimitSubject {
  LimitScope scope = LimitScope::kAll;
  std::string text = "";  // As limit::SubjectTemplate reads it; empty: there is none.
  auto operator<=>(const LimitSubject&) const = default;
};

struct LimitConfig {
  std::string name = "";
  std::optional<Network> client;
  std::string user = "";
  std::string key_prefix = "";
  LimitCommands commands = LimitCommands::kAll;
  LimitSubject per;
  LimitUnit unit = LimitUnit::kRequests;
  Rate rate;
  Amount burst;             // Derived from the rate.
  std::vector<Rate> rates;  // Besides `rate`.
  int64_t cost = 1;
  int64_t enforced = 100;
  Duration delay{0};  // 0: refused at once.
  bool operator==(const LimitConfig&) const = default;
};

struct Config {
  ServerConfig server;
  CacheConfig cache;
  std::vector<ShardConfig> shards;  // Never empty; as many as server.shards.
  std::vector<NodeConfig> nodes;    // Empty: this process alone.
  std::vector<KeyspaceConfig> keyspaces;
  std::vector<UserConfig> users;
  std::vector<LimitConfig> limits;
};

}  // namespace weir::cmd
