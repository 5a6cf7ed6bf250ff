// The redis_ series of /metrics, under the names of redis_exporter.
#pragma once

#include "cmd/weir/metric_list.h"

#include "weir/gateway/gateway.h"

namespace weir::cmd {

void AddRedisMetrics(MetricList& list, gateway::Gateway& gateway,
                     const gateway::StatsTotals& totals);

}  // namespace weir::cmd
