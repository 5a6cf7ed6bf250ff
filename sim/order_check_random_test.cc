// Goal: what the search leaves out loses no order and finds none that is not there.
// Method: short random histories, half of them with a wrong reply, held against trying every order
// on three plain numbers.
#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sim/order_check.h"
#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;
using Numbers = std::array<std::optional<int64_t>, 3>;

constexpr uint32_t kSessions = 4;
constexpr size_t kOps = 12;
constexpr size_t kHistories = 10000;

std::string KeyName(uint32_t key) {
  return std::string(1, static_cast<char>('a' + key));
}
resp::Value Bulk(const std::optional<int64_t>& number) {
  if (!number.has_value()) return {};
  return {.kind = Kind::kBulk, .text = std::to_string(*number)};
}

// One of six commands on three numbers.
struct Command {
  enum class What { kGet, kIncr, kGetset, kMset, kDel, kCopy } what = What::kGet;
  uint32_t key = 0;
  uint32_t other = 0;
  int64_t number = 0;

  Words words() const {
    switch (what) {
      case What::kGet:
        return {"GET", KeyName(key)};
      case What::kIncr:
        return {"INCR", KeyName(key)};
      case What::kGetset:
        return {"GETSET", KeyName(key), std::to_string(number)};
      case What::kMset:
        return {"MSET", KeyName(key), std::to_string(number), KeyName(other), "7"};
      case What::kDel:
        return {"DEL", KeyName(key), KeyName(other)};
      case What::kCopy:
        return {"COPY", KeyName(key), KeyName(other), "REPLACE"};
    }
    return {};
  }

  resp::Value Run(Numbers* numbers) const {
    std::optional<int64_t>& mine = (*numbers)[key];
    std::optional<int64_t>& second = (*numbers)[other];
    const std::optional<int64_t> before = mine;
    switch (what) {
      case What::kGet:
        return Bulk(mine);
      case What::kIncr:
        mine = mine.value_or(0) + 1;
        return {.kind = Kind::kInteger, .integer = *mine};
      case What::kGetset:
        mine = number;
        return Bulk(before);
      case What::kMset:
        mine = number;
        second = 7;
        return {.kind = Kind::kSimple, .text = "OK"};
      case What::kDel: {
        const int64_t removed = mine.has_value() + (other != key && second.has_value());
        mine.reset();
        second.reset();
        return {.kind = Kind::kInteger, .integer = removed};
      }
      case What::kCopy:
        if (mine.has_value()) second = mine;
        return {.kind = Kind::kInteger, .integer = mine.has_value() ? 1 : 0};
    }
    return {};
  }
};

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed) : random_(seed) {
    std::array<Stamp, kSessions> begun{};
    std::array<Stamp, kSessions> ended{};
    Numbers numbers;
    for (size_t i = 0; i < kOps; ++i) {
      const auto session = static_cast<uint32_t>(random_.Below(kSessions));
      const Stamp effect = 100 + 10 * i;
      Op& op = ops_.emplace_back();
      op.session = session;
      op.begin = begun[session] = std::max(begun[session], effect - random_.Below(40));
      op.end = ended[session] = std::max(ended[session], effect + random_.Below(40));
      op.begin_ms = op.end_ms = 1000;
      commands_.push_back(AnyCommand());
      op.answered = true;
      AddStep(op, commands_.back());
      Answer(op, &numbers);
    }
    if (random_.OneIn(2)) Falsify();
  }

  bool IsExplained() const {
    OrderCheck check(std::vector<Cell>(3), {0, 0, 0}, kSessions);
    for (const Op& op : ops_) check.Add(&op);
    return check.Explain().empty();
  }
  bool HasAnOrder() const { return TryEveryOrder(0, Numbers{}); }

 private:
  Command AnyCommand() {
    Command command = {
        static_cast<Command::What>(random_.Below(6)), static_cast<uint32_t>(random_.Below(3)),
        static_cast<uint32_t>(random_.Below(3)), static_cast<int64_t>(random_.Below(3))};
    if (command.what == Command::What::kCopy && command.other == command.key) {
      command.other = (command.key + 1) % 3;  // Nothing is copied onto itself.
    }
    return command;
  }

  static void AddStep(Op& op, const Command& command) {
    Step& step = op.steps.emplace_back();
    step.words = command.words();
    step.rule = FindRule(step.words[0]);
    for (const size_t place : step.rule->keys.In(step.words.size())) {
      step.keys.push_back(static_cast<uint32_t>(step.words[place][0] - 'a'));
    }
  }

  void Answer(Op& op, Numbers* numbers) {
    const bool unknown = random_.OneIn(5);
    if (unknown && random_.OneIn(2)) numbers = nullptr;
    Numbers nobody;
    op.reply = commands_.back().Run(numbers != nullptr ? numbers : &nobody);
    if (unknown) op.reply = {.kind = Kind::kError, .text = "UNKNOWN whether it was applied"};
    if (random_.OneIn(2)) op.hint = op.begin + random_.Below(60);
  }

  void Falsify() {
    const size_t which = random_.Below(kOps);
    Numbers numbers;
    for (auto& number : numbers) number = random_.Below(3);
    if (!SaysUnknown(ops_[which].reply)) ops_[which].reply = commands_[which].Run(&numbers);
  }

  // `taken`: a bit for each that has taken effect.
  bool TryEveryOrder(uint32_t taken, const Numbers& numbers) const {
    Stamp first_end = kNoStamp;
    std::array<bool, kSessions> waits{};
    bool left = false;
    for (size_t i = 0; i < kOps; ++i) {
      if ((taken >> i & 1) != 0 || SaysUnknown(ops_[i].reply)) continue;
      first_end = std::min(first_end, ops_[i].end);
      left = true;
    }
    if (!left) return true;
    for (size_t i = 0; i < kOps; ++i) {
      if ((taken >> i & 1) != 0) continue;
      const Op& op = ops_[i];
      const bool unknown = SaysUnknown(op.reply);
      if (!unknown && std::exchange(waits[op.session], true)) continue;
      if (op.begin > first_end) continue;
      Numbers after = numbers;
      const resp::Value reply = commands_[i].Run(&after);
      if (!unknown && Show(reply) != Show(op.reply)) continue;
      if (TryEveryOrder(taken | 1U << i, after)) return true;
    }
    return false;
  }

  Random random_;
  std::deque<Op> ops_;
  std::vector<Command> commands_;
};

TEST(OrderCheck, FindsAnOrderWhereTryingEveryOneDoesAndNowhereElse) {
  size_t explained = 0;
  for (uint64_t seed = 1; seed <= kHistories; ++seed) {
    const RandomHistory history(seed);
    const bool has_an_order = history.HasAnOrder();
    ASSERT_EQ(history.IsExplained(), has_an_order) << "seed " << seed;
    explained += has_an_order;
  }
  EXPECT_GT(explained, kHistories / 4);
  EXPECT_LT(explained, kHistories * 7 / 8) << "hardly a wrong one was tried";
}

}  // namespace
}  // namespace weir::sim
