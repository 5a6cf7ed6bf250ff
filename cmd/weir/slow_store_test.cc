// Goal: the slowed store has the capacity that it is told, and is else the store behind it.
// Method: the contract's own suite over a store in memory; loads whose least time is known.
#include "cmd/weir/slow_store.h"

#include <future>
#include <utility>

#include <gtest/gtest.h>

#include "weir/store/memory/memory_store.h"

namespace weir::cmd {
namespace {

using namespace std::chrono_literals;

TEST(SlownessTest, ReadsNamesAndNumbersAndNothingElse) {
  const Result<Slowness> read = Slowness::Parse("readers 4 read_us 2000 write_us 7 frozen 1\n");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().readers, 4U);
  EXPECT_EQ(read.value().read, 2000us);
  EXPECT_EQ(read.value().write, 7us);
  EXPECT_TRUE(read.value().frozen);
  for (const char* text : {"", "readers 0", "readers", "speed 3", "readers 4097", "read_us x"}) {
    EXPECT_FALSE(Slowness::Parse(text).ok()) << text;
  }
}

TEST(SlowStoreTest, AsManyKeysAsTwiceItsReadersTakeTwoReads) {
  SlowStore slow(store::OpenMemoryStore({.shards = 1, .contents = nullptr}), "/nowhere",
                 {.readers = 2, .read = 5ms});
  SystemClock clock;
  const MonoTime began = clock.Mono();
  std::promise<size_t> loaded;
  slow.Load({{0, 1, "a"}, {0, 2, "b"}, {0, 3, "c"}, {0, 4, "d"}},
            [&](Result<store::Loads> loads) { loaded.set_value(loads.value().records.size()); });
  EXPECT_EQ(loaded.get_future().get(), 4U);
  EXPECT_GE(clock.Mono() - began, 10ms);
}

TEST(SlowStoreTest, WhatIsHeldGoesOnAtTheEnd) {
  std::promise<bool> loaded;
  {
    SlowStore slow(store::OpenMemoryStore({.shards = 1, .contents = nullptr}), "/nowhere",
                   {.readers = 1, .frozen = true});
    slow.Load({{0, 1, "a"}},
              [&](const Result<store::Loads>& loads) { loaded.set_value(loads.ok()); });
  }
  EXPECT_TRUE(loaded.get_future().get());
}

}  // namespace
}  // namespace weir::cmd
