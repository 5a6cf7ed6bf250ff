// Views: what the admin listener shows of a running gateway: metrics, health.
#pragma once

#include <atomic>

#include "weir/admin/admin_server.h"
#include "weir/gateway/gateway.h"

namespace weir::cmd {

// Returns the routes /healthz, /readyz and /metrics. Borrows both.
admin::Routes AdminRoutes(gateway::Gateway& gateway, const std::atomic<bool>& ready);

}  // namespace weir::cmd
