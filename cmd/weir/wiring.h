// Wiring: what a configuration means to each part of the server, when it starts and when it
// changes.
//
// Requires of all: the configuration came from LoadConfig, and the budget is its own.
// Threads: pure functions, but for what they change.
#pragma once

#include <vector>

#include "cmd/weir/budget.h"
#include "cmd/weir/check.h"
#include "cmd/weir/config.h"
#include "cmd/weir/stores.h"

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/process_info.h"
#include "weir/server/server.h"

namespace weir::cmd {

// Lets the process have as many open files as clients are configured, or says how many the system
// allows.
void RaiseDescriptorLimit(const Config& config);

// What is wrong with the files that keys of [server] name, or not in this build. For any
// configuration.
std::vector<FileProblem> ReadNeeds(const ServerConfig& server);

void LogTlsReloaded(const Result<Ok>& reloaded);
// See server::Server::Options::peer_news.
void LogPeer(const nodes::Node& node, const std::string& problem);

// Takes what is where from `opened`.
gateway::Gateway::Options GatewayOptions(const Config& config, const Budget& budget,
                                         OpenedStores& opened);
// But for what the running server alone knows.
gateway::ProcessInfo DescribeProcess(const Config& config, const Budget& budget, Clock& clock);
server::Server::Options ServerOptions(const Config& config, const Budget& budget);
void ConfigureDiagnosis(const ServerConfig& config, gateway::Gateway& gateway);

// Brings into force what differs between the two and needs no restart.
// Errors: kInvalid for limits that cannot be kept. Threads: not for two at once.
Result<Ok> Reconfigure(const Config& before, const Config& now, const Budget& budget,
                       gateway::Gateway& gateway, server::Server& server);

}  // namespace weir::cmd
