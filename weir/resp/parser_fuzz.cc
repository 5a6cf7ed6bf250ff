// Feeds hostile bytes to the parser whole and in chunks chosen by the input, and to the reader in
// the same way: results must be equal, memory must stay in proportion to the bytes received.
//
// The first byte chooses the limits and the seed of the chunks; the rest is what the client sends,
// with 0xff and a byte n standing for n modulo kFillerKibMax KiB of filler, so that short inputs
// reach big arguments. Declared lengths are small, so some of the limits are too: else no input
// reaches them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/random.h"
#include "weir/resp/chunk_feed.h"
#include "weir/resp/parser.h"
#include "weir/resp/reader.h"

namespace weir::resp {
namespace {

constexpr size_t kWhole = size_t{1} << 40;
// Longer inputs are not fed byte by byte, and not expanded further: each run should take < 1 ms.
constexpr size_t kByteByByteMax = 512;
constexpr size_t kExpandedBytesMax = size_t{40} * 1024;
constexpr size_t kFillerKibMax = 40;
constexpr Limits kSmall{.args_max = 8,
                        .bulk_bytes_max = 2 * kBigArgumentBytes,
                        .inline_bytes_max = 64,
                        .command_bytes_max = 3 * kBigArgumentBytes};
constexpr ReaderLimits kSmallReader{
    .depth_max = 3, .values_max = 16, .bytes_max = 64, .line_bytes_max = 32};

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Six bytes on the wire are at most one argument: 32 bytes in vectors that double.
void RequireBounded(size_t received, size_t held) {
  Require(held <= 16 * received + 2 * kInputRetainedBytes, "memory is in proportion to the bytes");
}

struct Replies {
  std::vector<Value> values;
  std::string error;

  bool operator==(const Replies&) const = default;
};

template <typename Chunk>
Replies ReadReplies(std::string_view bytes, const ReaderLimits& limits, Chunk chunk) {
  Reader reader(limits);
  Replies seen;
  while (!bytes.empty() && seen.error.empty()) {
    std::string_view input = bytes.substr(0, 1 + chunk());
    bytes.remove_prefix(input.size());
    Value value;
    ReadResult result = reader.Next(&input, &value);
    for (; result == ReadResult::kValue; result = reader.Next(&input, &value)) {
      seen.values.push_back(value);
    }
    seen.error = reader.error();
    Require(!seen.error.empty() || input.empty(), "kNeedMore takes all of the input");
  }
  return seen;
}

std::string Expand(std::string_view input) {
  std::string bytes;
  for (size_t i = 0; i < input.size(); ++i) {
    if (input[i] == '\xff' && i + 1 < input.size() && bytes.size() < kExpandedBytesMax) {
      bytes.append(static_cast<uint8_t>(input[++i]) % kFillerKibMax * size_t{1024}, 'v');
    } else {
      bytes += input[i];
    }
  }
  return bytes;
}

void Run(uint8_t choice, std::string_view bytes) {
  const Limits limits = choice % 3 == 0 ? Limits{} : choice % 3 == 1 ? kSmall : kLimitsBeforeAuth;
  const Transcript whole = Feed(
      bytes, limits, [] { return kWhole; }, RequireBounded);
  const ReaderLimits reader_limits = choice % 2 == 0 ? ReaderLimits{} : kSmallReader;
  const Replies replies = ReadReplies(bytes, reader_limits, [] { return kWhole; });
  const size_t shortest = bytes.size() <= kByteByByteMax ? 1 : 1000;
  for (const size_t longest : {shortest, 9 * shortest}) {
    Random random(choice);
    const auto chunk = [&] { return random.Below(longest); };
    Require(Feed(bytes, limits, chunk, RequireBounded) == whole,
            "chunks give the same commands and error");
    // NaN differs from itself; the texts of the chunks cannot make it equal.
    if (bytes.find("nan") == bytes.npos && bytes.find("NAN") == bytes.npos) {
      Require(ReadReplies(bytes, reader_limits, chunk) == replies, "chunks give the same replies");
    }
  }
}

}  // namespace
}  // namespace weir::resp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  weir::resp::Run(data[0], weir::resp::Expand(input.substr(1)));
  return 0;
}
