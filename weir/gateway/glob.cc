#include "weir/gateway/glob.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::gateway {
namespace {

// Matches one character against the element of the pattern that begins at `at`, and moves `at`
// behind that element.
bool MatchBracket(std::string_view pattern, size_t& at, char c) {
  ++at;  // '['
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool matched = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      matched |= pattern[at] == c;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto low = static_cast<unsigned char>(pattern[at]);
      auto high = static_cast<unsigned char>(pattern[at + 2]);
      if (low > high) std::swap(low, high);
      const auto value = static_cast<unsigned char>(c);
      matched |= low <= value && value <= high;
      at += 2;
    } else {
      matched |= pattern[at] == c;
    }
    ++at;
  }
  if (at < pattern.size()) ++at;  // ']'
  return matched != inverted;
}

bool MatchOne(std::string_view pattern, size_t& at, char c) {
  if (pattern[at] == '?') {
    ++at;
    return true;
  }
  if (pattern[at] == '[') return MatchBracket(pattern, at, c);
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == c;
}

}  // namespace

// Only the last star seen can be widened with profit, so there is one point to go back to.
std::optional<bool> TryGlobMatch(std::string_view pattern, std::string_view text,
                                 size_t steps_max) {
  // As in Redis, where "*" stands for everything and is not looked at further.
  if (text.empty()) return pattern.empty() || pattern == "*";
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  size_t steps = 0;
  while (t < text.size()) {
    if (++steps > steps_max) return std::nullopt;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    size_t next = p;
    const bool matched = p < pattern.size() && MatchOne(pattern, next, text[t]);
    steps += next - p;
    if (matched) {
      p = next;
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  return *TryGlobMatch(pattern, text, SIZE_MAX);
}

}  // namespace weir::gateway
