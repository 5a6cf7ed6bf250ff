#include "cmd/weir/live_config.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cmd/weir/live_limits.h"
#include "cmd/weir/options.h"
#include "cmd/weir/parameters.h"

namespace weir::cmd {
namespace {

// Values by name; a hash of a password by itself, since it is only compared.
std::map<std::string, std::string> ByName(const Config& config) {
  std::map<std::string, std::string> values;
  for (auto& [name, value] : OwnParameters(config)) values.emplace(name, std::move(value));
  for (const UserConfig& user : config.users) {
    values["user." + user.name + ".password"] = user.password.text;
  }
  return values;
}

// Names of what the two do not have in common.
std::vector<std::string> Differences(const Config& a, const Config& b) {
  const std::map<std::string, std::string> one = ByName(a);
  const std::map<std::string, std::string> other = ByName(b);
  std::vector<std::string> names;
  for (const auto& [name, value] : one) {
    const auto found = other.find(name);
    if (found == other.end() || found->second != value) names.push_back(name);
  }
  for (const auto& [name, value] : other) {
    if (!one.contains(name)) names.push_back(name);
  }
  return names;
}

// `next`, but with what needs a restart as it is in `running`.
Config WithoutRestart(Config running, Config next) {
  for (const Option& option : Options()) {
    if (option.section == "server" && !option.reloadable) {
      option.copy(&running.server, &next.server);
    }
  }
  next.shards = std::move(running.shards);
  next.nodes = std::move(running.nodes);
  return next;
}

}  // namespace

LiveConfig::LiveConfig(Config started, Load load, Apply apply, Limits limits)
    : load_(std::move(load)),
      apply_(std::move(apply)),
      config_(std::move(started)),
      limits_(std::move(limits)),
      all_(std::make_shared<const gateway::Parameters>(AllParameters(config_))) {}

std::shared_ptr<const gateway::Parameters> LiveConfig::All() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

LiveConfig::Outcome LiveConfig::Reload() {
  const std::lock_guard changing(changing_);
  Outcome outcome;
  const Loaded file = load_();
  outcome.errors = file.errors;
  outcome.warnings = file.warnings;
  if (!outcome.errors.empty()) return outcome;
  for (std::string& name : Differences(config_, file.config)) {
    if (NeedsRestart(name)) outcome.restart.push_back(std::move(name));
  }
  Config wanted = WithoutRestart(config_, file.config);
  wanted.limits =
      Overlaid(std::move(wanted.limits), InForce(limits_.live, wanted.users, &outcome.warnings));
  Loaded next = CheckTogether(std::move(wanted));
  outcome.errors = next.errors;
  if (!outcome.errors.empty()) {
    for (std::string& error : outcome.errors) error += ", as long as weir is not restarted";
    return outcome;
  }
  outcome.changed = Differences(config_, next.config);
  const Result<Ok> applied = BringIntoForce(std::move(next));
  if (!applied.ok()) outcome.errors.push_back(applied.error().message);
  if (applied.ok()) limits_.configured = file.config.limits;
  return outcome;
}

Result<Ok> LiveConfig::Set(const gateway::Parameters& changes) {
  const auto refuse = [](std::string text) { return Error{ErrorCode::kInvalid, std::move(text)}; };
  const std::lock_guard changing(changing_);
  gateway::Parameters named = changes;
  std::vector<std::string_view> keys;
  for (auto& [name, value] : named) {
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::string_view key = KeyOfParameter(name);
    if (!key.empty() && std::find(keys.begin(), keys.end(), key) != keys.end()) {
      return refuse(SetFailed(name, "duplicate parameter"));
    }
    keys.push_back(key);
  }
  const gateway::Parameters now = AllParameters(config_);
  Config next = config_;
  for (const auto& change : named) {
    // What is so already may be set, whatever it is.
    if (std::binary_search(now.begin(), now.end(), change)) continue;
    std::string problem = SetParameter(change.first, change.second, next.server);
    if (!problem.empty()) return refuse(std::move(problem));
  }
  Loaded checked = CheckTogether(std::move(next));
  if (!checked.errors.empty()) return refuse(SetFailed(changes.front().first, checked.errors[0]));
  return BringIntoForce(std::move(checked));
}

Result<Ok> LiveConfig::SetLimit(const std::string& name, const gateway::Parameters& keys) {
  Result<LimitConfig> made = MakeLimit(name, keys);
  if (!made.ok()) return made.error();
  const std::lock_guard changing(changing_);
  Config alone = config_;
  alone.limits = Overlaid(limits_.configured, {made.value()});
  const Loaded checked = CheckTogether(std::move(alone));
  if (!checked.errors.empty()) return Error{ErrorCode::kInvalid, checked.errors.front()};
  return ReplaceLive(Overlaid(limits_.live, {std::move(made).value()}));
}

Result<bool> LiveConfig::DeleteLimit(const std::string& name) {
  const auto is_it = [&](const LimitConfig& limit) { return limit.name == name; };
  const std::lock_guard changing(changing_);
  std::vector<LimitConfig> live = limits_.live;
  if (std::erase_if(live, is_it) == 0) {
    if (std::any_of(config_.limits.begin(), config_.limits.end(), is_it)) {
      return Error{ErrorCode::kInvalid, "limit '" + name + "' is configured in the file"};
    }
    return false;
  }
  const Result<Ok> replaced = ReplaceLive(std::move(live));
  if (!replaced.ok()) return replaced.error();
  return true;
}

// Requires: changing_ is held.
Result<Ok> LiveConfig::ReplaceLive(std::vector<LimitConfig> live) {
  Config wanted = config_;
  std::vector<std::string> told_before;
  wanted.limits = Overlaid(limits_.configured, InForce(live, wanted.users, &told_before));
  Loaded next = CheckTogether(std::move(wanted));
  if (!next.errors.empty()) return Error{ErrorCode::kInvalid, next.errors.front()};
  // Kept first: a limit that is in force and would be gone after a restart is worse than an error.
  if (limits_.keep != nullptr) {
    if (const Result<Ok> kept = limits_.keep(live); !kept.ok()) return kept;
  }
  const Result<Ok> applied = BringIntoForce(std::move(next));
  if (applied.ok()) limits_.live = std::move(live);
  return applied;
}

// Requires: changing_ is held.
Result<Ok> LiveConfig::BringIntoForce(Loaded next) {
  const Result<Ok> applied = apply_(config_, next);
  if (!applied.ok()) return applied;
  config_ = std::move(next.config);
  auto all = std::make_shared<const gateway::Parameters>(AllParameters(config_));
  const std::lock_guard lock(mutex_);
  all_ = std::move(all);
  return Ok{};
}

}  // namespace weir::cmd
