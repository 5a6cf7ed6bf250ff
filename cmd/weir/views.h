// Views: what the admin listener shows of a running gateway: metrics, health.
#pragma once

#include <atomic>

#include "cmd/weir/node_watch.h"

#include "weir/admin/admin_server.h"
#include "weir/gateway/gateway.h"
#include "weir/server/tls_acceptor.h"

namespace weir::cmd {

// Returns the routes /healthz, /readyz and /metrics. Borrows all; `tls` holds nullptr while there
// is no TLS; `watch`: nullptr where there is no list of nodes.
admin::Routes AdminRoutes(gateway::Gateway& gateway, const std::atomic<bool>& ready,
                          const std::atomic<const server::TlsAcceptor*>& tls,
                          const NodeWatch* watch);

}  // namespace weir::cmd
