#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "weir/shard/position.h"

namespace weir::sim {
namespace {

constexpr size_t kRegisters = 3;
// Words in other commands that stand for a key, for where a range begins, and for a shard.
constexpr std::string_view kKeyWord = "@key";
constexpr std::string_view kRangeWord = "@range";
constexpr std::string_view kShardWord = "@shard";

}  // namespace

Workload::Workload(const Plan& plan, std::function<uint32_t(const std::string&)> database_of)
    : plan_(plan),
      random_(plan.seed ^ 0x10ad),
      getx_(plan.seed ^ 0x6e7),
      limits_(plan.seed ^ 0x11417, plan.own_limit),
      keys_(plan.keys),
      database_of_(std::move(database_of)),
      general_(plan.keys.size()) {
  for (size_t i = 0; i < plan.crowd; ++i) keys_.push_back("c" + std::to_string(i));
  first_register_ = static_cast<uint32_t>(keys_.size());
  for (size_t i = 0; i < kRegisters; ++i) keys_.push_back("reg" + std::to_string(i));
  for (const std::string& key : keys_) {
    cells_.emplace(key, static_cast<uint32_t>(cells_.size()));
    databases_.push_back(database_of_(key));
  }
}

Workload::Next Workload::Draw(bool watching) {
  within_.reset();
  if (watching ? random_.OneIn(3) : random_.OneIn(plan_.transaction_one_in)) {
    if (!watching && random_.OneIn(3)) return Watch();
    return Transaction();
  }
  Words words;
  if (random_.OneIn(plan_.register_one_in)) {
    words = Register();
  } else if (plan_.crowd != 0 && random_.OneIn(plan_.crowd_one_in)) {
    words = Crowd();
  } else if (plan_.limit_one_in != 0 && random_.OneIn(plan_.limit_one_in)) {
    return Unmodelled(limits_.Draw(Key()));
  } else if (plan_.others && random_.OneIn(10)) {
    return Unmodelled(Other());
  } else {
    words = AnyModelled();
  }
  Next next{OpOf(words), {words}};
  // Its value is judged as that of GET.
  if (words[0] == "GET" && getx_.OneIn(4)) next.requests[0][0] = "WEIR.GETX";
  return next;
}

Workload::Next Workload::Unmodelled(Words words) {
  Next next;
  next.op.kind = Op::Kind::kOther;
  next.op.steps.push_back({nullptr, words, {}, {}, 0, kNoStamp});
  next.requests.push_back(std::move(words));
  return next;
}

Words Workload::AnyModelled() {
  static constexpr std::array<Choice, 10> kChoices = {{{30, &Workload::Read},
                                                       {22, &Workload::Store},
                                                       {12, &Workload::Change},
                                                       {10, &Workload::Count},
                                                       {10, &Workload::Many},
                                                       {10, &Workload::Expire},
                                                       {6, &Workload::TellExpiry},
                                                       {3, &Workload::Move},
                                                       {5, &Workload::Bits},
                                                       {1, &Workload::Clear}}};
  uint64_t total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  uint64_t dice = Below(total);
  for (const Choice& choice : kChoices) {
    if (dice < choice.weight) return (this->*choice.make)();
    dice -= choice.weight;
  }
  return Read();
}

std::string Workload::Key() {
  if (within_.has_value()) return KeyOf(*within_);
  return keys_[Below(general_)];
}

std::string Workload::KeyOf(uint32_t database) {
  for (size_t tries = 0; tries < 20; ++tries) {
    const size_t key = Below(general_);
    if (DatabaseOf(key) == database) return keys_[key];
  }
  return keys_[Below(general_)];
}

std::string Workload::Value() {
  std::string value = std::to_string(++values_);
  if (random_.OneIn(3)) value.insert(0, "v");
  if (plan_.large_values && random_.OneIn(12)) {
    value.resize(random_.OneIn(4) ? 40'000 : 5000, 'x');
  }
  return value;
}

std::string Workload::Ms() {
  return std::to_string(random_.OneIn(4) ? 1000 + Below(4000) : 1 + Below(40));
}
std::string Workload::WhenMs() {
  return std::to_string(now_ms_() + static_cast<int64_t>(Below(40)));
}

Words Workload::Read() {
  const std::string key = Key();
  switch (Below(9)) {
    case 0:
      return {"STRLEN", key};
    case 1:
      return {"EXISTS", key, Key()};
    case 2:
      return {random_.OneIn(2) ? "GETRANGE" : "SUBSTR", key, std::to_string(Below(4)),
              std::to_string(static_cast<int64_t>(Below(8)) - 3)};
    case 3:
      return {random_.OneIn(2) ? "TYPE" : "TOUCH", key};
    default:
      return {"GET", key};
  }
}

Words Workload::TellExpiry() {
  constexpr std::array kNames = {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PTTL", "PEXPIRETIME"};
  return {kNames[Below(kNames.size())], Key()};
}

Words Workload::Store() {
  const std::string key = Key();
  const std::string value = Value();
  const uint64_t dice = Below(plan_.expires ? 15 : 9);
  switch (dice) {
    case 0:
      return {"SET", key, value, "NX"};
    case 1:
      return {"SET", key, value, "XX"};
    case 2:
      return {"SET", key, value, "GET"};
    case 3:
      return {"SETNX", key, value};
    case 4:
      return {"GETSET", key, value};
    case 5:
      return {"SET", key, value, "IFEQ",
              std::to_string(values_ - Below(std::min<uint64_t>(values_, 4)))};
    case 9:
      return {"SET", key, value, "PX", Ms()};
    case 10:
      return {"SET", key, value, "PXAT", WhenMs()};
    case 11:
      return {"PSETEX", key, Ms(), value};
    case 12:
      return {"SETEX", key, "1", value};
    case 13:
      return {"SET", key, value, "KEEPTTL"};
    case 14:
      return {"SET", key, value, "EX", "1", random_.OneIn(2) ? "XX" : "NX", "GET"};
    default:
      return {"SET", key, value};
  }
}

Words Workload::Change() {
  const std::string key = Key();
  switch (Below(6)) {
    case 0:
      return {"APPEND", key, std::to_string(Below(10))};
    case 1:
      return {"SETRANGE", key, std::to_string(Below(6)), random_.OneIn(8) ? "" : "7"};
    case 2:
      return {"GETDEL", key};
    case 3:
      return {"SETBIT", key, std::to_string(Below(40)), std::to_string(Below(2))};
    default:
      return random_.OneIn(3) ? Words{"UNLINK", key} : Words{"DEL", key};
  }
}

Words Workload::Count() {
  const std::string key = Key();
  const std::string by = std::to_string(1 + Below(9));
  switch (Below(10)) {
    case 8:
      return Window(key);
    case 0:
      return {"DECR", key};
    case 1:
      return {"INCRBY", key, by};
    case 2:
      return {"DECRBY", key, by};
    case 3:
      return {"INCRBYFLOAT", key, random_.OneIn(2) ? "0.5" : "-2.25"};
    default:
      return {"INCR", key};
  }
}

// A counter within bounds, or of a time.
Words Workload::Window(const std::string& key) {
  switch (Below(plan_.expires ? 5 : 3)) {
    case 0:
      return {"INCREX", key, "BYINT", std::to_string(1 + Below(9)), "UBOUND", "20"};
    case 1:
      return {"INCREX", key, "BYINT", "-3", "LBOUND", "0", "SATURATE"};
    case 2:
      return {"INCREX", key, "PERSIST"};
    case 3:
      return {"INCREX", key, "PX", Ms()};
    default:
      return {"INCREX", key, "PX", Ms(), "ENX"};
  }
}

Words Workload::Many() {
  Words words;
  const bool write = random_.OneIn(3);
  constexpr std::array kReads = {"MGET", "MGET", "EXISTS", "TOUCH", "DEL", "UNLINK"};
  words.push_back(write ? (random_.OneIn(4) ? "MSETNX" : "MSET") : kReads[Below(kReads.size())]);
  for (uint64_t i = 1 + Below(4); i > 0; --i) {
    words.push_back(Key());
    if (write) words.push_back(Value());
  }
  return words;
}

Words Workload::Expire() {
  const std::string key = Key();
  if (!plan_.expires) return {"PERSIST", key};
  switch (Below(9)) {
    case 0:
      return {"PERSIST", key};
    case 1:
      return {"PEXPIREAT", key, WhenMs()};
    case 2:
      return {"EXPIRE", key, "1"};
    case 3:
      return {"EXPIREAT", key, std::to_string(now_ms_() / 1000 + 1)};
    case 4: {
      constexpr std::array kOptions = {"NX", "XX", "GT", "LT"};
      return {"PEXPIRE", key, Ms(), kOptions[Below(kOptions.size())]};
    }
    case 5:
      return {"GETEX", key, "PX", Ms()};
    case 6:
      return random_.OneIn(2) ? Words{"GETEX", key} : Words{"GETEX", key, "PERSIST"};
    case 7:
      return {"GETEX", key, "PXAT", WhenMs()};
    default:
      return {"PEXPIRE", key, Ms()};
  }
}

Words Workload::Move() {
  const std::string from = Key();
  const std::string to = Key();
  switch (Below(4)) {
    case 0:
      return {"RENAME", from, to};
    case 1:
      return {"RENAMENX", from, to};
    case 2:
      return {"COPY", from, to};
    default:
      return {"COPY", from, to, "REPLACE"};
  }
}

Words Workload::Bits() {
  const std::string key = Key();
  const std::string at = std::to_string(Below(4));
  constexpr std::array kOperations = {"AND", "OR", "XOR"};
  switch (Below(7)) {
    case 0:
      return {"BITOP", kOperations[Below(3)], Key(), key, Key()};
    case 1:
      return {"BITOP", "NOT", Key(), key};
    case 2:
      return {"BITFIELD", key, "SET", "u8", "#" + at, "77", "GET", "u8", "#1"};
    case 3:
      return {"BITFIELD", key, "INCRBY", "u8", "#" + at, std::to_string(Below(200))};
    case 4:
      return {"BITPOS", key, std::to_string(Below(2))};
    case 5:
      return {"LCS", key, Key(), "LEN"};
    default:
      return random_.OneIn(2) ? Words{"BITCOUNT", key}
                              : Words{"GETBIT", key, std::to_string(Below(40))};
  }
}

Words Workload::Clear() {
  if (!plan_.flushes) return {"GET", Key()};
  return {random_.OneIn(2) ? "FLUSHALL" : "FLUSHDB"};
}

Words Workload::Register() {
  const size_t at = first_register_ + Below(kRegisters);
  const std::string& key = keys_[at];
  if (random_.OneIn(4)) return {"SET", key, "r" + std::to_string(++values_)};
  if (random_.OneIn(6)) return {"MGET", key, Key()};
  return {"GET", key};
}

// Neighbours, the first ones more often.
Words Workload::Crowd() {
  constexpr std::array kNames = {"MGET", "MGET", "MGET", "MGET", "EXISTS", "TOUCH", "DEL", "MSET"};
  const std::array<size_t, 5> counts = {1, 10, 100, plan_.crowd / 2, plan_.crowd};
  Words words = {kNames[Below(kNames.size())]};
  const uint64_t first = Below(1 + Below(plan_.crowd));
  for (size_t i = counts[Below(counts.size())]; i > 0; --i) {
    words.push_back(keys_[general_ + (first + i) % plan_.crowd]);
    if (words[0] != "MSET") continue;
    std::string value = std::to_string(++values_);
    value.resize(std::max(value.size(), plan_.crowd_value_bytes), 'c');
    words.push_back(std::move(value));
  }
  return words;
}

Words Workload::Other() {
  const std::vector<Words>& all = OtherCommands();
  Words words = all[Below(all.size())];
  for (std::string& word : words) {
    if (word == kKeyWord) word = Key();
    if (word == kRangeWord) word = range_();
    if (word == kShardWord) word = Shard();
  }
  return words;
}

// One that a range may go to: where the model cannot follow, none that is in another database.
std::string Workload::Shard() {
  return std::to_string(plan_.move_one_in != 0 ? Below(plan_.shards) : plan_.shards);
}

// Whether the model may let it pass as a step of a transaction: it changes no key, and neither who
// the connection is nor its transaction.
bool Workload::MayBeStep(const Words& words) const {
  constexpr std::array<std::string_view, 8> kNot = {"EXEC",  "DISCARD", "WATCH", "AUTH",
                                                    "HELLO", "QUIT",    "GET",   "RESET"};
  return FindRule(words[0]) == nullptr &&
         std::find(kNot.begin(), kNot.end(), words[0]) == kNot.end();
}

Workload::Next Workload::Watch() {
  Next next;
  Words words = {"WATCH", Key()};
  within_ = DatabaseOf(CellOf(words[1]));
  if (random_.OneIn(2)) words.push_back(Key());
  next.op.kind = Op::Kind::kWatch;
  next.op.steps.push_back(StepOf(words));
  next.requests = {words};
  return next;
}

Workload::Next Workload::Transaction() {
  Next next;
  if (random_.OneIn(12)) {
    next.op = OpOf({"UNWATCH"});
    next.requests = {{"UNWATCH"}};
    // Where DISCARD may be refused, it is not certain to end anything.
    if (plan_.policies.empty() && random_.OneIn(2)) {
      next.requests = {{"MULTI"}, {"SET", Key(), "never"}, {"DISCARD"}};
    }
    return next;
  }
  within_ = DatabaseOf(Below(general_));
  next.op.kind = Op::Kind::kExec;
  next.requests.push_back({"MULTI"});
  for (uint64_t i = Below(6); i > 0; --i) {
    Words words = AnyModelled();
    if (random_.OneIn(10)) words = {random_.OneIn(2) ? "PING" : "DBSIZE"};
    if (plan_.crowd != 0 && plan_.databases == 1 && random_.OneIn(10)) words = Crowd();
    // Of a large value it is computed apart, while what follows EXEC goes on.
    if (plan_.move_one_in != 0 && plan_.large_values && random_.OneIn(4)) {
      words = {"LCS", Key(), Key(), "LEN"};
    }
    if (plan_.others && random_.OneIn(10)) {
      Words other = Other();
      if (MayBeStep(other)) words = std::move(other);
    }
    next.op.steps.push_back(StepOf(words));
    next.requests.push_back(std::move(words));
  }
  next.requests.push_back({"EXEC"});
  return next;
}

uint32_t Workload::CellOf(const std::string& key) const {
  const auto found = cells_.find(key);
  assert(found != cells_.end());
  return found->second;
}

Step Workload::StepOf(const Words& words) const {
  Step step;
  step.words = words;
  step.rule = FindRule(words[0]);
  if (step.rule == nullptr && words[0] != "WATCH") return step;
  const Rule::Keys keys = step.rule != nullptr ? step.rule->keys : Rule::Keys{1, 1, Rule::kAll};
  for (const size_t place : keys.In(words.size())) step.keys.push_back(CellOf(words[place]));
  return step;
}

// At this moment.
uint32_t Workload::DatabaseOf(size_t cell) const {
  return plan_.move_one_in == 0 ? databases_[cell] : database_of_(keys_[cell]);
}

// Of each cell, with which others it is sure to be read or written: those in its database, or,
// where ranges move, those of its tag, named by the first.
std::vector<uint32_t> Workload::GroupsOf(const std::vector<uint32_t>& cells) const {
  std::vector<uint32_t> groups;
  for (const uint32_t cell : cells) {
    const auto same = [&](uint32_t other) {
      return shard::PositionOf(keys_[other]).value / shard::kPositionUnit ==
             shard::PositionOf(keys_[cell]).value / shard::kPositionUnit;
    };
    groups.push_back(plan_.move_one_in == 0 ? databases_[cell]
                                            : *std::find_if(cells.begin(), cells.end(), same));
  }
  return groups;
}

// A command of several keys over several databases has a part for each.
Op Workload::OpOf(const Words& words) const {
  Op op;
  if (words[0] == "UNWATCH") {
    op.kind = Op::Kind::kUnwatch;
    op.steps.push_back({nullptr, words, {}, {}, 0, kNoStamp});
    return op;
  }
  const Step whole = StepOf(words);
  op.steps = {whole};
  if (whole.rule == nullptr) {
    op.kind = Op::Kind::kOther;
    return op;
  }
  if (!whole.rule->splits || plan_.databases == 1) return op;
  std::vector<Step> parts;
  const std::vector<uint32_t> groups = GroupsOf(whole.keys);
  const auto count = static_cast<uint32_t>(std::max<size_t>(plan_.databases, keys_.size()));
  for (uint32_t group = 0; group < count; ++group) {
    Step part{whole.rule, {words[0]}, {}, {}, group, kNoStamp};
    for (size_t k = 0; k < whole.keys.size(); ++k) {
      if (groups[k] != group) continue;
      part.keys.push_back(whole.keys[k]);
      part.places.push_back(static_cast<uint32_t>(k));
      const size_t at = whole.rule->keys.first + k * whole.rule->keys.step;
      for (size_t i = 0; i < whole.rule->keys.step; ++i) part.words.push_back(words[at + i]);
    }
    const bool clears = whole.rule->keys.first == 0 && group < plan_.databases;
    if (!part.keys.empty() || clears) parts.push_back(std::move(part));
  }
  if (parts.size() < 2) return op;
  op.kind = Op::Kind::kSplit;
  op.steps = std::move(parts);
  return op;
}

}  // namespace weir::sim
