// WEIR.MRC: what other amounts of memory would miss; `weir advise` speaks it.
#include <string>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {

// One row for each size: bytes, hit ratio in [0, 1], misses a second.
void WeirMissRatios(const LocalCall& call, resp::Writer& writer) {
  using cache::MissRatioCurve;
  const auto budget = static_cast<double>(call.gateway.lanes().budget_bytes());
  std::vector<double> scales;
  for (size_t i = 1; i < call.args.size(); ++i) {
    int64_t bytes = 0;
    if (!ParseInteger(call.args[i], &bytes) || bytes <= 0) {
      return WriteError(writer, errors::kCacheSize);
    }
    scales.push_back(static_cast<double>(bytes) / budget);
  }
  const auto reading = call.gateway.MissRatios();
  if (!reading.has_value()) {
    return WriteError(writer, errors::kCacheTooSmall);
  }
  for (size_t p = 0; call.args.size() == 1 && p < MissRatioCurve::kPoints; ++p) {
    scales.push_back(MissRatioCurve::ScaleOf(p));
  }
  writer.ArrayHeader(scales.size());
  for (const double scale : scales) {
    const double misses = MissRatioCurve::MissRatio(reading->counts, scale);
    writer.ArrayHeader(3);
    writer.Integer(static_cast<int64_t>(scale * budget + 0.5));
    writer.Double(1 - misses);
    writer.Double(misses * reading->lookups_per_second());
  }
}

}  // namespace weir::gateway::commands
