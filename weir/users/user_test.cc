// Goal: a set of users finds each of them and no other, and a prefix opens its keys alone.
#include "weir/users/user.h"

#include <gtest/gtest.h>

#include "weir/users/password.h"

namespace weir::users {
namespace {

constexpr const char* kHash =
    "$argon2id$v=19$m=7168,t=1,p=1$fmJ08BGHR6AmA4H2tHqQbA$"
    "Uo/Bf4vIWgS0ZAOcDCULOdyBXIBnDbu7aT9gWjHxQ0k";

TEST(Users, WithoutAnyEverybodyIsDefaultAndMayEverything) {
  const Users users;
  EXPECT_TRUE(users.open());
  ASSERT_NE(users.Find("default"), nullptr);
  EXPECT_TRUE(users.Find("default")->May(kAllRights));
  EXPECT_TRUE(users.Find("default")->MayTouch("any"));
  EXPECT_EQ(users.Find("alice"), nullptr);
}

TEST(Users, AreFoundByTheirWholeNameInItsCase) {
  const Users users({{.name = "bob", .password_hash = kHash},
                     {.name = "alice", .password_hash = kHash, .rights = kRead}});
  EXPECT_FALSE(users.open());
  ASSERT_NE(users.Find("alice"), nullptr);
  EXPECT_EQ(users.Find("alice")->rights, kRead);
  EXPECT_EQ(users.all()[0].name, "alice");
  for (const char* other : {"", "ali", "alicea", "Alice", "default", "zoe"}) {
    EXPECT_EQ(users.Find(other), nullptr) << other;
  }
}

TEST(Users, HaveADecoyOfTheSameCost) {
  const Users users(std::vector<User>{{.name = "bob", .password_hash = kHash}});
  EXPECT_EQ(HashCost(users.decoy_hash()).value(), HashCost(kHash).value());
}

TEST(User, NeedsEveryRightThatIsAskedFor) {
  const User user{.name = "a", .password_hash = "", .rights = kRead | kAdmin};
  EXPECT_TRUE(user.May(0));
  EXPECT_TRUE(user.May(kRead));
  EXPECT_FALSE(user.May(kWrite));
  EXPECT_FALSE(user.May(kRead | kWrite));
}

TEST(User, MayTouchWhatBeginsWithOneOfItsPrefixes) {
  const User user{.name = "a", .password_hash = "", .key_prefixes = {"cart:", "session:"}};
  EXPECT_TRUE(user.MayTouch("cart:"));
  EXPECT_TRUE(user.MayTouch("session:1"));
  EXPECT_FALSE(user.MayTouch("cart"));
  EXPECT_FALSE(user.MayTouch("xcart:1"));
  EXPECT_FALSE(user.MayTouch(""));
}

}  // namespace
}  // namespace weir::users
