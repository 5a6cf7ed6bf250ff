// What one command costs in parsing, and one reply in writing, in the bursts that pipelining
// clients send. items_per_second counts commands or replies; `hash` is the result, so that the work
// cannot be dropped.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "weir/resp/parser.h"
#include "weir/resp/writer.h"

namespace weir::resp {
namespace {

constexpr int kPipeline = 64;

std::string Burst(std::string_view command) {
  std::string burst;
  for (int i = 0; i < kPipeline; ++i) burst += command;
  return burst;
}

void ParseBurst(benchmark::State& state, const std::string& burst) {
  InputBuffer input;
  Parser parser;
  Command command;
  size_t hash = 0;
  for (auto _ : state) {
    std::memcpy(input.Writable().data(), burst.data(), burst.size());
    input.Commit(burst.size());
    while (parser.Next(input, &command) == ParseResult::kCommand) {
      hash = hash * 31 + command.args().back().size();
    }
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
  state.counters["hash"] = static_cast<double>(hash % 1'000'003);
}

void ParseGet(benchmark::State& state) {
  ParseBurst(state, Burst("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n"));
}
BENCHMARK(ParseGet);

void ParseSet(benchmark::State& state) {
  const std::string value(100, 'v');
  ParseBurst(state,
             Burst("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$100\r\n" + value + "\r\n"));
}
BENCHMARK(ParseSet);

void ParseInline(benchmark::State& state) {
  ParseBurst(state, Burst("GET key:000000012345\r\n"));
}
BENCHMARK(ParseInline);

void Send(OutputBuffer& output, size_t* hash) {
  std::array<OutputBuffer::Span, 64> spans;
  const size_t count = output.Spans(spans);
  for (size_t i = 0; i < count; ++i) *hash = *hash * 31 + spans[i].size;
  output.Consume(output.pending_bytes());
}

void WriteBulk(benchmark::State& state) {
  OutputBuffer output;
  Writer writer(output, Protocol::kResp3);
  const std::string value(static_cast<size_t>(state.range(0)), 'v');
  size_t hash = 0;
  for (auto _ : state) {
    for (int i = 0; i < kPipeline; ++i) writer.Bulk(value);
    Send(output, &hash);
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
  state.counters["hash"] = static_cast<double>(hash % 1'000'003);
}
BENCHMARK(WriteBulk)->Arg(12)->Arg(100)->Arg(1000)->Arg(16384);

void WriteBigValue(benchmark::State& state) {
  OutputBuffer output;
  Writer writer(output, Protocol::kResp3);
  const Bytes value = Bytes::Copy(std::string(1 << 20, 'v'));
  size_t hash = 0;
  for (auto _ : state) {
    for (int i = 0; i < kPipeline; ++i) writer.Bulk(value);
    Send(output, &hash);
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
  state.counters["hash"] = static_cast<double>(hash % 1'000'003);
}
BENCHMARK(WriteBigValue);

void WriteOk(benchmark::State& state) {
  OutputBuffer output;
  Writer writer(output);
  size_t hash = 0;
  for (auto _ : state) {
    for (int i = 0; i < kPipeline; ++i) writer.SimpleString("OK");
    Send(output, &hash);
  }
  state.SetItemsProcessed(state.iterations() * kPipeline);
  state.counters["hash"] = static_cast<double>(hash % 1'000'003);
}
BENCHMARK(WriteOk);

// One SET of 1 MiB in receives of 64 KiB at most, into a Bytes.
void ReceiveBigValue(benchmark::State& state) {
  const std::string value(1 << 20, 'v');
  const std::string wire = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + value + "\r\n";
  InputBuffer input;
  Parser parser;
  Command command;
  size_t hash = 0;
  for (auto _ : state) {
    for (size_t sent = 0; sent < wire.size();) {
      const std::span<char> room = input.Writable();
      const size_t size = std::min({room.size(), wire.size() - sent, size_t{64} * 1024});
      std::memcpy(room.data(), wire.data() + sent, size);
      input.Commit(size);
      sent += size;
      if (parser.Next(input, &command) == ParseResult::kCommand) {
        hash = hash * 31 + command.ArgBytes(2).size();
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(wire.size()));
  state.counters["hash"] = static_cast<double>(hash % 1'000'003);
}
BENCHMARK(ReceiveBigValue);

}  // namespace
}  // namespace weir::resp
