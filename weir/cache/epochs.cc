#include "weir/cache/epochs.h"

#include <algorithm>

#include "weir/base/key_hash.h"

namespace weir::cache {

size_t Epochs::StripeOf(std::string_view tag) {
  return StableHash(tag) % kTagStripes;
}

uint64_t Epochs::Of(std::string_view key) const {
  uint64_t sum = all_;
  if (!tags_.empty()) sum += tags_[StripeOf(KeyTag(key))];
  for (const Prefix& prefix : prefixes_) {
    if (key.starts_with(prefix.text)) sum += prefix.number;
  }
  return sum;
}

void Epochs::RaiseTag(std::string_view tag) {
  raised_ = true;
  if (tags_.empty()) tags_.resize(kTagStripes);
  ++tags_[StripeOf(tag)];
}

void Epochs::RaisePrefix(std::string_view prefix) {
  raised_ = true;
  const auto known = std::find_if(prefixes_.begin(), prefixes_.end(),
                                  [&](const Prefix& each) { return each.text == prefix; });
  if (known != prefixes_.end()) {
    ++known->number;
    return;
  }
  if (prefixes_.size() == kPrefixesMax) {
    // More than any key could lose with the numbers that are forgotten.
    for (const Prefix& each : prefixes_) all_ += each.number;
    ++all_;
    prefixes_.clear();
  }
  prefixes_.push_back({std::string(prefix), 1});
}

}  // namespace weir::cache
