#include "weir/admin/metrics.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <set>
#include <string_view>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace weir::admin {
namespace {

constexpr unsigned kFirstPower = 10;
constexpr unsigned kLastPower = 34;

bool IsValidName(std::string_view name) {
  const auto is_name_char = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == ':';
  };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), is_name_char);
}

prometheus::MetricType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  assert(false);
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric ConvertSample(const Sample& sample, MetricType type) {
  prometheus::ClientMetric converted;
  for (const auto& [name, value] : sample.labels) {
    assert(IsValidName(name));
    converted.label.push_back({name, value});
  }
  switch (type) {
    case MetricType::kCounter:
      converted.counter.value = sample.value;
      break;
    case MetricType::kGauge:
      converted.gauge.value = sample.value;
      break;
    case MetricType::kHistogram:
      converted.histogram.sample_count = sample.histogram.count;
      converted.histogram.sample_sum = sample.histogram.sum;
      for (const HistogramValue::Bucket& bucket : sample.histogram.buckets) {
        converted.histogram.bucket.push_back({bucket.cumulative_count, bucket.upper_bound});
      }
      break;
  }
  return converted;
}

}  // namespace

HistogramValue SecondsHistogram(const Histogram& nanoseconds) {
  HistogramValue result;
  for (unsigned power = kFirstPower; power <= kLastPower; ++power) {
    const uint64_t bound = (uint64_t{1} << power) - 1;
    result.buckets.push_back({static_cast<double>(bound) / 1e9, nanoseconds.CountUpTo(bound)});
  }
  result.count = nanoseconds.count();
  result.sum = static_cast<double>(nanoseconds.sum()) / 1e9;
  return result;
}

std::string RenderMetrics(const std::vector<Metric>& metrics) {
  std::vector<prometheus::MetricFamily> families;
  std::set<std::string_view> names;
  for (const Metric& metric : metrics) {
    assert(IsValidName(metric.name));
    assert(names.insert(metric.name).second);
    assert(metric.help.find_first_of("\n\\") == metric.help.npos);
    prometheus::MetricFamily& family = families.emplace_back();
    family.name = metric.name;
    family.help = metric.help;
    family.type = TypeOf(metric.type);
    for (const Sample& sample : metric.samples) {
      family.metric.push_back(ConvertSample(sample, metric.type));
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace weir::admin
