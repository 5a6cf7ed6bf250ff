// MEMORY: what the process holds, against its budget. MEMORY USAGE, of one key, is in object.cc.
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

class PurgeOperation final : public Operation {
 public:
  using Operation::Operation;
};

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

int64_t Difference(uint64_t a, uint64_t b) {
  return static_cast<int64_t>(a) - static_cast<int64_t>(b);
}

using Fact = std::pair<std::string, std::variant<int64_t, double>>;

std::vector<Fact> Facts(Gateway& gateway) {
  const ProcessUse use = gateway.process().use();
  const Lanes::Totals cache = gateway.lanes().Sum();
  const uint64_t records = gateway.recent_records();
  const uint64_t overhead = use.allocated > cache.bytes ? use.allocated - cache.bytes : 0;
  const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
  std::vector<Fact> facts = {
      {"peak.allocated", number(use.allocated_peak)},
      {"total.allocated", number(use.allocated)},
      {"startup.allocated", 0L},
      {"replication.backlog", 0L},
      {"clients.slaves", 0L},
      {"clients.normal", number(gateway.memory().clients().used())},
      {"cluster.links", 0L},
      {"aof.buffer", 0L},
      {"lua.caches", 0L},
      {"functions.caches", 0L},
      {"overhead.total", number(overhead)},
      {"keys.count", number(records)},
      {"keys.bytes-per-key", number(cache.bytes / std::max<uint64_t>(cache.entries, 1))},
      {"dataset.bytes", number(cache.bytes)},
      {"dataset.percentage", Ratio(cache.bytes, use.allocated) * 100},
      {"peak.percentage", Ratio(use.allocated, use.allocated_peak) * 100},
      {"allocator.allocated", number(use.allocated)},
      {"allocator.active", number(use.allocated)},
      {"allocator.resident", number(use.resident)},
      {"allocator-fragmentation.ratio", 1.0},
      {"allocator-fragmentation.bytes", 0L},
      {"allocator-rss.ratio", Ratio(use.resident, use.allocated)},
      {"allocator-rss.bytes", Difference(use.resident, use.allocated)},
      {"rss-overhead.ratio", 1.0},
      {"rss-overhead.bytes", 0L},
      {"fragmentation", Ratio(use.resident, use.allocated)},
      {"fragmentation.bytes", Difference(use.resident, use.allocated)},
      {"weir.budget", number(gateway.process().memory_budget_bytes)},
      {"weir.cache.entries", number(cache.entries)},
      {"weir.values", number(gateway.memory().value_bytes())}};
  for (const MemoryPart& part : gateway.process().memory_parts) {
    facts.emplace_back("weir.budget." + part.name, number(part.budget_bytes));
  }
  return facts;
}

}  // namespace

void MemoryStats(const LocalCall& call, resp::Writer& writer) {
  const std::vector<Fact> facts = Facts(call.gateway);
  writer.MapHeader(facts.size());
  for (const auto& [name, value] : facts) {
    writer.Bulk(name);
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      writer.Integer(*integer);
    } else {
      writer.Double(std::get<double>(value));
    }
  }
}

void MemoryDoctor(const LocalCall& call, resp::Writer& writer) {
  const ProcessUse use = call.gateway.process().use();
  const uint64_t budget = call.gateway.process().memory_budget_bytes;
  const Memory& memory = call.gateway.memory();
  std::string text = std::to_string(use.resident) +
                     " bytes of memory are resident; the budget is " + std::to_string(budget) +
                     ".\n";
  if (use.resident > budget + (uint64_t{64} << 20)) {
    text += "This is more than the budget and 64 MiB: please report it.\n";
  }
  if (memory.clients().over()) {
    text +=
        "Clients hold more than their share, so they are read slowly: MEMORY STATS and CLIENT LIST "
        "say which; raise `memory`, or send fewer commands at once.\n";
  } else if (memory.pressed()) {
    text +=
        "Large values on their way take most of their share, so loads and uploads wait: raise "
        "`memory`.\n";
  } else {
    text += "No part of the budget is short.\n";
  }
  writer.Verbatim("txt", text);
}

void MemoryMallocStats(const LocalCall&, resp::Writer& writer) {
  writer.Bulk("Stats not supported for the current allocator");
}

// The allocator may take long.
std::optional<Reply> MemoryPurge(const OperationCall& call) {
  auto operation = std::make_shared<PurgeOperation>(call.origin);
  const auto purge = [operation, &process = call.gateway.process()] {
    process.purge();
    operation->reply() = Reply::Ok();
    Deliver(operation);
  };
  if (call.gateway.heavy_reads().TryPost(0, purge)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

}  // namespace weir::gateway::commands
