// What the key space as a whole is asked.
#include <charconv>
#include <memory>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/keys_operation.h"
#include "weir/gateway/operations.h"
#include "weir/gateway/random_key_operation.h"
#include "weir/gateway/session.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// Matching costs its length for each key.
constexpr size_t kPatternBytesMax = size_t{128} << 10;

// Errors: kInvalid, with the whole reply as message.
Result<ScanOperation::Request> ParseScan(Args args) {
  ScanOperation::Request request;
  const Error syntax{ErrorCode::kInvalid, std::string(errors::kSyntax)};
  const auto [end, status] =
      std::from_chars(args[1].data(), args[1].data() + args[1].size(), request.cursor);
  if (status != std::errc() || end != args[1].data() + args[1].size()) {
    return Error{ErrorCode::kInvalid, std::string(errors::kInvalidCursor)};
  }
  for (size_t i = 2; i < args.size(); i += 2) {
    const std::string_view word = args[i];
    if (SameWord(word, "novalues")) {  // Of a page of names there is nothing to leave out.
      --i;
      continue;
    }
    if (i + 1 == args.size()) return syntax;
    const std::string_view value = args[i + 1];
    if (SameWord(word, "match")) {
      if (value.size() > kPatternBytesMax) {
        return Error{ErrorCode::kInvalid, std::string(errors::kPatternTooLong)};
      }
      request.match = std::string(value);
    } else if (SameWord(word, "count")) {
      int64_t count = 0;
      if (!ParseInteger(value, &count)) {
        return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
      }
      if (count < 1) return syntax;
      request.count = static_cast<size_t>(count);
    } else if (SameWord(word, "type")) {
      request.nothing = !SameWord(value, "string");
    } else {
      return syntax;
    }
  }
  return request;
}

bool IsFlush(Args args) {
  return args.size() == 1 ||
         (args.size() == 2 && (SameWord(args[1], "sync") || SameWord(args[1], "async")));
}

}  // namespace

std::optional<Reply> Dbsize(const OperationCall& call) {
  CountOperation::Begin(std::make_shared<CountOperation>(call.origin), call.gateway);
  return std::nullopt;
}

std::optional<Reply> Flushall(const OperationCall& call) {
  if (!IsFlush(call.args)) return Reply::Failure(std::string(errors::kSyntax));
  ClearOperation::Begin(std::make_shared<ClearOperation>(call.origin), call.gateway);
  return std::nullopt;
}

std::optional<Reply> Keys(const OperationCall& call) {
  const std::string_view pattern = call.args[1];
  if (pattern.size() > kPatternBytesMax) {
    return Reply::Failure(std::string(errors::kPatternTooLong));
  }
  KeysOperation::Request request;
  request.pattern = std::string(pattern);
  request.viewer = call.session.viewer();
  KeysOperation::Begin(
      std::make_shared<KeysOperation>(call.origin, std::move(request), call.gateway));
  return std::nullopt;
}

std::optional<Reply> Randomkey(const OperationCall& call) {
  RandomKeyOperation::Begin(std::make_shared<RandomKeyOperation>(call.origin, call.gateway));
  return std::nullopt;
}

std::optional<Reply> Scan(const OperationCall& call) {
  Result<ScanOperation::Request> request = ParseScan(call.args);
  if (!request.ok()) return Reply::Failure(request.error().message);
  request.value().viewer = call.session.viewer();
  ScanOperation::Begin(std::make_shared<ScanOperation>(call.origin, std::move(request).value()),
                       call.gateway);
  return std::nullopt;
}

void DbsizeInTransaction(WriteBatch& batch, WriteItem& item) {
  item.reply = Reply::Integer(batch.CountRecords());
}

void FlushallInTransaction(WriteBatch& batch, WriteItem& item) {
  if (!IsFlush(item.args.views())) {
    item.reply = Reply::Failure(std::string(errors::kSyntax));
    return;
  }
  batch.Empty();
  item.reply = Reply::Ok();
}

}  // namespace weir::gateway::commands
