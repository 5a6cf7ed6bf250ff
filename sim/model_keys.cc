// The model of keys and their expiry, and the table of all rules.
#include <algorithm>
#include <unordered_map>

#include "sim/model_call.h"

namespace weir::sim {
namespace rules {
namespace {

constexpr int64_t kAbsent = -2;
constexpr int64_t kLasts = -1;

bool Exists(Call& call) {
  int64_t count = 0;
  for (size_t k = 0; k < call.step.keys.size(); ++k) count += See(call, k).present ? 1 : 0;
  return Number(call, count);
}
bool Del(Call& call) {
  int64_t count = 0;
  for (size_t k = 0; k < call.step.keys.size(); ++k) {
    count += See(call, k).present ? 1 : 0;
    Remove(call, k);
  }
  return Number(call, count);
}
bool Type(Call& call) {
  return call.reply == nullptr || call.reply->text == (See(call, 0).present ? "string" : "none");
}

// Narrows when the key ends to what a reply tells of it. Returns whether that can be.
bool Narrow(Call& call, int64_t from_ms, int64_t to_ms) {
  const uint32_t index = call.step.keys[0];
  Cell cell = call.space.at(index);
  cell.from_ms = std::max(cell.from_ms, from_ms);
  cell.to_ms = std::min(cell.to_ms, to_ms);
  const bool possible = cell.from_ms <= cell.to_ms;
  call.space.Put(index, std::move(cell), false);
  return possible;
}
// The reply is the time left, or the time of the end, of a key in units of so many milliseconds.
bool TellsEnd(Call& call, bool left, int64_t unit_ms) {
  if (call.reply == nullptr) return true;
  const Cell& cell = See(call, 0);
  const int64_t said = call.reply->integer;
  if (call.reply->kind != Kind::kInteger) return false;
  if (!cell.present) return said == kAbsent;
  if (!cell.expires()) return said == kLasts;
  if (said < 0) return false;
  const int64_t base_from = left ? call.from_ms : 0;
  const int64_t base_to = left ? call.to_ms : 0;
  // Rounded to the nearest, half a unit up.
  return Narrow(call, said * unit_ms - unit_ms / 2 + base_from,
                said * unit_ms + (unit_ms - 1) / 2 + base_to);
}
bool Ttl(Call& call) {
  return TellsEnd(call, true, 1000);
}
bool Pttl(Call& call) {
  return TellsEnd(call, true, 1);
}
bool Expiretime(Call& call) {
  return TellsEnd(call, false, 1000);
}
bool Pexpiretime(Call& call) {
  return TellsEnd(call, false, 1);
}

// What the options of EXPIRE say: whether they may, and whether they must, allow it.
struct Allowed {
  bool may = true;
  bool must = true;
};
Allowed AllowsExpiry(const Call& call, const Cell& old, const When& wanted) {
  Allowed allowed;
  for (size_t i = 3; i < Count(call); ++i) {
    const std::string& word = Word(call, i);
    if (word == "NX") allowed.may = allowed.must = !old.expires();
    if (word == "XX") allowed.may = allowed.must = old.expires();
    if (word == "GT") {
      allowed.may = wanted.to_ms > old.from_ms;
      allowed.must = wanted.from_ms > old.to_ms;
    }
    if (word == "LT") {
      allowed.may = wanted.from_ms < old.to_ms;
      allowed.must = wanted.to_ms < old.from_ms;
    }
  }
  return allowed;
}
bool ExpireAt(Call& call, std::string_view unit) {
  const Cell old = See(call, 0);
  if (!old.present) return Number(call, 0);
  const When wanted = At(call, unit, Word(call, 2));
  const Allowed allowed = AllowsExpiry(call, old, wanted);
  const bool done = call.reply != nullptr ? call.reply->integer == 1 : allowed.may;
  if (done ? !allowed.may : allowed.must) return false;
  if (!done) return Number(call, 0);
  Store(call, 0, old.value, wanted.from_ms, wanted.to_ms);
  return Number(call, 1);
}
bool Expire(Call& call) {
  return ExpireAt(call, "EX");
}
bool Pexpire(Call& call) {
  return ExpireAt(call, "PX");
}
bool Expireat(Call& call) {
  return ExpireAt(call, "EXAT");
}
bool Pexpireat(Call& call) {
  return ExpireAt(call, "PXAT");
}
bool Persist(Call& call) {
  const Cell old = See(call, 0);
  if (!old.present || !old.expires()) return Number(call, 0);
  Store(call, 0, old.value);
  return Number(call, 1);
}

bool MoveTo(Call& call, bool only_to_absent) {
  const Cell source = See(call, 0);
  if (!source.present) return Fails(call, "ERR no such key");
  if (only_to_absent && See(call, 1).present) return Number(call, 0);
  if (call.step.keys[0] != call.step.keys[1]) {
    Remove(call, 0);
    Store(call, 1, source.value, source.from_ms, source.to_ms);
  }
  return only_to_absent ? Number(call, 1) : Ok(call);
}
bool Rename(Call& call) {
  return MoveTo(call, false);
}
bool Renamenx(Call& call) {
  return MoveTo(call, true);
}
bool Copy(Call& call) {
  if (call.step.keys[0] == call.step.keys[1]) return Fails(call, "ERR source and destination");
  const Cell source = See(call, 0);
  const bool replace = Count(call) > 3;
  if (!source.present || (See(call, 1).present && !replace)) return Number(call, 0);
  Store(call, 1, source.value, source.from_ms, source.to_ms);
  return Number(call, 1);
}

bool Flushall(Call& call) {
  for (size_t i = 0; i < call.space.size(); ++i) {
    const uint32_t at = call.step.where ? (*call.step.where)[i] : call.space.database(i);
    if (at == call.step.database && call.space.at(i).present) {
      call.space.Put(i, {}, true);
    }
  }
  return Ok(call);
}
bool Anything(Call&) {
  return true;
}

const Rule kAll[] = {
    {"EXISTS", Exists, Rule::Kind::kReads, {1, 1, Rule::kAll}, true},
    {"TOUCH", Exists, Rule::Kind::kReads, {1, 1, Rule::kAll}, true},
    {"DEL", Del, Rule::Kind::kBlind, {1, 1, Rule::kAll}, true},
    {"UNLINK", Del, Rule::Kind::kBlind, {1, 1, Rule::kAll}, true},
    {"TYPE", Type, Rule::Kind::kReads},
    {"TTL", Ttl, Rule::Kind::kTells},
    {"PTTL", Pttl, Rule::Kind::kTells},
    {"EXPIRETIME", Expiretime, Rule::Kind::kTells},
    {"PEXPIRETIME", Pexpiretime, Rule::Kind::kTells},
    {"EXPIRE", Expire, Rule::Kind::kWrites},
    {"PEXPIRE", Pexpire, Rule::Kind::kWrites},
    {"EXPIREAT", Expireat, Rule::Kind::kWrites},
    {"PEXPIREAT", Pexpireat, Rule::Kind::kWrites},
    {"PERSIST", Persist, Rule::Kind::kWrites},
    {"RENAME", Rename, Rule::Kind::kWrites, {1, 1, 2}},
    {"RENAMENX", Renamenx, Rule::Kind::kWrites, {1, 1, 2}},
    {"COPY", Copy, Rule::Kind::kWrites, {1, 1, 2}},
    {"FLUSHALL", Flushall, Rule::Kind::kBlind, {0, 0, 0}, true},
    {"FLUSHDB", Flushall, Rule::Kind::kBlind, {0, 0, 0}, true},
    {"PING", Anything, Rule::Kind::kReads, {0, 0, 0}},
    {"DBSIZE", Anything, Rule::Kind::kReads, {0, 0, 0}},
};

}  // namespace
}  // namespace rules

const Rule* FindRule(std::string_view name) {
  static const std::unordered_map<std::string_view, const Rule*> kRules = [] {
    std::unordered_map<std::string_view, const Rule*> found;
    for (const Rule& rule : rules::kAll) found[rule.name] = &rule;
    for (size_t i = 0; i < rules::kStringRuleCount; ++i) {
      found[rules::kStringRules[i].name] = &rules::kStringRules[i];
    }
    return found;
  }();
  const auto found = kRules.find(name);
  return found == kRules.end() ? nullptr : found->second;
}

}  // namespace weir::sim
