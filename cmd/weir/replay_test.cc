// Goal: the reference policies stay within their capacity and differ where they are known to; a
// trace is read the same plain and in pieces; the curve is a picture of its points. Method: random
// requests with sizes; a naive LRU; a loop; files in a temporary folder.

#include <algorithm>
#include <fstream>
#include <list>
#include <string>

#include "cmd/weir/replay_curve.h"
#include "cmd/weir/replay_policies.h"
#include "cmd/weir/replay_trace.h"
#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::cmd {
namespace {

uint64_t SizeOf(uint32_t key) {
  return 1 + Random(key).Below(50);
}

TEST(ReferencePolicies, KeepNoMoreThanTheirCapacity) {
  for (const std::string_view name : ReferencePolicyNames()) {
    for (const bool sized : {false, true}) {
      constexpr uint64_t kCapacity = 1000;
      const auto policy = MakeReferencePolicy(name, kCapacity);
      Random random(20261126);
      uint64_t hits = 0;
      for (int n = 0; n < 50'000; ++n) {
        const auto key = static_cast<uint32_t>(random.Below(random.Below(2000) + 1));
        hits += policy->Access(key, sized ? SizeOf(key) : 1) ? 1 : 0;
        ASSERT_LE(policy->size(), kCapacity) << name;
      }
      EXPECT_GT(hits, 1000U) << name;
    }
  }
  EXPECT_EQ(MakeReferencePolicy("none", 1), nullptr);
}

TEST(ReferencePolicies, LruEqualsANaiveOne) {
  const auto policy = MakeReferencePolicy("lru", 100);
  std::list<uint32_t> model;
  Random random(1);
  for (int n = 0; n < 20'000; ++n) {
    const auto key = static_cast<uint32_t>(random.Below(150));
    const bool held = std::find(model.begin(), model.end(), key) != model.end();
    ASSERT_EQ(policy->Access(key, 1), held);
    model.remove(key);
    model.push_front(key);
    if (model.size() > 100) model.pop_back();
  }
}

TEST(ReferencePolicies, OnlyLirsAndTinyLfuKeepPartOfALoop) {
  for (const std::string_view name : ReferencePolicyNames()) {
    const auto policy = MakeReferencePolicy(name, 512);
    uint64_t hits = 0;
    for (uint32_t n = 0; n < 50'550; ++n) hits += policy->Access(n % 1011, 1) ? 1 : 0;
    if (name == "lirs" || name.starts_with("wtinylfu")) {
      EXPECT_GT(hits, 15'000U) << name;
    } else {
      EXPECT_LT(hits, 500U) << name;
    }
  }
}

TEST(TraceReader, NumbersKeysInOrderOfAppearanceAndReadsSizes) {
  const std::string name = testing::TempDir() + "weir_replay_trace.csv";
  std::ofstream(name) << "b,10\r\na,7\n\nb,10\nlast";
  const auto reader = TraceReader::Open(name);
  ASSERT_TRUE(reader.ok());
  std::vector<std::pair<uint32_t, uint64_t>> requests;
  TraceReader::Request request;
  while (reader.value()->Next(request).value()) requests.emplace_back(request.key, request.size);
  EXPECT_EQ(requests,
            (std::vector<std::pair<uint32_t, uint64_t>>{{0, 10}, {1, 7}, {0, 10}, {2, 1}}));
}

TEST(TraceReader, NamesTheLineThatIsNoRequest) {
  const std::string name = testing::TempDir() + "weir_replay_bad.csv";
  std::ofstream(name) << "a,1\nb,x\n";
  const auto reader = TraceReader::Open(name);
  ASSERT_TRUE(reader.ok());
  TraceReader::Request request;
  ASSERT_TRUE(reader.value()->Next(request).ok());
  const Result<bool> bad = reader.value()->Next(request);
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().message.find("line 2"), std::string::npos);
  EXPECT_FALSE(TraceReader::Open(name + ".none").ok());
}

TEST(Curve, HasAPointForEachCapacity) {
  const std::string svg = DrawCurve({"a<b", "entries", {{200, 50}, {100, 25}}, {}});
  EXPECT_NE(svg.find("a&lt;b"), std::string::npos);
  EXPECT_EQ(svg.find("<b:"), std::string::npos);
  EXPECT_LT(svg.find(">100</text>\n<circle"), svg.find(">200</text>\n<path"));
  EXPECT_EQ(svg.find("dashed"), std::string::npos);
}

TEST(Curve, DrawsTheEstimateWhereThePictureIs) {
  const std::string svg = DrawCurve(
      {"t", "entries", {{200, 50}, {100, 25}}, {{50, 0}, {100, 0}, {200, 100}, {400, 100}}});
  EXPECT_NE(svg.find("stroke-dasharray=\"5,4\" d=\"M50.0,50.0 L590.0,350.0\""), std::string::npos)
      << svg;
}

}  // namespace
}  // namespace weir::cmd
