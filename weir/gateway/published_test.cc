// Goal: each thread sees the value last set, and no value outlives those who see it.
// Method: values that tell when they end; threads that look at moments of their own.
#include "weir/gateway/published.h"

#include <thread>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

struct Rules {
  int number = 0;
};

TEST(Published, EachLookSeesTheLastValue) {
  Published<const Rules> one(std::make_shared<const Rules>(Rules{1}));
  Published<const Rules> other(std::make_shared<const Rules>(Rules{10}));
  EXPECT_EQ(one.Get().number, 1);
  EXPECT_EQ(other.Get().number, 10);
  one.Set(std::make_shared<const Rules>(Rules{2}));
  EXPECT_EQ(one.Get().number, 2);
  EXPECT_EQ(other.Get().number, 10);
  int seen = 0;
  std::thread([&] { seen = one.Get().number; }).join();
  EXPECT_EQ(seen, 2);
}

TEST(Published, AValueEndsWhenNobodySeesItAnyMore) {
  auto first = std::make_shared<const Rules>(Rules{1});
  const std::weak_ptr<const Rules> watched = first;
  Published<const Rules> rules(std::move(first));
  EXPECT_EQ(rules.Get().number, 1);
  rules.Set(std::make_shared<const Rules>(Rules{2}));
  EXPECT_FALSE(watched.expired()) << "this thread has not looked again";
  EXPECT_EQ(rules.Get().number, 2);
  EXPECT_TRUE(watched.expired());
}

TEST(Published, ReadersSeeWholeValuesWhileTheyAreReplaced) {
  struct Pair {
    int first = 0;
    int second = 0;
  };
  Published<const Pair> pair(std::make_shared<const Pair>());
  std::atomic<bool> done = false;
  std::thread reader([&] {
    int last = 0;
    while (!done) {
      const Pair& seen = pair.Get();
      EXPECT_EQ(seen.first, seen.second);
      EXPECT_GE(seen.first, last);
      last = seen.first;
    }
  });
  for (int i = 1; i <= 1000; ++i) pair.Set(std::make_shared<const Pair>(Pair{i, i}));
  done = true;
  reader.join();
  EXPECT_EQ(pair.Get().first, 1000);
}

}  // namespace
}  // namespace weir::gateway
