// Goal: what does not end in time is given up, what does is left alone.
#include "cmd/weir/stop_deadline.h"

#include <future>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

TEST(StopDeadline, GivesUpWhatDoesNotEnd) {
  std::promise<void> given_up;
  const StopDeadline deadline(std::chrono::milliseconds(0), [&] { given_up.set_value(); });
  given_up.get_future().wait();
}

TEST(StopDeadline, LeavesAloneWhatEndsInTime) {
  bool given_up = false;
  {
    const StopDeadline deadline(std::chrono::hours(1), [&] { given_up = true; });
  }
  EXPECT_FALSE(given_up);
}

}  // namespace
}  // namespace weir::cmd
