// Goal: what HashPassword writes is what PasswordFits and the configuration accept, and nothing
// weaker or dearer. Method: hashes at the least cost, and texts that differ in one place.
#include "weir/users/password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::users {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kTail =
    "$fmJ08BGHR6AmA4H2tHqQbA$Uo/Bf4vIWgS0ZAOcDCULOdyBXIBnDbu7aT9gWjHxQ0k";

std::string ProblemOf(const std::string& hash) {
  const Result<PasswordCost> cost = HashCost(hash);
  return cost.ok() ? "" : cost.error().message;
}

TEST(Password, OnlyThePasswordFitsItsHash) {
  const std::string hash = HashPassword("secret", kCostMin).value();
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=7168,t=1,p=1$"));
  EXPECT_TRUE(PasswordFits(hash, "secret"));
  EXPECT_FALSE(PasswordFits(hash, "Secret"));
  EXPECT_FALSE(PasswordFits(hash, ""));
  EXPECT_FALSE(PasswordFits(hash, std::string_view("secret\0", 7)));
}

TEST(Password, TheSameIsNeverHashedTwiceTheSameWay) {
  EXPECT_NE(HashPassword("secret", kCostMin).value(), HashPassword("secret", kCostMin).value());
}

TEST(Password, TheCostOfAHashIsTheOneItWasMadeWith) {
  const PasswordCost cost = HashCost(HashPassword("secret").value()).value();
  EXPECT_EQ(cost, PasswordCost());
}

TEST(Password, NothingAndMoreThanTheLimitAreNoPasswords) {
  EXPECT_FALSE(HashPassword("").ok());
  EXPECT_TRUE(HashPassword(std::string(kPasswordBytesMax, 'x'), kCostMin).ok());
  EXPECT_FALSE(HashPassword(std::string(kPasswordBytesMax + 1, 'x'), kCostMin).ok());
}

TEST(Password, ADecoyLooksAndCostsTheSameAndFitsNothing) {
  const std::string hash = HashPassword("secret", kCostMin).value();
  const std::string decoy = DecoyHash(hash);
  EXPECT_NE(decoy, hash);
  EXPECT_EQ(HashCost(decoy).value(), HashCost(hash).value());
  EXPECT_FALSE(PasswordFits(decoy, "secret"));
}

TEST(Password, WhatIsNoHashIsRefusedWithTheRemedy) {
  EXPECT_THAT(ProblemOf("hunter2"),
              "a plain password must not stand in a file; run `weir user hash` and write what it "
              "prints");
  EXPECT_THAT(ProblemOf("$2b$12$abc"), StartsWith("this is not an argon2id hash of version 19"));
  EXPECT_THAT(ProblemOf(""), HasSubstr("weir user hash"));
  const std::string tail(kTail);
  EXPECT_EQ(ProblemOf("$argon2id$v=19$m=7168,t=1,p=1" + tail), "");
  for (const std::string& damaged :
       {"$argon2id$v=19$m=,t=1,p=1" + tail, "$argon2id$v=19$m=7168,t=1" + tail,
        "$argon2id$v=19$m=7168,t=1,p=1" + tail + "=", "$argon2id$v=19$m=99999999999,t=1,p=1" + tail,
        "$argon2id$v=19$m=7168,t=1,p=1" + tail.substr(0, tail.size() - 1),
        "$argon2id$v=19$m=7168,t=1,p=1$" + tail.substr(2), std::string("$argon2id$v=19$m=7168")}) {
    EXPECT_THAT(ProblemOf(damaged), StartsWith("this argon2id hash is damaged")) << damaged;
  }
}

TEST(Password, TooCheapAndTooDearHashesAreRefused) {
  const auto problem = [](const std::string& cost) {
    return ProblemOf("$argon2id$v=19$" + cost + std::string(kTail));
  };
  EXPECT_EQ(problem("m=65536,t=16,p=1"), "");
  EXPECT_THAT(problem("m=7167,t=1,p=1"), HasSubstr("cheaper to guess"));
  EXPECT_THAT(problem("m=7168,t=0,p=1"), HasSubstr("cheaper to guess"));
  EXPECT_THAT(problem("m=7168,t=1,p=2"), HasSubstr("p above 1"));
  EXPECT_THAT(problem("m=65537,t=1,p=1"), HasSubstr("costs more"));
  EXPECT_THAT(problem("m=7168,t=17,p=1"), HasSubstr("costs more"));
}

TEST(Password, ARandomOneHasTheBitsAskedForAndIsAnotherEachTime) {
  EXPECT_EQ(RandomPassword(256).size(), 64U);
  EXPECT_EQ(RandomPassword(5).size(), 2U);
  EXPECT_EQ(RandomPassword(1).size(), 1U);
  EXPECT_EQ(RandomPassword(256).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(RandomPassword(256), RandomPassword(256));
}

}  // namespace
}  // namespace weir::users
