// Goal: who is refused most is found among any number of others, and counts are of late.
// Method: random streams with a few heavy keys, held against exact counts; time moved by hand.
#include "weir/limit/offenders.h"

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace weir::limit {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart{1};

TEST(Offenders, TheyComeInOrderAndPoliciesAreToldApart) {
  const auto offenders = std::make_unique<Offenders>();
  for (int i = 0; i < 3; ++i) offenders->Note("a", "x", kStart);
  offenders->Note("b", "x", kStart);
  offenders->Note("b", std::string(500, 'k'), kStart);
  offenders->Note("b", std::string(200, 'k'), kStart);
  const auto top = offenders->Top(kStart);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].policy + top[0].key, "ax");
  EXPECT_EQ(top[0].count, 3u);
  EXPECT_EQ(top[1].key, std::string(128, 'k'));
  EXPECT_EQ(top[1].count, 2u);
}

TEST(Offenders, CountsHalveEveryMinute) {
  const auto offenders = std::make_unique<Offenders>();
  for (int i = 0; i < 100; ++i) offenders->Note("a", "x", kStart);
  EXPECT_EQ(offenders->Top(kStart + 59s)[0].count, 100u);
  EXPECT_EQ(offenders->Top(kStart + 60s)[0].count, 50u);
  EXPECT_EQ(offenders->Top(kStart + 190s)[0].count, 12u);
  EXPECT_TRUE(offenders->Top(kStart + 24h).empty());
}

RC_GTEST_PROP(Offenders, CountsAreTooHighByAtMostTheirErrorAndTheHeavyAreThere, ()) {
  const auto offenders = std::make_unique<Offenders>();
  std::map<std::string, uint64_t> exact;
  constexpr uint64_t kNoted = 2000;
  for (uint64_t i = 0; i < kNoted; ++i) {
    const int heavy = *rc::gen::inRange(0, 10);
    const std::string key =
        heavy < 3 ? "heavy" + std::to_string(heavy) : std::to_string(*rc::gen::inRange(0, 1000));
    ++exact[key];
    offenders->Note("p", key, kStart);
  }
  std::map<std::string, Offenders::Entry> found;
  for (const Offenders::Entry& entry : offenders->Top(kStart)) {
    RC_ASSERT(entry.count >= exact[entry.key]);
    RC_ASSERT(entry.count - entry.error <= exact[entry.key]);
    found[entry.key] = entry;
  }
  for (const auto& [key, count] : exact) {
    if (count > kNoted / Offenders::kEntries) RC_ASSERT(found.contains(key));
  }
}

}  // namespace
}  // namespace weir::limit
