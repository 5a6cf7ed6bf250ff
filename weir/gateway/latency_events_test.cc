// Goal: what took long is remembered by event and second, within a limit.
// Method: events at chosen times.
#include "weir/gateway/latency_events.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

using Event = LatencyEvents::Event;
constexpr uint64_t kMs = 1'000'000;

TEST(LatencyEvents, NothingIsNotedBelowTheThresholdOrWithoutOne) {
  LatencyEvents events;
  events.Note(Event::kCommand, 1000 * kMs, {1000});
  EXPECT_TRUE(events.Latest().empty());
  events.SetThreshold(10);
  events.Note(Event::kCommand, 10 * kMs - 1, {1000});
  EXPECT_TRUE(events.Latest().empty());
  events.Note(Event::kCommand, 10 * kMs, {1000});
  ASSERT_EQ(events.Latest().size(), 1u);
}

TEST(LatencyEvents, ASecondShowsItsWorst) {
  LatencyEvents events;
  events.SetThreshold(1);
  events.Note(Event::kCommit, 20 * kMs, {1000});
  events.Note(Event::kCommit, 30 * kMs, {1999});
  events.Note(Event::kCommit, 10 * kMs, {1999});
  events.Note(Event::kCommit, 5 * kMs, {2000});
  const auto history = events.History(Event::kCommit);
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].unix_seconds, 1);
  EXPECT_EQ(history[0].ms, 30u);
  EXPECT_EQ(history[1].ms, 5u);
  EXPECT_EQ(events.Latest()[0].latest.ms, 5u);
  EXPECT_EQ(events.Latest()[0].worst_ms, 30u);
  EXPECT_TRUE(events.Reset(Event::kCommit));
  EXPECT_FALSE(events.Reset(Event::kCommit));
  EXPECT_TRUE(events.History(Event::kCommit).empty());
}

TEST(LatencyEvents, TheOldestSecondsAreForgotten) {
  LatencyEvents events;
  events.SetThreshold(1);
  const auto count = static_cast<int64_t>(LatencyEvents::kHistoryMax);
  for (int64_t second = 0; second <= count; ++second) {
    events.Note(Event::kLoad, 2 * kMs, {second * 1000});
  }
  const auto history = events.History(Event::kLoad);
  EXPECT_EQ(history.size(), LatencyEvents::kHistoryMax);
  EXPECT_EQ(history.front().unix_seconds, 1);
}

TEST(LatencyEvents, NamesAreFound) {
  EXPECT_EQ(LatencyEvents::FindEvent("fast-command"), Event::kFastCommand);
  EXPECT_EQ(LatencyEvents::FindEvent("no-such"), std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
