// Commands on strings; SET and its relatives are in string_set.cc, numbers in number.cc.
#include <algorithm>
#include <cstring>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// The bytes from `start` to `end`, both included and counted from the end when negative.
std::string_view Part(std::string_view value, int64_t start, int64_t end) {
  if (IsReversedFromEnd(start, end)) return {};
  const std::optional<IndexRange> range = ClampRange(start, end, value.size());
  return range.has_value() ? value.substr(range->first, range->last - range->first + 1)
                           : std::string_view();
}

}  // namespace

void Get(const ReadCall& call, resp::Writer& writer) {
  WriteFound(call.found[0], writer);
}

void Mget(const ReadCall& call, resp::Writer& writer) {
  size_t bytes = 0;
  for (const Found& found : call.found) bytes += found.bytes.size();
  if (bytes > call.reply_bytes_max) return WriteError(writer, errors::kReplyTooLarge);
  writer.ArrayHeader(call.found.size());
  for (const Found& found : call.found) WriteFound(found, writer);
}

void Strlen(const ReadCall& call, resp::Writer& writer) {
  writer.Integer(static_cast<int64_t>(call.found[0].bytes.size()));
}

void Mset(WriteBatch& batch, WriteItem& item) {
  const size_t keys = item.command->KeyCount(item.args.views());
  for (size_t key = 0; key < keys; ++key) {
    batch.Put(key, item.args.Share(item.command->KeyIndex(key) + 1), kNever);
  }
  item.reply = Reply::Ok();
}

void Msetnx(WriteBatch& batch, WriteItem& item) {
  const size_t keys = item.command->KeyCount(item.args.views());
  for (size_t key = 0; key < keys; ++key) {
    if (batch.Find(key) == nullptr) continue;
    item.reply = Reply::Integer(0);
    return;
  }
  Mset(batch, item);
  item.reply = Reply::Integer(1);
}

void Getrange(const ReadCall& call, resp::Writer& writer) {
  int64_t start = 0;
  int64_t end = 0;
  if (!ParseInteger(call.args[2], &start) || !ParseInteger(call.args[3], &end)) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  const Found& found = call.found[0];
  const std::string_view part = Part(found.bytes, start, end);
  if (found.shared != nullptr) {
    writer.BulkPart(*found.shared, part);
  } else {
    writer.Bulk(part);
  }
}

void Append(WriteBatch& batch, WriteItem& item) {
  const cache::Value* old = batch.Find(0);
  const std::string_view before = old != nullptr ? old->bytes.view() : std::string_view();
  const std::string_view added = item.args[2];
  if (before.size() + added.size() > batch.ValueBytesMax(0)) {
    item.reply = Reply::Failure(std::string(errors::kTooLong));
    return;
  }
  char* data = nullptr;
  Bytes bytes = Bytes::Allocate(before.size() + added.size(), &data);
  if (!before.empty()) std::memcpy(data, before.data(), before.size());
  if (!added.empty()) std::memcpy(data + before.size(), added.data(), added.size());
  item.reply = Reply::Integer(static_cast<int64_t>(bytes.size()));
  batch.Put(0, std::move(bytes), old != nullptr ? old->expires_at : kNever);
}

void Setrange(WriteBatch& batch, WriteItem& item) {
  int64_t offset = 0;
  if (!ParseInteger(item.args[2], &offset)) {
    item.reply = Reply::Failure(std::string(errors::kNotInteger));
    return;
  }
  if (offset < 0) {
    item.reply = Reply::Failure(std::string(errors::kOffset));
    return;
  }
  const cache::Value* old = batch.Find(0);
  const std::string_view before = old != nullptr ? old->bytes.view() : std::string_view();
  const std::string_view patch = item.args[3];
  if (patch.empty()) {
    item.reply = Reply::Integer(static_cast<int64_t>(before.size()));
    return;
  }
  const size_t bytes_max = batch.ValueBytesMax(0);
  if (patch.size() > bytes_max || static_cast<uint64_t>(offset) > bytes_max - patch.size()) {
    item.reply = Reply::Failure(std::string(errors::kTooLong));
    return;
  }
  const auto at = static_cast<size_t>(offset);
  char* data = nullptr;
  Bytes bytes = Extended(before, at + patch.size(), &data);
  std::memcpy(data + at, patch.data(), patch.size());
  item.reply = Reply::Integer(static_cast<int64_t>(bytes.size()));
  batch.Put(0, std::move(bytes), old != nullptr ? old->expires_at : kNever);
}

}  // namespace weir::gateway::commands
