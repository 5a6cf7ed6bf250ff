#include "weir/ring/ketama_hash.h"

#include <array>
#include <bit>
#include <cassert>

namespace weir::ring {
namespace {

uint32_t Widen(char c, KetamaChar char_type) {
  const auto byte = static_cast<uint8_t>(c);
  if (char_type == KetamaChar::kUnsigned) return byte;
  return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(byte)));
}

uint32_t OneAtATime(std::string_view key, KetamaChar char_type) {
  uint32_t hash = 0;
  for (const char c : key) {
    hash += Widen(c, char_type);
    hash += hash << 10;
    hash ^= hash >> 6;
  }
  hash += hash << 3;
  hash ^= hash >> 11;
  return hash + (hash << 15);
}

// CRC-16 of CCITT in a register of 32 bits, of which none is ever cut off.
uint32_t WideCrc16(std::string_view key) {
  uint32_t crc = 0;
  for (const char c : key) {
    uint32_t entry = ((crc >> 8) ^ static_cast<uint8_t>(c)) << 8 & 0xff00U;
    for (int bit = 0; bit < 8; ++bit) {
      entry = ((entry & 0x8000U) != 0 ? (entry << 1) ^ 0x1021U : entry << 1) & 0xffffU;
    }
    crc = (crc << 8) ^ entry;
  }
  return crc;
}

uint32_t Crc32(std::string_view key) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : key) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0);
  }
  return ~crc;
}

// The 64-bit functions keep their low half only, which the high half never enters.
constexpr uint32_t kFnv32Start = 0x811c9dc5U;
constexpr uint32_t kFnv32Prime = 0x01000193U;
constexpr uint32_t kFnv64Start = 0x84222325U;
constexpr uint32_t kFnv64Prime = 0x000001b3U;

uint32_t Fnv1(std::string_view key, KetamaChar char_type, uint32_t hash, uint32_t prime) {
  for (const char c : key) hash = (hash * prime) ^ Widen(c, char_type);
  return hash;
}

uint32_t Fnv1a(std::string_view key, KetamaChar char_type, uint32_t hash, uint32_t prime) {
  for (const char c : key) hash = (hash ^ Widen(c, char_type)) * prime;
  return hash;
}

// Up to 4 bytes from `at` on, little-endian; those past the end are 0.
uint32_t LoadWord(std::string_view key, size_t at) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4 && at + i < key.size(); ++i) {
    word |= uint32_t{static_cast<uint8_t>(key[at + i])} << (8 * i);
  }
  return word;
}

// MurmurHash2, seeded by the length.
uint32_t Murmur(std::string_view key) {
  constexpr uint32_t kFactor = 0x5bd1e995;
  const auto size = static_cast<uint32_t>(key.size());
  uint32_t hash = (0xdeadbeefU * size) ^ size;
  size_t at = 0;
  for (; key.size() - at >= 4; at += 4) {
    uint32_t word = LoadWord(key, at) * kFactor;
    word ^= word >> 24;
    hash = (hash * kFactor) ^ (word * kFactor);
  }
  if (at < key.size()) hash = (hash ^ LoadWord(key, at)) * kFactor;
  hash ^= hash >> 13;
  hash *= kFactor;
  return hash ^ (hash >> 15);
}

// Jenkins's lookup3 over bytes, with the initial value that libhashkit gives it.
uint32_t Jenkins(std::string_view key) {
  constexpr uint32_t kInitial = 13;
  uint32_t a = 0xdeadbeefU + static_cast<uint32_t>(key.size()) + kInitial;
  uint32_t b = a;
  uint32_t c = a;
  size_t at = 0;
  const auto add = [&] {
    a += LoadWord(key, at);
    b += LoadWord(key, at + 4);
    c += LoadWord(key, at + 8);
  };
  const auto step = [](uint32_t& x, uint32_t y, uint32_t& z, int turn) {
    x = (x - z) ^ std::rotl(z, turn);
    z += y;
  };
  for (; key.size() - at > 12; at += 12) {
    add();
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
  }
  if (at == key.size()) return c;
  add();
  const auto end = [](uint32_t& x, uint32_t y, int turn) { x = (x ^ y) - std::rotl(y, turn); };
  end(c, b, 14);
  end(a, c, 11);
  end(b, a, 25);
  end(c, b, 16);
  end(a, c, 4);
  end(b, a, 14);
  end(c, b, 24);
  return c;
}

}  // namespace

uint32_t KetamaDigestWord(const Md5Digest& digest, size_t index) {
  assert(index < 4);
  uint32_t word = 0;
  for (size_t i = 4; i-- > 0;) word = word << 8 | digest[4 * index + i];
  return word;
}

uint32_t KetamaHash(std::string_view key, KetamaKeyHash hash, KetamaChar char_type) {
  switch (hash) {
    case KetamaKeyHash::kMd5:
      return KetamaDigestWord(Md5(key), 0);
    case KetamaKeyHash::kOneAtATime:
      return OneAtATime(key, char_type);
    case KetamaKeyHash::kCrc16:
      return WideCrc16(key);
    case KetamaKeyHash::kCrc32:
      return Crc32(key) >> 16 & 0x7fffU;
    case KetamaKeyHash::kCrc32a:
      return Crc32(key);
    case KetamaKeyHash::kFnv1_64:
      return Fnv1(key, char_type, kFnv64Start, kFnv64Prime);
    case KetamaKeyHash::kFnv1a64:
      return Fnv1a(key, char_type, kFnv64Start, kFnv64Prime);
    case KetamaKeyHash::kFnv1_32:
      return Fnv1(key, char_type, kFnv32Start, kFnv32Prime);
    case KetamaKeyHash::kFnv1a32:
      return Fnv1a(key, char_type, kFnv32Start, kFnv32Prime);
    case KetamaKeyHash::kMurmur:
      return Murmur(key);
    case KetamaKeyHash::kJenkins:
      return Jenkins(key);
  }
  assert(false);
  return 0;
}

}  // namespace weir::ring
