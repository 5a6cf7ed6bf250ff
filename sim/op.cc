#include "sim/op.h"

#include <algorithm>
#include <array>

#include "weir/resp/reply_text.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;

constexpr size_t kShownBytesMax = 60;
constexpr size_t kShownWordsMax = 40;

}  // namespace

std::string Shortened(const std::string& text) {
  std::string shown;
  for (const char c : text.substr(0, kShownBytesMax)) {
    const bool plain = c >= ' ' && c <= '~';
    shown += plain ? c : '?';
  }
  if (text.size() > kShownBytesMax) shown += "...(" + std::to_string(text.size()) + " bytes)";
  return shown;
}

std::string Encode(const Words& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

bool SaysNothing(const resp::Value& reply) {
  if (reply.kind != Kind::kError) return false;
  constexpr std::array<std::string_view, 13> kRefusals = {"OVERLOADED",
                                                          "THROTTLED",
                                                          "NOPERM",
                                                          "NOAUTH",
                                                          "CROSSSLOT",
                                                          "EXECABORT",
                                                          "NOPROTO",
                                                          "WRONGPASS",
                                                          "ERR disk full",
                                                          "ERR a write is not settled",
                                                          "ERR the database is recovering",
                                                          "ERR EXEC without MULTI",
                                                          "ERR string exceeds"};
  for (const std::string_view refusal : kRefusals) {
    if (reply.text.starts_with(refusal)) return true;
  }
  return false;
}

bool SaysUnknown(const resp::Value& reply) {
  return reply.kind == Kind::kError && reply.text.starts_with("UNKNOWN");
}

std::string Show(const resp::Value& value) {
  resp::Value shown = value;
  shown.items.resize(std::min(shown.items.size(), kShownWordsMax));
  const std::string more = value.items.size() > kShownWordsMax
                               ? " ...(" + std::to_string(value.items.size()) + " items)"
                               : "";
  return resp::ReplyText(shown,
                         [](const std::string& text) { return "\"" + Shortened(text) + "\""; }) +
         more;
}

std::string Show(const Op& op) {
  std::string text = "#" + std::to_string(op.number) + " s" + std::to_string(op.session) + " [" +
                     std::to_string(op.begin) + ", " +
                     (op.end == kNoStamp ? "never" : std::to_string(op.end)) + "] ms [" +
                     std::to_string(op.begin_ms % 1'000'000) + ", " +
                     (op.answered ? std::to_string(op.end_ms % 1'000'000) : "never") + "]";
  if (op.kind == Op::Kind::kExec) text += " EXEC of";
  if (op.kind == Op::Kind::kSplit) text += " in parts:";
  for (size_t i = 0; i < op.steps.size(); ++i) {
    if (i > 0) text += ";";
    const Words& words = op.steps[i].words;
    for (size_t w = 0; w < std::min(words.size(), kShownWordsMax); ++w) {
      text += " " + Shortened(words[w]);
    }
    if (words.size() > kShownWordsMax) text += " ...(" + std::to_string(words.size()) + " words)";
  }
  return text + " -> " + (op.answered ? Show(op.reply) : "no reply");
}

}  // namespace weir::sim
