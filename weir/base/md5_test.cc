// Goal: the digest is MD5. Method: the vectors of RFC 1321, appendix A.5, and lengths around the
// end of a block.
#include "weir/base/md5.h"

#include <string>

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string HexOf(std::string_view bytes) {
  return Md5Hex(Md5(bytes));
}

TEST(Md5Test, DigestsAreThoseOfTheRfc) {
  EXPECT_EQ(HexOf(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(HexOf("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(HexOf("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(HexOf("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(HexOf("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
  EXPECT_EQ(HexOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(HexOf("1234567890123456789012345678901234567890"
                  "1234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

// Each length is padded in its own way; the digests together are what `md5sum` gives for them.
TEST(Md5Test, EveryLengthAroundABlockIsPaddedRight) {
  std::string digests;
  for (size_t length = 0; length <= 130; ++length) digests += HexOf(std::string(length, 'x'));
  EXPECT_EQ(HexOf(digests), "861e4a9e76c88ae6267e22fd76384596");
}

}  // namespace
}  // namespace weir
