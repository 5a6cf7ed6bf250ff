// SLOWLOG: the latest commands that took long.
#include <memory>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"

namespace weir::gateway::commands {
namespace {

constexpr int64_t kEntriesDefault = 10;
// What an entry may take: 32 arguments of 128 bytes.
constexpr size_t kEntryBytes = ShownArgs::kArgsMax * (ShownArgs::kArgBytesMax + 32);

class SlowlogOperation final : public Operation {
 public:
  using Operation::Operation;
};

void WriteEntries(const SlowLog::Entries& entries, resp::Writer& writer) {
  writer.ArrayHeader(entries.size());
  for (const auto& entry : entries) {
    writer.ArrayHeader(6);
    writer.Integer(static_cast<int64_t>(entry->id));
    writer.Integer(entry->unix_seconds);
    writer.Integer(static_cast<int64_t>(entry->took_us));
    writer.ArrayHeader(entry->args.size());
    for (const std::string& arg : entry->args) writer.Bulk(arg);
    writer.Bulk(entry->peer);
    writer.Bulk(entry->name);
  }
}

}  // namespace

// On a thread of heavy work: a long log is megabytes.
std::optional<Reply> SlowlogGet(const OperationCall& call) {
  int64_t count = kEntriesDefault;
  if (call.args.size() > 3) {
    return Reply::Failure(errors::SubcommandSyntax(call.args[1], "slowlog"));
  }
  if (call.args.size() == 3 && (!ParseInteger(call.args[2], &count) || count < -1)) {
    return Reply::Failure(std::string(errors::kSlowlogCount));
  }
  SlowLog& log = call.gateway.slow_log();
  const size_t most = std::min(count < 0 ? SIZE_MAX : static_cast<size_t>(count), log.size());
  auto operation = std::make_shared<SlowlogOperation>(call.origin);
  const auto answer = [operation, &log, most, protocol = call.session.protocol] {
    const SlowLog::Entries entries = log.Latest(most);
    operation->reply() =
        EncodedBy(protocol, [&](resp::Writer& writer) { WriteEntries(entries, writer); });
    Deliver(operation);
  };
  if (call.gateway.heavy_reads().TryPost(most * kEntryBytes, answer)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

void SlowlogLen(const LocalCall& call, resp::Writer& writer) {
  writer.Integer(static_cast<int64_t>(call.gateway.slow_log().size()));
}

void SlowlogReset(const LocalCall& call, resp::Writer& writer) {
  // A long one is freed on a thread of heavy work; a loop would take milliseconds.
  auto forgotten = std::make_shared<SlowLog::Entries>(call.gateway.slow_log().Take());
  call.gateway.heavy_reads().TryPost(0, [forgotten] { forgotten->clear(); });
  writer.SimpleString("OK");
}

}  // namespace weir::gateway::commands
