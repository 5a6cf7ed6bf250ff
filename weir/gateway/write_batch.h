// WriteBatch: one batch of writes of one log, from their commands to the records to store.
//
//   Add* → (missing bases are loaded) → Run → Build → the store applies it → Publish | Doubt |
//   Refuse
//
// Commands run one after another in the order they arrived, each on the result of the one before,
// so a batch has the effect of its commands in that order, and each has its own reply. Keys are
// known by their group (cache/write_groups.h). A transaction is one item: its watched keys are
// compared and its steps are run with nothing between them, and a batch is applied whole.
//
// Ownership: owns the items until TakeItems. Threads: single-owner; the committer passes it on.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/time.h"
#include "weir/cache/write_groups.h"
#include "weir/gateway/client_tracking.h"
#include "weir/gateway/lanes.h"
#include "weir/gateway/memory.h"
#include "weir/gateway/placement.h"
#include "weir/gateway/version_clock.h"
#include "weir/gateway/write_item.h"
#include "weir/store/store.h"

namespace weir::gateway {

class WriteBatch {
 public:
  // More writes than this are not published with all their lanes locked, which would take too long.
  // They are hidden before the store applies them: not cached, and read from the store by each
  // reader for itself, whose answers the gate holds back until all tokens are bumped.
  static constexpr size_t kPublishedAtOnceMax = 2048;

  // Why some bases are not known.
  struct Unread {
    Error error;
    // The commands before took the room: a command other than the first waits for the next batch.
    bool for_want_of_room = false;
  };

  // Of the values that the commands of one batch make (Memory::made_bytes_max), the one that goes
  // beyond the limit is the last. In a transaction, what would go on beyond is refused; and what
  // would make a large value while there is no room for one.
  WriteBatch(Lanes& lanes, const Placement& placement, VersionClock& versions, const Memory& memory)
      : lanes_(lanes), placement_(placement), versions_(versions), memory_(memory) {}

  // Takes a command in. Its keys' tokens are bumped, and what the cache knows of them becomes
  // their base.
  void Add(std::unique_ptr<WriteItem> item, WallTime now);

  // Asks for the memory that Add will look at for `item`, in two passes over all items: first the
  // lane's index, then the entry.
  void Prefetch(const WriteItem& item, bool entry) const;

  // Keys whose base a command needs and the cache does not have, for the store to load.
  std::vector<store::Key> MissingKeys() const;
  // What the store holds for MissingKeys, in order, or for the first of them. Those left out and
  // those behind stay missing.
  void SetBases(const store::Loads& loaded);

  // How many records the database held before the batch. Requires (of who counts or empties it):
  // the batch is one transaction of the kind `whole`.
  void SetRecords(int64_t records) { records_ = records; }

  // Whether a command may copy or make as much as a value holds, and the bytes of arguments and
  // known bases: how long Run may take.
  bool copies() const { return copies_; }
  size_t held_bytes() const { return held_bytes_; }

  // Runs the commands. Those that need a base which is not known reply with the error of `unread`.
  // Ends early when the values made so far are too many, or room is wanted: what is left is for
  // TakeRest.
  void Run(const std::optional<Unread>& unread);
  std::vector<std::unique_ptr<WriteItem>> TakeRest() { return std::exchange(rest_, {}); }

  // Returns the records to store; empty when no command changed anything. Without
  // `believes_absence` the store looks up whether anything stands where the cache knows of nothing.
  store::Batch Build(bool believes_absence = true);
  // Calls `see` with each key that Build made a record of, or a removal.
  template <typename See>
  void ForEachWritten(See see) const {
    for (const Member& member : members_) {
      if (member.write != kNoWrite) see(std::string_view(member.group->key()));
    }
  }

  // The store has applied the batch: completes the replies that it counts for, and puts all new
  // values into the cache at one moment.
  void Publish(const store::Applied& applied);
  // To be called when the gate has let the batch's commit pass: what was hidden may be cached
  // again.
  void Reveal();
  // What the batch changes, valid as long as its keys. Requires: Build, and not yet TakeItems.
  std::vector<ClientTracking::Change> Changes() const;
  bool clears() const { return clears_; }
  // It is not known what the store did: the keys are in doubt until Settle, the replies say so.
  void Doubt(const Error& error);
  void Settle();
  // The store did nothing: every reply is `error`.
  void Refuse(const Error& error);

  // `took`: how long the database worked for the batch, to be shared by its commands.
  std::vector<std::unique_ptr<WriteItem>> TakeItems(std::chrono::nanoseconds took);
  // Makes ready for the next batch. Requires: TakeItems was called.
  void Clear();
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  // The keys that Build made a record of, or a removal, in the order of the commands and as often
  // as those name them.
  size_t written() const { return written_.size(); }
  std::string_view WrittenAt(size_t index) const { return members_[written_[index]].group->key(); }

  // For the handlers of write commands, which name keys by their order in the command.
  WallTime now() const { return now_; }
  // Returns what the key holds now, or nullptr. Requires: the command is not blind.
  const cache::Value* Find(size_t key) { return GroupOf(key).current(); }
  void Put(size_t key, Bytes bytes, WallTime expires_at);
  // Erases the key and adds 1 to the integer reply of `item` if it was there: now or, where only
  // the store can tell, as soon as it has.
  void EraseCounted(size_t key, WriteItem& item);
  void Erase(size_t key) { GroupOf(key).Erase(); }
  // For operations within a transaction: the records that are there now, and their end.
  int64_t CountRecords();
  void Empty();
  size_t ValueBytesMax(size_t key) {
    return placement_.KeyspaceOf(GroupOf(key).key()).value_bytes_max;
  }

 private:
  // What goes with a group, at the same index.
  struct Member {
    cache::Group* group = nullptr;
    uint32_t lane = 0;
    cache::Token token = 0;     // As bumped when it was entered.
    bool missing = false;       // A command needs the base, and it is not known yet.
    uint32_t write = kNoWrite;  // Its place in the batch, once built.
  };
  static constexpr uint32_t kNoWrite = ~uint32_t{0};

  void EnterKeys(const WriteItem& item, bool blind);
  void EnterTransaction(const TransactionBody& body);
  size_t Enter(std::string_view key, const KeyHash& hash, bool blind);
  bool CanRun(const WriteItem& item, bool failed);
  void RunItem(WriteItem& item);
  void RunTransaction(WriteItem& item);
  bool WatchesHold(const Watches& watches);
  void AddCounts(const store::Applied& applied, WriteItem& item) const;
  cache::Group& GroupOf(size_t key) { return *members_[MemberOf(key)].group; }
  size_t MemberOf(size_t key) const { return keys_[first_key_ + key]; }
  std::vector<uint32_t> ChangedLanes() const;
  void FailAll(const Error& error);
  void MarkDoubtful();

  Lanes& lanes_;
  const Placement& placement_;
  VersionClock& versions_;
  const Memory& memory_;
  WallTime now_;
  cache::WriteGroups groups_;
  std::vector<Member> members_;
  std::vector<std::unique_ptr<WriteItem>> items_;
  std::vector<uint32_t> keys_;     // The members of all keys of all items, in order.
  std::vector<uint32_t> written_;  // Those of them that Build made a write of.
  size_t first_key_ = 0;           // While Run: where the running item's keys begin, or its step's.
  bool clears_ = false;            // The database is emptied before what the batch writes.
  int64_t records_ = 0;
  bool hidden_ = false;  // As if in doubt, while the store applies it.
  std::vector<std::unique_ptr<WriteItem>> rest_;
  bool copies_ = false;
  size_t held_bytes_ = 0;
  size_t made_bytes_ = 0;
  bool running_copies_ = false;  // The command that runs is of kFlagCopies.
  bool refused_ = false;         // And there was no room for what it made.
};

}  // namespace weir::gateway
