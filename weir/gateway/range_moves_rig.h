// RangeMovesTest: a gateway over two databases, each with one half of the positions, whose ranges
// a test moves step by step.
//
// For tests only. Threads: single-owner.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/range_moves.h"

namespace weir::gateway {

// Every read asks its store.
inline GatewayRig::Options TwoDatabases() {
  GatewayRig::Options options = GatewayRig::WithoutCache();
  options.databases = 2;
  return options;
}

class RangeMovesTest : public testing::Test {
 protected:
  explicit RangeMovesTest(GatewayRig::Options options = TwoDatabases())
      : rig_(std::move(options)) {}
  void TearDown() override {
    rig_.RunAll();
    for (size_t i = 0; i < 2; ++i) EXPECT_THAT(rig_.store(i).problems(), testing::IsEmpty());
  }

  std::string Ask(const Words& words) { return rig_.Do(client_, words); }
  MoveStatus Last() { return rig_.gateway().moves().Status().back(); }
  void RunUntil(std::string_view phase) {
    for (int i = 0; i < 100 && Last().phase != phase; ++i) Wait();
    ASSERT_EQ(Last().phase, phase) << Last().stage << ' ' << Last().error;
  }
  // A tenth of a second, with whatever it brings.
  void Wait() {
    Tick();
    rig_.RunAll();
  }
  void Tick() {
    rig_.Pass(std::chrono::milliseconds(100));
    rig_.gateway().Tick();
  }
  // Moves the range that begins at 0 to the second database, up to where only the hold is missing,
  // which comes with the first Tick after log_holds().Give().
  void MoveUpToTheHold() {
    ASSERT_TRUE(rig_.gateway().log_holds().TryTake());
    Ask({"WEIR.SHARD", "MOVE", "0", "1"});
    for (int i = 0; i < 100 && Last().stage != "in step"; ++i) Wait();
    ASSERT_EQ(Last().stage, "in step");
  }
  // Lets the stores answer until the range has gone over, while no loop takes a result.
  void FlipUnseen() {
    const uint64_t routes = rig_.gateway().placement().routes();
    for (int i = 0; i < 100 && rig_.gateway().placement().routes() == routes; ++i) {
      for (size_t store = 0; store < 2; ++store) {
        for (const auto id : rig_.store(store).held()) rig_.store(store).Complete(id);
      }
    }
    ASSERT_NE(rig_.gateway().placement().routes(), routes);
  }
  size_t Stored(size_t database) { return rig_.store(database).records().size(); }

  GatewayRig rig_;
  size_t client_ = rig_.Connect();
};

}  // namespace weir::gateway
