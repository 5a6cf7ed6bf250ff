#include "cmd/weir/advise.h"

#include <cstdio>
#include <cstdlib>

#include "weir/cache/miss_ratio_curve.h"

namespace weir::cmd {
namespace {

int Complain(int code, const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
  return code;
}

double NumberOf(const resp::Value& value) {
  if (value.kind == resp::Value::Kind::kDouble) return value.number;
  return std::strtod(value.text.c_str(), nullptr);
}

// The reply of WEIR.MRC (weir/gateway/commands/miss_ratio.cc).
Result<std::vector<CacheSize>> AskSizes(ServerLink& link) {
  const Result<resp::Value> reply = Ask(link, {"WEIR.MRC"});
  if (!reply.ok()) return reply.error();
  std::vector<CacheSize> sizes;
  for (const resp::Value& row : reply.value().items) {
    if (row.items.size() != 3) break;
    sizes.push_back({static_cast<uint64_t>(row.items[0].integer), NumberOf(row.items[1]),
                     NumberOf(row.items[2])});
  }
  if (sizes.size() == cache::MissRatioCurve::kPoints) return sizes;
  return Error{ErrorCode::kInvalid, "the server's answer to WEIR.MRC is not a curve"};
}

// A price of the server's configuration, which is in hundredths.
Result<double> AskPrice(ServerLink& link, const std::string& key) {
  const Result<resp::Value> reply = Ask(link, {"CONFIG", "GET", key});
  if (!reply.ok()) return reply.error();
  if (reply.value().items.size() != 2) return 0.0;
  return NumberOf(reply.value().items[1]) / 100;
}

Result<Prices> AskPrices(ServerLink& link) {
  const Result<double> gb_month = AskPrice(link, "cache.price_gb_month");
  if (!gb_month.ok()) return gb_month.error();
  const Result<double> million_reads = AskPrice(link, "cache.price_million_reads");
  if (!million_reads.ok()) return million_reads.error();
  return Prices{gb_month.value(), million_reads.value()};
}

}  // namespace

int RunAdvise(const AdviseArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  if ((arguments.prices.gb_month > 0) != (arguments.prices.million_reads > 0)) {
    return Complain(2, "give --gb-price and --reads-price together");
  }
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return Complain(1, link.error().message);
  const Result<std::vector<CacheSize>> sizes = AskSizes(link.value());
  if (!sizes.ok()) return Complain(1, sizes.error().message);
  Prices prices = arguments.prices;
  if (!prices.known()) {
    const Result<Prices> configured = AskPrices(link.value());
    if (!configured.ok()) return Complain(1, configured.error().message);
    prices = configured.value();
  }
  size_t now = 0;
  while (cache::MissRatioCurve::ScaleOf(now) < 0.99) ++now;
  std::fputs(AdviceText(sizes.value(), now, prices).c_str(), stdout);
  return 0;
}

}  // namespace weir::cmd
