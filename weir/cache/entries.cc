#include "weir/cache/entries.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

namespace weir::cache {
namespace {

// 64 bytes for fifteen slots, of which from 0.73 to 7/8 are taken while the index grows.
constexpr size_t kIndexShare = 6;
// The count and size in front of the bytes of a shared value, and its allocation.
constexpr size_t kSharedOverhead = 24;
constexpr size_t kFieldBytes = 8;

bool IsShared(const Value* value) {
  return value != nullptr && value->bytes.size() > Entries::kInlineBytesMax;
}

}  // namespace

constexpr uint8_t Entries::CountHead(unsigned form) {
  size_t bytes = (form & kLarge) != 0 ? kLargeHead : kSmallHead;
  for (const unsigned field : {kShared, kExpires, kUntil, kFresh}) {
    if ((form & field) != 0) bytes += kFieldBytes;
  }
  if (Timed(form)) bytes += 2 * sizeof(Id);
  if ((form & kHash) != 0) bytes += sizeof(uint32_t);
  if ((form & kVersion) != 0) bytes += kFieldBytes;
  return static_cast<uint8_t>(bytes);
}

constexpr std::array<uint8_t, Entries::kForms> Entries::CountHeads() {
  std::array<uint8_t, kForms> heads{};
  for (unsigned form = 0; form < kForms; ++form) heads[form] = CountHead(form);
  return heads;
}

constinit const std::array<uint8_t, Entries::kForms> Entries::kHeads = CountHeads();

uint16_t Entries::FormOf(size_t key_bytes, const Value* value, const Until& until, bool with_hash) {
  unsigned form = 0;
  if (value == nullptr) form |= kAbsent;
  if (IsShared(value)) form |= kShared;
  const size_t inline_bytes = InlineBytes(static_cast<uint16_t>(form), value);
  if (IsShared(value) || key_bytes > kSmallKeyMax || inline_bytes > kSmallValueMax) form |= kLarge;
  const WallTime expires_at = value == nullptr ? kNever : value->expires_at;
  if (expires_at != kNever) form |= kExpires;
  if (until.kept < expires_at) form |= kUntil;
  if (until.fresh < until.kept) form |= kFresh;
  if (value != nullptr && value->version != 0) form |= kVersion;
  if (with_hash && (form & kLarge) == 0) form |= kHash;
  return static_cast<uint16_t>(form);
}

size_t Entries::InlineBytes(uint16_t form, const Value* value) {
  return value == nullptr || (form & kShared) != 0 ? 0 : value->bytes.size();
}

// A piece with a shared value is a multiple of 8 bytes, so that the reference in it is aligned.
size_t Entries::PieceBytes(uint16_t form, size_t key_bytes, size_t inline_bytes) {
  const size_t bytes = HeadBytes(form) + key_bytes + inline_bytes;
  return (form & kShared) != 0 ? (bytes + 7) / 8 * 8 : bytes;
}

uint64_t Entries::WeightOf(size_t piece_bytes, size_t shared_bytes) {
  const size_t shared = shared_bytes == 0 ? 0 : (shared_bytes + kSharedOverhead + 15) / 16 * 16;
  return piece_bytes + shared + kIndexShare;
}

uint64_t Entries::Weight(size_t key_bytes, const Value* value, const Until& until, bool with_hash) {
  const uint16_t form = FormOf(key_bytes, value, until, with_hash);
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
  const uint16_t form = FormOf(key.size(), value, until, hash != OwnHash(key));
  const size_t inline_bytes = InlineBytes(form, value);
  const size_t head = HeadBytes(form);
  const Id id = slabs_.Allocate(PieceBytes(form, key.size(), inline_bytes));
  char* piece = slabs_.At(id);
  const auto store = [piece](size_t at, size_t what) {
    const auto number = static_cast<uint32_t>(what);
    std::memcpy(piece + at, &number, sizeof(number));
  };
  std::memset(piece, 0, head);
  if ((form & kLarge) != 0) {
    store(kWordAt, size_t{form} << kFormAt);
    store(kLargeHashAt, hash);
    store(kLargeKeyAt, key.size());
    store(kLargeValueAt, inline_bytes);
    if ((form & kShared) != 0) new (piece + kLargeHead) Bytes();
  } else {
    store(kWordAt, size_t{form} << kFormAt | key.size() << kKeyAt | inline_bytes << kValueAt);
    if ((form & kHash) != 0) store(FieldAt(form, kHash), hash);
  }
  if (!key.empty()) std::memcpy(piece + head, key.data(), key.size());
  Fill(piece, value, until);
  return id;
}

// Writes what a value of the same form and size may change.
void Entries::Fill(char* piece, const Value* value, const Until& until) {
  const uint16_t form = Entries::form(piece);
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
  const uint16_t form = FormOf(key_bytes, value, until, (Entries::form(piece) & kHash) != 0);
  if (form != Entries::form(piece)) return false;
  const size_t before = (form & kShared) != 0 ? SharedAt(piece)->size() : ValueBytes(piece);
  if (before != (value == nullptr ? 0 : value->bytes.size())) return false;
  Fill(piece, value, until);
  return true;
}

// Of the same size.
void Entries::Move(Id from, Id to) {
  char* before = slabs_.At(from);
  char* piece = slabs_.At(to);
  const size_t bytes = slabs_.PieceBytesOf(from);
  if ((form(before) & kShared) == 0) {
    std::memcpy(piece, before, bytes);
    return;
  }
  constexpr size_t kBehind = kLargeHead + sizeof(Bytes);
  auto* shared = std::launder(reinterpret_cast<Bytes*>(before + kLargeHead));
  std::memcpy(piece, before, kLargeHead);
  new (piece + kLargeHead) Bytes(std::move(*shared));
  std::memcpy(piece + kBehind, before + kBehind, bytes - kBehind);
  shared->~Bytes();
}

void Entries::Free(Id id) {
  char* piece = slabs_.At(id);
  if ((form(piece) & kShared) != 0) {
    std::launder(reinterpret_cast<Bytes*>(piece + kLargeHead))->~Bytes();
  }
  slabs_.Free(id);
}

uint32_t Entries::stored_hash(Id id) const {
  const char* piece = At(id);
  const uint16_t form = Entries::form(piece);
  if ((form & kLarge) != 0) return Load<uint32_t>(piece + kLargeHashAt);
  if ((form & kHash) != 0) return Load<uint32_t>(piece + FieldAt(form, kHash));
  return OwnHash(key(id));
}

}  // namespace weir::cache
