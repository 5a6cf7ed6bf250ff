#include "weir/gateway/sorted_keys.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir::gateway {
namespace {

constexpr uint64_t kOffsetMask = 0xffffffff;

}  // namespace

SortedKeys::SortedKeys(KeyList keys,
                       const std::function<uint64_t(std::string_view key)>& position) {
  names_.reserve(keys.bytes() + sizeof(uint32_t) * keys.count());
  order_.reserve(keys.count());
  while (const std::optional<std::string> key = keys.Take()) {
    assert(names_.size() <= kOffsetMask);
    order_.push_back((position(*key) & ~kOffsetMask) | names_.size());
    const auto size = static_cast<uint32_t>(key->size());
    char length[sizeof(size)];
    std::memcpy(length, &size, sizeof(size));
    names_.append(length, sizeof(length));
    names_ += *key;
  }
  std::sort(order_.begin(), order_.end());
}

std::optional<std::string> SortedKeys::Take() {
  if (empty()) return std::nullopt;
  const size_t at = order_[taken_++] & kOffsetMask;
  uint32_t size = 0;
  std::memcpy(&size, names_.data() + at, sizeof(size));
  std::string key = names_.substr(at + sizeof(size), size);
  if (empty()) *this = SortedKeys();
  return key;
}

}  // namespace weir::gateway
