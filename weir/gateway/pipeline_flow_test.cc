// Goal: databases are shared out among users, or where there are none, among client addresses; what
// one client asks for is of one flow, reads and writes alike.
// Method: a whole gateway; the flows of what a round has collected, before it is handed on.
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

class PipelineFlow : public testing::Test {
 protected:
  // A client of this address, with `user` logged in unless it is empty.
  limit::FlowId WriteOf(const limit::Address& address, const std::string& user = "") {
    const size_t client = Connect(address, user);
    rig_.Send(client, {"SET", "k", "v"});
    const limit::FlowId flow = rig_.outbox().writes[0].back()->flow;
    rig_.RunAll();
    return flow;
  }

  limit::FlowId ReadOf(const limit::Address& address, const std::string& user = "") {
    const size_t client = Connect(address, user);
    rig_.Send(client, {"GET", "absent" + std::to_string(++reads_)});
    const limit::FlowId flow = rig_.outbox().loads[0].back().flow;
    rig_.RunAll();
    return flow;
  }

  void SetUsers(const std::vector<std::string>& names) {
    std::vector<users::User> users;
    for (const std::string& name : names) {
      users.push_back({.name = name,
                       .password_hash = "$argon2id$v=19$m=7168,t=1,p=1$" + std::string(22, 'A') +
                                        "$" + std::string(43, 'A')});
    }
    rig_.gateway().authentication().SetUsers(
        std::make_shared<const users::Users>(std::move(users)));
  }

 private:
  size_t Connect(const limit::Address& address, const std::string& user) {
    const size_t client = rig_.Connect();
    rig_.client(client).session.client = address;
    if (!user.empty()) {
      rig_.Send(client, {"AUTH", user, "right"});
      if (rig_.gateway().authentication().checks().waiting() > 0) rig_.CheckPassword("right");
      EXPECT_EQ(rig_.Replies(client), std::vector<std::string>{"+OK"});
    }
    return client;
  }

  GatewayRig rig_;
  int reads_ = 0;
};

const limit::Address kHere = limit::Address::FromV4({10, 0, 0, 1});
const limit::Address kThere = limit::Address::FromV4({10, 0, 0, 2});

TEST_F(PipelineFlow, WithoutUsersEachAddressIsOne) {
  EXPECT_EQ(WriteOf(kHere), WriteOf(kHere));
  EXPECT_EQ(WriteOf(kHere), ReadOf(kHere));
  EXPECT_NE(WriteOf(kHere), WriteOf(kThere));
}

TEST_F(PipelineFlow, AllAddressesOfANetworkThatOneSubscriberHasAreOne) {
  limit::Address a{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}};
  limit::Address b = a;
  b.bytes[15] = 2;
  limit::Address other = a;
  other.bytes[7] = 2;
  EXPECT_EQ(WriteOf(a), WriteOf(b));
  EXPECT_NE(WriteOf(a), WriteOf(other));
}

TEST_F(PipelineFlow, WithUsersEachUserIsOneWhereverItComesFrom) {
  SetUsers({"alice", "bob"});
  EXPECT_EQ(WriteOf(kHere, "alice"), WriteOf(kThere, "alice"));
  EXPECT_EQ(WriteOf(kHere, "alice"), ReadOf(kThere, "alice"));
  EXPECT_NE(WriteOf(kHere, "alice"), WriteOf(kHere, "bob"));
}

}  // namespace
}  // namespace weir::gateway
