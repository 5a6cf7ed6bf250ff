#include "weir/gateway/slow_log.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "weir/gateway/command.h"

namespace weir::gateway {
namespace {

// Parameters of CONFIG SET whose values are secrets in Redis; clients send them here, too.
bool IsSecretOption(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"requirepass", "masterauth", "masteruser", "tls-key-file-pass", "tls-client-key-file-pass"});
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view secret) { return SameWord(secret, name); });
}

}  // namespace

bool IsSecretArg(Args args, size_t index) {
  if (index == 0) return false;
  if (SameWord(args[0], "auth")) return true;
  if (SameWord(args[0], "acl")) return index > 1 && SameWord(args[1], "setuser");
  if (SameWord(args[0], "config")) {
    return index > 2 && index % 2 == 1 && SameWord(args[1], "set") &&
           IsSecretOption(args[index - 1]);
  }
  if (!SameWord(args[0], "hello")) return false;
  for (size_t i = 2; i < index; ++i) {  // No further, since this is asked for each argument.
    if (SameWord(args[i], "auth")) {
      if (index <= i + 2) return true;
      i += 2;
    } else if (SameWord(args[i], "setname")) {
      ++i;
    }
  }
  return false;
}

std::vector<std::string> ShownArgs::Of(Args args) {
  std::vector<std::string> shown;
  const size_t count = std::min(args.size(), kArgsMax);
  shown.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (i + 1 == kArgsMax && args.size() > kArgsMax) {
      shown.push_back("... (" + std::to_string(args.size() - kArgsMax + 1) + " more arguments)");
    } else if (IsSecretArg(args, i)) {
      shown.emplace_back("(redacted)");
    } else if (args[i].size() > kArgBytesMax) {
      shown.push_back(std::string(args[i].substr(0, kArgBytesMax)) + "... (" +
                      std::to_string(args[i].size() - kArgBytesMax) + " more bytes)");
    } else {
      shown.emplace_back(args[i]);
    }
  }
  return shown;
}

void SlowLog::Configure(int64_t slower_than_us, size_t max_len) {
  assert(max_len <= kLenMax);
  slower_than_us_.store(slower_than_us, std::memory_order_relaxed);
  Entries forgotten;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  max_len_ = max_len;
  if (entries_.size() <= max_len_) return;
  const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(max_len_);
  forgotten.assign(first, entries_.end());
  entries_.erase(first, entries_.end());
}

void SlowLog::Add(WallTime now, uint64_t took_ns, Args args, const std::string& peer,
                  const std::string& name) {
  auto entry = std::make_shared<Entry>(
      Entry{0, now.ms / 1000, took_ns / 1000, ShownArgs::Of(args), peer, name});
  std::shared_ptr<const Entry> forgotten;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  entry->id = next_id_++;
  entries_.push_front(std::move(entry));
  if (entries_.size() <= max_len_) return;
  forgotten = std::move(entries_.back());
  entries_.pop_back();
}

size_t SlowLog::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

SlowLog::Entries SlowLog::Latest(size_t count) const {
  const std::lock_guard lock(mutex_);
  const size_t taken = std::min(count, entries_.size());
  return {entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(taken)};
}

SlowLog::Entries SlowLog::Take() {
  const std::lock_guard lock(mutex_);
  Entries all(entries_.begin(), entries_.end());
  entries_.clear();
  return all;
}

}  // namespace weir::gateway
