#include "weir/shard/load_picture.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

#include "weir/base/key_hash.h"
#include "weir/shard/halfway.h"

namespace weir::shard {
namespace {

struct Seen {
  const LoadSample::Entry* entry = nullptr;
  double per_second = 0;
  bool write = false;
};

// What was seen of one tag is named by a key of it.
std::string NameOf(const LoadSample::Entry& entry, bool whole_tag) {
  const std::string_view key = entry.KeyText();
  const std::string_view tag = KeyTag(key);
  if (whole_tag && tag.size() < key.size()) return "{" + std::string(tag) + "}";
  return std::string(key) + (entry.key_is_cut ? "..." : "");
}

std::vector<Seen> AllSeen(std::span<const LoadPicture::Sampled> samples, MonoTime now) {
  std::vector<Seen> all;
  for (const LoadPicture::Sampled& sampled : samples) {
    const auto span = sampled.sample->Span(now);
    const double seconds = std::chrono::duration<double>(span).count();
    for (const LoadSample::Entry& entry : sampled.sample->entries()) {
      if (now - entry.at <= span) {
        all.push_back({&entry, entry.stands_for / seconds, sampled.writes});
      }
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Seen& a, const Seen& b) { return a.entry->position < b.entry->position; });
  return all;
}

}  // namespace

LoadPicture::LoadPicture(std::span<const Sampled> samples, MonoTime now) {
  const std::vector<Seen> all = AllSeen(samples, now);
  seen_ = all.size();
  for (auto first = all.begin(); first != all.end();) {
    Tag tag;
    tag.from.value = first->entry->position.value / kPositionUnit * kPositionUnit;
    const auto last = std::find_if(first, all.end(), [&](const Seen& seen) {
      return seen.entry->position.value - tag.from.value >= kPositionUnit;
    });
    for (auto seen = first; seen != last; ++seen) {
      (seen->write ? tag.load.writes : tag.load.reads) += seen->per_second;
    }
    tag.seen = static_cast<uint32_t>(last - first);
    const bool one_key = first->entry->position == std::prev(last)->entry->position;
    if (tag.seen >= kSeenLeast) tag.name = NameOf(*first->entry, !one_key);
    tags_.push_back(std::move(tag));
    first = last;
  }
}

std::span<const LoadPicture::Tag> LoadPicture::TagsIn(const Range& range) const {
  const auto at = [this](Position position) {
    return std::partition_point(tags_.begin(), tags_.end(),
                                [position](const Tag& tag) { return tag.from < position; });
  };
  return {at(range.from), range.to.value == 0 ? tags_.end() : at(range.to)};
}

LoadPicture::Load LoadPicture::Of(const Range& range) const {
  Load load;
  for (const Tag& tag : TagsIn(range)) {
    load.reads += tag.load.reads;
    load.writes += tag.load.writes;
  }
  return load;
}

std::vector<LoadPicture::Tag> LoadPicture::Hottest(const Range& range, size_t most) const {
  std::vector<Tag> hottest;
  for (const Tag& tag : TagsIn(range)) {
    if (tag.seen >= kSeenLeast) hottest.push_back(tag);
  }
  std::stable_sort(hottest.begin(), hottest.end(),
                   [](const Tag& a, const Tag& b) { return a.load.all() > b.load.all(); });
  hottest.resize(std::min(hottest.size(), most));
  return hottest;
}

std::optional<Position> LoadPicture::HalfwayIn(const Range& range) const {
  Halfway halfway;
  for (const Tag& tag : TagsIn(range)) {
    halfway.Add(tag.from, static_cast<uint64_t>(std::llround(tag.load.all() * 1000)));
  }
  return halfway.At();
}

}  // namespace weir::shard
