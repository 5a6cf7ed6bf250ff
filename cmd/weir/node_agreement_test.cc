// Goal: what a node says of its list is judged, told once, and holds until it says otherwise.
// Method: tables of three nodes, and replies as they would come.
#include "cmd/weir/node_agreement.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using testing::HasSubstr;
using Level = NodeAgreement::News::Level;

const nodes::Node kN1{.id = "n1", .ip = "10.0.0.1", .port = 7001};
const nodes::Node kN2{.id = "n2", .ip = "10.0.0.2", .port = 7001};
const nodes::Node kN3{.id = "n3", .ip = "10.0.0.3", .port = 7001};

nodes::NodeTable TableOf(const std::string& self) {
  return nodes::NodeTable::FirstPlacement({kN1, kN2, kN3}, self);
}

resp::Value Text(resp::Value::Kind kind, std::string text) {
  resp::Value value;
  value.kind = kind;
  value.text = std::move(text);
  return value;
}

resp::Value Digest(std::string id, std::string placement, std::string all, std::string run_id) {
  resp::Value value;
  value.kind = resp::Value::Kind::kArray;
  for (std::string* text : {&id, &placement, &all, &run_id}) {
    value.items.push_back(Text(resp::Value::Kind::kBulk, *text));
  }
  return value;
}

// What a node with this table answers.
resp::Value AnswerOf(const nodes::NodeTable& table, const std::string& run_id = "its run") {
  return Digest(table.node(table.self()).id, table.placement_digest(), table.digest(), run_id);
}

std::vector<std::string> IdsOf(const std::vector<nodes::Node>& nodes) {
  std::vector<std::string> ids;
  for (const nodes::Node& node : nodes) ids.push_back(node.id);
  return ids;
}

class NodeAgreementTest : public testing::Test {
 protected:
  // What is told of n2.
  std::string Told(const Result<resp::Value>& answer, Level level) {
    const auto news = agreement_.Take(kN2, answer);
    if (!news.has_value()) return "";
    EXPECT_EQ(news->level, level) << news->text;
    return news->text;
  }

  const nodes::NodeTable table_ = TableOf("n1");
  NodeAgreement agreement_{table_, ""};
};

TEST_F(NodeAgreementTest, OfWhoAgreesNothingIsSaid) {
  EXPECT_THAT(IdsOf(agreement_.Asked()), testing::ElementsAre("n2", "n3"));
  EXPECT_FALSE(agreement_.Take(kN2, AnswerOf(TableOf("n2"))).has_value());
  EXPECT_FALSE(agreement_.Take(kN3, AnswerOf(TableOf("n3"))).has_value());
  EXPECT_EQ(agreement_.counts().unknown, 0);
  EXPECT_EQ(agreement_.counts().differing, 0);
}

TEST_F(NodeAgreementTest, WhoIsSilentIsToldOfOnceAndAskedUntilItAnswers) {
  const Result<resp::Value> away = Error{ErrorCode::kUnavailable, "cannot connect: refused"};
  EXPECT_THAT(Told(away, Level::kWarning), HasSubstr("asked again until it has: cannot connect"));
  EXPECT_EQ(Told(away, Level::kWarning), "");
  EXPECT_THAT(Told(Text(resp::Value::Kind::kError, "OVERLOADED later"), Level::kWarning),
              HasSubstr("OVERLOADED later"));
  EXPECT_EQ(agreement_.counts().unknown, 2);
  EXPECT_THAT(Told(AnswerOf(TableOf("n2")), Level::kInfo), HasSubstr("has the same list"));
  EXPECT_EQ(agreement_.counts().unknown, 1);
}

// As when it starts anew with another list, and cannot reach this node.
TEST_F(NodeAgreementTest, WhatANodeHasSaidHoldsUntilItSaysOtherwise) {
  const Result<resp::Value> away = Error{ErrorCode::kUnavailable, "cannot connect: refused"};
  EXPECT_EQ(Told(AnswerOf(TableOf("n2")), Level::kInfo), "");
  EXPECT_EQ(Told(away, Level::kWarning), "");
  EXPECT_EQ(agreement_.counts().unknown, 1) << "n3 alone";
  EXPECT_THAT(Told(resp::Value{}, Level::kError), HasSubstr("runs without"));
  EXPECT_EQ(Told(away, Level::kWarning), "");
  EXPECT_EQ(Told(resp::Value{}, Level::kError), "") << "it is told of already";
  EXPECT_EQ(agreement_.counts().differing, 1);
  EXPECT_THAT(Told(AnswerOf(TableOf("n2")), Level::kInfo), HasSubstr("has the same list"));
  EXPECT_EQ(agreement_.counts().differing, 0);
}

TEST_F(NodeAgreementTest, AProcessWithoutAListServesAllSlotsBesidesAndDiffers) {
  EXPECT_THAT(Told(resp::Value{}, Level::kError), HasSubstr("runs without [[node]] sections"));
  EXPECT_EQ(agreement_.counts().differing, 1);
}

TEST_F(NodeAgreementTest, AnotherPlacementAndAnotherNodeDiffer) {
  nodes::Node heavy = kN3;
  heavy.weight = 2;
  EXPECT_THAT(
      Told(AnswerOf(nodes::NodeTable::FirstPlacement({kN1, kN2, heavy}, "n2")), Level::kError),
      HasSubstr("other ids or weights"));
  EXPECT_THAT(Told(AnswerOf(TableOf("n3")), Level::kError), HasSubstr("says that it is 'n3'"));
  EXPECT_EQ(agreement_.counts().differing, 1);
  EXPECT_THAT(Told(AnswerOf(TableOf("n2")), Level::kInfo), HasSubstr("has the same list"));
  EXPECT_EQ(agreement_.counts().differing, 0);
}

TEST_F(NodeAgreementTest, WhoIsAtItsOwnAddressIsKnownByTheRun) {
  NodeAgreement agreement(table_, "this run");
  EXPECT_THAT(IdsOf(agreement.Asked()), testing::ElementsAre("n1", "n2", "n3"));
  const auto away = agreement.Take(kN1, Error{ErrorCode::kUnavailable, "refused"});
  ASSERT_TRUE(away.has_value());
  EXPECT_EQ(away->level, Level::kWarning);
  EXPECT_THAT(away->text, HasSubstr("is this one, and cannot be found there"));
  const auto other = agreement.Take(kN1, AnswerOf(table_, "another run"));
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->level, Level::kError);
  EXPECT_THAT(other->text, HasSubstr("is another process than this one"));
  EXPECT_EQ(agreement.counts().differing, 1);
  EXPECT_TRUE(agreement.Take(kN1, AnswerOf(table_, "this run")).has_value());
  EXPECT_EQ(agreement.counts().differing, 0);
}

TEST_F(NodeAgreementTest, OtherAddressesAreAWarningAlone) {
  nodes::Node moved = kN3;
  moved.port = 7002;
  EXPECT_THAT(
      Told(AnswerOf(nodes::NodeTable::FirstPlacement({kN1, kN2, moved}, "n2")), Level::kWarning),
      HasSubstr("a list with other addresses"));
  EXPECT_EQ(agreement_.counts().unknown, 1) << "n3 alone";
}

}  // namespace
}  // namespace weir::cmd
