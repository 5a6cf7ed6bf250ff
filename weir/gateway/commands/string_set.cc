// SET, its older forms, and the commands that read a value as they change it.
#include <algorithm>
#include <optional>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/expiry.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// What follows key and value in a SET.
struct SetOptions {
  bool only_absent = false;
  bool only_present = false;
  std::optional<std::string_view> only_equal_to;  // IFEQ of Valkey.
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
    const bool equal = options.only_equal_to.has_value();
    if (SameWord(word, "nx") && !options.only_present && !equal) {
      options.only_absent = true;
    } else if (SameWord(word, "xx") && !options.only_absent && !equal) {
      options.only_present = true;
    } else if (SameWord(word, "ifeq") && !options.only_present && !options.only_absent && !equal &&
               i + 1 < args.size()) {
      options.only_equal_to = args[++i];
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

bool Allowed(const SetOptions& options, const cache::Value* old) {
  if (options.only_absent) return old == nullptr;
  if (options.only_present) return old != nullptr;
  if (!options.only_equal_to.has_value()) return true;
  return old != nullptr && old->bytes.view() == *options.only_equal_to;
}

// What follows the key in a GETEX.
struct GetexOptions {
  bool persist = false;
  std::optional<ExpiryUnit> unit;
  std::string_view expiry;
};

// Returns nullopt for a syntax error.
std::optional<GetexOptions> ParseGetex(Args args) {
  GetexOptions options;
  for (size_t i = 2; i < args.size(); ++i) {
    std::optional<ExpiryUnit> unit;
    if (SameWord(args[i], "persist") && !options.unit.has_value()) {
      options.persist = true;
    } else if (!options.persist && i + 1 < args.size() && ParseExpiryUnit(args[i], &unit) &&
               options.unit.value_or(*unit) == *unit) {
      options.unit = unit;
      options.expiry = args[++i];
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// SETEX and PSETEX.
void SetExpiring(WriteBatch& batch, WriteItem& item, ExpiryUnit unit) {
  const Result<WallTime> expires_at =
      ParseExpiry(item.args[2], unit, batch.now(), item.command->name, ExpiryRange::kPositive);
  if (!expires_at.ok()) {
    item.reply = Reply::Failure(expires_at.error().message);
    return;
  }
  batch.Put(0, item.args.Share(3), expires_at.value());
  item.reply = Reply::Ok();
}

Reply BulkOrNull(const cache::Value* value) {
  return value == nullptr ? Reply::Null() : Reply::Bulk(value->bytes);
}

}  // namespace

bool SetIsBlind(Args args) {
  if (args.size() == 3) return true;
  const std::optional<SetOptions> options = ParseSet(args);
  if (!options.has_value() || options->only_absent || options->only_present ||
      options->only_equal_to.has_value() || options->get || options->keep_expiry) {
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
  const bool allowed = Allowed(*options, old);
  item.reply = allowed ? Reply::Ok() : Reply::Null();
  if (options->get) item.reply = old == nullptr ? Reply::Null() : Reply::Bulk(old->bytes);
  if (!allowed) return;
  if (options->keep_expiry && old != nullptr) expires_at = old->expires_at;
  batch.Put(0, item.args.Share(2), expires_at);
}

uint16_t SetUse(Args args) {
  const bool get = std::any_of(args.begin() + 3, args.end(),
                               [](std::string_view word) { return SameWord(word, "get"); });
  return get ? kKeyRw | kKeyAccess | kKeyUpdate : kKeyOw | kKeyUpdate;
}

void Setnx(WriteBatch& batch, WriteItem& item) {
  const bool absent = batch.Find(0) == nullptr;
  if (absent) batch.Put(0, item.args.Share(2), kNever);
  item.reply = Reply::Integer(absent ? 1 : 0);
}

void Setex(WriteBatch& batch, WriteItem& item) {
  SetExpiring(batch, item, ExpiryUnit::kSeconds);
}

void Psetex(WriteBatch& batch, WriteItem& item) {
  SetExpiring(batch, item, ExpiryUnit::kMilliseconds);
}

bool SetexIsBlind(Args args) {
  return IsPositiveExpiry(args[2], ExpiryUnit::kSeconds);
}

bool PsetexIsBlind(Args args) {
  return IsPositiveExpiry(args[2], ExpiryUnit::kMilliseconds);
}

void Getset(WriteBatch& batch, WriteItem& item) {
  item.reply = BulkOrNull(batch.Find(0));
  batch.Put(0, item.args.Share(2), kNever);
}

void Getdel(WriteBatch& batch, WriteItem& item) {
  item.reply = BulkOrNull(batch.Find(0));
  batch.Erase(0);
}

void Getex(WriteBatch& batch, WriteItem& item) {
  const std::optional<GetexOptions> options = ParseGetex(item.args.views());
  if (!options.has_value()) {
    item.reply = Reply::Failure(std::string(errors::kSyntax));
    return;
  }
  const cache::Value* old = batch.Find(0);
  item.reply = BulkOrNull(old);
  if (old == nullptr) return;
  WallTime expires_at = options->persist ? kNever : old->expires_at;
  if (options->unit.has_value()) {
    const Result<WallTime> parsed =
        ParseExpiry(options->expiry, *options->unit, batch.now(), "getex", ExpiryRange::kPositive);
    if (!parsed.ok()) {
      item.reply = Reply::Failure(parsed.error().message);
      return;
    }
    expires_at = parsed.value();
  }
  if (expires_at == old->expires_at) return;
  const Bytes bytes = old->bytes;
  batch.Put(0, bytes, expires_at);
}

}  // namespace weir::gateway::commands
