// Goal: ParseAddress reads the addresses of RFC 4291 section 2.2, and nothing else.
// Method: forms of the same address, and texts near them.
#include "weir/limit/ip_address.h"

#include <gtest/gtest.h>

namespace weir::limit {
namespace {

TEST(IpAddress, FormsOfOneAddressAreEqual) {
  EXPECT_EQ(ParseAddress("192.0.2.7"), Address::FromV4({192, 0, 2, 7}));
  EXPECT_EQ(ParseAddress("::ffff:192.0.2.7"), Address::FromV4({192, 0, 2, 7}));
  EXPECT_EQ(ParseAddress("::ffff:c000:207"), Address::FromV4({192, 0, 2, 7}));
  EXPECT_EQ(ParseAddress("::"), Address{});
  Address one;
  one.bytes[15] = 1;
  EXPECT_EQ(ParseAddress("::1"), one);
  EXPECT_EQ(ParseAddress("0:0:0:0:0:0:0:1"), one);
  one.bytes[0] = 0x20;
  one.bytes[1] = 0x01;
  EXPECT_EQ(ParseAddress("2001::1"), one);
  EXPECT_EQ(ParseAddress("2001:0000:0:0::0:1"), one);
  EXPECT_TRUE(ParseAddress("2001:DB8::").has_value());
}

TEST(IpAddress, ItsTextIsReadAsTheSame) {
  EXPECT_EQ(AddressText(Address::FromV4({10, 0, 255, 7})), "10.0.255.7");
  EXPECT_EQ(AddressText(Address::FromV4({255, 255, 255, 255})), "255.255.255.255");
  EXPECT_EQ(AddressText(*ParseAddress("2001:db8::1")), "2001:db8:0:0:0:0:0:1");
  for (const char* text : {"0.0.0.0", "::", "ffff::1:0", "1:2:3:4:5:6:7:8"}) {
    EXPECT_EQ(ParseAddress(AddressText(*ParseAddress(text))), ParseAddress(text));
  }
}

TEST(IpAddress, WhatIsNoAddressIsNone) {
  for (const char* bad : {"",
                          "1",
                          "1.2.3",
                          "1.2.3.4.5",
                          "1.2.3.256",
                          "1.2.3.04",
                          "1.2.3.",
                          ".1.2.3",
                          "a.b.c.d",
                          ":",
                          ":::",
                          "1:",
                          ":1",
                          "1::2::3",
                          "1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:8:9",
                          "1:2:3:4:5:6:7:8::",
                          "12345::",
                          "g::",
                          "[::1]",
                          "fe80::1%eth0",
                          "::1.2.3",
                          "1.2.3.4:1",
                          "-1.2.3.4",
                          "+1::"}) {
    EXPECT_FALSE(ParseAddress(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace weir::limit
