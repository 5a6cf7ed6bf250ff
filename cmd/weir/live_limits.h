// Live limits: [[limit]] sections that LIMIT.POLICY SET made while weir serves. They are kept
// beside the data, in `limits.toml` of the first data directory, and go before those of the
// configuration's file that have the same name. Errors: kInvalid for what no limit can be;
// kUnavailable and kCorrupt for the file. Threads: pure functions, but for the file.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/weir/config.h"
#include "cmd/weir/load.h"

#include "weir/backup/files.h"
#include "weir/base/result.h"
#include "weir/gateway/process_info.h"

namespace weir::cmd {

// A limit of this name with these keys of [[limit]], as text; keys in any case.
Result<LimitConfig> MakeLimit(const std::string& name, const gateway::Parameters& keys);

// The configured ones, each replaced by the live one of its name, and then the other live ones.
std::vector<LimitConfig> Overlaid(std::vector<LimitConfig> configured,
                                  const std::vector<LimitConfig>& live);

// Those of `live` that concern somebody: all but those of a user who is not among `users`. Of each
// that does not, `warnings` gets a line.
std::vector<LimitConfig> InForce(const std::vector<LimitConfig>& live,
                                 const std::vector<UserConfig>& users,
                                 std::vector<std::string>* warnings);

struct JoinedLimits {
  std::vector<LimitConfig> live;  // Kept beside the data; into the configuration came those of them
                                  // that concern somebody.
  std::vector<std::string> warnings;
};
// Puts what is kept beside the data of `config` into it, as `weir serve` does. With --store memory
// nothing is kept. Errors: those of ReadLiveLimits; kInvalid where they do not fit together.
Result<JoinedLimits> JoinLiveLimits(Config* config);

// What was loaded and, if that is without errors, the live limits of its data.
Loaded WithLiveLimits(Loaded loaded);

// As TOML that reads back as the same.
std::string LimitsText(const std::vector<LimitConfig>& limits);

// No file: no limits. `directory`: that of the data.
Result<std::vector<LimitConfig>> ReadLiveLimits(const std::string& directory);
// Durable when it returns ok; after a crash the file is as before or as now. Errors: kInvalid, with
// nothing written, for what would not be read as the same, such as text that is not UTF-8;
// kUnavailable, when the file is as before; kUnknown, when it is as now and a power cut may undo
// that.
Result<Ok> WriteLiveLimits(const std::string& directory, const std::vector<LimitConfig>& limits,
                           const backup::SyncFunction& sync = backup::SyncDirectory);

}  // namespace weir::cmd
