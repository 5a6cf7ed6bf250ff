#include "weir/gateway/monitors.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>

#include "weir/gateway/home.h"
#include "weir/gateway/slow_log.h"

namespace weir::gateway {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// In quotes, with what is not printable escaped.
void AppendQuoted(std::string& text, std::string_view word) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t\a\b";
  constexpr std::string_view kLetters = "\"\\nrtab";
  text += '"';
  for (const char letter : word) {
    const size_t escaped = kEscaped.find(letter);
    if (escaped != std::string_view::npos) {
      text.append("\\") += kLetters[escaped];
    } else if (letter >= ' ' && letter <= '~') {
      text += letter;
    } else {
      const auto byte = static_cast<unsigned char>(letter);
      text.append("\\x").append({kHexDigits[byte >> 4], kHexDigits[byte & 15]});
    }
  }
  text += '"';
}

}  // namespace

bool Monitors::Enter(Home& home) {
  const std::lock_guard lock(mutex_);
  if (count_.load(std::memory_order_relaxed) == kMonitorsMax) return false;
  const auto known = std::find_if(homes_.begin(), homes_.end(),
                                  [&](const auto& entry) { return entry.first == &home; });
  if (known == homes_.end()) {
    homes_.emplace_back(&home, 1);
  } else {
    ++known->second;
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Monitors::Leave(Home& home) {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(homes_.begin(), homes_.end(),
                                  [&](const auto& entry) { return entry.first == &home; });
  assert(known != homes_.end());
  if (--known->second == 0) homes_.erase(known);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

void Monitors::AppendLine(std::string& text, WallTime now, std::string_view peer, Args args) {
  std::array<char, 64> time;
  std::snprintf(time.data(), time.size(), "+%lld.%06lld [0 ", static_cast<long long>(now.ms / 1000),
                static_cast<long long>(now.ms % 1000 * 1000));
  text.append(time.data()).append(peer).append("]");
  for (size_t i = 0; i < args.size(); ++i) {
    text += ' ';
    if (i + 1 == kArgsMax && args.size() > kArgsMax) {
      text.append("... (").append(std::to_string(args.size() - i)).append(" more arguments)");
      break;
    }
    if (IsSecretArg(args, i)) {
      text.append("\"(redacted)\"");
      continue;
    }
    AppendQuoted(text, args[i].substr(0, kArgBytesMax));
    if (args[i].size() > kArgBytesMax) {
      text.append("... (")
          .append(std::to_string(args[i].size() - kArgBytesMax))
          .append(" more bytes)");
    }
  }
  text.append("\r\n");
}

void Monitors::Publish(std::string_view lines) {
  const Bytes shared = Bytes::Copy(lines);
  const std::lock_guard lock(mutex_);
  for (const auto& [home, count] : homes_) {
    Completions completions;
    completions.monitored.push_back(shared);
    home->Deliver(std::move(completions));
  }
}

}  // namespace weir::gateway
