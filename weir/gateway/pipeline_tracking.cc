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
void Pipeline::TrackKey(std::string_view key, uint64_t hash, const ClientTracking::Shown& shown) {
  gateway_.tracking().OnRead(session_.id, session_.tracking, key, hash, shown, &outbox_.told);
}

// Its reply has been written. A thread of heavy work, which looks at many keys, keeps no tokens.
void Pipeline::TrackRead(const Queued& read) {
  const CommandSpec& spec = *read.spec;
  if ((spec.flags & kFlagReadOnly) == 0 || spec.kind != CommandKind::kRead) return;
  const Args args = read.args.views();
  const size_t count = spec.KeyCount(args);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view key = args[spec.KeyIndex(i)];
    const bool known = i < read.slots.size();
    const KeyHash hash = known ? read.slots[i].hash : gateway_.placement().Hash(key);
    ClientTracking::Shown shown = known ? read.slots[i].shown : ClientTracking::Shown{};
    const Lanes::Locked lane = gateway_.lanes().Lock(hash.lane);
    shown.current &= known && lane->CurrentToken(hash.hash) == read.slots[i].token;
    TrackKey(key, hash.hash, shown);
  }
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
                .current = lane->CurrentToken(hash.hash) == body.tokens[shown.found + i]});
    }
  }
}

}  // namespace weir::gateway
