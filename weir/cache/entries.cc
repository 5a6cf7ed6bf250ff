#include "weir/cache/entries.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace weir::cache {
namespace {

// Eight bytes a slot, and the index is about five eighths full.
constexpr size_t kIndexShare = 13;
// The count and size in front of the bytes of a shared value, and its allocation.
constexpr size_t kSharedOverhead = 24;
constexpr size_t kFieldBytes = 8;

bool IsShared(const Value* value) {
  return value != nullptr && value->bytes.size() > Entries::kInlineBytesMax;
}

}  // namespace

uint8_t Entries::FormOf(size_t key_bytes, const Value* value, const Until& until) {
  unsigned form = 0;
  if (value == nullptr) form |= kAbsent;
  if (IsShared(value)) form |= kShared | kLarge;
  if (key_bytes > std::numeric_limits<uint8_t>::max()) form |= kLarge;
  const WallTime expires_at = value == nullptr ? kNever : value->expires_at;
  if (expires_at != kNever) form |= kExpires;
  if (until.kept < expires_at) form |= kUntil;
  if (until.fresh < until.kept) form |= kFresh;
  if (value != nullptr && value->version != 0) form |= kVersion;
  if (std::min(until.kept, expires_at) != kNever) form |= kTimed;
  return static_cast<uint8_t>(form);
}

size_t Entries::HeadBytes(uint8_t form) {
  const size_t fields = ((form & kShared) != 0 ? 1U : 0U) + ((form & kExpires) != 0 ? 1U : 0U) +
                        ((form & kUntil) != 0 ? 1U : 0U) + ((form & kVersion) != 0 ? 1U : 0U) +
                        ((form & kFresh) != 0 ? 1U : 0U) + ((form & kTimed) != 0 ? 1U : 0U);
  return ((form & kLarge) != 0 ? kLargeHead : kSmallHead) + fields * kFieldBytes;
}

size_t Entries::InlineBytes(uint8_t form, const Value* value) {
  return value == nullptr || (form & kShared) != 0 ? 0 : value->bytes.size();
}

// A piece with a shared value is a multiple of 8 bytes, so that the reference in it is aligned.
size_t Entries::PieceBytes(uint8_t form, size_t key_bytes, size_t inline_bytes) {
  const size_t bytes = HeadBytes(form) + key_bytes + inline_bytes;
  return (form & kShared) != 0 ? (bytes + 7) / 8 * 8 : bytes;
}

// Fields stand in the order of their bits. The shared value comes first, so it is aligned.
size_t Entries::FieldAt(uint8_t form, uint8_t field) {
  const auto before = static_cast<uint8_t>(form & (field - 1) & ~kAbsent);
  return HeadBytes(static_cast<uint8_t>(before | (form & kLarge)));
}

size_t Entries::KeyBytes(const char* piece) {
  return (form(piece) & kLarge) != 0 ? Load<uint32_t>(piece + 16) : Load<uint8_t>(piece + 14);
}

size_t Entries::ValueBytes(const char* piece) {
  return (form(piece) & kLarge) != 0 ? Load<uint32_t>(piece + 20) : Load<uint16_t>(piece + 15);
}

const Bytes* Entries::SharedAt(const char* piece) {
  return std::launder(reinterpret_cast<const Bytes*>(piece + kLargeHead));
}

uint64_t Entries::WeightOf(size_t piece_bytes, size_t shared_bytes) {
  const size_t shared = shared_bytes == 0 ? 0 : (shared_bytes + kSharedOverhead + 15) / 16 * 16;
  return piece_bytes + shared + kIndexShare;
}

uint64_t Entries::Weight(size_t key_bytes, const Value* value, const Until& until) {
  const uint8_t form = FormOf(key_bytes, value, until);
  return WeightOf(Slabs::PieceBytes(PieceBytes(form, key_bytes, InlineBytes(form, value))),
                  IsShared(value) ? value->bytes.size() : 0);
}

uint64_t Entries::weight(Id id) const {
  const Bytes* big = shared(id);
  return WeightOf(slabs_.PieceBytesOf(id), big == nullptr ? 0 : big->size());
}

Entries::Id Entries::Make(std::string_view key, uint32_t hash, const Value* value,
                          const Until& until) {
  assert(key.size() <= std::numeric_limits<uint32_t>::max());
  const uint8_t form = FormOf(key.size(), value, until);
  const size_t inline_bytes = InlineBytes(form, value);
  const size_t head = HeadBytes(form);
  const Id id = slabs_.Allocate(PieceBytes(form, key.size(), inline_bytes));
  char* piece = slabs_.At(id);
  std::memset(piece, 0, head);
  std::memcpy(piece + 8, &hash, sizeof(hash));
  piece[kFormAt] = static_cast<char>(form);
  if ((form & kLarge) != 0) {
    const auto sizes =
        std::array{static_cast<uint32_t>(key.size()), static_cast<uint32_t>(inline_bytes)};
    std::memcpy(piece + 16, sizes.data(), sizeof(sizes));
    if ((form & kShared) != 0) new (piece + kLargeHead) Bytes();
  } else {
    const auto value_bytes = static_cast<uint16_t>(inline_bytes);
    piece[14] = static_cast<char>(key.size());
    std::memcpy(piece + 15, &value_bytes, sizeof(value_bytes));
  }
  if (!key.empty()) std::memcpy(piece + head, key.data(), key.size());
  Fill(piece, value, until);
  return id;
}

// Writes what a value of the same form and size may change.
void Entries::Fill(char* piece, const Value* value, const Until& until) {
  const uint8_t form = Entries::form(piece);
  const auto store = [&](Form field, const auto& what) {
    static_assert(sizeof(what) == kFieldBytes);
    if ((form & field) != 0) std::memcpy(piece + FieldAt(form, field), &what, sizeof(what));
  };
  store(kUntil, until.kept.ms);
  store(kFresh, until.fresh.ms);
  if (value == nullptr) return;
  store(kExpires, value->expires_at.ms);
  store(kVersion, value->version);
  if ((form & kShared) != 0) {
    *std::launder(reinterpret_cast<Bytes*>(piece + kLargeHead)) = value->bytes;
  } else if (value->bytes.size() != 0) {
    std::memcpy(piece + HeadBytes(form) + KeyBytes(piece), value->bytes.view().data(),
                value->bytes.size());
  }
}

bool Entries::Replace(Id id, const Value* value, const Until& until) {
  char* piece = slabs_.At(id);
  const size_t key_bytes = KeyBytes(piece);
  const uint8_t form = FormOf(key_bytes, value, until);
  if (form != Entries::form(piece)) return false;
  const size_t before = (form & kShared) != 0 ? SharedAt(piece)->size() : ValueBytes(piece);
  if (before != (value == nullptr ? 0 : value->bytes.size())) return false;
  Fill(piece, value, until);
  return true;
}

void Entries::Free(Id id) {
  char* piece = slabs_.At(id);
  if ((form(piece) & kShared) != 0) {
    std::launder(reinterpret_cast<Bytes*>(piece + kLargeHead))->~Bytes();
  }
  slabs_.Free(id);
}

std::string_view Entries::key(Id id) const {
  const char* piece = At(id);
  return {piece + HeadBytes(form(piece)), KeyBytes(piece)};
}

std::string_view Entries::value(Id id) const {
  const char* piece = At(id);
  if ((form(piece) & kShared) != 0) return SharedAt(piece)->view();
  return {piece + HeadBytes(form(piece)) + KeyBytes(piece), ValueBytes(piece)};
}

const Bytes* Entries::shared(Id id) const {
  const char* piece = At(id);
  return (form(piece) & kShared) != 0 ? SharedAt(piece) : nullptr;
}

WallTime Entries::expires_at(Id id) const {
  const char* piece = At(id);
  const uint8_t form = Entries::form(piece);
  return (form & kExpires) != 0 ? WallTime{Load<int64_t>(piece + FieldAt(form, kExpires))} : kNever;
}

WallTime Entries::cached_until(Id id) const {
  const char* piece = At(id);
  const uint8_t form = Entries::form(piece);
  if ((form & kUntil) != 0) return {Load<int64_t>(piece + FieldAt(form, kUntil))};
  return expires_at(id);
}

WallTime Entries::fresh_until(Id id) const {
  const char* piece = At(id);
  const uint8_t form = Entries::form(piece);
  if ((form & kFresh) == 0) [[likely]]
    return cached_until(id);
  return {Load<int64_t>(piece + FieldAt(form, kFresh))};
}

uint64_t Entries::version(Id id) const {
  const char* piece = At(id);
  const uint8_t form = Entries::form(piece);
  return (form & kVersion) != 0 ? Load<uint64_t>(piece + FieldAt(form, kVersion)) : 0;
}

}  // namespace weir::cache
