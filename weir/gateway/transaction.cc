#include "weir/gateway/transaction.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/errors.h"

namespace weir::gateway {

Transaction::Transaction(const Placement& placement, bool any_slots)
    : placement_(placement), any_slots_(any_slots) {}

void Transaction::Open() {
  assert(!open());
  body_ = std::make_unique<TransactionBody>();
  body_->keys = watches_->keys.size();
}

// Returns why the key cannot be part of this transaction.
std::optional<std::string> Transaction::PlaceKey(std::string_view key) {
  if (!any_slots_) {
    const uint32_t slot = TagSlot(KeyTag(key));
    if (slot_.value_or(slot) != slot) return std::string(errors::kCrossSlot);
    slot_ = slot;
  }
  const uint64_t routes = placement_.routes();
  const uint32_t place = placement_.databases() == 1 ? 0 : placement_.Place(key).place.database;
  if (!database_.has_value()) {
    routes_ = routes;
    database_ = place;
  }
  // Where keys have moved meanwhile, EXEC finds out whether all are still together.
  if (*database_ != place && routes_ == placement_.routes()) {
    return std::string(errors::kCrossDatabase);
  }
  return std::nullopt;
}

std::optional<std::string> Transaction::Queue(const CommandSpec& spec, OwnedArgs args) {
  assert(open());
  if ((spec.flags & kFlagNoMulti) != 0) return std::string(errors::kNoMulti);
  const bool writes = (spec.flags & kFlagWrite) != 0;
  if (body_->asks && writes) return errors::WriteAfterAsking(spec.name);
  if (spec.kind == CommandKind::kOperation) {
    const bool one = placement_.databases() == 1;
    if (!one && writes) return errors::WholeInTransaction(spec.name);
    if (one && spec.in_transaction != nullptr) {
      body_->whole = true;
      database_ = 0;
    } else {
      body_->asks |= (spec.flags & (kFlagReadOnly | kFlagNeedsRead)) != 0;
    }
  }
  // A password takes a check, and EXEC waits for nothing.
  if (spec.kind == CommandKind::kAuthenticate && spec.credentials(args.views()).has_value()) {
    return errors::NotInTransaction(spec.name);
  }
  const size_t keys = spec.KeyCount(args.views());
  if (body_->steps.size() == kCommandsMax) {
    return errors::TransactionTooLarge("commands", kCommandsMax);
  }
  if (body_->keys + keys > kKeysMax) return errors::TransactionTooLarge("keys", kKeysMax);
  if (body_->args_bytes + args.bytes() > kBytesMax) {
    return errors::TransactionTooLarge("bytes", kBytesMax);
  }
  for (size_t key = 0; key < keys; ++key) {
    if (auto error = PlaceKey(args[spec.KeyIndex(key)])) return error;
  }
  body_->args_bytes += args.bytes();
  body_->keys += keys;
  WriteItem& step = body_->steps.emplace_back();
  step.command = &spec;
  if (keys > 0) step.hash = placement_.Hash(args[spec.KeyIndex(0)]);
  step.args = std::move(args);
  return std::nullopt;
}

std::optional<std::string> Transaction::Watch(const CommandSpec& spec, Args args) {
  assert(!open());
  const size_t keys = spec.KeyCount(args);
  // Also of one key again and again: each is compared with all that are watched.
  if (keys > kWatchedKeysMax) return errors::TooMuchWatched("keys", kWatchedKeysMax);
  for (size_t i = 0; i < keys; ++i) {
    const std::string_view key = args[spec.KeyIndex(i)];
    const KeyHash hash = placement_.Hash(key);
    const bool known =
        std::any_of(watches_->keys.begin(), watches_->keys.end(), [&](const WatchedKey& watched) {
          return watched.hash.hash == hash.hash && watched.key == key;
        });
    if (known) continue;  // What it held at first is what counts.
    if (auto error = PlaceKey(key)) return error;
    if (watches_->keys.size() == kWatchedKeysMax) {
      return errors::TooMuchWatched("keys", kWatchedKeysMax);
    }
    if (watched_bytes_ + key.size() > kWatchedBytesMax) {
      return errors::TooMuchWatched("bytes of keys", kWatchedBytesMax);
    }
    watched_bytes_ += key.size();
    watches_->keys.push_back({std::string(key), hash, false, std::nullopt});
  }
  return std::nullopt;
}

std::unique_ptr<TransactionBody> Transaction::Take() {
  assert(open());
  assert(!aborted_);
  std::unique_ptr<TransactionBody> body = std::move(body_);
  if (!watches_->keys.empty()) body->watches = watches_;
  body->database = database_;
  body->routes = routes_;
  Drop();
  return body;
}

size_t Transaction::bytes() const {
  const size_t watched = watched_bytes_ + watches_->keys.capacity() * sizeof(WatchedKey);
  return (body_ != nullptr ? body_->bytes() : 0) + watched;
}

void Transaction::Unwatch() {
  // The old ones may still be waited for.
  if (!watches_->keys.empty() || watches_->failed) watches_ = std::make_shared<Watches>();
  watched_bytes_ = 0;
  database_.reset();
  slot_.reset();
}

void Transaction::Drop() {
  body_.reset();
  aborted_ = false;
  Unwatch();
}

}  // namespace weir::gateway
