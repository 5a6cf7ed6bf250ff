// Metrics as text in the Prometheus exposition format 0.0.4, the body of /metrics.
//
// The caller owns the numbers and hands over a snapshot; nothing is registered or remembered here.
// Not for measuring: count in the layer that knows, in plain counters or a weir::Histogram.
// Names follow prometheus.io: a `weir_` or `redis_` prefix, base units last, `_total` on counters.
// Labels come from fixed sets; a key or a client's name is never a label.
//
// Threads: pure functions. Cost: O(bytes of output), allocates.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/histogram.h"

namespace weir::admin {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

enum class MetricType { kCounter, kGauge, kHistogram };

using Labels = std::vector<std::pair<std::string, std::string>>;

// Counts of values by upper bound, as Prometheus wants them: each bucket counts all values at or
// below its bound. The bucket of +Inf is `count` and is not listed.
struct HistogramValue {
  struct Bucket {
    double upper_bound = 0;
    uint64_t cumulative_count = 0;
  };
  std::vector<Bucket> buckets = {};  // Bounds rise.
  uint64_t count = 0;
  double sum = 0;
};

struct Sample {
  Labels labels = {};
  double value = 0;               // Counters and gauges.
  HistogramValue histogram = {};  // Histograms.
};

struct Metric {
  std::string name = {};  // [a-zA-Z_:][a-zA-Z0-9_:]*
  std::string help = {};  // One line.
  MetricType type = MetricType::kGauge;
  std::vector<Sample> samples = {};
};

// Returns the durations of `nanoseconds` in seconds. The bounds are those 2^n - 1 ns from 1 µs to
// 17 s, at which weir::Histogram counts exactly.
HistogramValue SecondsHistogram(const Histogram& nanoseconds);

// Returns the text of all metrics, in the order given.
// Requires: names and label names are valid, no name twice, no metric's labels twice.
std::string RenderMetrics(const std::vector<Metric>& metrics);

}  // namespace weir::admin
