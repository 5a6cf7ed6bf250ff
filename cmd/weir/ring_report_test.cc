// Goal: what is said of a table and of a change is what they are. Method: small tables whose slots
// a person can count; pictures whose areas are added up.
#include "cmd/weir/ring_report.h"

#include <regex>
#include <string>

#include "cmd/weir/ring_picture.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

using ring::NodeId;

ring::SlotTable TableOf(const char* nodes) {
  ring::SlotTable table;
  table.Place(ParseNodes(nodes).value());
  return table;
}

RingChange ChangeOf(const char* before, const char* after) {
  RingChange change{.before = TableOf(before), .after = TableOf(before), .moves = {}};
  change.moves = change.after.Place(ParseNodes(after).value());
  return change;
}

TEST(RingReportTest, NodesAreReadAsIdsWithWeights) {
  EXPECT_EQ(ParseNode("7").value(), (ring::Node{NodeId{7}, 1}));
  EXPECT_EQ(ParseNode("7=0").value(), (ring::Node{NodeId{7}, 0}));
  const ring::NodeSet nodes = ParseNodes("9,1=3").value();
  ASSERT_EQ(nodes.nodes().size(), 2U);
  EXPECT_EQ(nodes.nodes()[0], (ring::Node{NodeId{1}, 3}));
  for (const char* wrong : {"", "a", "1:2", "1=", "1=x", "65536", "-1", "1 "}) {
    EXPECT_FALSE(ParseNode(wrong).ok()) << wrong;
  }
  for (const char* wrong : {"", "1,", ",1", "1,1", "1=1001", "65535"}) {
    EXPECT_FALSE(ParseNodes(wrong).ok()) << wrong;
  }
}

TEST(RingReportTest, ATableIsDescribedByNode) {
  EXPECT_EQ(DescribeTable(TableOf("3,5=0,7=3"), {}),
            "3 nodes, epoch 1, peak to mean 1.0000\n"
            "  node  weight  slots     share  which\n"
            "     3       1   4096   25.00 %  0-4095\n"
            "     5       0      0    0.00 %  -\n"
            "     7       3  12288   75.00 %  4096-16383\n");
  EXPECT_EQ(TableAsJson(TableOf("3,5=0,7=3"), {}),
            R"({"epoch":1,"nodes":[{"id":3,"weight":1,"slots":4096},)"
            R"({"id":5,"weight":0,"slots":0},{"id":7,"weight":3,"slots":12288}],)"
            R"("slots":[{"first":0,"last":4095,"node":3},)"
            R"({"first":4096,"last":16383,"node":7}]})"
            "\n");
  EXPECT_EQ(TableAsJson(ring::SlotTable(), {}),
            R"({"epoch":0,"nodes":[],"slots":[{"first":0,"last":16383,"node":null}]})"
            "\n");
}

TEST(RingReportTest, WhereThereIsAListItsNamesAreShown) {
  const RingNames names{.digest = "00ff",
                        .nodes = {{NodeId{3}, {"n1", "10.0.0.1:6390", false}},
                                  {NodeId{7}, {"n2", "10.0.0.2:6390", true}}}};
  EXPECT_EQ(DescribeTable(TableOf("3,7=3"), names),
            "2 nodes, epoch 1, digest 00ff, peak to mean 1.0000\n"
            "  node  weight  slots     share  id, address, which\n"
            "     3       1   4096   25.00 %  n1  10.0.0.1:6390  0-4095\n"
            "     7       3  12288   75.00 %  n2*  10.0.0.2:6390  4096-16383\n");
  EXPECT_THAT(
      TableAsJson(TableOf("3,7=3"), names),
      testing::StartsWith(R"({"epoch":1,"digest":"00ff","nodes":[{"id":3,"weight":1,"slots":4096,)"
                          R"("name":"n1","address":"10.0.0.1:6390","myself":false},)"));
}

TEST(RingReportTest, AChangeIsDescribedByNodeAndRun) {
  EXPECT_EQ(DescribeChange(ChangeOf("1,2", "1,3=2")),
            "10922 of 16384 slots move (66.66 %), the least that keeps every node at its share\n"
            "  node          weight             slots   gains   loses\n"
            "     1      1 ->     1    8192 ->   5462       0    2730\n"
            "     2      1 ->     -    8192 ->      0       0    8192\n"
            "     3      - ->     2       0 ->  10922   10922       0\n"
            "\n"
            "        slots   from     to\n"
            "    5462-8191      1      3\n"
            "   8192-16383      2      3\n");
  EXPECT_EQ(ChangeAsJson(ChangeOf("1", "1,2")),
            R"({"moved":8192,"moves":[{"first":8192,"last":16383,"from":1,"to":2}],)"
            R"("before":{"epoch":1,"nodes":[{"id":1,"weight":1,"slots":16384}],)"
            R"("slots":[{"first":0,"last":16383,"node":1}]},)"
            R"("after":{"epoch":2,"nodes":[{"id":1,"weight":1,"slots":8192},)"
            R"({"id":2,"weight":1,"slots":8192}],"slots":[{"first":0,"last":8191,"node":1},)"
            R"({"first":8192,"last":16383,"node":2}]}})"
            "\n");
  EXPECT_EQ(DescribeChange(ChangeOf("1", "1")),
            "0 of 16384 slots move (0.00 %), the least that keeps every node at its share\n"
            "  node          weight             slots   gains   loses\n"
            "     1      1 ->     1   16384 ->  16384       0       0\n");
}

// The area that rectangles with this style cover, in slots.
uint64_t SlotsDrawn(const std::string& svg, const std::string& style) {
  const std::regex rectangle("width=\"(\\d+)\" height=\"5\" fill=\"" + style + "\"");
  uint64_t slots = 0;
  for (std::sregex_iterator at(svg.begin(), svg.end(), rectangle), end; at != end; ++at) {
    slots += std::stoull((*at)[1]) / 5;
  }
  return slots;
}

TEST(RingReportTest, ThePictureShowsEverySlotOnce) {
  const std::string svg = DrawTable(TableOf("1,2,3"));
  EXPECT_EQ(SlotsDrawn(svg, "[^\"]*"), kSlotCount);
  EXPECT_EQ(SlotsDrawn(svg, "hsl\\(0,60%,62%\\)"), 5462U);
  EXPECT_NE(svg.find("node 2, weight 1: 5461 slots"), std::string::npos);
  const std::string change = DrawChange(ChangeOf("1,2", "1,3"));
  EXPECT_EQ(SlotsDrawn(change, "[^\"]*"), kSlotCount);
  EXPECT_NE(change.find("height=\"1\" fill=\"black\""), std::string::npos);
  EXPECT_NE(change.find("8192 of 16384 slots move"), std::string::npos);
  EXPECT_EQ(SlotsDrawn(DrawTable(ring::SlotTable()), "#ddd"), kSlotCount);
}

}  // namespace
}  // namespace weir::cmd
