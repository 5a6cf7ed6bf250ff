// MetricsPage: the text of /metrics.
//
// The redis_ series have the names, types and labels that redis_exporter gives them, so that
// dashboards and alerts made for it work; those of weir's own begin with weir_. Labels come from
// fixed sets or from the configuration, never from clients.
// Threads: thread-safe. Cost: about a millisecond; not for the data path.
#pragma once

#include <string>

#include "cmd/weir/node_watch.h"

#include "weir/gateway/gateway.h"
#include "weir/server/tls_acceptor.h"

namespace weir::cmd {

// `tls`: nullptr without it. `watch`: nullptr where there is no list of nodes.
std::string MetricsPage(gateway::Gateway& gateway, const server::TlsAcceptor* tls,
                        const NodeWatch* watch);

}  // namespace weir::cmd
