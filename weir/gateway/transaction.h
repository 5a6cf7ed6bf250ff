// Transaction: what one connection has queued since MULTI, and the keys that it watches.
//
//   MULTI (queued command)* (EXEC | DISCARD)          Open Queue* (Take | Drop)
//
// It is kept where commands arrive, in the order sent, even while earlier ones wait for their
// answers; what a watched key held is filled in later, when its WATCH has its turn (Watches).
//
// All keys of a transaction, watched ones included, live in one database, since EXEC is one item of
// its log, and where there are several nodes they are of one slot. The first key decides which.
//
// Ownership: copies arguments and keys. Threads: single-owner.
// Limits: below; one past is an error that says so, and EXEC then refuses to run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "weir/gateway/command.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/write_item.h"

namespace weir::gateway {

class Transaction {
 public:
  static constexpr size_t kCommandsMax = 16384;
  static constexpr size_t kKeysMax = 16384;  // Named by all commands, repetitions and watches too.
  static constexpr size_t kBytesMax = size_t{32} << 20;
  static constexpr size_t kWatchedKeysMax = 1024;
  static constexpr size_t kWatchedBytesMax = size_t{1} << 20;

  // Borrows `placement`. `any_slots`: keys may be of several slots, as where one node serves all.
  Transaction(const Placement& placement, bool any_slots);

  bool open() const { return body_ != nullptr; }
  void Open();
  // A command could not be queued: EXEC will not run.
  void Abort() { aborted_ = true; }
  bool aborted() const { return aborted_; }

  // Queues a command. Returns why it cannot be, as the reply's text, or nullopt.
  // Requires: open(); the command would be accepted outside of MULTI.
  std::optional<std::string> Queue(const CommandSpec& spec, OwnedArgs args);

  // Adds keys to those watched. Returns why it cannot, as the reply's text, or nullopt.
  // Requires: !open().
  std::optional<std::string> Watch(const CommandSpec& spec, Args args);
  // A WATCH was refused: what it was to guard must not run unguarded.
  void FailWatch() { watches_->failed = true; }
  const std::shared_ptr<Watches>& watches() const { return watches_; }

  size_t queued() const { return body_ == nullptr ? 0 : body_->steps.size(); }

  // Ends the transaction and returns what to run. Requires: open() and !aborted().
  std::unique_ptr<TransactionBody> Take();
  // Bytes held for what is queued and for the watched keys.
  size_t bytes() const;
  // Forgets the watched keys; Drop the queued commands too.
  void Unwatch();
  void Drop();

 private:
  std::optional<std::string> PlaceKey(std::string_view key);

  const Placement& placement_;
  bool any_slots_;
  std::unique_ptr<TransactionBody> body_;
  bool aborted_ = false;
  std::shared_ptr<Watches> watches_ = std::make_shared<Watches>();
  size_t watched_bytes_ = 0;
  std::optional<uint32_t> database_;  // Of the keys so far,
  std::optional<uint32_t> slot_;      // and their slot, unless they may be of any.
  uint64_t routes_ = 0;               // Placement::routes() before it was known.
};

}  // namespace weir::gateway
