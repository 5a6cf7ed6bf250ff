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
Result<std::vector<CacheSize>> AskSizes(const ServerArguments& server) {
  Result<ServerLink> link = OpenSession(server);
  if (!link.ok()) return link.error();
  const Result<resp::Value> reply = Ask(link.value(), {"WEIR.MRC"});
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

}  // namespace

int RunAdvise(const AdviseArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    return Complain(2, wrong);
  }
  if ((arguments.prices.gb_month > 0) != (arguments.prices.million_reads > 0)) {
    return Complain(2, "give --gb-price and --reads-price together");
  }
  const Result<std::vector<CacheSize>> sizes = AskSizes(arguments.server);
  if (!sizes.ok()) return Complain(1, sizes.error().message);
  size_t now = 0;
  while (cache::MissRatioCurve::ScaleOf(now) < 0.99) ++now;
  std::fputs(AdviceText(sizes.value(), now, arguments.prices).c_str(), stdout);
  return 0;
}

}  // namespace weir::cmd
