#include "weir/limit/journal.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string_view>
#include <utility>

namespace weir::limit {
namespace {

constexpr size_t kSamples = 3;
// How long a sample waits until it takes more again.
constexpr std::chrono::minutes kUntilMore{8};

template <size_t N>
uint8_t Front(std::string_view text, std::array<char, N>* front) {
  static_assert(N <= std::numeric_limits<uint8_t>::max());
  const size_t size = std::min(text.size(), N);
  std::copy_n(text.data(), size, front->data());
  return static_cast<uint8_t>(size);
}

size_t EntriesIn(size_t bytes) {
  return std::max<size_t>(bytes / kSamples / sizeof(JournalEntry), 1);
}

}  // namespace

Request JournalEntry::request() const {
  Request request;
  request.user = {user.data(), user_bytes};
  request.client = client;
  if (has_key) request.key = std::string_view(key.data(), key_bytes);
  request.command = command;
  request.bytes = bytes;
  return request;
}

void JournalSample::Note(JournalEntry entry) {
  if (!std::exchange(begun_, true)) began_ = changed_ = entry.at;
  DropOld(entry.at);
  while (size_ == ring_.size() && rarity_ < kRarityMax && Takes(entry.draw)) {
    SetRarity(static_cast<uint8_t>(rarity_ + 1), entry.at);
  }
  if (!Takes(entry.draw)) return;
  if (size_ == ring_.size()) DropOldest();
  entry.rarity = rarity_;
  At(size_++) = entry;
}

void JournalSample::DropOld(MonoTime now) {
  while (size_ > 0 && now - At(0).at >= kSpan) DropOldest();
  const bool sparse = size_ < ring_.size() / 4;
  if (sparse && rarity_ > 0 && now - changed_ >= kUntilMore) {
    SetRarity(static_cast<uint8_t>(rarity_ - 1), now);
  }
}

void JournalSample::SetRarity(uint8_t rarity, MonoTime now) {
  rarity_ = rarity;
  changed_ = now;
  const uint64_t most = (kNoDraw - 1) >> rarity;
  most_.store(most, std::memory_order_relaxed);
  size_t kept = 0;
  for (size_t i = 0; i < size_; ++i) {
    JournalEntry& entry = At(i);
    if (entry.draw > most) continue;
    entry.rarity = std::max(entry.rarity, rarity);
    At(kept++) = entry;
  }
  size_ = kept;
}

void JournalSample::DropOldest() {
  begin_ = (begin_ + 1) % ring_.size();
  --size_;
}

std::vector<JournalEntry> JournalSample::entries() const {
  std::vector<JournalEntry> all;
  all.reserve(size_);
  for (size_t i = 0; i < size_; ++i) all.push_back(ring_[(begin_ + i) % ring_.size()]);
  return all;
}

Journal::Journal(size_t bytes)
    : requests(EntriesIn(bytes)), clients(EntriesIn(bytes)), keys(EntriesIn(bytes)) {}

void Journal::Note(const Draws& draws, const Request& request, MonoTime now) {
  JournalEntry entry;
  entry.at = now;
  entry.client = request.client;
  entry.bytes = static_cast<uint32_t>(std::min<uint64_t>(request.bytes, UINT32_MAX));
  entry.command = request.command;
  entry.user_bytes = Front(request.user, &entry.user);
  entry.has_key = request.key.has_value();
  entry.key_hash = draws.key;
  if (entry.has_key) entry.key_bytes = Front(*request.key, &entry.key);
  const auto note = [&entry](JournalSample& sample, uint64_t draw) {
    if (!sample.Takes(draw)) return;
    entry.draw = draw;
    sample.Note(entry);
  };
  note(requests, draws.request);
  note(clients, draws.client);
  if (entry.has_key) note(keys, draws.key);
}

}  // namespace weir::limit
