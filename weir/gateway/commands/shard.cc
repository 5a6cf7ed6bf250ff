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
#include "weir/gateway/range_load.h"
#include "weir/gateway/shard_list_operation.h"
#include "weir/shard/position.h"

namespace weir::gateway::commands {
namespace {

const Error kNoLoadToHalve{ErrorCode::kInvalid,
                           "the range had reads and writes that reached its database of one {tag} "
                           "at most in the last seconds, and a tag is never cut"};

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
       number(status.bytes), number(status.written), text(status.error)});
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

// Cuts the range that begins at `from` where it was found that it should be, and ends `operation`.
void CutWhereFound(const std::shared_ptr<Operation>& operation, Gateway& gateway, uint64_t from,
                   const Result<shard::Position>& found) {
  const auto end = [operation](Reply reply) {
    operation->reply() = std::move(reply);
    Deliver(operation);
  };
  if (!found.ok()) return end(ErrorReply(found.error()));
  const auto at = std::make_shared<std::optional<uint64_t>>(found.value().value);
  gateway.ranges().Submit(
      [from, at](shard::RangeMap& map) { return Split(map, from, at.get()); },
      [at, end](const Result<Ok>& cut) {
        end(cut.ok() ? Reply::Bulk(Bytes::Copy(PositionText(**at))) : ErrorReply(cut.error()));
      });
}

// Reads the range, to cut it where half of its bytes are on either side.
std::optional<Reply> SplitByBytes(const OperationCall& call, const shard::Range& range) {
  const auto operation = std::make_shared<HalfwayOperation>(call.origin, call.gateway, range);
  HalfwayOperation::Begin(
      operation, [operation, from = range.from.value, &gateway = call.gateway](const auto& found) {
        CutWhereFound(operation, gateway, from, found);
      });
  return std::nullopt;
}

// Cuts the range where half of its load is on either side.
std::optional<Reply> SplitByLoad(const OperationCall& call, const shard::Range& range) {
  const auto operation = std::make_shared<RangeChange>(call.origin);
  const auto cut = [operation, range, &gateway = call.gateway](const shard::LoadPicture& picture) {
    const std::optional<shard::Position> at = picture.HalfwayIn(range);
    CutWhereFound(operation, gateway, range.from.value,
                  at ? Result<shard::Position>(*at) : Result<shard::Position>(kNoLoadToHalve));
  };
  if (BeginLoadOfRanges(call.gateway, cut)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

// Cuts the range that begins at `from` in halves of what `word` says.
std::optional<Reply> SplitBy(const OperationCall& call, uint64_t from, std::string_view word) {
  const shard::Range range = call.gateway.placement().RangeOf({from});
  const bool by_load = SameWord(word, "LOAD");
  if (!by_load && !SameWord(word, "BYTES")) return Reply::Failure(std::string(errors::kSyntax));
  if (range.from.value != from) return ErrorReply(NoRange(from));
  return by_load ? SplitByLoad(call, range) : SplitByBytes(call, range);
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
  ShardListOperation::Request request;
  for (size_t i = 2; i < call.args.size(); ++i) {
    if (SameWord(call.args[i], "COUNT")) {
      request.count = true;
    } else if (SameWord(call.args[i], "HOTTEST") && i + 1 < call.args.size()) {
      const std::optional<uint64_t> most = ParseNumber(call.args[++i]);
      if (!most) return Reply::Failure(errors::NoNumber(call.args[i]));
      if (*most > ShardListOperation::kHottestMax) {
        return Reply::Failure(errors::TooManyHottest(ShardListOperation::kHottestMax));
      }
      request.hottest = static_cast<size_t>(*most);
    } else {
      return Reply::Failure(std::string(errors::kSyntax));
    }
  }
  const auto list = std::make_shared<ShardListOperation>(call.origin, call.gateway, request);
  if (ShardListOperation::Begin(list)) return std::nullopt;
  return Reply::Failure(errors::TooMuchHeavyWork());
}

std::optional<Reply> WeirShardSplit(const OperationCall& call) {
  const std::optional<uint64_t> from = ParsePosition(call.args[2]);
  if (!from) return Reply::Failure(errors::NoPosition(call.args[2]));
  if (call.args.size() == 5 && SameWord(call.args[3], "BY")) {
    return SplitBy(call, *from, call.args[4]);
  }
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
// over, keys to be looked at, and what went wrong last.
std::optional<Reply> WeirShardStatus(const OperationCall& call) {
  std::vector<Reply> moves;
  for (const MoveStatus& status : call.gateway.moves().Status()) moves.push_back(Told(status));
  return Reply::Array(std::move(moves));
}

}  // namespace weir::gateway::commands
