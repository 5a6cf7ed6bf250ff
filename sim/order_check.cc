#include "sim/order_check.h"

#include <algorithm>
#include <utility>

#include "weir/base/random.h"

namespace weir::sim {
namespace {

bool Splits(const Op& op) {
  return op.kind == Op::Kind::kSplit;
}
size_t Parts(const Op& op) {
  return Splits(op) ? op.steps.size() : 1;
}

}  // namespace

OrderCheck::OrderCheck(std::vector<Cell> initial, std::vector<uint32_t> databases, size_t sessions)
    : space_(std::move(initial), std::move(databases), sessions),
      lines_(sessions),
      suspects_(space_.size(), false) {}

void OrderCheck::Add(const Op* op) {
  if (op->begin == kNoStamp) return;
  if (op->kind == Op::Kind::kOther) {
    // One that was refused, and stood outside of a transaction.
    if (op->answered && op->reply.text.starts_with("EXECABORT")) AddUnwatch(*op);
    return;
  }
  const bool unknown = !op->answered || SaysUnknown(op->reply);
  const bool refused = op->answered && SaysNothing(op->reply);
  if (refused && op->kind != Op::Kind::kExec) return;
  if (refused) {
    AddUnwatch(*op);
    return;
  }
  if (!unknown) {
    lines_[op->session].ops.push_back(op);
    return;
  }
  if (op->kind == Op::Kind::kWatch || op->kind == Op::Kind::kUnwatch) return;
  if (op->kind == Op::Kind::kExec) AddUnwatch(*op);
  if (!Splits(*op)) {
    const bool reads = std::all_of(op->steps.begin(), op->steps.end(), [](const sim::Step& step) {
      return step.rule == nullptr || !step.rule->writes();
    });
    if (!reads && !op->steps.empty()) free_.push_back({op, 0, false});
    return;
  }
  for (size_t i = 0; i < op->steps.size(); ++i) {
    if (op->steps[i].rule->writes()) free_.push_back({op, i, false});
  }
}

// Whatever an EXEC did, nothing is watched behind it. When it was refused, it has not looked at its
// keys either.
void OrderCheck::AddUnwatch(const Op& exec) {
  Op& unwatch = unwatches_.emplace_back(exec);
  unwatch.kind = Op::Kind::kUnwatch;
  unwatch.steps.clear();
  lines_[exec.session].ops.push_back(&unwatch);
}

// Returns whether one that `matters` was not suspected yet.
template <typename Matters>
bool OrderCheck::Suspect(const Matters& matters) {
  bool more = false;
  for (uint32_t key = 0; key < suspects_.size(); ++key) {
    if (suspects_[key] || !matters(key)) continue;
    suspects_[key] = true;
    more = true;
  }
  return more;
}

std::string OrderCheck::Explain() {
  const auto is_stuck = [this](uint32_t key) {
    return std::find(stuck_.begin(), stuck_.end(), key) != stuck_.end();
  };
  for (size_t searches = 1;; ++searches) {
    KeySet why(space_.size());
    const bool found = Search(&why);
    states_ += seen_.size();
    if (found) return "";
    gave_up_ = full();
    // First where it got stuck, then everywhere that matters to that; what is left cannot help.
    const auto matters = [&](uint32_t key) { return is_stuck(key) || why.Has(key); };
    if (free_.empty()) break;
    if (!(searches == 1 && Suspect(is_stuck)) && !Suspect(matters)) break;
    gave_up_ |= searches == kSearchesMax;
    if (searches == kSearchesMax) break;
    SpreadSuspicion();
    seen_.clear();
    visits_ = 0;
  }
  return (gave_up_ ? "no order found among " + std::to_string(states_) + " states"
                   : std::string("no order explains the replies")) +
         "; after " + std::to_string(best_done_) + " operations none of these fits:\n" + best_;
}

// What moves or copies from key to key carries the unknown with it.
void OrderCheck::SpreadSuspicion() {
  for (bool more = true; more;) {
    more = false;
    const auto spread = [&](const Op& op) {
      const std::vector<uint32_t> keys = KeysOf(op, SIZE_MAX);
      if (std::none_of(keys.begin(), keys.end(), [&](uint32_t key) { return suspects_[key]; })) {
        return;
      }
      for (const uint32_t key : keys) {
        more |= !suspects_[key];
        suspects_[key] = true;
      }
    };
    for (const Line& line : lines_) {
      for (const Op* op : line.ops) spread(*op);
    }
    for (const Free& free : free_) spread(*free.op);
  }
}

// Where there is no order from here on, `why` gets the keys on which that rests: whatever else had
// taken effect before, with the same in these keys there would be none either.
bool OrderCheck::Search(KeySet* why) {
  const size_t mark = space_.mark();
  const Stamp reached = reached_;
  Stamp first_end = kNoStamp;
  bool left = false;
  for (const Line& line : lines_) {
    if (line.next == line.ops.size()) continue;
    left = true;
    first_end = std::min(first_end, line.ops[line.next]->end);
  }
  if (!left) return true;
  std::vector<size_t> pure;
  if (TakePure(first_end, &pure)) {
    if (Search(why)) return true;
  } else if (TryAll(first_end, why)) {
    return true;
  }
  for (const size_t line : pure) {
    --lines_[line].next;
    --done_;
  }
  reached_ = reached;
  space_.Undo(mark);
  return false;
}

bool OrderCheck::TryAll(Stamp first_end, KeySet* why) {
  ++visits_;
  const uint64_t state = StateHash();
  if (const auto seen = seen_.find(state); seen != seen_.end()) {
    why->Add(seen->second);
    return false;
  }
  if (full()) {
    why->AddAll();
    return false;
  }
  Node node(space_.size());
  if (TryLines(first_end, &node) || TryFree(first_end, &node)) return true;
  Progress();
  why->Add(node.why);
  seen_.emplace(state, std::move(node.why));
  return false;
}

uint64_t OrderCheck::StateHash() const {
  uint64_t hash = space_.hash() ^ free_taken_;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (line.next == line.ops.size()) continue;
    hash = Random(hash ^ (i << 40) ^ line.next).Next();
    hash = Random(hash ^ (line.taken * 31 + static_cast<uint64_t>(line.count))).Next();
  }
  return hash;
}

// After something took effect that touches `keys`, and no order went on. What does not matter to
// that can just as well come first (it takes nothing from what else could come, since a later
// command of its connection ends later), so nothing else is to be tried in its place.
void OrderCheck::Node::Failed(const KeySet& keys, const KeySet& child) {
  if (!child.Meets(keys)) {
    why = child;
    jumps = true;
  } else {
    why.Add(child);
    why.Add(keys);
  }
}

// Those of KeysOf; all, if it may touch any.
KeySet OrderCheck::Touched(const Op& op, size_t step) const {
  KeySet touched(space_.size());
  touched.Add(KeysOf(op, step));
  for (size_t i = 0; i < op.steps.size(); ++i) {
    if (step != SIZE_MAX && i != step) continue;
    if (op.steps[i].rule != nullptr && op.steps[i].keys.empty()) touched.AddAll();
  }
  return touched;
}

// Reads that fit now may as well have their moment now. Returns whether there was one.
bool OrderCheck::TakePure(Stamp first_end, std::vector<size_t>* taken) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    Line& line = lines_[i];
    while (line.next < line.ops.size()) {
      const Op& op = *line.ops[line.next];
      if (op.kind != Op::Kind::kPlain || !op.steps[0].rule->pure()) break;
      if (op.begin > first_end || Doubtful(op)) break;
      if (!ApplyOne(op, 0, &op.reply, {op.begin_ms, op.end_ms, {}, {}}, nullptr)) break;
      reached_ = std::max(reached_, op.begin);
      ++line.next;
      ++done_;
      taken->push_back(i);
    }
  }
  return !taken->empty();
}

bool OrderCheck::TryLines(Stamp first_end, Node* node) {
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (line.next == line.ops.size()) continue;
    const Op& op = *line.ops[line.next];
    if (op.begin > first_end) continue;
    for (size_t part = 0; part < Parts(op); ++part) {
      if ((line.taken >> part & 1) != 0) continue;
      const Stamp hint = Splits(op) ? op.steps[part].hint : op.hint;
      candidates.push_back({std::min(hint, op.end), i, part});
    }
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.at < b.at; });
  for (const Candidate& candidate : candidates) {
    Line& line = lines_[candidate.line];
    bool blocked = true;
    if (Step(line, candidate.part, node, &blocked)) return true;
    if (node->jumps) return false;
    if (!blocked) continue;
    const Op& op = *line.ops[line.next];
    const std::vector<uint32_t> keys = KeysOf(op, SIZE_MAX);
    node->blocked.insert(node->blocked.end(), keys.begin(), keys.end());
    node->why.Add(Touched(op, SIZE_MAX));
    // It should have been the next, so what it waits for may be of unknown outcome.
    if (TryFree(first_end, node)) return true;
    if (node->jumps) return false;
  }
  return false;
}

bool OrderCheck::Step(Line& line, size_t part, Node* node, bool* blocked) {
  const Op& op = *line.ops[line.next];
  const KeySet touched = Touched(op, SIZE_MAX);
  const size_t mark = space_.mark();
  const Line before{{}, line.next, line.taken, line.count};
  const Stamp reached = reached_;
  const bool last = line.taken + (uint64_t{1} << part) == (uint64_t{1} << Parts(op)) - 1;
  for (const View& view : Views(op, Splits(op) ? part : SIZE_MAX)) {
    bool fits = Apply(op, part, view, true, &line.count);
    if (fits && last && Splits(op) && op.reply.kind == resp::Value::Kind::kInteger) {
      fits = line.count == op.reply.integer;
    }
    if (fits) {
      *blocked = false;
      reached_ = std::max(reached_, op.begin);
      line.taken |= uint64_t{1} << part;
      if (last) {
        ++line.next;
        ++done_;
        line.taken = 0;
        line.count = 0;
      }
      KeySet child(space_.size());
      if (Search(&child)) return true;
      node->Failed(touched, child);
      node->jumps |= full();
      if (last) --done_;
    }
    line.next = before.next;
    line.taken = before.taken;
    line.count = before.count;
    reached_ = reached;
    space_.Undo(mark);
    if (node->jumps) return false;
  }
  return false;
}

// Which keys matter to what is blocked: its own, and those from which an unknown command may move
// something there.
std::vector<bool> OrderCheck::Wanted(const std::vector<uint32_t>& blocked) const {
  std::vector<bool> wanted(space_.size(), false);
  for (const uint32_t key : blocked) wanted[key] = true;
  for (bool more = true; more;) {
    more = false;
    for (const Free& free : free_) {
      const std::vector<uint32_t>& keys = free.op->steps[free.step].keys;
      const auto is_wanted = [&](uint32_t key) { return wanted[key]; };
      if (free.taken || std::none_of(keys.begin(), keys.end(), is_wanted)) continue;
      for (const uint32_t key : keys) {
        more |= !wanted[key];
        wanted[key] = true;
      }
    }
  }
  return wanted;
}

bool OrderCheck::TryFree(Stamp first_end, Node* node) {
  if (free_.empty() || node->jumps) return false;
  const std::vector<bool> wanted = Wanted(node->blocked);
  node->tried.resize(free_.size());
  for (Free& free : free_) {
    const size_t number = static_cast<size_t>(&free - free_.data());
    const std::vector<uint32_t>& keys = free.op->steps[free.step].keys;
    const bool plain = free.op->kind != Op::Kind::kExec && !keys.empty();
    const auto matters = [&](uint32_t key) { return wanted[key] || suspects_[key]; };
    if (plain && std::none_of(keys.begin(), keys.end(), matters)) continue;
    if (free.taken || free.op->begin > first_end || node->tried[number]) continue;
    node->tried[number] = true;
    if (StepFree(free, node)) return true;
    if (node->jumps) return false;
  }
  return false;
}

void OrderCheck::Take(Free& free, bool taken) {
  free.taken = taken;
  free_taken_ ^= Random(~static_cast<uint64_t>(&free - free_.data())).Next();
}

bool OrderCheck::StepFree(Free& free, Node* node) {
  const KeySet touched = Touched(*free.op, Splits(*free.op) ? free.step : SIZE_MAX);
  const size_t mark = space_.mark();
  const Stamp reached = reached_;
  for (const View& view : Views(*free.op, Splits(*free.op) ? free.step : SIZE_MAX)) {
    if (Apply(*free.op, free.step, view, false, nullptr)) {
      Take(free, true);
      KeySet child(space_.size());
      if (Search(&child)) return true;
      node->Failed(touched, child);
      node->jumps |= full();
      Take(free, false);
    }
    reached_ = reached;
    space_.Undo(mark);
    if (node->jumps) return false;
  }
  return false;
}

// Notes how far the search has come, for the report.
void OrderCheck::Progress() {
  if (done_ < best_done_ || (done_ == best_done_ && !best_.empty())) return;
  best_done_ = done_;
  stuck_.clear();
  best_.clear();
  std::vector<uint32_t> keys;
  for (const Line& line : lines_) {
    if (line.next == line.ops.size()) continue;
    best_ += "  " + Show(*line.ops[line.next]) + "\n";
    for (const sim::Step& step : line.ops[line.next]->steps) {
      keys.insert(keys.end(), step.keys.begin(), step.keys.end());
    }
  }
  for (const Free& free : free_) {
    if (free.taken || free.op->begin > reached_) continue;
    const std::vector<uint32_t>& own = free.op->steps[free.step].keys;
    const auto asked = [&](uint32_t key) {
      return std::find(keys.begin(), keys.end(), key) != keys.end();
    };
    if (own.empty() || std::any_of(own.begin(), own.end(), asked))
      best_ += "  (unknown) " + Show(*free.op) + "\n";
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  stuck_ = keys;
  constexpr size_t kShownKeysMax = 40;
  keys.resize(std::min(keys.size(), kShownKeysMax));
  for (const uint32_t key : keys) {
    const Cell& cell = space_.at(key);
    best_ += "  key " + std::to_string(key) + ": " +
             (cell.present ? "\"" + Shortened(cell.value) + "\"" : "absent");
    if (cell.present && cell.expires()) {
      best_ += " until ms [" + std::to_string(cell.from_ms % 1'000'000) + ", " +
               std::to_string(cell.to_ms % 1'000'000) + "]";
    }
    best_ += "\n";
  }
}

}  // namespace weir::sim
