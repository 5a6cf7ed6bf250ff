#include "cmd/weir/ketama_command.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "weir/ring/ketama.h"

namespace weir::cmd {
namespace {

using ring::KetamaDialect;
using ring::KetamaKeyHash;

template <typename T>
struct Named {
  std::string_view name;
  T value;
};

constexpr Named<KetamaDialect> kDialects[] = {{"libketama", KetamaDialect::kLibketama},
                                              {"libmemcached", KetamaDialect::kLibmemcached},
                                              {"spy", KetamaDialect::kSpy},
                                              {"twemproxy", KetamaDialect::kTwemproxy}};
constexpr Named<KetamaKeyHash> kHashes[] = {
    {"md5", KetamaKeyHash::kMd5},          {"one_at_a_time", KetamaKeyHash::kOneAtATime},
    {"crc16", KetamaKeyHash::kCrc16},      {"crc32", KetamaKeyHash::kCrc32},
    {"crc32a", KetamaKeyHash::kCrc32a},    {"fnv1_64", KetamaKeyHash::kFnv1_64},
    {"fnv1a_64", KetamaKeyHash::kFnv1a64}, {"fnv1_32", KetamaKeyHash::kFnv1_32},
    {"fnv1a_32", KetamaKeyHash::kFnv1a32}, {"murmur", KetamaKeyHash::kMurmur},
    {"jenkins", KetamaKeyHash::kJenkins}};

// Errors: kInvalid with the names there are.
template <typename T, size_t N>
Result<T> Find(const Named<T> (&table)[N], const std::string& flag, const std::string& name) {
  const auto found = std::ranges::find(table, name, &Named<T>::name);
  if (found != std::end(table)) return found->value;
  std::string names;
  for (const Named<T>& entry : table) {
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  return Error{ErrorCode::kInvalid, flag + " is one of " + names + ", not '" + name + "'"};
}

// Reads "ADDRESS[=WEIGHT[=NAME]]".
Result<ring::KetamaServer> ParseServer(std::string_view text) {
  ring::KetamaServer server;
  const size_t weight_at = text.find('=');
  server.address = text.substr(0, weight_at);
  if (weight_at == std::string_view::npos) return server;
  const std::string_view rest = text.substr(weight_at + 1);
  const size_t name_at = rest.find('=');
  const std::string_view weight = rest.substr(0, name_at);
  const auto [end, error] =
      std::from_chars(weight.data(), weight.data() + weight.size(), server.weight);
  if (error != std::errc() || end != weight.data() + weight.size()) {
    return Error{ErrorCode::kInvalid, "'" + std::string(text) +
                                          "' is not a server; write ADDRESS, ADDRESS=WEIGHT or "
                                          "ADDRESS=WEIGHT=NAME"};
  }
  if (name_at != std::string_view::npos) server.name = rest.substr(name_at + 1);
  return server;
}

Result<std::vector<ring::KetamaServer>> ParseServers(std::string_view text) {
  std::vector<ring::KetamaServer> servers;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    Result<ring::KetamaServer> server = ParseServer(text.substr(at, comma - at));
    if (!server.ok()) return server.error();
    servers.push_back(std::move(server).value());
    at = comma + 1;
  }
  return servers;
}

Result<ring::KetamaRing> MakeRing(const KetamaArguments& arguments) {
  const Result<KetamaDialect> dialect = Find(kDialects, "--like", arguments.like);
  if (!dialect.ok()) return dialect.error();
  const bool twemproxy = dialect.value() == KetamaDialect::kTwemproxy;
  std::string hash_name = arguments.hash;
  if (hash_name.empty()) hash_name = twemproxy ? "fnv1a_64" : "md5";
  const Result<KetamaKeyHash> hash = Find(kHashes, "--hash", hash_name);
  if (!hash.ok()) return hash.error();
  Result<std::vector<ring::KetamaServer>> servers = ParseServers(arguments.servers);
  if (!servers.ok()) return servers.error();
  ring::KetamaOptions options;
  options.dialect = dialect.value();
  options.key_hash = hash.value();
  options.hash_tag = arguments.hash_tag;
  if (arguments.unsigned_char) options.char_type = ring::KetamaChar::kUnsigned;
  return ring::KetamaRing::Create(std::move(servers).value(), std::move(options));
}

}  // namespace

int RunRingKetama(const KetamaArguments& arguments) {
  const Result<ring::KetamaRing> ring = MakeRing(arguments);
  if (!ring.ok()) {
    std::fprintf(stderr, "weir: %s\n", ring.error().message.c_str());
    return 2;
  }
  nlohmann::ordered_json owners = nlohmann::ordered_json::array();
  for (const std::string& key : arguments.keys) {
    const uint32_t hash = ring.value().HashOf(key);
    const ring::KetamaServer& server = ring.value().servers()[ring.value().PointOf(hash).server];
    if (arguments.json) {
      owners.push_back({{"key", key}, {"hash", hash}, {"server", server.address}});
    } else {
      std::printf("%s  hash %u  server %s\n", key.c_str(), hash, server.address.c_str());
    }
  }
  if (arguments.json) {
    // A key that is not UTF-8 has no form in JSON; what can be shown of it is.
    std::puts(owners.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return 0;
}

}  // namespace weir::cmd
