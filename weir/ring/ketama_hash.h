// The hashes by which memcached clients and twemproxy place keys on a KetamaRing: 32 bits each.
//
// Some of them are not the functions whose names they have (kCrc32 keeps 15 bits, kCrc16 more than
// 16): they are what libmemcached and twemproxy compute. Hsieh's is left out for its licence, as
// libmemcached leaves it out unless told otherwise.
// Threads: pure functions. Source: libmemcached libhashkit and its test/fixtures/hashes.hpp;
// twemproxy src/hashkit and src/test_all.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weir/base/md5.h"

namespace weir::ring {

enum class KetamaKeyHash : uint8_t {
  kMd5,
  kOneAtATime,
  kCrc16,
  kCrc32,
  kCrc32a,
  kFnv1_64,
  kFnv1a64,
  kFnv1_32,
  kFnv1a32,
  kMurmur,
  kJenkins,
};

// Whether the originals' `char` has a sign (x86) or not (ARM): their FNV and one-at-a-time hashes
// differ with it for keys with bytes above 127.
enum class KetamaChar : uint8_t { kSigned, kUnsigned };

// Cost: O(bytes), no allocation.
uint32_t KetamaHash(std::string_view key, KetamaKeyHash hash, KetamaChar char_type);

// Returns the index-th 32-bit word of a digest, little-endian. Requires: index < 4.
uint32_t KetamaDigestWord(const Md5Digest& digest, size_t index);

}  // namespace weir::ring
