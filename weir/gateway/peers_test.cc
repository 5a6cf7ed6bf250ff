// Goal: a forwarded command goes over the wire as a client would send it.
#include "weir/gateway/peers.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

TEST(Forward, IsWrittenAsAnArrayOfBulkStringsOfTheSizeTold) {
  const std::string large(100'000, 'x');
  for (const std::string& value : {std::string(), std::string("v"), std::string("1234567890"),
                                   std::string(resp::kBigArgumentBytes, 'y'), large}) {
    const std::vector<std::string_view> words = {"SET", "a\r\nkey", value};
    const Forward forward({}, {}, OwnedArgs(Args(words)));
    resp::OutputBuffer output;
    forward.WriteRequest(output);
    const std::string size = std::to_string(value.size());
    EXPECT_EQ(output.pending_bytes(), forward.request_bytes()) << size;
    EXPECT_EQ(TakeAll(output).view(),
              "*3\r\n$3\r\nSET\r\n$6\r\na\r\nkey\r\n$" + size + "\r\n" + value + "\r\n")
        << size;
  }
}

}  // namespace
}  // namespace weir::gateway
