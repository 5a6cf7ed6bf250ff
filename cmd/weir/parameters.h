// Parameters: a configuration as CONFIG GET shows it and CONFIG SET changes it.
//
// Every option is one, named by its place: `max_clients` of [server], `cache.ttl`, and
// `limit.uploads.rate` of the [[limit]] of that name. Where Redis has a parameter of the same
// meaning, it is shown under that name too, in Redis's units; and what clients of Redis ask for and
// weir has nothing like is there with the one value that is true.
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/weir/config.h"

#include "weir/gateway/process_info.h"

namespace weir::cmd {

// By weir's own names, in order of the table. Passwords are not shown.
gateway::Parameters OwnParameters(Config config);
// And by Redis's names, in order of name: what CONFIG GET shows.
gateway::Parameters AllParameters(const Config& config);

// Whether a change of this one of OwnParameters takes a restart.
bool NeedsRestart(std::string_view name);

// Sets one of [server] by either name to another value. Returns what is wrong with name or value,
// as CONFIG SET says it after "ERR ", or "".
std::string SetParameter(std::string_view name, const std::string& value, ServerConfig& server);
// The same error for what only comes out of all changes together.
std::string SetFailed(std::string_view name, std::string_view why);
// Returns the key of [server] that the name means, or "".
std::string_view KeyOfParameter(std::string_view name);

}  // namespace weir::cmd
