#include "cmd/weir/views.h"

#include "cmd/weir/metrics_page.h"

#include "weir/admin/metrics.h"

namespace weir::cmd {
namespace {

using gateway::Gateway;

// 200 while every database takes writes, else 503 with the reason.
admin::Response Health(Gateway& gateway) {
  for (size_t i = 0; i < gateway.databases(); ++i) {
    const Result<Ok> health = gateway.database(i).store().Health();
    if (!health.ok()) return {.status = 503, .body = health.error().message + "\n"};
  }
  return {.body = "ok\n"};
}

}  // namespace

admin::Routes AdminRoutes(Gateway& gateway, const std::atomic<bool>& ready,
                          const std::atomic<const server::TlsAcceptor*>& tls,
                          const NodeWatch* watch) {
  return {
      {"/healthz", [&gateway] { return Health(gateway); }},
      {"/readyz",
       [&gateway, &ready]() -> admin::Response {
         if (!gateway.serving()) return {.status = 503, .body = "asking the other nodes\n"};
         if (!ready) return {.status = 503, .body = "draining\n"};
         return Health(gateway);
       }},
      {"/metrics",
       [&gateway, &tls, watch] {
         return admin::Response{200, admin::kMetricsContentType, MetricsPage(gateway, tls, watch)};
       }},
  };
}

}  // namespace weir::cmd
