#include "cmd/weir/parameters.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "cmd/weir/options.h"

namespace weir::cmd {
namespace {

std::optional<int64_t> Number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<std::string> AsItIs(std::string_view text) {
  return std::string(text);
}
std::optional<std::string> Milliseconds(std::string_view text) {
  return Number(text) ? std::optional(std::string(text) + "ms") : std::nullopt;
}
std::optional<std::string> SecondsOrNone(std::string_view text) {
  if (!Number(text)) return std::nullopt;
  return Number(text) == 0 ? "none" : std::string(text) + "s";
}
std::optional<std::string> Level(std::string_view text) {
  if (text == "debug" || text == "verbose") return "debug";
  if (text == "notice") return "info";
  if (text == "warning") return "warn";
  return AsItIs(text);  // a level's name in weir; the option names them all when it is none
}

// 0 without a listener, as Redis says it.
std::string FirstPort(const std::vector<Endpoint>& endpoints) {
  return std::to_string(endpoints.empty() ? 0 : endpoints.front().port);
}

std::string Addresses(const std::vector<Endpoint>& endpoints) {
  std::string text;
  for (const Endpoint& endpoint : endpoints) text += (text.empty() ? "" : " ") + endpoint.ip;
  return text;
}

// A parameter of Redis that an option of [server] answers.
struct Alias {
  std::string_view name;
  std::string_view key;
  std::string (*show)(const ServerConfig& server);
  // Translates the value; nullopt when it is none of Redis's.
  std::optional<std::string> (*translate)(std::string_view text);
};

constexpr auto kAliases = std::to_array<Alias>(
    {{"bind", "listen", [](const ServerConfig& server) { return Addresses(server.listen); },
      AsItIs},
     {"latency-monitor-threshold", "latency_threshold",
      [](const ServerConfig& server) { return std::to_string(server.latency_threshold.count()); },
      Milliseconds},
     {"loglevel", "log_level",
      [](const ServerConfig& server) {
        constexpr auto kWords =
            std::to_array<std::string_view>({"debug", "notice", "warning", "warning"});
        return std::string(kWords[static_cast<size_t>(server.log_level)]);
      },
      Level},
     {"maxclients", "max_clients",
      [](const ServerConfig& server) { return std::to_string(server.max_clients); }, AsItIs},
     {"maxmemory", "memory",
      [](const ServerConfig& server) { return std::to_string(server.memory.bytes); }, AsItIs},
     {"port", "listen", [](const ServerConfig& server) { return FirstPort(server.listen); },
      AsItIs},
     {"slowlog-log-slower-than", "slowlog_slower_than_us",
      [](const ServerConfig& server) { return std::to_string(server.slowlog_slower_than_us); },
      AsItIs},
     {"slowlog-max-len", "slowlog_length",
      [](const ServerConfig& server) { return std::to_string(server.slowlog_length); }, AsItIs},
     {"timeout", "idle_timeout",
      [](const ServerConfig& server) {
        const Duration timeout = server.idle_timeout;
        return std::to_string(timeout == kUnbounded ? 0 : (timeout.count() + 999) / 1000);
      },
      SecondsOrNone},
     {"tls-port", "tls_listen",
      [](const ServerConfig& server) { return FirstPort(server.tls_listen); }, AsItIs},
     {"tracking-table-max-keys", "max_tracked_keys",
      [](const ServerConfig& server) { return std::to_string(server.max_tracked_keys); }, AsItIs}});

// What is always so.
struct Constant {
  std::string_view name;
  std::string_view value;
};
constexpr auto kConstants = std::to_array<Constant>({{"appendonly", "no"},
                                                     {"daemonize", "no"},
                                                     {"databases", "1"},
                                                     {"maxmemory-policy", "noeviction"},
                                                     {"notify-keyspace-events", ""},
                                                     {"proto-max-bulk-len", "67108864"},
                                                     {"save", ""}});

constexpr std::string_view kClusterEnabled = "cluster-enabled";

const Alias* FindAlias(std::string_view name) {
  const auto found = std::find_if(kAliases.begin(), kAliases.end(),
                                  [&](const Alias& alias) { return alias.name == name; });
  return found == kAliases.end() ? nullptr : &*found;
}

std::string WithoutQuotes(const std::string& text) {
  return text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
}

// ["a", "b"] as a,b.
std::string WithCommas(const std::string& list) {
  std::string text;
  for (const char c : list) {
    if (c != '[' && c != ']' && c != '"' && c != ' ') text += c;
  }
  return text;
}

void AddSection(std::string_view section, const std::string& prefix, SectionRef values,
                gateway::Parameters& parameters) {
  for (const Option& option : Options()) {
    if (option.section != section) continue;
    const bool secret = option.type == ValueType::kPassword;
    const std::string value = option.show(values).value_or("");
    // As LIMIT.POLICY SET takes them.
    const bool commas = option.list && section == "limit";
    parameters.emplace_back(prefix + std::string(option.key), secret   ? "(not shown)"
                                                              : commas ? WithCommas(value)
                                                                       : WithoutQuotes(value));
  }
}

}  // namespace

gateway::Parameters OwnParameters(Config config) {
  gateway::Parameters parameters;
  AddSection("server", "", &config.server, parameters);
  AddSection("cache", "cache.", &config.cache, parameters);
  for (ShardConfig& shard : config.shards) {
    AddSection("shard", "shard." + shard.name + ".", &shard, parameters);
  }
  for (NodeConfig& node : config.nodes) {
    AddSection("node", "node." + node.id + ".", &node, parameters);
  }
  for (KeyspaceConfig& keyspace : config.keyspaces) {
    AddSection("keyspace", "keyspace." + keyspace.prefix + ".", &keyspace, parameters);
  }
  for (UserConfig& user : config.users) {
    AddSection("user", "user." + user.name + ".", &user, parameters);
  }
  for (LimitConfig& limit : config.limits) {
    AddSection("limit", "limit." + limit.name + ".", &limit, parameters);
  }
  return parameters;
}

gateway::Parameters AllParameters(const Config& config) {
  gateway::Parameters parameters = OwnParameters(config);
  for (const Alias& alias : kAliases)
    parameters.emplace_back(alias.name, alias.show(config.server));
  for (const Constant& constant : kConstants) {
    parameters.emplace_back(constant.name, constant.value);
  }
  parameters.emplace_back(kClusterEnabled, config.nodes.empty() ? "no" : "yes");
  std::sort(parameters.begin(), parameters.end());
  return parameters;
}

bool NeedsRestart(std::string_view name) {
  const std::string_view section = name.substr(0, name.find('.'));
  if (section != name) return !FindSection(section)->reloads;
  return !FindOption("server", name)->reloadable;
}

std::string_view KeyOfParameter(std::string_view name) {
  if (const Alias* alias = FindAlias(name)) return alias->key;
  const Option* option = FindOption("server", name);
  return option == nullptr ? "" : option->key;
}

std::string SetFailed(std::string_view name, std::string_view why) {
  return "CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(why);
}

std::string SetParameter(std::string_view name, const std::string& value, ServerConfig& server) {
  for (const Constant& constant : kConstants) {
    if (constant.name == name) return SetFailed(name, "can't set immutable config");
  }
  if (name == kClusterEnabled) return SetFailed(name, "can't set immutable config");
  const Alias* alias = FindAlias(name);
  const Option* option = FindOption("server", KeyOfParameter(name));
  const std::string_view section = name.substr(0, name.find('.'));
  if (option == nullptr && section != name && FindSection(section) != nullptr) {
    return SetFailed(name, "change it in the configuration file, then send weir SIGHUP");
  }
  if (option == nullptr) {
    return "Unknown option or number of arguments for CONFIG SET - '" + std::string(name) + "'";
  }
  const std::optional<std::string> text =
      alias == nullptr ? std::optional(value) : alias->translate(value);
  ServerConfig next = server;
  const std::string problem =
      text ? option->read(&next, {*text}) : "'" + value + "' is not known here";
  if (!option->reloadable && (!problem.empty() || option->show(&next) != option->show(&server))) {
    return SetFailed(
        name, "can't set immutable config; restart weir to change " + std::string(option->key));
  }
  if (!problem.empty()) return SetFailed(name, problem);
  server = std::move(next);
  return "";
}

}  // namespace weir::cmd
