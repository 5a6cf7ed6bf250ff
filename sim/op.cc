#include "sim/op.h"

#include <array>

#include "weir/resp/reply_text.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;

constexpr size_t kShownBytesMax = 60;

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
  return resp::ReplyText(value,
                         [](const std::string& text) { return "\"" + Shortened(text) + "\""; });
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
    for (const std::string& word : op.steps[i].words) text += " " + Shortened(word);
  }
  return text + " -> " + (op.answered ? Show(op.reply) : "no reply");
}

}  // namespace weir::sim
