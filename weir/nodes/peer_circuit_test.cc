// Goal: nobody waits for a peer that is down, one link at a time looks whether it is back, and
// rarely.
// Method: the calls of links, by hand.
#include "weir/nodes/peer_circuit.h"

#include <gtest/gtest.h>

namespace weir::nodes {
namespace {

TEST(PeerCircuitTest, OneLinkAtATimeTriesAgainAndRarelyAtLast) {
  PeerCircuit circuit;
  MonoTime now{0};
  EXPECT_TRUE(circuit.TryConnect(now));
  EXPECT_TRUE(circuit.TryConnect(now)) << "nothing is wrong";
  circuit.OnFailure("x", now);
  circuit.OnFailure("x", now);
  EXPECT_FALSE(circuit.closed());
  EXPECT_EQ(circuit.opened(), 1U);
  std::chrono::nanoseconds pause = PeerCircuit::kPauseFirst;
  for (int i = 0; i < 20; ++i) {
    now = now + (pause - std::chrono::nanoseconds(1));
    EXPECT_FALSE(circuit.TryConnect(now)) << i;
    now = now + std::chrono::nanoseconds(1);
    EXPECT_TRUE(circuit.TryConnect(now)) << i;
    EXPECT_FALSE(circuit.TryConnect(now)) << "one is at it";
    circuit.OnFailure("x", now);
    pause = std::min(2 * pause, PeerCircuit::kPauseMost);
  }
  EXPECT_EQ(pause, PeerCircuit::kPauseMost);
  now = now + pause;
  EXPECT_TRUE(circuit.TryConnect(now));
  circuit.OnGreeted();
  EXPECT_TRUE(circuit.closed());
  circuit.OnFailure("x", now);
  EXPECT_TRUE(circuit.TryConnect(now + PeerCircuit::kPauseFirst)) << "it begins anew";
  EXPECT_EQ(circuit.opened(), 2U);
}

}  // namespace
}  // namespace weir::nodes
