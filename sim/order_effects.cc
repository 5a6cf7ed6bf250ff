// What OrderCheck's operations do to the keys: when they may see them, and what they leave.
#include <algorithm>
#include <utility>

#include "sim/order_check.h"

namespace weir::sim {
namespace {

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
  // What only reads, and whose reply nobody has seen, fits everywhere.
  if (reply == nullptr && !asked.rule->writes()) return true;
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

}  // namespace weir::sim
