// MetricList: metrics being collected for one page, in the order in which they are added.
// Threads: single-owner.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weir/admin/metrics.h"

namespace weir::cmd {

class MetricList {
 public:
  void Counter(std::string name, std::string help, uint64_t value) {
    CounterOf(std::move(name), std::move(help), static_cast<double>(value));
  }
  void CounterOf(std::string name, std::string help, double value) {
    Add({std::move(name), std::move(help), admin::MetricType::kCounter, {{.value = value}}});
  }
  void Gauge(std::string name, std::string help, uint64_t value) {
    GaugeOf(std::move(name), std::move(help), static_cast<double>(value));
  }
  void GaugeOf(std::string name, std::string help, double value) {
    Add({std::move(name), std::move(help), admin::MetricType::kGauge, {{.value = value}}});
  }
  // A metric without samples is left out.
  void Add(admin::Metric metric) {
    if (!metric.samples.empty()) metrics_.push_back(std::move(metric));
  }
  std::string Render() const { return admin::RenderMetrics(metrics_); }

 private:
  std::vector<admin::Metric> metrics_;
};

}  // namespace weir::cmd
