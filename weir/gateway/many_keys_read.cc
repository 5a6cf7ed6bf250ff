#include "weir/gateway/many_keys_read.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway {

ManyKeysRead::ManyKeysRead(Origin origin, const CommandSpec& command, OwnedArgs args,
                           resp::Protocol protocol, Gateway& gateway)
    : Operation(origin),
      command_(command),
      args_(std::move(args)),
      keys_(command.KeyCount(args_.views())),
      protocol_(protocol),
      gateway_(gateway) {}

bool ManyKeysRead::LookUp(const std::shared_ptr<ManyKeysRead>& self) {
  return self->gateway_.heavy_reads().TryPost(self->args_.bytes(), [self] {
    const bool found = self->Collect() && self->StillHolds();
    if (found) {
      self->Encode();
    } else if (self->reply_.kind == Reply::Kind::kNull) {
      self->AskForSnapshot();
    }
    if (!self->needs_snapshot()) self->looks_ = {};
    self->found_ = {};
    Deliver(self);
  });
}

// Returns whether all keys are in memory, and what the reply needs of them was taken.
bool ManyKeysRead::Collect() {
  now_ = gateway_.clock().Wall();
  looks_.resize(keys_);
  found_.resize(keys_);
  size_t bytes = 0;
  for (size_t i = 0; i < keys_; ++i) {
    Look& look = looks_[i];
    look.hash = gateway_.placement().Hash(Key(i));
    const Lanes::Locked lane = gateway_.lanes().Lock(look.hash.lane);
    look.token = lane->CurrentToken(look.hash.hash);
    const auto hit = lane->Find(Key(i), look.hash.hash, now_);
    look.missed = !hit.has_value();
    if (look.missed) continue;
    ++hits_;
    found_[i].present = !hit->absent;
    found_[i].expires_at = hit->expires_at;
    found_[i].version = hit->version;
    bytes += hit->value.size();
    if (!command_.NeedsValues() || bytes > gateway_.memory().reply_bytes_max()) continue;
    look.value = hit->shared != nullptr ? *hit->shared : Bytes::Copy(hit->value);
    found_[i].bytes = look.value.view();
    found_[i].shared = &look.value;
  }
  if (command_.NeedsValues() && bytes > gateway_.memory().reply_bytes_max()) {
    reply_ = Reply::Failure(std::string(errors::kReplyTooLarge));
    return false;
  }
  return hits_ == keys_;
}

// Whether no key has been written, and none has expired, since it was looked at.
bool ManyKeysRead::StillHolds() const {
  const WallTime now = gateway_.clock().Wall();
  const bool expired = std::any_of(found_.begin(), found_.end(), [now](const Found& found) {
    return found.present && found.expires_at <= now;
  });
  return !expired && std::all_of(looks_.begin(), looks_.end(), [this](const Look& look) {
    const Lanes::Locked lane = gateway_.lanes().Lock(look.hash.lane);
    return lane->CurrentToken(look.hash.hash) == look.token;
  });
}

void ManyKeysRead::AskForSnapshot() {
  std::vector<std::string> keys;
  keys.reserve(keys_);
  for (size_t i = 0; i < keys_; ++i) keys.emplace_back(Key(i));
  snapshot_ = std::make_shared<SnapshotOperation>(origin_, std::move(keys), command_.NeedsValues());
}

void ManyKeysRead::AnswerFrom(const std::shared_ptr<ManyKeysRead>& self,
                              std::shared_ptr<SnapshotOperation> snapshot) {
  assert(!self->needs_snapshot());
  assert(!snapshot->error().has_value());
  // The task has the snapshot to itself, so that it is freed there as well.
  self->gateway_.heavy_reads().Post([self, snapshot = std::move(snapshot)]() mutable {
    for (const std::optional<cache::Value>& value : snapshot->values()) {
      self->found_.push_back(FoundIn(value));
    }
    self->Encode();
    self->Keep(*snapshot);
    self->found_ = {};
    self->looks_ = {};
    snapshot.reset();
    Deliver(self);
  });
}

// Keeps what was not in memory in the cache, as far as it was read and no write has come since. Not
// that nothing is there, where an expired record still stands: writes rely on that.
void ManyKeysRead::Keep(const SnapshotOperation& snapshot) {
  const std::vector<std::optional<cache::Value>>& values = snapshot.values();
  const WallTime now = gateway_.clock().Wall();
  ClientTracking::Untold untold;
  for (size_t i = 0; i < keys_; ++i) {
    if (!looks_[i].missed || snapshot.expired(i)) continue;
    if (values[i].has_value() && !command_.NeedsValues()) continue;
    const KeyHash& hash = looks_[i].hash;
    const cache::Lane::Keep keep = gateway_.placement().KeyspaceOf(Key(i)).KeepFrom(now, hash.hash);
    const Lanes::Locked lane = gateway_.lanes().Lock(hash.lane);
    lane->Fill(Key(i), hash.hash, looks_[i].token, values[i], keep, now);
    if (lane->CurrentToken(hash.hash) != looks_[i].token) continue;
    gateway_.tracking().OnLoaded(Key(i), hash.hash, values[i].has_value() ? values[i]->version : 0,
                                 &untold);
  }
  if (!untold.empty()) gateway_.tracking().Tell(&untold);
}

void ManyKeysRead::Encode() {
  reply_ = EncodedBy(protocol_, [this](resp::Writer& writer) {
    command_.read({args_.views(), found_, now_, gateway_.memory().reply_bytes_max()}, writer);
  });
}

}  // namespace weir::gateway
