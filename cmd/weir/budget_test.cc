// Goal: the budget is divided without rest, and no part vanishes or outgrows its cap.
// Method: a property over random totals, and the division of known totals.
#include "cmd/weir/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "weir/net/stream.h"

namespace weir::cmd {
namespace {

using ::testing::HasSubstr;

uint64_t SumOf(const Budget& budget) {
  return budget.cache + budget.block_cache + budget.write_buffers + budget.clients +
         budget.flights + budget.limiter + budget.passwords + budget.reserve;
}

TEST(Budget, ThePartsSumToTheTotal) {
  EXPECT_TRUE(rc::check([](uint64_t random, bool cached) {
    Config config;
    config.cache.enabled = cached;
    const uint64_t total = kBudgetMin + random % (uint64_t{1} << 46);
    const Budget budget = DivideBudget(total, config);
    RC_ASSERT(budget.total == total);
    RC_ASSERT(SumOf(budget) == total);
    RC_ASSERT((budget.cache > 0) == cached);
    RC_ASSERT(budget.limiter >= kBudgetMin / 32);
    for (const uint64_t part : {budget.block_cache, budget.write_buffers, budget.clients,
                                budget.flights, budget.reserve}) {
      RC_ASSERT(part >= kBudgetMin / 16);
    }
  }));
}

TEST(Budget, AtTheMinimumEveryPartIsUsable) {
  const Budget budget = DivideBudget(kBudgetMin, {});
  EXPECT_EQ(SumOf(budget), kBudgetMin);
  EXPECT_GE(budget.cache, kBudgetMin / 4);
  EXPECT_GE(budget.write_buffers, uint64_t{8} << 20);
}

TEST(Budget, AsItGrowsTheCacheGetsMost) {
  const Budget small = DivideBudget(kBudgetPromised, {});
  const Budget large = DivideBudget(uint64_t{64} << 30, {});
  EXPECT_EQ(small.clients, uint64_t{32} << 20);
  EXPECT_EQ(large.clients, uint64_t{1} << 30);
  EXPECT_GT(large.cache, large.total * 3 / 4);
}

TEST(Budget, LanesAreLargeWhereThereIsLittleMemoryAndManyWhereThereAreManyThreads) {
  EXPECT_EQ(LanesFor(0, 1), 2U);
  EXPECT_EQ(LanesFor(23U << 20, 2), 4U);
  EXPECT_EQ(LanesFor(104U << 20, 2), 4U) << "of 26 MiB";
  EXPECT_EQ(LanesFor(104U << 20, 12), 32U);
  EXPECT_EQ(LanesFor(kLaneBytes * 64 - 1, 2), 32U);
  EXPECT_EQ(LanesFor(kLaneBytes * 64, 2), 64U);
  EXPECT_EQ(LanesFor(uint64_t{1} << 40, 1000), kLanesMost);
}

TEST(Budget, TlsTakesAtMostHalfOfWhatIsForClients) {
  EXPECT_TRUE(rc::check([](uint64_t random) {
    Config config;
    const Budget budget = DivideBudget(kBudgetMin + random % (uint64_t{1} << 46), config);
    const uint64_t handshakes = TlsHandshakesMax(budget) * net::Stream::kHandshakeBytes;
    RC_ASSERT(TlsHandshakesMax(budget) >= 16);
    RC_ASSERT(TlsClientsMax(budget) >= 200);
    RC_ASSERT(handshakes + TlsClientsMax(budget) * net::Stream::kTlsBytes <= budget.clients / 2);
    RC_ASSERT(ClientBytes(budget, config) == budget.clients);
    config.server.tls_listen = {{"127.0.0.1", 6392}};
    RC_ASSERT(ClientBytes(budget, config) == budget.clients - handshakes);
  }));
  const auto clients = [](uint64_t mib) { return TlsClientsMax(DivideBudget(mib << 20, {})); };
  EXPECT_EQ(clients(256), 819u);
  EXPECT_EQ(clients(1024), 3278u);
  EXPECT_EQ(clients(3072), 11195u);
}

TEST(Budget, WithoutACacheTheDatabaseGetsItsPart) {
  Config config;
  config.cache.enabled = false;
  const uint64_t total = uint64_t{1} << 30;
  const Budget with = DivideBudget(total, {});
  const Budget without = DivideBudget(total, config);
  EXPECT_EQ(without.block_cache, with.block_cache + with.cache);
}

TEST(Budget, TheTableShowsEveryPartAsAComment) {
  const std::string text = ShowBudget(DivideBudget(kBudgetPromised, {}));
  EXPECT_THAT(text, HasSubstr("#   RocksDB block cache              32.0 MiB   12.5 %\n"));
  EXPECT_THAT(text, HasSubstr("#   total                           256.0 MiB  100.0 %\n"));
  for (size_t line = 0; line < text.size(); line = text.find('\n', line) + 1) {
    EXPECT_EQ(text[line], '#');
  }
}

}  // namespace
}  // namespace weir::cmd
