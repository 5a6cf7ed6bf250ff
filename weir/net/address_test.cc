// Goal: addresses read and print the same, and what is not an address is refused with an example.
#include "weir/net/address.h"

#include <gtest/gtest.h>

namespace weir::net {
namespace {

TEST(AddressTest, ReadsAndPrintsTheSame) {
  for (const std::string text : {"127.0.0.1:6390", "0.0.0.0:0", "[::1]:6391", "10.1.2.3:65535"}) {
    const Result<Address> address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address.value().ToString(), text);
  }
}

TEST(AddressTest, KnowsLoopback) {
  EXPECT_TRUE(ParseAddress("127.9.9.9:1").value().is_loopback());
  EXPECT_TRUE(ParseAddress("localhost:1").value().is_loopback());
  EXPECT_TRUE(ParseAddress("[::1]:1").value().is_loopback());
  EXPECT_FALSE(ParseAddress("0.0.0.0:1").value().is_loopback());
  EXPECT_FALSE(ParseAddress("[::]:1").value().is_loopback());
  EXPECT_FALSE(ParseAddress("10.0.0.1:1").value().is_loopback());
}

TEST(AddressTest, RefusesWhatIsNotAnAddress) {
  for (const std::string text : {"", "6390", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                 "127.0.0.1:-1", "::1:6390", "[::1]", "host.name:1", "1.2.3:4"}) {
    const Result<Address> address = ParseAddress(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_NE(address.error().message.find("127.0.0.1:6390"), std::string::npos);
  }
}

}  // namespace
}  // namespace weir::net
