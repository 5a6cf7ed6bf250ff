// Goal: tasks run once, in order, off the caller's thread, and none is lost by destruction.
// Method: latches hold a thread inside a task while others are queued.
#include "weir/store/task_threads.h"

#include <atomic>
#include <latch>
#include <vector>

#include <gtest/gtest.h>

namespace weir::store {
namespace {

TEST(TaskThreadsTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  {
    TaskThreads threads(1);
    for (int i = 0; i < 100; ++i) threads.Post([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(TaskThreadsTest, PostFirstGoesAheadOfWhatWaits) {
  std::vector<int> order;
  {
    std::latch queued(1);
    TaskThreads threads(1);  // Gone first, so that nobody looks at the latch any more.
    threads.Post([&] { queued.wait(); });
    threads.Post([&] { order.push_back(2); });
    threads.PostFirst([&] { order.push_back(1); });
    queued.count_down();
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(TaskThreadsTest, ThreadsRunTasksAtTheSameTime) {
  TaskThreads threads(2);
  std::latch both(2);
  std::latch done(2);
  for (int i = 0; i < 2; ++i) {
    threads.Post([&] {
      both.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
}

TEST(TaskThreadsTest, DestructionRunsTasksThatTasksPost) {
  std::atomic<int> ran{0};
  {
    TaskThreads threads(2);
    for (int i = 0; i < 10; ++i) {
      threads.Post([&] {
        ++ran;
        threads.Post([&] { ++ran; });
      });
    }
  }
  EXPECT_EQ(ran.load(), 20);
}

}  // namespace
}  // namespace weir::store
