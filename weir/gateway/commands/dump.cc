// DUMP and RESTORE: values that travel from server to server, also by MIGRATE of a Redis.
#include <algorithm>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/serialized.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/write_batch.h"

namespace weir::gateway::commands {
namespace {

constexpr int64_t kFrequencyMax = 255;

// What follows key, time and payload in a RESTORE.
struct RestoreOptions {
  bool replace = false;
  bool absolute = false;  // The time is a moment, and not from now on.
};

// IDLETIME and FREQ are looked at and forgotten: neither is kept here.
// Errors: the whole reply as message.
Result<RestoreOptions> ParseRestore(Args args) {
  const auto failure = [](std::string_view text) {
    return Error{ErrorCode::kInvalid, std::string(text)};
  };
  RestoreOptions options;
  bool idle_time = false;
  bool frequency = false;
  for (size_t i = 4; i < args.size(); ++i) {
    const bool more = i + 1 < args.size();
    int64_t number = 0;
    if (SameWord(args[i], "replace")) {
      options.replace = true;
    } else if (SameWord(args[i], "absttl")) {
      options.absolute = true;
    } else if (SameWord(args[i], "idletime") && more && !frequency) {
      idle_time = true;
      if (!ParseInteger(args[++i], &number)) return failure(errors::kNotInteger);
      if (number < 0) return failure(errors::kIdleTime);
    } else if (SameWord(args[i], "freq") && more && !idle_time) {
      frequency = true;
      if (!ParseInteger(args[++i], &number)) return failure(errors::kNotInteger);
      if (number < 0 || number > kFrequencyMax) return failure(errors::kFrequency);
    } else {
      return failure(errors::kSyntax);
    }
  }
  return options;
}

// When the key will expire. Errors: the whole reply as message.
Result<WallTime> RestoredExpiry(std::string_view text, bool absolute, WallTime now) {
  int64_t ms = 0;
  if (!ParseInteger(text, &ms)) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
  }
  if (ms < 0) return Error{ErrorCode::kInvalid, std::string(errors::kRestoreTtl)};
  if (ms == 0) return kNever;
  const int64_t room = kNever.ms - 1 - (absolute ? 0 : now.ms);
  return WallTime{std::min(ms, room) + (absolute ? 0 : now.ms)};
}

}  // namespace

void Dump(const ReadCall& call, resp::Writer& writer) {
  const Found& found = call.found[0];
  found.present ? writer.Bulk(Serialized(found.bytes)) : writer.Null();
}

void Restore(WriteBatch& batch, WriteItem& item) {
  const Args args = item.args.views();
  const auto fail = [&item](std::string_view text) {
    item.reply = Reply::Failure(std::string(text));
  };
  const Result<RestoreOptions> options = ParseRestore(args);
  if (!options.ok()) return fail(options.error().message);
  if (!options.value().replace && batch.Find(0) != nullptr) return fail(errors::kBusyKey);
  const Result<WallTime> expiry = RestoredExpiry(args[2], options.value().absolute, batch.now());
  if (!expiry.ok()) return fail(expiry.error().message);
  if (!IsWhole(args[3])) return fail(errors::kBadPayload);
  Result<Bytes> value = Deserialized(args[3], batch.ValueBytesMax(0));
  if (!value.ok()) {
    const bool long_value = value.error().code == ErrorCode::kOverloaded;
    return fail(long_value ? errors::kTooLong : errors::kBadFormat);
  }
  item.reply = Reply::Ok();
  batch.Put(0, std::move(value).value(), expiry.value());
}

}  // namespace weir::gateway::commands
