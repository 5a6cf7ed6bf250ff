#include "cmd/weir/budget.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdio>
#include <string_view>
#include <utility>

#include "weir/net/stream.h"
#include "weir/server/tls_acceptor.h"
#include "weir/users/password.h"
#include "weir/users/password_threads.h"

namespace weir::cmd {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Parts that stop helping beyond a size are capped, so that in a large budget the cache gets most.
constexpr uint64_t kWriteBuffersMax = 512 * kMiB;
constexpr uint64_t kClientsMax = 1024 * kMiB;
constexpr uint64_t kFlightsMax = 1024 * kMiB;
constexpr uint64_t kLimiterMax = 256 * kMiB;
constexpr uint64_t kReserveMax = 512 * kMiB;

void AppendLine(std::string_view name, uint64_t bytes, const Budget& budget, std::string& text) {
  char line[96];
  const double share = 100.0 * static_cast<double>(bytes) / static_cast<double>(budget.total);
  std::snprintf(line, sizeof line, "#   %-24.*s %12.1f MiB %6.1f %%\n",
                static_cast<int>(name.size()), name.data(),
                static_cast<double>(bytes) / static_cast<double>(kMiB), share);
  text += line;
}

// In steps of a 64th: buckets that were kept fit only into a table of the same size, and what a
// machine says of its memory differs a little from kernel to kernel.
uint64_t LimiterBytes(uint64_t total) {
  const uint64_t bytes = std::min(total / 32, kLimiterMax);
  return bytes / (std::bit_floor(bytes) / 64) * (std::bit_floor(bytes) / 64);
}

}  // namespace

uint64_t PasswordBytes(const Config& config) {
  uint64_t most = 0;
  for (const UserConfig& user : config.users) {
    const uint64_t kib = users::HashCost(user.password.text).value().memory_kib;
    most = std::max(most, users::kChecksAtOnce * kib * 1024);
  }
  return most;
}

size_t TlsHandshakesMax(const Budget& budget) {
  constexpr uint64_t kMost = server::TlsAcceptor::kHandshakesMax;
  return std::min(budget.clients / 2 / 4 / net::Stream::kHandshakeBytes, kMost);
}

size_t TlsClientsMax(const Budget& budget) {
  const uint64_t handshakes = TlsHandshakesMax(budget) * net::Stream::kHandshakeBytes;
  return (budget.clients / 2 - handshakes) / net::Stream::kTlsBytes;
}

uint64_t ClientBytes(const Budget& budget, const Config& config) {
  if (config.server.tls_listen.empty()) return budget.clients;
  return budget.clients - TlsHandshakesMax(budget) * net::Stream::kHandshakeBytes;
}

// With it and all other parts there is still something left.
uint64_t PasswordBytesMax(uint64_t total) {
  return total / 8 * 3;
}

Budget DivideBudget(uint64_t total, const Config& config) {
  assert(total >= kBudgetMin);
  Budget budget{.total = total};
  budget.block_cache = total / 8;
  budget.write_buffers = std::min(total / 8, kWriteBuffersMax);
  budget.clients = std::min(total / 8, kClientsMax);
  budget.flights = std::min(total / 8, kFlightsMax);
  budget.limiter = LimiterBytes(total);
  budget.reserve = std::min(total / 16, kReserveMax);
  budget.passwords = PasswordBytes(config);
  assert(budget.passwords <= PasswordBytesMax(total));
  const uint64_t rest = total - budget.block_cache - budget.write_buffers - budget.clients -
                        budget.flights - budget.limiter - budget.passwords - budget.reserve;
  (config.cache.enabled ? budget.cache : budget.block_cache) += rest;
  return budget;
}

uint32_t LanesFor(uint64_t cache_bytes, size_t threads) {
  const uint64_t for_threads = std::bit_ceil(uint64_t{kLanesPerThread} * threads);
  const uint64_t for_entries = std::bit_floor(cache_bytes / kLaneBytes);
  return static_cast<uint32_t>(std::min<uint64_t>(std::max(for_threads, for_entries), kLanesMost));
}

std::string ShowBudget(const Budget& budget) {
  const std::pair<std::string_view, uint64_t> parts[] = {
      {"cache", budget.cache},
      {"RocksDB block cache", budget.block_cache},
      {"RocksDB write buffers", budget.write_buffers},
      {"client buffers", budget.clients},
      {"flights and queues", budget.flights},
      {"rate limiter", budget.limiter},
      {"password checks", budget.passwords},
      {"reserve", budget.reserve},
      {"total", budget.total}};
  std::string text = "# Memory budget\n";
  for (const auto& [name, bytes] : parts) AppendLine(name, bytes, budget, text);
  return text;
}

}  // namespace weir::cmd
