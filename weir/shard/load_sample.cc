#include "weir/shard/load_sample.h"

#include <algorithm>

namespace weir::shard {
namespace {

// So many are kept before it is seen, be it early, how many requests there are.
constexpr uint64_t kAdaptAfterKept = 64;
// By which factor fewer are kept at once: requests come in bursts.
constexpr uint64_t kGrowthMost = 4;
constexpr uint64_t kEveryMost = uint64_t{1} << 20;
constexpr std::chrono::nanoseconds kSpanLeast = std::chrono::seconds(1);

}  // namespace

LoadSample::LoadSample(uint64_t seed, MonoTime now) : random_(seed), began_(now), adapted_(now) {
  entries_.reserve(kEntriesMax);  // Touched as it fills, so that an idle database costs none.
}

void LoadSample::Keep(const Request& request, MonoTime now) {
  Entry entry;
  entry.position = request.position;
  entry.at = now;
  entry.stands_for = static_cast<uint32_t>(every_);
  const std::string_view text = request.key.substr(0, kKeyBytesMax);
  entry.key_bytes = static_cast<uint8_t>(text.size());
  entry.key_is_cut = text.size() < request.key.size();
  std::copy(text.begin(), text.end(), entry.key.begin());
  if (entries_.size() < kEntriesMax) {
    entries_.push_back(entry);
  } else {
    entries_[oldest_] = entry;
    oldest_ = (oldest_ + 1) % kEntriesMax;
  }
  ++kept_;
  pass_ = random_.Below(2 * every_ - 1);  // every_ - 1 on average.
  if (kept_ >= kAdaptAfterKept) Adapt(now);
}

void LoadSample::Adapt(MonoTime now) {
  const auto took =
      std::max<std::chrono::nanoseconds>(now - adapted_, std::chrono::milliseconds(1));
  const double per_second =
      static_cast<double>(noted_) / std::chrono::duration<double>(took).count();
  const auto wanted = static_cast<uint64_t>(per_second / kKeptPerSecond) + 1;
  every_ = std::min({wanted, every_ * kGrowthMost, kEveryMost});
  pass_ = random_.Below(2 * every_ - 1);  // What was drawn for another rate may be long.
  adapted_ = now;
  noted_ = 0;
  kept_ = 0;
}

std::chrono::nanoseconds LoadSample::Span(MonoTime now) const {
  const bool full = entries_.size() == kEntriesMax;
  const MonoTime since = full ? entries_[oldest_].at : began_;
  return std::clamp(now - since, kSpanLeast, kWindow);
}

}  // namespace weir::shard
