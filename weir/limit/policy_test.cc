// Goal: policies match exactly the requests they describe, and bad policies are refused by name.
// Method: tables of requests; limits tested at the limit and one past it; the bound on matches is
// compared with a search over random requests.
#include "weir/limit/policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kSeed = 42;
const Rate kRate{.count = 500, .period = 1s, .burst = 500};

Policy Named(std::string name) {
  Policy policy;
  policy.name = std::move(name);
  policy.rate = kRate;
  return policy;
}

PolicySet MustCreate(std::vector<Policy> policies) {
  Result<PolicySet> set = PolicySet::Create(std::move(policies), kSeed);
  EXPECT_TRUE(set.ok()) << set.error().message;
  return std::move(set).value();
}

std::string Refusal(std::vector<Policy> policies) {
  const Result<PolicySet> set = PolicySet::Create(std::move(policies), kSeed);
  return set.ok() ? "" : set.error().message;
}

std::vector<int> Matching(const PolicySet& set, const Request& request) {
  const Matches matches = set.Match(request);
  return {matches.policies.begin(), matches.policies.begin() + static_cast<int>(matches.count)};
}

AddressPrefix V4Prefix(std::array<uint8_t, 4> v4, int bits) {
  return {Address::FromV4(v4), static_cast<uint8_t>(96 + bits)};
}

Address V6(std::initializer_list<uint8_t> first) {
  Address address;
  std::copy(first.begin(), first.end(), address.bytes.begin());
  return address;
}

TEST(PolicySetTest, WithoutPoliciesNothingMatches) {
  EXPECT_THAT(Matching(MustCreate({}), Request{}), IsEmpty());
}

TEST(PolicySetTest, AnEmptyMatchConcernsEveryRequest) {
  const PolicySet set = MustCreate({Named("all")});
  EXPECT_THAT(Matching(set, Request{}), ElementsAre(0));
  EXPECT_THAT(Matching(set, {.user = "u", .key = "k", .command = CommandClass::kAdmin}),
              ElementsAre(0));
}

TEST(PolicySetTest, EveryPartThatIsGivenMustMatch) {
  Policy policy = Named("narrow");
  policy.user = "worker";
  policy.client = V4Prefix({10, 1, 0, 0}, 16);
  policy.key_prefix = "jobs:";
  policy.command = CommandClass::kWrite;
  const PolicySet set = MustCreate({policy});
  const Request hit{.user = "worker",
                    .client = Address::FromV4({10, 1, 2, 3}),
                    .key = "jobs:1",
                    .command = CommandClass::kWrite};
  EXPECT_THAT(Matching(set, hit), ElementsAre(0));

  std::vector<Request> misses(6, hit);
  misses[0].user = "worker2";
  misses[1].client = Address::FromV4({10, 2, 2, 3});
  misses[2].key = "job:1";
  misses[3].command = CommandClass::kRead;
  misses[4].key = std::nullopt;
  misses[5].client = Address{};
  for (const Request& miss : misses) EXPECT_THAT(Matching(set, miss), IsEmpty());
}

TEST(PolicySetTest, AddressPrefixesCutWithinBytesAndKeepTheFamiliesApart) {
  Policy nine = Named("nine-bits");
  nine.client = V4Prefix({10, 128, 0, 0}, 9);
  Policy v6 = Named("v6");
  v6.client = {V6({0x20, 0x01, 0x0d, 0xb8}), 32};
  Policy any_v4 = Named("any-v4");
  any_v4.client = V4Prefix({0, 0, 0, 0}, 0);
  const PolicySet set = MustCreate({nine, v6, any_v4});
  EXPECT_THAT(Matching(set, {.client = Address::FromV4({10, 128, 0, 1})}), ElementsAre(0, 2));
  EXPECT_THAT(Matching(set, {.client = Address::FromV4({10, 127, 255, 255})}), ElementsAre(2));
  EXPECT_THAT(Matching(set, {.client = V6({0x20, 0x01, 0x0d, 0xb8, 1})}), ElementsAre(1));
  EXPECT_THAT(Matching(set, {.client = V6({0x20, 0x01, 0x0d, 0xb9})}), IsEmpty());
}

TEST(PolicySetTest, APolicyPerKeyConcernsOnlyRequestsWithAKey) {
  Policy policy = Named("per-key");
  policy.per = Per::kKey;
  const PolicySet set = MustCreate({policy});
  EXPECT_THAT(Matching(set, Request{}), IsEmpty());
  EXPECT_THAT(Matching(set, {.key = ""}), ElementsAre(0));
}

TEST(PolicySetTest, BucketsAreApartExactlyByWhatThePolicySays) {
  std::vector<Policy> policies;
  for (const Per per : {Per::kClient, Per::kKey, Per::kPrefix, Per::kUser, Per::kText}) {
    policies.push_back(Named(std::string(ScopeName(per))));
    policies.back().per = per;
  }
  policies.back().subject = "{user}/{key}";
  const PolicySet set = MustCreate(policies);
  const Request base{.user = "u", .client = Address::FromV4({1, 2, 3, 4}), .key = "k"};
  Request other_client = base;
  other_client.client = Address::FromV4({1, 2, 3, 5});
  Request other_key = base;
  other_key.key = "l";
  Request other_user = base;
  other_user.user = "v";
  const auto shared = [&](const Request& other) {
    std::vector<bool> same;
    for (size_t i = 0; i < set.size(); ++i) {
      same.push_back(set.BucketHash(i, base) == set.BucketHash(i, other));
    }
    return same;
  };
  EXPECT_THAT(shared(base), ElementsAre(true, true, true, true, true));
  EXPECT_THAT(shared(other_client), ElementsAre(false, true, true, true, true));
  EXPECT_THAT(shared(other_key), ElementsAre(true, false, true, true, false));
  EXPECT_THAT(shared(other_user), ElementsAre(true, true, true, false, false));
}

TEST(PolicySetTest, TheTextOfWhatHasABucketNamesIt) {
  std::vector<Policy> policies;
  for (const Per per : {Per::kClient, Per::kKey, Per::kPrefix, Per::kUser, Per::kText}) {
    policies.push_back(Named(std::string(ScopeName(per))));
    policies.back().per = per;
  }
  policies.back().subject = "{key.1}@{client}";
  const PolicySet set = MustCreate(policies);
  const Request request{.user = "u", .client = Address::FromV4({1, 2, 3, 4}), .key = "k:1"};
  std::vector<std::string> texts;
  for (size_t i = 0; i < set.size(); ++i) {
    texts.push_back(set.Subject(i, request));
    EXPECT_EQ(set.SubjectHash(i, texts.back()).value(), set.BucketHash(i, request)) << texts.back();
  }
  EXPECT_THAT(texts, ElementsAre("1.2.3.4", "k:1", "*", "u", "k@1.2.3.4"));
  EXPECT_EQ(set.Scope(3), "user");
  EXPECT_EQ(set.Scope(4), "{key.1}@{client}");
}

TEST(PolicySetTest, ATextOfTheKeyConcernsOnlyRequestsWithAKey) {
  Policy of_key = Named("of-key");
  of_key.per = Per::kText;
  of_key.subject = "{user}/{key.1}";
  Policy of_user = Named("of-user");
  of_user.per = Per::kText;
  of_user.subject = "{user}/{client}";
  const PolicySet set = MustCreate({of_key, of_user});
  EXPECT_THAT(Matching(set, Request{}), ElementsAre(1));
  EXPECT_THAT(Matching(set, {.key = "k"}), ElementsAre(0, 1));
}

TEST(PolicySetTest, ASubjectThatMakesNoTextIsRefused) {
  Policy policy = Named("p");
  policy.subject = "{user}";
  EXPECT_THAT(Refusal({policy}), HasSubstr("where, and only where, each text has a bucket"));
  policy.per = Per::kText;
  EXPECT_EQ(Refusal({policy}), "");
  policy.subject = "";
  EXPECT_THAT(Refusal({policy}), HasSubstr("where, and only where, each text has a bucket"));
  policy.subject = "{tenant}";
  EXPECT_THAT(Refusal({policy}), HasSubstr("'p' has the subject '{tenant}': '{tenant}' is not"));
}

TEST(PolicySetTest, ASubscriberOfIpv6IsOneClient) {
  const PolicySet set = MustCreate({Named("per-client")});
  const Address first = V6({0x20, 1, 1, 1, 1, 1, 1, 1, 9});
  const Address same_64 = V6({0x20, 1, 1, 1, 1, 1, 1, 1, 8, 7});
  const Address other_64 = V6({0x20, 1, 1, 1, 1, 1, 1, 2, 9});
  EXPECT_EQ(set.BucketHash(0, {.client = first}), set.BucketHash(0, {.client = same_64}));
  EXPECT_NE(set.BucketHash(0, {.client = first}), set.BucketHash(0, {.client = other_64}));
}

TEST(PolicySetTest, TheSeedDecidesTheBuckets) {
  const PolicySet a = PolicySet::Create({Named("p")}, 1).value();
  const PolicySet b = PolicySet::Create({Named("p")}, 2).value();
  EXPECT_NE(a.BucketHash(0, Request{}), b.BucketHash(0, Request{}));
}

TEST(PolicySetTest, LimitsReadAsPeopleWriteThem) {
  const auto text = [](Rate rate, Unit unit) {
    Policy policy = Named("p");
    policy.rate = rate;
    policy.unit = unit;
    return std::string(MustCreate({policy}).limit_text(0));
  };
  EXPECT_EQ(text({500, 1s, 1}, Unit::kRequests), "500/1s");
  EXPECT_EQ(text({1048576, 60s, 1}, Unit::kBytes), "1048576B/1m");
  EXPECT_EQ(text({200, 1s, 1}, Unit::kDatabaseTime), "200ms/1s");
  EXPECT_EQ(text({30, 90s, 1}, Unit::kRequests), "30/90s");
  EXPECT_EQ(text({1, 250ms, 1}, Unit::kRequests), "1/250ms");
  EXPECT_EQ(text({1, 7ns, 1}, Unit::kRequests), "1/7ns");
  EXPECT_EQ(text({10, kDay, 1}, Unit::kRequests), "10/1d");
}

TEST(PolicySetTest, FurtherRatesFollowTheFirstAndMatchWithIt) {
  const auto rate = [](const char* name, uint8_t window, uint64_t count) {
    Policy policy = Named(name);
    policy.window = window;
    policy.rate.count = count;
    return policy;
  };
  const PolicySet set =
      MustCreate({Named("x"), rate("a", 0, 1), rate("a", 1, 2), rate("a", 2, 3), Named("y")});
  EXPECT_EQ(set.Find("a"), 1u);
  EXPECT_EQ(set.Windows(1), 3u);
  EXPECT_EQ(set.Windows(0), 1u);
  EXPECT_EQ(set.Windows(4), 1u);
  EXPECT_EQ(set.Match(Request{}).count, 5u);
  // One subject, one name of its buckets, told apart by their rules.
  EXPECT_EQ(set.BucketHash(1, Request{}), set.BucketHash(3, Request{}));
  EXPECT_NE(set.rule_id(1), set.rule_id(3));
  EXPECT_EQ(set.limit_text(3), "3/1s");
  EXPECT_THAT(Refusal({rate("a", 1, 1)}), HasSubstr("defined twice"));
  EXPECT_THAT(Refusal({rate("a", 0, 1), rate("a", 2, 1)}), HasSubstr("defined twice"));
  EXPECT_THAT(Refusal({rate("a", 0, 1), Named("b"), rate("a", 1, 1)}), HasSubstr("defined twice"));
}

TEST(PolicySetTest, BadPoliciesAreRefusedByName) {
  EXPECT_THAT(Refusal({Named("")}), HasSubstr("has no name"));
  EXPECT_THAT(Refusal({Named("a b")}), HasSubstr("'a b'"));
  EXPECT_THAT(Refusal({Named("twice"), Named("twice")}), HasSubstr("'twice' is defined twice"));
  Policy rate = Named("p");
  rate.rate.burst = 0;
  EXPECT_THAT(Refusal({rate}), HasSubstr("burst is 0"));
  Policy client = Named("p");
  client.client = {Address::FromV4({10, 0, 0, 1}), 96 + 8};
  EXPECT_THAT(Refusal({client}), HasSubstr("beyond its prefix"));
}

TEST(PolicySetTest, SizesAreAcceptedAtTheirLimitAndRefusedPastIt) {
  EXPECT_EQ(Refusal({Named(std::string(kPolicyNameBytesMax, 'n'))}), "");
  EXPECT_NE(Refusal({Named(std::string(kPolicyNameBytesMax + 1, 'n'))}), "");
  Policy policy = Named("p");
  policy.user = std::string(kPolicyUserBytesMax, 'u');
  policy.key_prefix = std::string(kPolicyPrefixBytesMax, 'k');
  policy.client.bits = 128;
  EXPECT_EQ(Refusal({policy}), "");
  Policy user = policy;
  user.user += 'u';
  EXPECT_THAT(Refusal({user}), HasSubstr("user"));
  Policy prefix = policy;
  prefix.key_prefix += 'k';
  EXPECT_THAT(Refusal({prefix}), HasSubstr("key prefix"));
  Policy bits = policy;
  bits.client.bits = 129;
  EXPECT_THAT(Refusal({bits}), HasSubstr("128 bits"));
}

TEST(PolicySetTest, HoldsAsManyPoliciesAsItsLimitAndNotOneMore) {
  std::vector<Policy> policies;
  for (size_t i = 0; i < kPoliciesMax; ++i) {
    policies.push_back(Named("p" + std::to_string(i)));
    policies.back().user = policies.back().name;
  }
  const PolicySet set = MustCreate(policies);
  EXPECT_THAT(Matching(set, {.user = "p63"}), ElementsAre(63));
  policies.push_back(Named("p64"));
  EXPECT_THAT(Refusal(policies), HasSubstr("at most 64"));
}

TEST(PolicySetTest, AsManyPoliciesAsTheLimitMayMatchOneRequestAndNotOneMore) {
  std::vector<Policy> policies;
  for (size_t i = 0; i < kMatchesMax; ++i) policies.push_back(Named("p" + std::to_string(i)));
  EXPECT_EQ(Matching(MustCreate(policies), Request{}).size(), kMatchesMax);
  policies.push_back(Named("one-more"));
  EXPECT_THAT(Refusal(policies), HasSubstr("9 limit policies can match"));
  // Two that exclude each other count as one.
  policies[0].command = CommandClass::kRead;
  policies[1].command = CommandClass::kWrite;
  EXPECT_EQ(Refusal(policies), "");
}

// A small world in which all requests can be tried.
const std::vector<std::string> kKeys = {"", "a", "ab", "abc", "b"};
const std::vector<std::string> kUsers = {"", "u", "v"};
const std::vector<AddressPrefix> kClients = {
    {}, V4Prefix({10, 0, 0, 0}, 8), V4Prefix({10, 1, 0, 0}, 16), V4Prefix({10, 2, 0, 0}, 16)};

size_t MostMatchesByTrying(const PolicySet& set) {
  size_t most = 0;
  for (const std::string& user : kUsers) {
    for (const AddressPrefix& client : kClients) {
      for (const std::string& key : kKeys) {
        for (size_t command = 0; command < kCommandClasses; ++command) {
          most = std::max(most, set.Match({.user = user,
                                           .client = client.address,
                                           .key = key,
                                           .command = static_cast<CommandClass>(command)})
                                    .count);
        }
      }
    }
  }
  return most;
}

RC_GTEST_PROP(PolicySetProperty, ASetIsRefusedExactlyWhenSomeRequestHasTooManyMatches, ()) {
  std::vector<Policy> policies;
  size_t most_before = 0;
  for (int i = 0; i < 64; ++i) {
    Policy policy = Named("p" + std::to_string(i));
    policy.user = *rc::gen::elementOf(kUsers);
    policy.key_prefix = *rc::gen::elementOf(kKeys);
    policy.client = *rc::gen::elementOf(kClients);
    const size_t command = *rc::gen::inRange<size_t>(0, kCommandClasses + 1);
    if (command < kCommandClasses) policy.command = static_cast<CommandClass>(command);
    policies.push_back(policy);
    const Result<PolicySet> set = PolicySet::Create(policies, kSeed);
    if (!set.ok()) {
      // One policy more adds at most one match: it was at the limit just before.
      RC_ASSERT(most_before == kMatchesMax);
      return;
    }
    most_before = MostMatchesByTrying(set.value());
    RC_ASSERT(most_before <= kMatchesMax);
  }
}

}  // namespace
}  // namespace weir::limit
