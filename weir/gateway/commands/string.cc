#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/expiry.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

void WriteFound(const Found& found, resp::Writer& writer) {
  if (!found.present) {
    writer.Null();
  } else if (found.shared != nullptr) {
    writer.Bulk(*found.shared);
  } else {
    writer.Bulk(found.bytes);
  }
}

// What follows key and value in a SET.
struct SetOptions {
  bool only_absent = false;
  bool only_present = false;
  bool get = false;
  bool keep_expiry = false;
  std::optional<ExpiryUnit> unit;
  std::string_view expiry;
};

// Returns nullopt for a syntax error.
std::optional<SetOptions> ParseSet(Args args) {
  SetOptions options;
  for (size_t i = 3; i < args.size(); ++i) {
    const std::string_view word = args[i];
    std::optional<ExpiryUnit> unit;
    if (SameWord(word, "nx") && !options.only_present) {
      options.only_absent = true;
    } else if (SameWord(word, "xx") && !options.only_absent) {
      options.only_present = true;
    } else if (SameWord(word, "get")) {
      options.get = true;
    } else if (SameWord(word, "keepttl") && !options.unit.has_value()) {
      options.keep_expiry = true;
    } else if (!options.keep_expiry && i + 1 < args.size() && ParseExpiryUnit(word, &unit) &&
               options.unit.value_or(*unit) == *unit) {
      options.unit = unit;  // As in Redis, the same unit may come again; the last one counts.
      options.expiry = args[++i];
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// Adds `delta` to the integer that the key holds, or to 0.
void Add(WriteBatch& batch, WriteItem& item, int64_t delta) {
  const cache::Value* old = batch.Find(0);
  int64_t value = 0;
  if (old != nullptr && !ParseInteger(old->bytes.view(), &value)) {
    item.reply = Reply::Failure(std::string(errors::kNotInteger));
    return;
  }
  if (__builtin_add_overflow(value, delta, &value)) {
    item.reply = Reply::Failure(std::string(errors::kOverflow));
    return;
  }
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  batch.Put(0, Bytes::Copy({text.data(), static_cast<size_t>(end - text.data())}),
            old != nullptr ? old->expires_at : kNever);
  item.reply = Reply::Integer(value);
}

}  // namespace

void Get(const ReadCall& call, resp::Writer& writer) {
  WriteFound(call.found[0], writer);
}

void Mget(const ReadCall& call, resp::Writer& writer) {
  writer.ArrayHeader(call.found.size());
  for (const Found& found : call.found) WriteFound(found, writer);
}

void Strlen(const ReadCall& call, resp::Writer& writer) {
  writer.Integer(static_cast<int64_t>(call.found[0].bytes.size()));
}

bool SetIsBlind(Args args) {
  if (args.size() == 3) return true;
  const std::optional<SetOptions> options = ParseSet(args);
  if (!options.has_value() || options->only_absent || options->only_present || options->get ||
      options->keep_expiry) {
    return false;
  }
  // A bad expiry changes nothing, so what the key holds afterwards is what it held before.
  return !options->unit.has_value() || IsPositiveExpiry(options->expiry, *options->unit);
}

void Set(WriteBatch& batch, WriteItem& item) {
  const Args args = item.args.views();
  const std::optional<SetOptions> options = ParseSet(args);
  if (!options.has_value()) {
    item.reply = Reply::Failure(std::string(errors::kSyntax));
    return;
  }
  WallTime expires_at = kNever;
  if (options->unit.has_value()) {
    const Result<WallTime> parsed =
        ParseExpiry(options->expiry, *options->unit, batch.now(), "set", ExpiryRange::kPositive);
    if (!parsed.ok()) {
      item.reply = Reply::Failure(parsed.error().message);
      return;
    }
    expires_at = parsed.value();
  }
  if (SetIsBlind(args)) {
    batch.Put(0, item.args.Share(2), expires_at);
    item.reply = Reply::Ok();
    return;
  }
  const cache::Value* old = batch.Find(0);
  const bool allowed =
      !(options->only_absent && old != nullptr) && !(options->only_present && old == nullptr);
  item.reply = allowed ? Reply::Ok() : Reply::Null();
  if (options->get) item.reply = old == nullptr ? Reply::Null() : Reply::Bulk(old->bytes);
  if (!allowed) return;
  if (options->keep_expiry && old != nullptr) expires_at = old->expires_at;
  batch.Put(0, item.args.Share(2), expires_at);
}

void Mset(WriteBatch& batch, WriteItem& item) {
  const size_t keys = item.command->KeyCount(item.args.views());
  for (size_t key = 0; key < keys; ++key) {
    batch.Put(key, item.args.Share(item.command->KeyIndex(key) + 1), kNever);
  }
  item.reply = Reply::Ok();
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

void Incr(WriteBatch& batch, WriteItem& item) {
  Add(batch, item, 1);
}

void Decr(WriteBatch& batch, WriteItem& item) {
  Add(batch, item, -1);
}

// INCRBY and DECRBY.
void Incrby(WriteBatch& batch, WriteItem& item) {
  int64_t delta = 0;
  if (!ParseInteger(item.args[2], &delta)) {
    item.reply = Reply::Failure(std::string(errors::kNotInteger));
    return;
  }
  if (item.command->name == "decrby") {
    if (delta == std::numeric_limits<int64_t>::min()) {
      item.reply = Reply::Failure(std::string(errors::kDecrementOverflow));
      return;
    }
    delta = -delta;
  }
  Add(batch, item, delta);
}

}  // namespace weir::gateway::commands
