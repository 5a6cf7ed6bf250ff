// WEIR.SHARD: weir's own; `weir shard` speaks it.
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/halfway_operation.h"
#include "weir/gateway/operations.h"
#include "weir/gateway/shard_list_operation.h"
#include "weir/shard/position.h"

namespace weir::gateway::commands {
namespace {

// A change of the shards, their ranges or a move, whose reply is made when it is durable.
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

// Ends the operation with `reply`.
void End(const std::shared_ptr<RangeChange>& operation, Reply reply) {
  operation->reply() = std::move(reply);
  Deliver(operation);
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

// Gives the order to the move that the command names.
std::optional<Reply> Give(const OperationCall& call, RangeMoves::Order order) {
  const std::optional<uint64_t> move = ParseNumber(call.args[2]);
  if (!move) return Reply::Failure(errors::NoNumber(call.args[2]));
  auto operation = std::make_shared<RangeChange>(call.origin);
  call.gateway.moves().Give(*move, order, [operation](const Result<Ok>& done) {
    End(operation, done.ok() ? Reply::Ok() : ErrorReply(done.error()));
  });
  return std::nullopt;
}

Reply Told(const MoveStatus& status) {
  const auto text = [](std::string_view what) { return Reply::Bulk(Bytes::Copy(what)); };
  const auto number = [](uint64_t what) { return Reply::Integer(static_cast<int64_t>(what)); };
  return Reply::Array(
      {number(status.id), text(PositionText(status.range.from.value)),
       text(PositionText(status.range.to.value)), number(static_cast<uint64_t>(status.range.shard)),
       number(static_cast<uint64_t>(status.copy)), text(status.phase), text(status.stage),
       number(status.paused ? 1 : 0), number(status.done_permille), number(status.keys),
       number(status.bytes), number(status.written), text(status.error),
       Reply::Integer(status.finishes_in_s)});
}

// Begins `change`; its client hears `reply` when it is durable.
void Begin(const OperationCall& call, const RangeKeeper::Change& change,
           std::function<Reply()> reply) {
  auto operation = std::make_shared<RangeChange>(call.origin);
  call.gateway.ranges().Submit(
      change, [operation, reply = std::move(reply)](const Result<Ok>& changed) {
        End(operation, changed.ok() ? reply() : ErrorReply(changed.error()));
      });
}

// Reads the range that begins at `from`, to cut it where half of its bytes are on either side.
std::optional<Reply> SplitByBytes(const OperationCall& call, uint64_t from) {
  const shard::Range range = call.gateway.placement().RangeOf({from});
  if (range.from.value != from) return ErrorReply(NoRange(from));
  const auto operation = std::make_shared<HalfwayOperation>(call.origin, call.gateway, range);
  const auto end = [operation](Reply reply) {
    operation->reply() = std::move(reply);
    Deliver(operation);
  };
  HalfwayOperation::Begin(operation, [from, end, &gateway = call.gateway](const auto& found) {
    if (!found.ok()) return end(ErrorReply(found.error()));
    const auto at = std::make_shared<std::optional<uint64_t>>(found.value().value);
    gateway.ranges().Submit(
        [from, at](shard::RangeMap& map) { return Split(map, from, at.get()); },
        [at, end](const Result<Ok>& cut) {
          end(cut.ok() ? Reply::Bulk(Bytes::Copy(PositionText(**at))) : ErrorReply(cut.error()));
        });
  });
  return std::nullopt;
}

}  // namespace

std::optional<Reply> WeirShardAdd(const OperationCall& call) {
  ShardAdder* adder = call.gateway.shard_adder();
  if (adder == nullptr) return Reply::Failure(std::string(errors::kNoShardAdder));
  auto operation = std::make_shared<RangeChange>(call.origin);
  adder->Add(std::string(call.args[2]), [operation](const Result<uint32_t>& added) {
    End(operation, added.ok() ? Reply::Integer(added.value()) : ErrorReply(added.error()));
  });
  return std::nullopt;
}

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
  const bool by_bytes =
      call.args.size() == 5 && SameWord(call.args[3], "BY") && SameWord(call.args[4], "BYTES");
  if (by_bytes) return SplitByBytes(call, *from);
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

std::optional<Reply> WeirShardMove(const OperationCall& call) {
  const std::optional<uint64_t> from = ParsePosition(call.args[2]);
  if (!from) return Reply::Failure(errors::NoPosition(call.args[2]));
  const std::optional<uint64_t> shard = ParseNumber(call.args[3]);
  if (!shard || *shard > UINT32_MAX) return Reply::Failure(errors::NoNumber(call.args[3]));
  auto operation = std::make_shared<RangeChange>(call.origin);
  call.gateway.moves().Begin({*from}, shard::ShardId{static_cast<uint32_t>(*shard)},
                             [operation](const Result<uint64_t>& begun) {
                               End(operation,
                                   begun.ok() ? Reply::Integer(static_cast<int64_t>(begun.value()))
                                              : ErrorReply(begun.error()));
                             });
  return std::nullopt;
}

std::optional<Reply> WeirShardCancel(const OperationCall& call) {
  return Give(call, RangeMoves::Order::kCancel);
}

std::optional<Reply> WeirShardFinish(const OperationCall& call) {
  return Give(call, RangeMoves::Order::kFinish);
}

std::optional<Reply> WeirShardPause(const OperationCall& call) {
  return Give(call, RangeMoves::Order::kPause);
}

std::optional<Reply> WeirShardResume(const OperationCall& call) {
  return Give(call, RangeMoves::Order::kResume);
}

std::optional<Reply> WeirShardRollback(const OperationCall& call) {
  return Give(call, RangeMoves::Order::kRollback);
}

// An array for each move: number, beginning and end of its range, shard, shard of the copy, phase,
// stage, whether it is paused, how much of the stage is done in thousandths, keys and bytes brought
// over, keys to be looked at, what went wrong last, and the seconds until it finishes by itself,
// -1: never.
std::optional<Reply> WeirShardStatus(const OperationCall& call) {
  std::vector<Reply> moves;
  for (const MoveStatus& status : call.gateway.moves().Status()) moves.push_back(Told(status));
  return Reply::Array(std::move(moves));
}

}  // namespace weir::gateway::commands
