#include "cmd/weir/live_limits.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "cmd/weir/layout.h"
#include "cmd/weir/options.h"

#include "weir/backup/files.h"

namespace weir::cmd {
namespace {

constexpr const char* kFileName = "limits.toml";

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string WithoutBlanks(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// At commas, without the blanks around them; a blank text has no parts.
std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  if (WithoutBlanks(text).empty()) return parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(WithoutBlanks(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

std::string PathIn(const std::string& directory) {
  return directory + "/" + kFileName;
}

}  // namespace

Result<LimitConfig> MakeLimit(const std::string& name, const gateway::Parameters& keys) {
  const auto wrong = [](std::string why) { return Error{ErrorCode::kInvalid, std::move(why)}; };
  LimitConfig limit;
  std::vector<std::string> given;
  gateway::Parameters all = keys;
  all.emplace_back("name", name);
  for (const auto& [key, value] : all) {
    const std::string lower = Lower(key);
    const Option* option = FindOption("limit", lower);
    if (option == nullptr) return wrong("a limit has no '" + key + "'");
    if (std::find(given.begin(), given.end(), lower) != given.end()) {
      return wrong("'" + key + "' is given twice");
    }
    const std::vector<std::string> values = option->list ? Split(value) : std::vector{value};
    if (std::string problem = option->read(&limit, values); !problem.empty()) {
      return wrong(lower + ": " + problem);
    }
    given.push_back(lower);
  }
  const auto has = [&](const char* key) {
    return std::find(given.begin(), given.end(), key) != given.end();
  };
  if (!has("rate")) return wrong("a limit needs a rate");
  if (!has("burst")) limit.burst = limit.rate.amount;
  return limit;
}

std::vector<LimitConfig> Overlaid(std::vector<LimitConfig> configured,
                                  const std::vector<LimitConfig>& live) {
  for (const LimitConfig& limit : live) {
    const auto same = std::find_if(configured.begin(), configured.end(),
                                   [&](const LimitConfig& one) { return one.name == limit.name; });
    if (same == configured.end()) {
      configured.push_back(limit);
    } else {
      *same = limit;
    }
  }
  return configured;
}

std::vector<LimitConfig> InForce(const std::vector<LimitConfig>& live,
                                 const std::vector<UserConfig>& users,
                                 std::vector<std::string>* warnings) {
  std::vector<LimitConfig> in_force;
  for (const LimitConfig& limit : live) {
    const bool concerns =
        limit.user.empty() || std::any_of(users.begin(), users.end(), [&](const UserConfig& user) {
          return user.name == limit.user;
        });
    if (concerns) {
      in_force.push_back(limit);
    } else {
      warnings->push_back("limit '" + limit.name + "', made by LIMIT.POLICY SET, limits nobody: " +
                          "there is no [[user]] '" + limit.user + "'; end it by LIMIT.POLICY DEL " +
                          limit.name);
    }
  }
  return in_force;
}

std::string LimitsText(const std::vector<LimitConfig>& limits) {
  std::string text = "# Written by LIMIT.POLICY SET and DEL.\n";
  LimitConfig defaults;
  for (LimitConfig limit : limits) {
    text += "\n[[limit]]\n";
    for (const Option& option : Options()) {
      if (option.section != "limit") continue;
      const std::optional<std::string> value = option.show(&limit);
      const bool is_default = !option.required && value == option.show(&defaults);
      if (value.has_value() && !is_default) text += std::string(option.key) + " = " + *value + "\n";
    }
  }
  return text;
}

Result<std::vector<LimitConfig>> ReadLiveLimits(const std::string& directory) {
  const std::string path = PathIn(directory);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::vector<LimitConfig>();
  const Result<std::string> text = backup::ReadWholeFile(path, kConfigBytesMax);
  if (!text.ok()) return text.error();
  Loaded loaded = ReadSections({.file_name = path, .text = text.value(), .flags = {}});
  if (!loaded.errors.empty()) return Error{ErrorCode::kCorrupt, loaded.errors.front()};
  return std::move(loaded.config.limits);
}

Result<JoinedLimits> JoinLiveLimits(Config* config) {
  JoinedLimits joined;
  if (config->server.store == StoreKind::kMemory) return joined;
  const std::string directory = LayOut(*config).directories.front();
  Result<std::vector<LimitConfig>> live = ReadLiveLimits(directory);
  if (!live.ok()) return live.error();
  joined.live = std::move(live).value();
  config->limits = Overlaid(config->limits, InForce(joined.live, config->users, &joined.warnings));
  const Loaded together = CheckTogether(*config);
  if (!together.errors.empty()) {
    return Error{ErrorCode::kInvalid, together.errors.front() + "; mend the configuration, or '" +
                                          PathIn(directory) + "'"};
  }
  return joined;
}

Loaded WithLiveLimits(Loaded loaded) {
  if (!loaded.errors.empty()) return loaded;
  const Result<JoinedLimits> joined = JoinLiveLimits(&loaded.config);
  if (!joined.ok()) {
    loaded.errors.push_back(joined.error().message);
    return loaded;
  }
  const std::vector<std::string>& warnings = joined.value().warnings;
  loaded.warnings.insert(loaded.warnings.end(), warnings.begin(), warnings.end());
  return loaded;
}

Result<Ok> WriteLiveLimits(const std::string& directory, const std::vector<LimitConfig>& limits,
                           const backup::SyncFunction& sync) {
  const std::string path = PathIn(directory);
  const std::string text = LimitsText(limits);
  const Loaded again = ReadSections({.file_name = path, .text = text, .flags = {}});
  if (!again.errors.empty() || again.config.limits != limits) {
    return Error{ErrorCode::kInvalid, "its keys and values must be text in UTF-8"};
  }
  const Result<Ok> replaced = backup::ReplaceFile(path, text, sync);
  if (replaced.ok() || replaced.error().code != ErrorCode::kUnknown) return replaced;
  return Error{ErrorCode::kUnknown,
               "the change is not in force, but '" + path +
                   "' holds it and the next start may bring it: " + replaced.error().message};
}

}  // namespace weir::cmd
