// Goal: no message is lost: it is taken, or its connection is told "all keys" after what came
// before.
#include "weir/server/push_inbox.h"

#include <string>

#include <gtest/gtest.h>

#include "weir/gateway/client_tracking.h"

namespace weir::server {
namespace {

using Pushes = std::vector<gateway::Push>;

gateway::Push PushTo(uint64_t connection, size_t bytes = 1) {
  return {connection, Bytes::Copy(std::string(bytes, 'm'))};
}

TEST(PushInbox, WhatComesIsTakenOnceInOrder) {
  PushInbox inbox;
  EXPECT_TRUE(inbox.empty());
  inbox.Add({PushTo(1), PushTo(2)});
  inbox.Add({PushTo(1, 3)});
  EXPECT_FALSE(inbox.empty());
  const Pushes taken = inbox.Take();
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[0].connection, 1u);
  EXPECT_EQ(taken[1].connection, 2u);
  EXPECT_EQ(taken[2].message.view(), "mmm");
  EXPECT_TRUE(inbox.empty());
  EXPECT_TRUE(inbox.Take().empty());
}

// Fills it to its limit with messages to connection 1; then come two to each of 1, 2 and 3.
void ExpectAllKeysPast(Pushes to_the_limit) {
  const size_t count = to_the_limit.size();
  PushInbox inbox;
  inbox.Add(std::move(to_the_limit));
  for (int i = 0; i < 2; ++i) inbox.Add({PushTo(1), PushTo(2), PushTo(3)});
  const Pushes taken = inbox.Take();
  ASSERT_EQ(taken.size(), count + 3);
  uint64_t sum = 0;
  for (size_t i = count; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i].message.view(), gateway::ClientTracking::AllKeys().view());
    sum += taken[i].connection;
  }
  EXPECT_EQ(sum, 1u + 2u + 3u);
  inbox.Add({PushTo(1)});
  EXPECT_EQ(inbox.Take()[0].message.view(), "m") << "it has caught up";
}

TEST(PushInbox, PastItsNumberTheConnectionIsToldAllKeys) {
  ExpectAllKeysPast(Pushes(PushInbox::kPushesMax, PushTo(1)));
}

TEST(PushInbox, PastItsBytesTheConnectionIsToldAllKeys) {
  ExpectAllKeysPast({PushTo(1, PushInbox::kBytesMax)});
}

TEST(PushInbox, WhoFellBehindIsToldNothingBesideAllKeysThoughThereIsRoom) {
  PushInbox inbox;
  inbox.Add({PushTo(1, PushInbox::kBytesMax - 1), PushTo(2, 2), PushTo(2, 1), PushTo(3, 1)});
  const Pushes taken = inbox.Take();
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[1].connection, 3u);
  EXPECT_EQ(taken[2].connection, 2u);
  EXPECT_EQ(taken[2].message.view(), gateway::ClientTracking::AllKeys().view());
}

}  // namespace
}  // namespace weir::server
