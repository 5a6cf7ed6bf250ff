// Goal: memory grows with bytes received, never by a declared length, and a burst of ordinary
// commands and replies allocates nothing. Method: count every operator new of this program.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include "weir/resp/chunk_feed.h"
#include "weir/resp/parser.h"
#include "weir/resp/reader.h"
#include "weir/resp/writer.h"

namespace {
std::atomic<size_t> allocations{0};
std::atomic<size_t> allocated_bytes{0};
}  // namespace

// Not inlined: the compiler would see free() meet its own operator new, and warn.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// The array forms too: sanitizers' own would not come here.
[[gnu::noinline]] void* operator new[](size_t size) {
  return operator new(size);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace weir::resp {
namespace {

constexpr size_t kWhole = size_t{1} << 40;

TEST(AllocationTest, ADeclaredLengthAllocatesNothing) {
  InputBuffer input;
  Parser parser;
  Command command;
  const size_t before = allocated_bytes;
  for (const char* header : {"*1048576\r\n", "$500000000\r\n", "body"}) {
    Receive(input, header, kWhole);
    EXPECT_EQ(parser.Next(input, &command), ParseResult::kNeedMore);
  }
  EXPECT_EQ(allocated_bytes - before, kInputInitialBytes);
}

TEST(AllocationTest, TheStartOfABigArgumentAllocatesByWhatArrived) {
  InputBuffer input;
  Parser parser;
  Command command;
  const std::string wire = "*1\r\n$500000000\r\n" + std::string(40'000, 'v');
  const size_t before = allocated_bytes;
  for (std::string_view rest = wire; !rest.empty();) {
    rest = Receive(input, rest, 1000);
    EXPECT_EQ(parser.Next(input, &command), ParseResult::kNeedMore);
  }
  EXPECT_LE(allocated_bytes - before, 3 * wire.size());
}

TEST(AllocationTest, ADeclaredReplyAllocatesNothing) {
  Reader reader;
  Value value;
  std::string_view reply = "*1000000\r\n$500000000\r\nbody";
  const size_t before = allocated_bytes;
  EXPECT_EQ(reader.Next(&reply, &value), ReadResult::kNeedMore);
  EXPECT_LT(allocated_bytes - before, 1000U);
}

TEST(AllocationTest, BurstsOfCommandsAndRepliesAllocateNothing) {
  InputBuffer input;
  Parser parser;
  Command command;
  OutputBuffer output;
  Writer writer(output, Protocol::kResp3);
  const Bytes big = Bytes::Copy(std::string(kSharedValueBytes + 1, 'v'));
  const std::string value(100, 'v');
  std::string burst;
  for (int i = 0; i < 64; ++i) burst += "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\nPING\r\n";
  burst += "*2\r\n$3\r\nGE";  // Ends in the middle, as receives do; the next one goes on.
  const std::string rest = "T\r\n$1\r\nk\r\n";
  size_t commands = 0;
  const auto round = [&] {
    for (const std::string& bytes : {std::cref(burst), std::cref(rest)}) {
      EXPECT_TRUE(Receive(input, bytes, kWhole).empty());
      while (parser.Next(input, &command) == ParseResult::kCommand) {
        writer.Bulk(value);
        writer.SimpleString("OK");
        writer.Error("ERR", "unknown");
        ++commands;
      }
    }
    writer.Bulk(big);
    while (!output.empty()) output.Consume(std::min<size_t>(output.pending_bytes(), 5000));
  };
  for (int i = 0; i < 3; ++i) round();
  const size_t before = allocations;
  for (int i = 0; i < 100; ++i) round();
  EXPECT_EQ(commands, 103U * 129U);
  EXPECT_EQ(allocations - before, 0U);
}

}  // namespace
}  // namespace weir::resp
