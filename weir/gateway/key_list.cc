#include "weir/gateway/key_list.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <utility>

namespace weir::gateway {
namespace {

constexpr unsigned kBits = 7;
constexpr size_t kLengthBytesMax = 5;
constexpr unsigned char kMore = 1 << kBits;

// Takes one key off the front of `*piece`, or returns nullopt when there is none, whole.
std::optional<std::string_view> TakeKey(std::string_view* piece) {
  size_t size = 0;
  for (unsigned shift = 0;; shift += kBits) {
    if (piece->empty() || shift >= kLengthBytesMax * kBits) return std::nullopt;
    const auto byte = static_cast<unsigned char>(piece->front());
    piece->remove_prefix(1);
    size |= size_t{byte & ~kMore & 0xffU} << shift;
    if (byte < kMore) break;
  }
  if (size > piece->size()) return std::nullopt;
  const std::string_view key = piece->substr(0, size);
  piece->remove_prefix(size);
  return key;
}

}  // namespace

void KeyList::Add(std::string_view key) {
  assert(key.size() < size_t{1} << kLengthBytesMax * kBits);
  const size_t most = kLengthBytesMax + key.size();
  if (pieces_.empty() || pieces_.back().size() + most > kPieceBytes) {
    pieces_.emplace_back().reserve(std::max(most, kPieceBytes));
  }
  std::string& piece = pieces_.back();
  const size_t before = piece.size();
  size_t left = key.size();
  for (; left >= kMore; left >>= kBits) piece.push_back(static_cast<char>(left | kMore));
  piece.push_back(static_cast<char>(left));
  piece += key;
  bytes_ += piece.size() - before;
  ++count_;
}

bool KeyList::AddPiece(std::string piece) {
  size_t keys = 0;
  for (std::string_view left = piece; !left.empty(); ++keys) {
    if (!TakeKey(&left).has_value()) return false;
  }
  if (keys == 0) return true;
  count_ += keys;
  bytes_ += piece.size();
  pieces_.push_back(std::move(piece));
  return true;
}

std::optional<std::string> KeyList::Take() {
  if (count_ == 0) return std::nullopt;
  std::string_view left = std::string_view(pieces_.front()).substr(taken_bytes_);
  const std::optional<std::string_view> first = TakeKey(&left);
  assert(first.has_value());
  std::string key(*first);
  --count_;
  taken_bytes_ = pieces_.front().size() - left.size();
  if (left.empty()) {
    bytes_ -= taken_bytes_;
    pieces_.pop_front();
    taken_bytes_ = 0;
  }
  return key;
}

}  // namespace weir::gateway
