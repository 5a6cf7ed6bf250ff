// Goal: the text is exactly what Prometheus reads. Method: compare with text written by hand.
#include "weir/admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, CountersAndGaugesAreWrittenWithTheirLabels) {
  const std::string text = RenderMetrics({
      {.name = "weir_requests_total",
       .help = "Requests by command.",
       .type = MetricType::kCounter,
       .samples = {{.labels = {{"command", "get"}, {"result", "ok"}}, .value = 123456789},
                   {.labels = {{"command", "set"}, {"result", "ok"}}, .value = 0}}},
      {.name = "redis_memory_used_bytes", .help = "Resident bytes.", .samples = {{.value = 0.5}}},
  });
  EXPECT_EQ(text,
            "# HELP weir_requests_total Requests by command.\n"
            "# TYPE weir_requests_total counter\n"
            "weir_requests_total{command=\"get\",result=\"ok\"} 123456789\n"
            "weir_requests_total{command=\"set\",result=\"ok\"} 0\n"
            "# HELP redis_memory_used_bytes Resident bytes.\n"
            "# TYPE redis_memory_used_bytes gauge\n"
            "redis_memory_used_bytes 0.5\n");
}

TEST(Metrics, LabelValuesAreEscaped) {
  const std::string text = RenderMetrics(
      {{.name = "m", .help = "h", .samples = {{.labels = {{"l", "a\"b\\c\nd"}}, .value = 1}}}});
  EXPECT_THAT(text, HasSubstr(R"(m{l="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, CountersUpToTheLimitOfADoubleAreExact) {
  const std::string text = RenderMetrics({{.name = "m",
                                           .help = "h",
                                           .type = MetricType::kCounter,
                                           .samples = {{.value = 9007199254740992.0}}}});
  EXPECT_THAT(text, HasSubstr("m 9007199254740992\n"));
}

TEST(Metrics, AHistogramIsCumulativeAndEndsWithInfinity) {
  const HistogramValue value{.buckets = {{0.5, 2}, {1, 3}}, .count = 4, .sum = 7.25};
  const std::string text = RenderMetrics({{.name = "weir_request_duration_seconds",
                                           .help = "h",
                                           .type = MetricType::kHistogram,
                                           .samples = {{.histogram = value}}}});
  EXPECT_EQ(text,
            "# HELP weir_request_duration_seconds h\n"
            "# TYPE weir_request_duration_seconds histogram\n"
            "weir_request_duration_seconds_count 4\n"
            "weir_request_duration_seconds_sum 7.25\n"
            "weir_request_duration_seconds_bucket{le=\"0.5\"} 2\n"
            "weir_request_duration_seconds_bucket{le=\"1\"} 3\n"
            "weir_request_duration_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(Metrics, DurationsAreCountedExactlyAtEachBound) {
  Histogram nanoseconds;
  const uint64_t bound = (uint64_t{1} << 20) - 1;  // About 1 ms.
  nanoseconds.Record(bound);
  nanoseconds.Record(bound + 1);
  nanoseconds.Record(uint64_t{1} << 39);  // Past the last bound.
  const HistogramValue value = SecondsHistogram(nanoseconds);
  ASSERT_EQ(value.buckets.size(), 25u);
  EXPECT_EQ(value.count, 3u);
  uint64_t previous = 0;
  for (const auto& bucket : value.buckets) {
    const double ns = bucket.upper_bound * 1e9;
    const uint64_t expected = ns < static_cast<double>(bound) - 0.5   ? 0
                              : ns < static_cast<double>(bound) + 0.5 ? 1
                                                                      : 2;
    EXPECT_EQ(bucket.cumulative_count, expected) << bucket.upper_bound;
    EXPECT_GE(bucket.cumulative_count, previous);
    previous = bucket.cumulative_count;
  }
}

}  // namespace
}  // namespace weir::admin
