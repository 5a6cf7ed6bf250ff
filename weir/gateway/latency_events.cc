#include "weir/gateway/latency_events.h"

#include <algorithm>

namespace weir::gateway {

std::optional<LatencyEvents::Event> LatencyEvents::FindEvent(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Event>(i);
  }
  return std::nullopt;
}

void LatencyEvents::Add(Event event, uint64_t ms, WallTime now) {
  const int64_t seconds = now.ms / 1000;
  const std::lock_guard lock(mutex_);
  Series& series = series_[static_cast<size_t>(event)];
  series.worst_ms = std::max(series.worst_ms, ms);
  if (!series.samples.empty() && series.samples.back().unix_seconds == seconds) {
    series.samples.back().ms = std::max(series.samples.back().ms, ms);
    return;
  }
  series.samples.push_back({seconds, ms});
  if (series.samples.size() > kHistoryMax) series.samples.pop_front();
}

std::vector<LatencyEvents::Summary> LatencyEvents::Latest() const {
  const std::lock_guard lock(mutex_);
  std::vector<Summary> latest;
  for (size_t i = 0; i < series_.size(); ++i) {
    if (series_[i].samples.empty()) continue;
    latest.push_back({static_cast<Event>(i), series_[i].samples.back(), series_[i].worst_ms});
  }
  return latest;
}

std::vector<LatencyEvents::Sample> LatencyEvents::History(Event event) const {
  const std::lock_guard lock(mutex_);
  const Series& series = series_[static_cast<size_t>(event)];
  return {series.samples.begin(), series.samples.end()};
}

bool LatencyEvents::Reset(Event event) {
  const std::lock_guard lock(mutex_);
  Series& series = series_[static_cast<size_t>(event)];
  const bool had = !series.samples.empty();
  series = {};
  return had;
}

}  // namespace weir::gateway
