// Goal: a database that fails is asked no more, and comes back to its full load step by step.
// Method: scripted outcomes at scripted times.
#include "weir/limit/circuit.h"

#include <vector>

#include <gtest/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1'000'000'000};
constexpr std::chrono::nanoseconds kTick{1};

Circuit Opened() {
  Circuit circuit;
  for (uint32_t i = 0; i < Circuit::kFailuresMax; ++i) circuit.OnFailure(circuit.Begin(), kStart);
  return circuit;
}

TEST(CircuitTest, OpensAfterAsManyFailuresInARowAsItsLimit) {
  Circuit circuit;
  for (uint32_t i = 1; i < Circuit::kFailuresMax; ++i) circuit.OnFailure(circuit.Begin(), kStart);
  circuit.OnSuccess(circuit.Begin());
  for (uint32_t i = 1; i < Circuit::kFailuresMax; ++i) circuit.OnFailure(circuit.Begin(), kStart);
  EXPECT_EQ(circuit.Room(kStart), SIZE_MAX);
  circuit.OnFailure(circuit.Begin(), kStart);
  EXPECT_EQ(circuit.Room(kStart), 0U);
  EXPECT_EQ(circuit.RetryAfter(kStart), Circuit::kPauseFirst);
}

TEST(CircuitTest, AfterThePauseProbesGrowUntilItCloses) {
  Circuit circuit = Opened();
  EXPECT_EQ(circuit.Room(kStart + (Circuit::kPauseFirst - kTick)), 0U);
  const MonoTime due = kStart + Circuit::kPauseFirst;
  for (size_t keys = 1; keys <= Circuit::kProbeMost; keys *= 2) {
    EXPECT_EQ(circuit.Room(due), keys);
    const Circuit::CallId probe = circuit.Begin();
    EXPECT_EQ(circuit.Room(due), 0U) << "one probe at a time";
    circuit.OnSuccess(probe);
  }
  EXPECT_TRUE(circuit.closed());
  EXPECT_EQ(circuit.Room(due), SIZE_MAX);
}

TEST(CircuitTest, AFailedProbeDoublesThePauseUpToTheMost) {
  Circuit circuit = Opened();
  MonoTime now = kStart;
  std::chrono::nanoseconds pause = Circuit::kPauseFirst;
  for (int i = 0; i < 10; ++i) {
    now = now + pause;
    ASSERT_EQ(circuit.Room(now), 1U);
    circuit.OnFailure(circuit.Begin(), now);
    pause = std::min(pause * 2, Circuit::kPauseMost);
    ASSERT_EQ(circuit.RetryAfter(now), pause);
  }
  EXPECT_EQ(pause, Circuit::kPauseMost);
}

TEST(CircuitTest, AStallOpensItAndAnAnswerAfterAllBeginsTheProbes) {
  Circuit circuit;
  const Circuit::CallId call = circuit.Begin();
  circuit.OnStall(call, kStart);
  EXPECT_EQ(circuit.Room(kStart), 0U);
  circuit.OnSuccess(call);
  EXPECT_EQ(circuit.Room(kStart), 2U);
}

TEST(CircuitTest, WhatWasAskedBeforeItOpenedDecidesNothingWhileItIsHalfOpen) {
  Circuit circuit;
  std::vector<Circuit::CallId> old;
  for (size_t i = 0; i < 2 * Circuit::kProbeMost; ++i) old.push_back(circuit.Begin());
  circuit.OnStall(old[0], kStart);
  const MonoTime due = kStart + Circuit::kPauseFirst;
  ASSERT_EQ(circuit.Room(due), 1U);
  for (const Circuit::CallId call : old) circuit.OnSuccess(call);
  EXPECT_EQ(circuit.Room(due), 1U) << "before the probe is made";
  const Circuit::CallId probe = circuit.Begin();
  for (const Circuit::CallId call : old) circuit.OnSuccess(call);
  for (const Circuit::CallId call : old) circuit.OnFailure(call, due);
  for (const Circuit::CallId call : old) circuit.OnStall(call, due);
  EXPECT_EQ(circuit.state(), Circuit::State::kHalfOpen);
  EXPECT_EQ(circuit.Room(due), 0U) << "the probe is under way still";
  circuit.OnSuccess(probe);
  EXPECT_EQ(circuit.Room(due), 2U);
}

TEST(CircuitTest, WhoIsRefusedWhileItIsHalfOpenIsToldToComeBackAfterTheFirstPause) {
  Circuit circuit = Opened();
  const MonoTime due = kStart + Circuit::kPauseFirst;
  ASSERT_EQ(circuit.Room(due), 1U);
  circuit.Begin();
  EXPECT_EQ(circuit.RetryAfter(due), Circuit::kPauseFirst);
}

TEST(CircuitTest, FailuresOfCallsMadeBeforeItOpenedDoNotProlongThePause) {
  Circuit circuit = Opened();
  circuit.OnFailure(circuit.Begin(), kStart + 50ms);
  EXPECT_EQ(circuit.Room(kStart + Circuit::kPauseFirst), 1U);
  EXPECT_EQ(circuit.opened(), 1U);
}

}  // namespace
}  // namespace weir::limit
