// What the rules of the model have in common: how a command sees and changes its keys, and what it
// may answer.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/model.h"

namespace weir::sim::rules {

using Kind = resp::Value::Kind;

// What the command sees in place of its key `k`.
inline const Cell& See(const Call& call, size_t k) {
  return call.space.at(call.step.keys[k]);
}

inline void Store(Call& call, size_t k, std::string value, int64_t from_ms = kFarMs,
                  int64_t to_ms = kFarMs) {
  const Cell& old = call.space.at(call.step.keys[k]);
  if (to_ms <= call.from_ms) {  // It has ended already.
    if (old.present) call.space.Put(call.step.keys[k], {}, true);
    return;
  }
  call.space.Put(call.step.keys[k], {true, std::move(value), from_ms, to_ms}, true);
}
// Another value with the expiry that it had.
inline void Replace(Call& call, size_t k, std::string value) {
  const Cell& old = See(call, k);
  Store(call, k, std::move(value), old.from_ms, old.to_ms);
}
inline void Remove(Call& call, size_t k) {
  if (call.space.at(call.step.keys[k]).present) call.space.Put(call.step.keys[k], {}, true);
}

// Whether the reply is this, or nobody asks.
inline bool Ok(const Call& call) {
  return call.reply == nullptr || (call.reply->kind == Kind::kSimple && call.reply->text == "OK");
}
inline bool Number(const Call& call, int64_t number) {
  if (call.count != nullptr) *call.count += number;
  return call.reply == nullptr || call.count != nullptr ||
         (call.reply->kind == Kind::kInteger && call.reply->integer == number);
}
inline bool IsBulk(const resp::Value& reply, const Cell& cell) {
  if (!cell.present) return reply.kind == Kind::kNull;
  return reply.kind == Kind::kBulk && reply.text == cell.value;
}
inline bool Bulk(const Call& call, const Cell& cell) {
  return call.reply == nullptr || IsBulk(*call.reply, cell);
}
inline bool Text(const Call& call, std::string_view text) {
  return call.reply == nullptr || (call.reply->kind == Kind::kBulk && call.reply->text == text);
}
inline bool Null(const Call& call) {
  return call.reply == nullptr || call.reply->kind == Kind::kNull;
}
inline bool Fails(const Call& call, std::string_view beginning) {
  return call.reply == nullptr ||
         (call.reply->kind == Kind::kError && call.reply->text.starts_with(beginning));
}

inline const std::string& Word(const Call& call, size_t index) {
  return call.step.words[index];
}
inline size_t Count(const Call& call) {
  return call.step.words.size();
}
inline int64_t Int(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

// As Redis reads integers: nothing but the one way to write it.
inline std::optional<int64_t> Integer(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || std::to_string(number) != text) return std::nullopt;
  return number;
}

// The time that an argument names: of the unit's word PX, EX, PXAT or EXAT.
struct When {
  int64_t from_ms = kFarMs;
  int64_t to_ms = kFarMs;
};
inline When At(const Call& call, std::string_view unit, const std::string& number) {
  const int64_t ms = Int(number) * (unit.starts_with("EX") ? 1000 : 1);
  if (unit.ends_with("AT")) return {ms, ms};
  return {call.from_ms + ms, call.to_ms + ms};
}

// The rows of the model, by group.
extern const Rule kStringRules[];
extern const size_t kStringRuleCount;

}  // namespace weir::sim::rules
