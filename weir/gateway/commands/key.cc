#include <algorithm>
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/expiry.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

// What TTL and PTTL answer for a key that is absent, and for one that does not expire.
constexpr int64_t kTtlAbsent = -2;
constexpr int64_t kTtlNever = -1;

int64_t RemainingMs(const ReadCall& call) {
  const Found& found = call.found[0];
  if (!found.present) return kTtlAbsent;
  if (found.expires_at == kNever) return kTtlNever;
  // It was there at the moment that was read, so it had time left, whatever the clock says by now.
  return std::max<int64_t>(found.expires_at.ms - call.now.ms, 1);
}

// NX, XX, GT and LT of EXPIRE.
struct ExpireOptions {
  bool only_without = false;
  bool only_with = false;
  bool only_later = false;
  bool only_earlier = false;

  // kNever counts as later than everything else.
  bool Allow(WallTime old, WallTime wanted) const {
    return !(only_without && old != kNever) && !(only_with && old == kNever) &&
           !(only_later && wanted <= old) && !(only_earlier && wanted >= old);
  }
};

// Errors: the whole reply as message.
Result<ExpireOptions> ParseExpireOptions(Args args) {
  ExpireOptions options;
  for (const std::string_view word : args.subspan(3)) {
    if (SameWord(word, "nx")) {
      options.only_without = true;
    } else if (SameWord(word, "xx")) {
      options.only_with = true;
    } else if (SameWord(word, "gt")) {
      options.only_later = true;
    } else if (SameWord(word, "lt")) {
      options.only_earlier = true;
    } else {
      return Error{ErrorCode::kInvalid, errors::UnsupportedOption(word)};
    }
  }
  if (options.only_without && (options.only_with || options.only_later || options.only_earlier)) {
    return Error{ErrorCode::kInvalid,
                 "ERR NX and XX, GT or LT options at the same time are not compatible"};
  }
  if (options.only_later && options.only_earlier) {
    return Error{ErrorCode::kInvalid, "ERR GT and LT options at the same time are not compatible"};
  }
  return options;
}

void ExpireIn(WriteBatch& batch, WriteItem& item, ExpiryUnit unit) {
  const Result<ExpireOptions> options = ParseExpireOptions(item.args.views());
  if (!options.ok()) {
    item.reply = Reply::Failure(options.error().message);
    return;
  }
  const Result<WallTime> wanted =
      ParseExpiry(item.args[2], unit, batch.now(), item.command->name, ExpiryRange::kAny);
  if (!wanted.ok()) {
    item.reply = Reply::Failure(wanted.error().message);
    return;
  }
  const cache::Value* old = batch.Find(0);
  if (old == nullptr || !options.value().Allow(old->expires_at, wanted.value())) {
    item.reply = Reply::Integer(0);
    return;
  }
  const Bytes bytes = old->bytes;
  batch.Put(0, bytes, wanted.value());  // A moment that has passed erases the key.
  item.reply = Reply::Integer(1);
}

void WriteExpiryTime(const ReadCall& call, int64_t unit_ms, resp::Writer& writer) {
  const Found& found = call.found[0];
  if (!found.present) {
    writer.Integer(kTtlAbsent);
  } else if (found.expires_at == kNever) {
    writer.Integer(kTtlNever);
  } else {
    // Rounded without a sum, which might not fit.
    const int64_t ms = found.expires_at.ms;
    writer.Integer(ms / unit_ms + (ms % unit_ms * 2 >= unit_ms ? 1 : 0));
  }
}

// RENAME and RENAMENX. Returns whether the key now has its new name; if not, the reply is set.
bool Move(WriteBatch& batch, WriteItem& item, bool only_to_absent) {
  const cache::Value* source = batch.Find(0);
  if (source == nullptr) {
    item.reply = Reply::Failure(std::string(errors::kNoSuchKey));
    return false;
  }
  if (source->bytes.size() > batch.ValueBytesMax(1)) {
    item.reply = Reply::Failure(std::string(errors::kTooLong));
    return false;
  }
  const bool same = item.args[1] == item.args[2];
  item.reply = Reply::Integer(0);
  if (only_to_absent && batch.Find(1) != nullptr) return false;
  if (same) return true;
  const cache::Value moved = *source;
  batch.Erase(0);
  batch.Put(1, moved.bytes, moved.expires_at);
  return true;
}

// What follows the keys of COPY. Errors: the whole reply as message.
Result<bool> ParseCopyReplace(Args args) {
  bool replace = false;
  for (size_t i = 3; i < args.size(); ++i) {
    if (SameWord(args[i], "replace")) {
      replace = true;
    } else if (SameWord(args[i], "db") && i + 1 < args.size()) {
      const Result<int32_t> index = ParseInt32(args[++i]);
      if (!index.ok()) return index.error();
      if (index.value() != 0) return Error{ErrorCode::kInvalid, std::string(errors::kDbIndex)};
    } else {
      return Error{ErrorCode::kInvalid, std::string(errors::kSyntax)};
    }
  }
  return replace;
}

}  // namespace

void Exists(const ReadCall& call, resp::Writer& writer) {
  writer.Integer(std::count_if(call.found.begin(), call.found.end(),
                               [](const Found& found) { return found.present; }));
}

void Type(const ReadCall& call, resp::Writer& writer) {
  writer.SimpleString(call.found[0].present ? "string" : "none");
}

void Ttl(const ReadCall& call, resp::Writer& writer) {
  const int64_t ms = RemainingMs(call);
  writer.Integer(ms < 0 ? ms : (ms + 500) / 1000);
}

void Pttl(const ReadCall& call, resp::Writer& writer) {
  writer.Integer(RemainingMs(call));
}

void Expiretime(const ReadCall& call, resp::Writer& writer) {
  WriteExpiryTime(call, 1000, writer);
}

void Pexpiretime(const ReadCall& call, resp::Writer& writer) {
  WriteExpiryTime(call, 1, writer);
}

void Del(WriteBatch& batch, WriteItem& item) {
  item.reply = Reply::Integer(0);
  const size_t keys = item.command->KeyCount(item.args.views());
  for (size_t key = 0; key < keys; ++key) batch.EraseCounted(key, item);
}

void Expire(WriteBatch& batch, WriteItem& item) {
  ExpireIn(batch, item, ExpiryUnit::kSeconds);
}

void Pexpire(WriteBatch& batch, WriteItem& item) {
  ExpireIn(batch, item, ExpiryUnit::kMilliseconds);
}

void Expireat(WriteBatch& batch, WriteItem& item) {
  ExpireIn(batch, item, ExpiryUnit::kSecondsAt);
}

void Pexpireat(WriteBatch& batch, WriteItem& item) {
  ExpireIn(batch, item, ExpiryUnit::kMillisecondsAt);
}

void Persist(WriteBatch& batch, WriteItem& item) {
  const cache::Value* old = batch.Find(0);
  if (old == nullptr || old->expires_at == kNever) {
    item.reply = Reply::Integer(0);
    return;
  }
  const Bytes bytes = old->bytes;
  batch.Put(0, bytes, kNever);
  item.reply = Reply::Integer(1);
}

void Rename(WriteBatch& batch, WriteItem& item) {
  if (Move(batch, item, false)) item.reply = Reply::Ok();
}

void Renamenx(WriteBatch& batch, WriteItem& item) {
  if (Move(batch, item, true)) item.reply = Reply::Integer(1);
}

void Copy(WriteBatch& batch, WriteItem& item) {
  const Result<bool> replace = ParseCopyReplace(item.args.views());
  if (!replace.ok()) {
    item.reply = Reply::Failure(replace.error().message);
    return;
  }
  if (item.args[1] == item.args[2]) {
    item.reply = Reply::Failure(std::string(errors::kSameObject));
    return;
  }
  const cache::Value* source = batch.Find(0);
  item.reply = Reply::Integer(0);
  if (source == nullptr || (batch.Find(1) != nullptr && !replace.value())) return;
  if (source->bytes.size() > batch.ValueBytesMax(1)) {
    item.reply = Reply::Failure(std::string(errors::kTooLong));
    return;
  }
  const cache::Value copied = *source;
  batch.Put(1, copied.bytes, copied.expires_at);
  item.reply = Reply::Integer(1);
}

}  // namespace weir::gateway::commands
