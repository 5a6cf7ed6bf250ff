// The model of strings, numbers and bits.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "sim/model_call.h"

namespace weir::sim::rules {
namespace {

bool Get(Call& call) {
  return Bulk(call, See(call, 0));
}
bool Strlen(Call& call) {
  return Number(call, static_cast<int64_t>(See(call, 0).value.size()));
}
bool Getrange(Call& call) {
  const std::string& value = See(call, 0).value;
  const auto size = static_cast<int64_t>(value.size());
  int64_t first = Int(Word(call, 2));
  int64_t last = Int(Word(call, 3));
  if (first < 0 && last < 0 && first > last) return Text(call, "");
  if (first < 0) first = std::max<int64_t>(size + first, 0);
  if (last < 0) last = std::max<int64_t>(size + last, 0);
  last = std::min(last, size - 1);
  if (first > last || size == 0) return Text(call, "");
  return Text(call, std::string_view(value).substr(static_cast<size_t>(first),
                                                   static_cast<size_t>(last - first + 1)));
}
bool Mget(Call& call) {
  if (call.reply == nullptr) return true;
  if (call.reply->kind != Kind::kArray || call.reply->items.size() != call.step.keys.size()) {
    return false;
  }
  for (size_t k = 0; k < call.step.keys.size(); ++k) {
    if (!IsBulk(call.reply->items[k], See(call, k))) return false;
  }
  return true;
}

bool Mset(Call& call) {
  for (size_t k = 0; k < call.step.keys.size(); ++k) Store(call, k, Word(call, 2 + 2 * k));
  return Ok(call);
}
bool Msetnx(Call& call) {
  for (size_t k = 0; k < call.step.keys.size(); ++k) {
    if (See(call, k).present) return Number(call, 0);
  }
  for (size_t k = 0; k < call.step.keys.size(); ++k) Store(call, k, Word(call, 2 + 2 * k));
  return Number(call, 1);
}

bool Set(Call& call) {
  const Cell old = See(call, 0);
  bool allowed = true;
  bool get = false;
  When when;
  for (size_t i = 3; i < Count(call); ++i) {
    const std::string& word = Word(call, i);
    if (word == "NX") allowed = !old.present;
    if (word == "XX") allowed = old.present;
    if (word == "IFEQ") allowed = old.present && old.value == Word(call, ++i);
    if (word == "GET") get = true;
    if (word == "KEEPTTL") when = {old.from_ms, old.to_ms};
    if (word == "PX" || word == "EX" || word == "PXAT" || word == "EXAT") {
      when = At(call, word, Word(call, i + 1));
      ++i;
    }
  }
  if (allowed) Store(call, 0, Word(call, 2), when.from_ms, when.to_ms);
  if (get) return Bulk(call, old);
  return allowed ? Ok(call) : Null(call);
}
bool Setnx(Call& call) {
  const bool absent = !See(call, 0).present;
  if (absent) Store(call, 0, Word(call, 2));
  return Number(call, absent ? 1 : 0);
}
bool SetFor(Call& call, std::string_view unit) {
  const When when = At(call, unit, Word(call, 2));
  Store(call, 0, Word(call, 3), when.from_ms, when.to_ms);
  return Ok(call);
}
bool Setex(Call& call) {
  return SetFor(call, "EX");
}
bool Psetex(Call& call) {
  return SetFor(call, "PX");
}
bool Getset(Call& call) {
  const Cell old = See(call, 0);
  Store(call, 0, Word(call, 2));
  return Bulk(call, old);
}
bool Getdel(Call& call) {
  const Cell old = See(call, 0);
  Remove(call, 0);
  return Bulk(call, old);
}
bool Getex(Call& call) {
  const Cell old = See(call, 0);
  if (old.present && Count(call) > 2) {
    const bool persists = Word(call, 2) == "PERSIST";
    const When when = persists ? When() : At(call, Word(call, 2), Word(call, 3));
    if (!persists || old.expires()) Store(call, 0, old.value, when.from_ms, when.to_ms);
  }
  return Bulk(call, old);
}

bool Append(Call& call) {
  const std::string value = See(call, 0).value + Word(call, 2);
  Replace(call, 0, value);
  return Number(call, static_cast<int64_t>(value.size()));
}
bool Setrange(Call& call) {
  const auto offset = static_cast<size_t>(Int(Word(call, 2)));
  const std::string& part = Word(call, 3);
  std::string value = See(call, 0).value;
  if (part.empty()) return Number(call, static_cast<int64_t>(value.size()));
  value.resize(std::max(value.size(), offset + part.size()), '\0');
  value.replace(offset, part.size(), part);
  Replace(call, 0, value);
  return Number(call, static_cast<int64_t>(value.size()));
}

bool Add(Call& call, int64_t by) {
  const Cell& old = See(call, 0);
  const std::optional<int64_t> number = old.present ? Integer(old.value) : 0;
  if (!number) return Fails(call, "ERR value is not an integer");
  int64_t sum = 0;
  if (__builtin_add_overflow(*number, by, &sum)) return Fails(call, "ERR increment or decrement");
  Replace(call, 0, std::to_string(sum));
  return Number(call, sum);
}
bool Incr(Call& call) {
  return Add(call, 1);
}
bool Decr(Call& call) {
  return Add(call, -1);
}
bool Incrby(Call& call) {
  return Add(call, Int(Word(call, 2)));
}
bool Decrby(Call& call) {
  return Add(call, -Int(Word(call, 2)));
}
bool Pair(const Call& call, int64_t first, int64_t second) {
  if (call.reply == nullptr) return true;
  const std::vector<resp::Value>& items = call.reply->items;
  return items.size() == 2 && items[0].kind == Kind::kInteger && items[0].integer == first &&
         items[1].kind == Kind::kInteger && items[1].integer == second;
}
// Requires: numbers far from the ends of 64 bits.
bool Increx(Call& call) {
  const Cell old = See(call, 0);
  const std::optional<int64_t> value = old.present ? Integer(old.value) : 0;
  if (!value.has_value()) return Fails(call, "ERR value is not an integer or out of range");
  int64_t by = 1;
  int64_t lower = std::numeric_limits<int64_t>::min();
  int64_t upper = std::numeric_limits<int64_t>::max();
  bool saturates = false;
  When when{old.from_ms, old.to_ms};
  for (size_t i = 2; i < Count(call); ++i) {
    const std::string& word = Word(call, i);
    if (word == "BYINT") by = Int(Word(call, i + 1));
    if (word == "LBOUND") lower = Int(Word(call, i + 1));
    if (word == "UBOUND") upper = Int(Word(call, i + 1));
    saturates |= word == "SATURATE";
    if (word == "PERSIST") when = When();
    const bool keeps = Word(call, Count(call) - 1) == "ENX" && old.expires();
    if (word == "PX" && !keeps) when = At(call, word, Word(call, i + 1));
  }
  int64_t sum = 0;
  const bool over = __builtin_add_overflow(*value, by, &sum);
  if (!saturates && (over || sum < lower || sum > upper)) return Pair(call, *value, 0);
  if (over) sum = by < 0 ? lower : upper;
  const int64_t after = std::clamp(sum, lower, upper);
  if (__builtin_sub_overflow(after, *value, &by)) return Fails(call, "ERR increment or decrement");
  Store(call, 0, std::to_string(after), when.from_ms, when.to_ms);
  return Pair(call, after, by);
}
bool Incrbyfloat(Call& call) {
  const Cell& old = See(call, 0);
  char* end = nullptr;
  const std::string text = old.present ? old.value : "0";
  errno = 0;
  const long double number = std::strtold(text.c_str(), &end);
  const bool far = errno == ERANGE && (std::isinf(number) || number == 0);
  const bool blank = text.empty() || std::isspace(static_cast<unsigned char>(text[0])) != 0;
  if (blank || end != text.c_str() + text.size() || std::isnan(number) || far) {
    return Fails(call, "ERR value is not a valid float");
  }
  if (std::isinf(number)) return Fails(call, "ERR increment would produce NaN or Infinity");
  char buffer[5000];
  const int size = std::snprintf(buffer, sizeof(buffer), "%.17Lf",
                                 number + std::strtold(Word(call, 2).c_str(), nullptr));
  std::string sum(buffer, static_cast<size_t>(size));
  sum.erase(sum.find_last_not_of('0') + 1);
  if (sum.ends_with('.')) sum.pop_back();
  if (sum == "-0") sum = "0";
  Replace(call, 0, sum);
  return Text(call, sum);
}

int Bit(const std::string& value, size_t at) {
  if (at / 8 >= value.size()) return 0;
  return static_cast<unsigned char>(value[at / 8]) >> (7 - at % 8) & 1;
}
bool Getbit(Call& call) {
  return Number(call, Bit(See(call, 0).value, static_cast<size_t>(Int(Word(call, 2)))));
}
bool Setbit(Call& call) {
  const auto at = static_cast<size_t>(Int(Word(call, 2)));
  std::string value = See(call, 0).value;
  const int old = Bit(value, at);
  value.resize(std::max(value.size(), at / 8 + 1), '\0');
  const auto mask = static_cast<unsigned char>(0x80U >> at % 8);
  const auto byte = static_cast<unsigned char>(value[at / 8]);
  value[at / 8] = static_cast<char>(Word(call, 3) == "1" ? byte | mask : byte & ~mask);
  Replace(call, 0, value);
  return Number(call, old);
}
bool Bitcount(Call& call) {
  int64_t count = 0;
  for (const char c : See(call, 0).value) {
    count += __builtin_popcount(static_cast<unsigned char>(c));
  }
  return Number(call, count);
}
bool Bitpos(Call& call) {
  const Cell& cell = See(call, 0);
  const int wanted = Word(call, 2) == "1" ? 1 : 0;
  const size_t bits = cell.value.size() * 8;
  for (size_t at = 0; at < bits; ++at) {
    if (Bit(cell.value, at) == wanted) return Number(call, static_cast<int64_t>(at));
  }
  return Number(call, wanted == 1 ? -1 : static_cast<int64_t>(bits));
}
// BITOP operation destination source...: the keys are those from the destination on.
bool Bitop(Call& call) {
  const std::string& operation = Word(call, 1);
  std::string result = See(call, 1).value;
  for (size_t k = 2; k < call.step.keys.size(); ++k) {
    const std::string& other = See(call, k).value;
    const size_t size = std::max(result.size(), other.size());
    result.resize(size, '\0');
    for (size_t i = 0; i < size; ++i) {
      const char c = i < other.size() ? other[i] : '\0';
      if (operation == "AND") result[i] = static_cast<char>(result[i] & c);
      if (operation == "OR") result[i] = static_cast<char>(result[i] | c);
      if (operation == "XOR") result[i] = static_cast<char>(result[i] ^ c);
    }
  }
  if (operation == "NOT") {
    for (char& c : result) c = static_cast<char>(~c);
  }
  const auto size = static_cast<int64_t>(result.size());
  if (result.empty()) {
    Remove(call, 0);
  } else {
    Store(call, 0, std::move(result));
  }
  return Number(call, size);
}
// BITFIELD key (SET u8 #n value | INCRBY u8 #n value | GET u8 #n)...
bool Bitfield(Call& call) {
  std::string value = See(call, 0).value;
  bool changed = false;
  std::vector<int64_t> replies;
  for (size_t i = 2; i < Count(call);) {
    const std::string& operation = Word(call, i);
    const auto at = static_cast<size_t>(Int(Word(call, i + 2).substr(1)));
    const int64_t old = at < value.size() ? static_cast<unsigned char>(value[at]) : 0;
    if (operation == "GET") {
      replies.push_back(old);
      i += 3;
      continue;
    }
    const int64_t given = Int(Word(call, i + 3));
    const int64_t made = (operation == "SET" ? given : old + given) & 255;
    value.resize(std::max(value.size(), at + 1), '\0');
    value[at] = static_cast<char>(made);
    changed = true;
    replies.push_back(operation == "SET" ? old : made);
    i += 4;
  }
  if (changed) Replace(call, 0, value);
  if (call.reply == nullptr) return true;
  if (call.reply->items.size() != replies.size()) return false;
  for (size_t i = 0; i < replies.size(); ++i) {
    if (call.reply->items[i].integer != replies[i]) return false;
  }
  return true;
}
// Redis refuses what would need a table of more than `proto-max-bulk-len` bytes.
constexpr size_t kLcsBytesMax = size_t{512} << 20;

// LCS a b LEN
bool Lcs(Call& call) {
  const std::string& a = See(call, 0).value;
  const std::string& b = See(call, 1).value;
  if ((a.size() + 1) * (b.size() + 1) * sizeof(uint32_t) > kLcsBytesMax) {
    return Fails(call, "ERR Insufficient memory, transient memory for LCS");
  }
  std::vector<int64_t> row(b.size() + 1, 0);
  for (const char c : a) {
    int64_t diagonal = 0;
    for (size_t i = 1; i <= b.size(); ++i) {
      const int64_t above = row[i];
      row[i] = c == b[i - 1] ? diagonal + 1 : std::max(row[i], row[i - 1]);
      diagonal = above;
    }
  }
  return Number(call, row[b.size()]);
}

}  // namespace

const Rule kStringRules[] = {
    {"GET", Get, Rule::Kind::kReads},
    {"STRLEN", Strlen, Rule::Kind::kReads},
    {"GETRANGE", Getrange, Rule::Kind::kReads},
    {"SUBSTR", Getrange, Rule::Kind::kReads},
    {"MGET", Mget, Rule::Kind::kReads, {1, 1, Rule::kAll}, true},
    {"MSET", Mset, Rule::Kind::kBlind, {1, 2, Rule::kAll}, true},
    {"MSETNX", Msetnx, Rule::Kind::kWrites, {1, 2, Rule::kAll}},
    {"SET", Set, Rule::Kind::kWrites},
    {"SETNX", Setnx, Rule::Kind::kWrites},
    {"SETEX", Setex, Rule::Kind::kBlind},
    {"PSETEX", Psetex, Rule::Kind::kBlind},
    {"GETSET", Getset, Rule::Kind::kTakes},
    {"GETDEL", Getdel, Rule::Kind::kTakes},
    {"GETEX", Getex, Rule::Kind::kTakes},
    {"APPEND", Append, Rule::Kind::kWrites},
    {"SETRANGE", Setrange, Rule::Kind::kWrites},
    {"INCR", Incr, Rule::Kind::kTakes},
    {"DECR", Decr, Rule::Kind::kTakes},
    {"INCRBY", Incrby, Rule::Kind::kTakes},
    {"DECRBY", Decrby, Rule::Kind::kTakes},
    {"INCRBYFLOAT", Incrbyfloat, Rule::Kind::kTakes},
    {"INCREX", Increx, Rule::Kind::kTakes},
    {"GETBIT", Getbit, Rule::Kind::kReads},
    {"SETBIT", Setbit, Rule::Kind::kTakes},
    {"BITCOUNT", Bitcount, Rule::Kind::kReads},
    {"BITPOS", Bitpos, Rule::Kind::kReads},
    {"BITOP", Bitop, Rule::Kind::kWrites, {2, 1, Rule::kAll}},
    {"BITFIELD", Bitfield, Rule::Kind::kTakes},
    {"LCS", Lcs, Rule::Kind::kReads, {1, 1, 2}},
};
const size_t kStringRuleCount = std::size(kStringRules);

}  // namespace weir::sim::rules
