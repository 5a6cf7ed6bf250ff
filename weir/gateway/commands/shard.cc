// WEIR.SHARD: weir's own; `weir shard` speaks it.
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/shard_list_operation.h"
#include "weir/shard/position.h"

namespace weir::gateway::commands {
namespace {

class RangeChange final : public Operation {
 public:
  using Operation::Operation;
};

// Reads 1 to 16 hexadecimal digits.
std::optional<uint64_t> ParsePosition(std::string_view text) {
  uint64_t position = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, position, 16);
  if (error != std::errc() || at != end || text.size() > 16) return std::nullopt;
  return position;
}

Error NoRange(uint64_t from) {
  return {ErrorCode::kInvalid,
          "no range begins at " + PositionText(from) + "; WEIR.SHARD LIST names those that do"};
}

// The middle of the range, where one can be cut.
uint64_t MiddleOf(const shard::Range& range) {
  // By the last position, since the end of the last range is written as 0.
  const uint64_t last = range.to.value - 1;
  const uint64_t middle = range.from.value + (last - range.from.value) / 2 + 1;
  return middle / shard::kPositionUnit * shard::kPositionUnit;
}

// Cuts the range that begins at `from`. Sets *at to where, when it is nullopt.
Result<Ok> Split(shard::RangeMap& map, uint64_t from, std::optional<uint64_t>* at) {
  const shard::Range range = map.Find({from});
  if (range.from.value != from) return NoRange(from);
  if (!at->has_value()) *at = MiddleOf(range);
  if (**at == from || !range.Contains({**at})) {
    return Error{ErrorCode::kInvalid, "the range cannot be split at " + PositionText(**at) +
                                          ", which is not between its beginning and its end"};
  }
  return map.Split({**at});
}

// Begins `change`; its client hears `reply` when it is durable.
void Begin(const OperationCall& call, const RangeKeeper::Change& change,
           std::function<Reply()> reply) {
  auto operation = std::make_shared<RangeChange>(call.origin);
  call.gateway.ranges().Submit(
      change, [operation, reply = std::move(reply)](const Result<Ok>& changed) {
        operation->reply() = changed.ok() ? reply() : ErrorReply(changed.error());
        Completions completions;
        completions.operations.push_back(operation);
        operation->origin().home->Deliver(std::move(completions));
      });
}

}  // namespace

std::optional<Reply> WeirShardList(const OperationCall& call) {
  const bool count = call.args.size() == 3 && SameWord(call.args[2], "COUNT");
  if (call.args.size() > 2 && !count) return Reply::Failure(std::string(errors::kSyntax));
  auto operation = std::make_shared<ShardListOperation>(call.origin, call.gateway);
  if (!count) return operation->Uncounted();
  ShardListOperation::Count(operation);
  return std::nullopt;
}

std::optional<Reply> WeirShardSplit(const OperationCall& call) {
  const std::optional<uint64_t> from = ParsePosition(call.args[2]);
  if (!from) return Reply::Failure(errors::NoPosition(call.args[2]));
  const auto at = std::make_shared<std::optional<uint64_t>>();
  if (call.args.size() > 3) {
    if (call.args.size() != 5 || !SameWord(call.args[3], "AT")) {
      return Reply::Failure(std::string(errors::kSyntax));
    }
    *at = ParsePosition(call.args[4]);
    if (!*at) return Reply::Failure(errors::NoPosition(call.args[4]));
    *at = **at / shard::kPositionUnit * shard::kPositionUnit;
  }
  Begin(
      call, [from = *from, at](shard::RangeMap& map) { return Split(map, from, at.get()); },
      [at] { return Reply::Bulk(Bytes::Copy(PositionText(**at))); });
  return std::nullopt;
}

std::optional<Reply> WeirShardMerge(const OperationCall& call) {
  const std::optional<uint64_t> from = ParsePosition(call.args[2]);
  if (!from) return Reply::Failure(errors::NoPosition(call.args[2]));
  Begin(
      call, [from = *from](shard::RangeMap& map) { return map.Merge({from}); },
      [] { return Reply::Ok(); });
  return std::nullopt;
}

}  // namespace weir::gateway::commands
