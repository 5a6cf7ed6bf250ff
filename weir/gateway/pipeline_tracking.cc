// The part of Pipeline that is about clients with caches of their own: which keys they are shown,
// and what they are told.
#include "weir/gateway/pipeline.h"

namespace weir::gateway {

void Pipeline::Tell(const Bytes& message) {
  if (session_.protocol != resp::Protocol::kResp3) return;
  resp::Writer(output_, session_.protocol).Encoded(message);
}

// The command after CLIENT CACHING has been answered; as in Redis, other CLIENT commands do not
// count, and MULTI is one with its EXEC.
void Pipeline::EndCaching(const CommandSpec* spec) {
  if (spec != nullptr && (spec->name.starts_with("client|") || spec->name == "multi")) return;
  session_.tracking.caching = false;
}

// Requires: the lock of the key's lane is held.
void Pipeline::TrackKey(std::string_view key, uint64_t hash, ClientTracking::Shown shown) {
  // What has expired may have been removed and told of, though the clock of this round is behind.
  if (shown.expires_at != kNever) shown.current &= shown.expires_at > gateway_.clock().Wall();
  if (shown.current) {
    gateway_.tracking().OnRead(session_.id, session_.tracking, key, hash, shown, &outbox_.untold);
  } else {
    TellOutdated({&key, 1});
  }
}

// Its reply stands in the output, and what it was shown of these keys, or of all, is not to be
// kept.
void Pipeline::TellOutdated(std::span<const std::string_view> keys) {
  for (const Bytes& message :
       gateway_.tracking().OnOutdatedRead(session_.id, session_.tracking, keys, &outbox_.untold)) {
    Tell(message);
  }
}

// Its reply has been written. An error has shown nothing.
void Pipeline::TrackRead(const Queued& read) {
  const CommandSpec& spec = *read.spec;
  if ((spec.flags & kFlagReadOnly) == 0 || spec.kind != CommandKind::kRead) return;
  if (read.reply.kind == Reply::Kind::kError) return;
  const Args args = read.args.views();
  // Another node tells nobody here of what becomes of its keys.
  if (read.many != nullptr || read.to != ring::kNoNode) {
    TrackMany(spec, args);
    return;
  }
  for (size_t i = 0; i < read.slots.size(); ++i) {
    const Slot& slot = read.slots[i];
    const Lanes::Locked lane = gateway_.lanes().Lock(slot.hash.lane);
    ClientTracking::Shown shown = slot.shown;
    shown.current &= lane->CurrentToken(slot.hash.hash) == slot.token;
    TrackKey(args[spec.KeyIndex(i)], slot.hash.hash, shown);
  }
}

// Who looked at them, a thread of heavy work or another node, has kept no tokens.
void Pipeline::TrackMany(const CommandSpec& spec, Args args) {
  const size_t count = spec.KeyCount(args);
  std::vector<std::string_view> keys;
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    keys.push_back(args[spec.KeyIndex(i)]);
    bytes += keys.back().size() + sizeof(std::string_view);
    if (bytes <= ClientTracking::kNamedBytesMax) continue;
    keys.clear();
    break;
  }
  TellOutdated(keys);
}

// EXEC's reply stands in the output, where what is told from now on comes behind it. Not before: a
// step that runs apart may have held the reply back, and a write may have come since.
void Pipeline::TrackSteps(const TransactionBody& body, std::span<const ShownStep> steps) {
  if (!session_.tracking.on) return;  // The last that it ran.
  for (const ShownStep& shown : steps) {
    const WriteItem& step = body.steps[shown.step];
    for (size_t i = 0; i < step.KeyCount(); ++i) {
      const std::string_view key = step.args[step.command->KeyIndex(i)];
      const KeyHash hash = gateway_.placement().Hash(key);
      const std::optional<cache::Value>& value = body.found[shown.found + i];
      const Lanes::Locked lane = gateway_.lanes().Lock(hash.lane);
      TrackKey(key, hash.hash,
               {.version = value.has_value() ? value->version : 0,
                .current = lane->CurrentToken(hash.hash) == body.tokens[shown.found + i],
                .expires_at = value.has_value() ? value->expires_at : kNever});
    }
  }
}

}  // namespace weir::gateway
