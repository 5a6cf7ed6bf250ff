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

// The part of a split MGET's reply that its step asked for; another reply is that of each part.
resp::Value PartOfReply(const Op& op, size_t part) {
  if (op.reply.kind != resp::Value::Kind::kArray) return op.reply;
  resp::Value mine;
  mine.kind = op.reply.kind;
  for (const uint32_t place : op.steps[part].places) {
    if (place < op.reply.items.size()) mine.items.push_back(op.reply.items[place]);
  }
  return mine;
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

std::string OrderCheck::Explain() {
  bool found = false;
  for (bool more = true; more && !found;) {
    found = Search();
    states_ += seen_.size();
    more = false;
    for (const uint32_t key : stuck_) {
      more |= !suspects_[key];
      suspects_[key] = true;
    }
    if (more) SpreadSuspicion();
    more &= !free_.empty();
    if (more) seen_.clear();
  }
  if (found) return "";
  gave_up_ = seen_.size() >= kStatesMax;
  return (gave_up_ ? "no order found in " + std::to_string(kStatesMax) + " states"
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

bool OrderCheck::Search() {
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
    if (Search()) return true;
  } else if (Remember()) {
    std::vector<uint32_t> blocked;
    if (TryLines(first_end, &blocked) || TryFree(first_end, blocked)) return true;
    Progress();
  }
  for (const size_t line : pure) {
    --lines_[line].next;
    --done_;
  }
  reached_ = reached;
  space_.Undo(mark);
  return false;
}

// Whether the state is new.
bool OrderCheck::Remember() {
  uint64_t hash = space_.hash();
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    if (line.ops.empty()) continue;
    hash = Random(hash ^ (i << 40) ^ line.next).Next();
    hash ^= Random(line.taken * 31 + static_cast<uint64_t>(line.count)).Next();
  }
  hash ^= free_taken_;
  return seen_.size() < kStatesMax && seen_.insert(hash).second;
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

// `blocked`: the keys of what does not fit now.
bool OrderCheck::TryLines(Stamp first_end, std::vector<uint32_t>* blocked) {
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
    bool is_blocked = true;
    if (Step(line, candidate.part, &is_blocked)) return true;
    if (!is_blocked) continue;
    const std::vector<uint32_t> keys = KeysOf(*line.ops[line.next], SIZE_MAX);
    blocked->insert(blocked->end(), keys.begin(), keys.end());
  }
  return false;
}

bool OrderCheck::Step(Line& line, size_t part, bool* blocked) {
  const Op& op = *line.ops[line.next];
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
      if (Search()) return true;
      if (last) --done_;
    }
    line.next = before.next;
    line.taken = before.taken;
    line.count = before.count;
    reached_ = reached;
    space_.Undo(mark);
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

bool OrderCheck::TryFree(Stamp first_end, const std::vector<uint32_t>& blocked) {
  if (free_.empty()) return false;
  const std::vector<bool> wanted = Wanted(blocked);
  for (Free& free : free_) {
    const std::vector<uint32_t>& keys = free.op->steps[free.step].keys;
    const bool plain = free.op->kind != Op::Kind::kExec && !keys.empty();
    const auto matters = [&](uint32_t key) { return wanted[key] || suspects_[key]; };
    if (plain && std::none_of(keys.begin(), keys.end(), matters)) continue;
    if (free.taken || free.op->begin > first_end) continue;
    if (StepFree(free)) return true;
  }
  return false;
}

void OrderCheck::Take(Free& free, bool taken) {
  free.taken = taken;
  free_taken_ ^= Random(~static_cast<uint64_t>(&free - free_.data())).Next();
}

bool OrderCheck::StepFree(Free& free) {
  const size_t mark = space_.mark();
  const Stamp reached = reached_;
  for (const View& view : Views(*free.op, Splits(*free.op) ? free.step : SIZE_MAX)) {
    if (Apply(*free.op, free.step, view, false, nullptr)) {
      Take(free, true);
      if (Search()) return true;
      Take(free, false);
    }
    reached_ = reached;
    space_.Undo(mark);
  }
  return false;
}

// Whether one of the keys may or must have ended by now.
bool OrderCheck::Doubtful(const Op& op) const {
  for (const sim::Step& step : op.steps) {
    for (const uint32_t key : step.keys) {
      const Cell& cell = space_.at(key);
      if (cell.present && cell.from_ms <= op.end_ms) return true;
    }
  }
  return false;
}

// The keys that it looks at. `step`: of a split one.
std::vector<uint32_t> OrderCheck::KeysOf(const Op& op, size_t step) const {
  std::vector<uint32_t> keys;
  for (size_t i = 0; i < op.steps.size(); ++i) {
    if (step != SIZE_MAX && i != step) continue;
    keys.insert(keys.end(), op.steps[i].keys.begin(), op.steps[i].keys.end());
  }
  if (op.kind == Op::Kind::kExec) {
    for (const Space::WatchedKey& key : space_.watched(op.session)) keys.push_back(key.cell);
  }
  return keys;
}

// When, while the operation was under way, something that it looks at or names may have ended.
std::vector<int64_t> OrderCheck::Moments(const Op& op, size_t step) const {
  std::vector<int64_t> moments = {op.begin_ms};
  const auto add = [&](int64_t ms) {
    if (ms > op.begin_ms && ms <= op.end_ms) moments.push_back(ms);
  };
  for (const uint32_t key : KeysOf(op, step)) {
    const Cell& cell = space_.at(key);
    if (!cell.present || !cell.expires()) continue;
    add(cell.from_ms);
    add(cell.to_ms);
  }
  for (size_t i = 0; i < op.steps.size(); ++i) {
    if (step != SIZE_MAX && i != step) continue;
    const Words& words = op.steps[i].words;
    for (size_t word = 2; word < words.size(); ++word) {
      const bool named_ms = words[word - 1] == "PXAT" || words[0] == "PEXPIREAT";
      const bool named_s = words[word - 1] == "EXAT" || words[0] == "EXPIREAT";
      if (!named_ms && !named_s) continue;
      const int64_t number = std::strtoll(words[word].c_str(), nullptr, 10);
      add(named_s ? number * 1000 : number);
    }
  }
  std::sort(moments.begin(), moments.end());
  moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
  return moments;
}

// All ways in which the operation may see the keys. `step`: of a split one.
std::vector<OrderCheck::View> OrderCheck::Views(const Op& op, size_t step) const {
  const std::vector<int64_t> moments = Moments(op, step);
  std::vector<View> views;
  for (size_t i = 0; i < moments.size(); ++i) {
    View span;
    span.from_ms = moments[i];
    span.to_ms = i + 1 < moments.size() ? moments[i + 1] - 1 : op.end_ms;
    AddViews(op, step, std::move(span), &views);
  }
  return views;
}

void OrderCheck::AddViews(const Op& op, size_t step, View span, std::vector<View>* all) const {
  std::vector<View> views = {std::move(span)};
  std::vector<uint32_t> seen;
  for (const uint32_t key : KeysOf(op, step)) {
    const Cell& cell = space_.at(key);
    const bool may_end = cell.present && cell.from_ms <= views[0].to_ms;
    if (!may_end || std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    const bool must_end = cell.to_ms <= views[0].from_ms;
    std::vector<View> more;
    for (const View& view : views) {
      if (!must_end) {
        more.push_back(view);
        more.back().alive.push_back(key);
      }
      more.push_back(view);
      more.back().ended.push_back(key);
    }
    views = std::move(more);
  }
  all->insert(all->end(), views.begin(), views.end());
}

bool OrderCheck::Apply(const Op& op, size_t part, const View& view, bool known, int64_t* count) {
  for (const uint32_t key : view.ended) space_.Put(key, {}, false);
  for (const uint32_t key : view.alive) {
    Cell cell = space_.at(key);
    cell.from_ms = std::max(cell.from_ms, view.from_ms + 1);
    if (cell.from_ms > cell.to_ms) return false;
    space_.Put(key, std::move(cell), false);
  }
  const resp::Value* reply = known ? &op.reply : nullptr;
  switch (op.kind) {
    case Op::Kind::kPlain:
      return ApplyOne(op, 0, reply, view, nullptr);
    case Op::Kind::kSplit:
      return ApplyPart(op, part, view, known, count);
    case Op::Kind::kWatch: {
      std::vector<Space::WatchedKey> keys = space_.watched(op.session);
      for (const uint32_t key : op.steps[0].keys) {
        const auto same = [key](const Space::WatchedKey& watched) { return watched.cell == key; };
        if (std::any_of(keys.begin(), keys.end(), same)) continue;
        keys.push_back({key, space_.at(key).present, false});
      }
      space_.Watch(op.session, std::move(keys));
      return true;
    }
    case Op::Kind::kUnwatch:
      space_.Watch(op.session, {});
      return true;
    case Op::Kind::kExec:
      return ApplyExec(op, reply, view);
    case Op::Kind::kOther:
      return true;
  }
  return true;
}

bool OrderCheck::ApplyOne(const Op& op, size_t step, const resp::Value* reply, const View& view,
                          int64_t* count) {
  const sim::Step& asked = op.steps[step];
  if (asked.rule == nullptr || (reply != nullptr && SaysNothing(*reply))) return true;
  Call call{space_, asked, reply, view.from_ms, view.to_ms, count};
  return asked.rule->run(call);
}

bool OrderCheck::ApplyPart(const Op& op, size_t part, const View& view, bool known,
                           int64_t* count) {
  if (!known) return ApplyOne(op, part, nullptr, view, nullptr);
  const resp::Value reply = PartOfReply(op, part);
  const bool counts = reply.kind == resp::Value::Kind::kInteger;
  return ApplyOne(op, part, &reply, view, counts ? count : nullptr);
}

bool OrderCheck::ApplyExec(const Op& op, const resp::Value* reply, const View& view) {
  const std::vector<Space::WatchedKey> watched = space_.watched(op.session);
  if (reply != nullptr) space_.Watch(op.session, {});
  if (reply != nullptr && reply->kind == resp::Value::Kind::kError) return false;
  bool touched = false;
  for (const Space::WatchedKey& key : watched) {
    const bool present = space_.at(key.cell).present;
    touched |= present != key.was_present || (present && key.written);
  }
  if (reply != nullptr && touched) return reply->kind == resp::Value::Kind::kNull;
  if (touched) return true;
  if (reply != nullptr &&
      (reply->kind != resp::Value::Kind::kArray || reply->items.size() != op.steps.size())) {
    return false;
  }
  for (size_t i = 0; i < op.steps.size(); ++i) {
    if (!ApplyOne(op, i, reply != nullptr ? &reply->items[i] : nullptr, view, nullptr)) {
      return false;
    }
  }
  return true;
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
