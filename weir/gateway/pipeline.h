// Pipeline: the commands of one connection, answered in the order sent.
//
// A command whose answer is in memory is answered at once, without being copied. Any other waits in
// a queue, and what came after it waits behind it. The queue is worked off in runs: reads in a row
// have their misses loaded together, then take their values in order; writes in a row to one log go
// to it together; everything else runs alone. A run begins when the one before has been answered,
// so a read sees the writes before it and a write the reads.
//
//   GET a (hit) GET b (miss) GET c (hit) | SET d, INCR e | GET d
//   answered     one run: b is loaded,     one run: one    waits for
//   at once      then b, c are taken       batch or two    the writes
//
// MULTI, and what it queues, is answered from here alone; EXEC is one write with the queued
// commands as its steps. A write of several keys that lives in several databases is a part for
// each, sent together and answered together; no other command joins its run.
//
// What another node serves is forwarded when its turn comes, if the client is not one that finds
// the way by itself (Forwards); commands in a row to one node are a run, sent together and served
// there in this order.
//
// Why c is taken after b although it is in memory: taken before, it could show a time before what b
// shows, although it was asked for later.
//
// Threads: single-owner: the thread of its home. Call Execute for each command of a burst, then
// Gateway::Flush; results come back through the home and are passed to On….
// Limits: kCommandsMax commands wait, and kBytesMax of arguments and what came in the same burst;
// beyond, accepting() is false and the caller stops reading until it is true again. While so many
// bytes of replies wait for the client as SetOutputLimit says, nothing more is answered or begun.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <boost/circular_buffer.hpp>

#include "weir/gateway/burst.h"
#include "weir/gateway/command.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/gateway/many_keys_read.h"
#include "weir/gateway/operations.h"
#include "weir/gateway/session.h"
#include "weir/gateway/transaction.h"
#include "weir/resp/output_buffer.h"
#include "weir/resp/parser.h"

namespace weir::gateway {

class Pipeline {
 public:
  static constexpr size_t kCommandsMax = 1024;
  static constexpr size_t kBytesMax = size_t{1} << 20;  // Of the arguments that wait.
  // Of one command that is answered from the process alone: it is run on the event loop, and says
  // something of each.
  static constexpr size_t kLocalArgsMax = 1024;

  // Borrows all of them.
  Pipeline(Gateway& gateway, Home& home, Outbox& outbox, Session& session,
           resp::OutputBuffer& output);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // What can be told of a command before its turn.
  struct Resolved {
    const CommandSpec* spec = nullptr;  // nullptr: there is no such command.
    size_t keys = 0;                    // 0 also when their number is wrong.
    KeyHash hash;                       // Of the only key of a read.

    bool IsReadOfOneKey() const { return keys == 1 && spec->kind == CommandKind::kRead; }
  };
  Resolved Resolve(const resp::Command& command) const;
  // Resolves a burst, and brings what its reads will look at into the CPU's cache, so that the
  // burst waits for memory once and not for each key.
  // Requires: as many of `resolved` as of `burst`.
  void LookAhead(std::span<const resp::Command> burst, std::span<Resolved> resolved) const;

  // Requires: room() > 0, and `resolved` is of this command.
  void Execute(const resp::Command& command, const Resolved& resolved);
  void Execute(const resp::Command& command) { Execute(command, Resolve(command)); }
  // Counts what was executed since the last call. `took` is the time it all took.
  // Requires: called at least every Burst::kCommandsMax commands, while their input is held.
  void EndBurst(std::chrono::nanoseconds took);
  // Whether what follows `command` may be judged by another user and other limits than what came
  // before: execute it before looking further.
  static bool ChangesUser(const resp::Command& command);

  void SetOutputLimit(size_t bytes) { output_limit_ = bytes; }
  bool output_full() const { return output_.pending_bytes() >= output_limit_; }
  // Whether something waits only for the client to take replies; Resume goes on with it.
  bool waits_for_output() const { return waits_for_output_; }
  // Whether something waits only for the next round (Outbox::kRoundKeysMax); Resume goes on with
  // it.
  bool waits_for_round() const { return waits_for_round_; }
  // Goes on if what it waited for is over: a full output, a round, a pause.
  void Resume();

  // Whether a pause holds a command back; Resume goes on with it when the pause has ended.
  bool paused() const { return paused_; }
  // Adds what is known here.
  void Describe(ClientFacts* facts) const;

  // Whether the session still has its user, and the right to be told what it is told, whatever has
  // become of the users since its last command. If not, the connection is to be closed.
  // Cost: one load, unless they have changed.
  bool MayBeTold() { return !session_.tracking.broadcast || FollowUsers(); }
  // Sends a message beside the replies, if the client speaks RESP3.
  void Tell(const Bytes& message);

  void OnWrite(std::unique_ptr<WriteItem> item);
  void OnLoad(LoadDone done);
  void OnOperation(const std::shared_ptr<Operation>& operation);
  // An alarm of this connection (Outbox::alarms) was due.
  void OnAlarm();
  // The client has closed its side: no LIMIT.WAIT of its waits any longer.
  void OnClientEnded() { StopWaits(false); }
  // The server stops: no command waits at limits any longer.
  void OnDrain() { StopWaits(true); }

  bool accepting() const {
    return queue_.size() < kCommandsMax && queued_bytes_ < kBytesMax && !Ending() && !judging_;
  }
  // How many commands may be executed now without another look at accepting().
  size_t room() const { return Ending() || judging_ ? 0 : kCommandsMax - queue_.size(); }
  // Gives the queue's memory back if it is empty. For connections with nothing to say.
  void ReleaseIdle();
  // Bytes of what waits, of an open transaction and of prefixes, but for large values, which are
  // Bytes.
  size_t held_bytes() const {
    const size_t written =
        exec_answer_.written == nullptr ? 0 : exec_answer_.written->buffer_bytes();
    return held_bytes_ + transaction_.bytes() + queue_.capacity() * sizeof(Queued) + written +
           session_.tracking.bytes();
  }
  // Whether every command has been answered.
  bool idle() const { return queue_.empty(); }

 private:
  static constexpr MonoTime kNoDue{std::numeric_limits<int64_t>::max()};

  // Of the next command that is queued.
  uint64_t NextSequence() const { return first_sequence_ + queue_.size(); }

  // What one key of a waiting read has got so far.
  struct Slot {
    KeyHash hash;
    bool pending = false;  // A load is under way.
    bool loaded = false;
    bool as_head = false;  // The load began when the command was the first of the queue.
    bool stale = false;    // `value` is from memory, although its time is over.
    // Where the read began a load of what memory answers with: until when that is fresh.
    std::optional<WallTime> reloads;
    uint32_t attempt = 0;  // Loads asked for, so that an earlier one is not taken for the last.
    // While it is current, no write has come since the moment that the value shows.
    cache::Token token = 0;
    WallTime asked;               // When it asked for the load, which may have been under way.
    MonoTime soft_due = kNoDue;   // When to take what is stale, and
    MonoTime hard_due = kNoDue;   // when to give up.
    WallTime fresh_until;         // Of `value`, when it is stale.
    ClientTracking::Shown shown;  // If it has been answered, apart from writes since.
    std::optional<cache::Value> value;

    // Whether the load shows what the key held at `time`, if no write has come since it began. A
    // value that had expired by then does not: a batch under way may have kept it alive.
    bool Shows(WallTime time) const {
      return loaded && !(value.has_value() && value->expires_at <= time);
    }
  };
  static constexpr uint32_t kSeveral = ~uint32_t{0};  // Databases of a write that is split,
  static constexpr uint32_t kApart = kSeveral - 1;    // or of one whose keys must be together.
  // Serve a command together, each the keys that are its own.
  static constexpr ring::NodeId kSeveralNodes{0xfffe};
  // What one node serves of a command: its name and keys, by index.
  struct Share {
    ring::NodeId node = ring::kNoNode;
    std::vector<size_t> words;
  };
  enum class State : uint8_t { kWaiting, kPending, kAnswered };
  struct Queued {
    const CommandSpec* spec = nullptr;
    OwnedArgs args;
    State state = State::kWaiting;
    uint32_t database = 0;  // Of a write.
    uint32_t pending = 0;   // Loads and operations that must end before the command goes on.
    size_t bytes = 0;
    size_t own_bytes = 0;     // Of these, all but large values.
    size_t loaded_bytes = 0;  // Of the values in `slots`.
    std::vector<Slot> slots;
    // Which other node serves it; kNoNode: this one does; kSeveralNodes: each its part.
    ring::NodeId to = ring::kNoNode;
    std::shared_ptr<SnapshotOperation> snapshot;
    std::shared_ptr<ManyKeysRead> many;
    std::shared_ptr<Watches> watches;  // Of WATCH: where to put what its keys held.
    std::unique_ptr<WriteItem> exec;   // Of EXEC, before and after the log has it.
    std::vector<Reply> parts;          // Of what is split: one for each node and database.
    std::vector<Share> shares;         // Of what several nodes serve: the first parts are theirs.
    bool right = false;                // Of kAuthenticate: the credentials, if there are any.
    Reply reply;
    bool looked = false;    // For all its keys in memory, before it was queued.
    bool rejected = false;  // Refused or queued by MULTI: not executed.
    bool last = false;      // The connection ends with it.
    bool waits = false;     // For the limits to let it pass.
    LimitWaits::Seat seat;  // Where it waits.
    // How long databases worked for it, as far as is known. What is asked for apart takes from when
    // it is asked until it is answered.
    std::chrono::nanoseconds database_time{0};
    std::chrono::nanoseconds waited{0};  // By NoteTimeSoFar.
    std::optional<MonoTime> apart_since;
    bool holds = false;     // EXEC with steps that run apart: what follows waits for its answer.
    MonoTime due = kNoDue;  // The first time that one of `slots` waits for.
    MonoTime since;         // When it came.
    limit::Address client;  // Whose it is, of those that another node sends.
    MonoTime began;         // When it was its turn.
  };

  struct ShownStep {
    uint32_t step = 0;
    size_t found = 0;  // Of what was found, what its first key held.
  };

  // How far the EXEC at the front has been answered.
  struct ExecAnswer {
    uint32_t step = 0;      // The next.
    size_t found = 0;       // Of what was found, the next.
    size_t copied_max = 0;  // CopiedReplyBytes from which on it is full.
    bool begun = false;     // The head of its reply is written.
    bool asked = false;     // `step` runs apart and has begun.
    // Reading steps that were answered to a client that keeps what it reads.
    std::vector<ShownStep> shown{};
    // What is written of a reply that waits for such a step, so that nothing comes between.
    std::unique_ptr<resp::OutputBuffer> written;
  };

  class PasswordOperation;

  // How a command goes on that is not refused.
  struct Course {
    bool waits = false;               // First at the limits.
    ring::NodeId to = ring::kNoNode;  // To this other node.
  };

  std::optional<Reply> Reject(const Resolved& resolved, Args args, Course* course);
  bool FollowUsers();
  bool SeesAllItIsTold() const;
  std::optional<Reply> Elsewhere(const CommandSpec& spec, Args args, size_t keys,
                                 ring::NodeId* to) const;
  bool Forwards(const CommandSpec& spec) const;
  void BeginForward(Queued& queued, uint64_t sequence);
  void SendForward(ring::NodeId to, const Origin& origin, const CommandSpec& spec, OwnedArgs args);
  void OnForward(Queued& queued, Forward& forward);
  std::vector<Share> SharesOf(const CommandSpec& spec, Args args) const;
  std::optional<Reply> RejectShare(const CommandSpec& spec, Args args);
  void BeginShares(Queued& queued, uint64_t sequence);
  Reply JoinShares(Queued& queued) const;
  Reply JoinValues(const Queued& queued) const;
  std::optional<Reply> RefusedFromNode(const CommandSpec& spec);
  std::optional<Reply> Forbidden(const CommandSpec& spec, Args args);
  void NoteInJournal(const Resolved& resolved, Args args);
  std::optional<Reply> Throttled(const CommandSpec& spec, Args args, bool* waits);
  void EnqueueWaiting(Queued queued);
  void BeginWait(Queued& queued, uint64_t sequence);
  void TryLimits(Queued& queued);
  void TryPolicies(Queued& queued);
  void TryNamedLimits(Queued& queued);
  std::optional<Reply> ForbiddenNow(Queued& queued);
  LimitWaits::Joined StandInLine(Queued& queued, const Passage::Wait& wait);
  static void EndLimitWait(Queued& queued);
  void StopWaits(bool all);
  void SettleTime(const Queued& queued);
  void NoteTimeSoFar(Queued& queued) const;
  bool TryAtOnce(const resp::Command& command, const Resolved& resolved, bool* looked);
  bool TryOneKey(const CommandSpec& spec, Args args, const KeyHash& hash);
  bool TryManyKeys(const CommandSpec& spec, Args args, size_t count);
  bool TryAuthenticate(const CommandSpec& spec, Args args);
  std::optional<bool> JudgeAtOnce(const Credentials& given);
  void AnswerAuthenticate(const CommandSpec& spec, Args args, bool right);
  void Enqueue(Queued queued);
  void AnswerInTurn(const CommandSpec* spec, Reply reply);
  void Answer(const CommandSpec* spec, const Reply& reply, bool rejected);
  void RunLocal(const CommandSpec& spec, Args args, bool in_transaction = false);

  bool HeldByPause(const CommandSpec& spec, const TransactionBody* steps);
  bool HeldByPause(const Queued& queued);
  bool IsOverRound(const CommandSpec& spec, size_t keys) const {
    return spec.kind == CommandKind::kRead && keys > 1 &&
           outbox_.keys_looked_at >= Outbox::kRoundKeysMax;
  }
  bool HeldByRound(const Queued& queued);
  void SetPaused(bool paused);
  void EndAnswer(const CommandSpec& spec, Args args);
  void EndRejected(const CommandSpec* spec, const Reply& reply);
  void EndMuted();
  void EndCaching(const CommandSpec* spec);
  void TrackRead(const Queued& read);
  void TrackMany(const CommandSpec& spec, Args args);
  void TrackSteps(const TransactionBody& body, std::span<const ShownStep> steps);
  void TrackKey(std::string_view key, uint64_t hash, ClientTracking::Shown shown);
  void TellOutdated(std::span<const std::string_view> keys);
  void ShowMonitors(const CommandSpec& spec, Args args);

  void CountFailure(const CommandSpec& spec, const resp::Writer& writer);
  void CountRejection(const CommandSpec* spec, const Reply& reply);
  void CountCall(const CommandSpec& spec, std::chrono::nanoseconds took, Args args);
  std::chrono::nanoseconds CountSince(MonoTime start, const CommandSpec& spec, Args args);

  void Pump();
  bool AnswerFront();
  bool Joins(const Queued& queued) const;
  static bool IsLocal(const Queued& queued) {
    return queued.spec != nullptr && KindOf(queued) == CommandKind::kLocal;
  }
  // What another node serves is an operation here. Requires: there is such a command.
  static CommandKind KindOf(const Queued& queued) {
    return queued.to == ring::kNoNode ? queued.spec->kind : CommandKind::kOperation;
  }
  // Of what runs apart: whether it asks a database, and is no administration of the server.
  static bool WorksInDatabase(const CommandSpec& spec) {
    return (spec.flags & (kFlagReadOnly | kFlagNeedsRead | kFlagWrite)) != 0;
  }
  static bool ReadsManyKeys(const CommandSpec& spec, Args args) {
    return spec.kind == CommandKind::kRead && spec.KeyCount(args) > ManyKeysRead::kKeysAtOnceMax;
  }
  uint32_t DatabaseOf(const Queued& queued) const;
  void Begin(size_t index);
  void BeginRead(Queued& queued, uint64_t sequence, bool as_head);
  void BeginLoad(cache::Lane& lane, Queued& queued, uint64_t sequence, uint32_t key, bool as_head);
  void BeginWrite(Queued& queued, uint64_t sequence);
  void OnMisrouted(Queued& queued, std::unique_ptr<WriteItem> item);
  bool EndReturnedRun();
  void PlaceRun(const Queued& first);
  void BeginOperation(Queued& queued, uint64_t sequence);
  void BeginSnapshot(Queued& queued);
  void BeginManyKeys(Queued& queued, uint64_t sequence);
  void OnManyKeys(Queued& queued);
  void KeepWithinReply(Queued& queued, Slot& slot);
  void BeginAuthenticate(Queued& queued, uint64_t sequence);
  std::optional<Reply> BeginCheck(Queued& queued, uint64_t sequence, const Credentials& given);
  void OnCheck(Queued& queued);
  // Finds what memory may answer with; a read does so once for each of its keys, and counts as a
  // use of those. Requires: the lock of the key's lane is held.
  bool Look(cache::Lane& lane, std::string_view key, const KeyHash& hash, Found* found) {
    const auto hit = lane.Find(key, hash.hash, outbox_.now.wall);
    if (!hit.has_value() ||
        hit->fresh_until.ms - outbox_.now.wall.ms <= gateway_.placement().refresh_span_ms()) {
      return LookCloser(lane, key, hash, hit, found);
    }
    *found = FoundIn(*hit);
    return true;
  }
  bool LookAgain(cache::Lane& lane, std::string_view key, Slot& slot, Found* found);
  bool LookCloser(cache::Lane& lane, std::string_view key, const KeyHash& hash,
                  const std::optional<cache::Cache::Hit>& hit, Found* found);
  void CountStale(const Found& found, std::string_view key) {
    if (found.past_its_time()) [[unlikely]]
      CountRevalidating(key);
  }
  void CountRevalidating(std::string_view key);
  bool TakeStale(cache::Lane& lane, Queued& queued, uint32_t key,
                 std::atomic<uint64_t> KeyspaceCounters::*counter);
  void SetDeadlines(Queued& queued, Slot& slot, std::string_view key);
  void NoteDue(Queued& queued, MonoTime due);
  void EndWaits(Queued& queued);
  void GiveUp(Queued& queued, uint32_t key);
  bool BeginRefresh(cache::Lane& lane, std::string_view key, const KeyHash& hash,
                    const Keyspace& keyspace);
  bool TakeFront();
  bool TakeOneKey(Queued& front);
  bool TakeManyKeys(Queued& front);
  bool Read(Queued& front, std::span<const Found> found);
  void BeginHeavyRead(Queued& queued, const Origin& origin, const CommandSpec& spec,
                      const ReadCall& call);
  void ExecuteInTransaction(const CommandSpec* spec, const resp::Command& command,
                            std::optional<Reply> refused);
  std::optional<Reply> Control(const CommandSpec& spec, const resp::Command& command,
                               Queued* queued);
  std::optional<Reply> Exec(Queued* exec);
  void NoteRefusal(const CommandSpec* spec, const resp::Command& command, Reply* refusal);
  void NoteWatched(const Queued& watch, std::span<const Found> found);
  void BeginExec(Queued& queued, uint64_t sequence);
  void BeginHeavySteps(Queued& queued);
  bool AnswerExec(Queued& exec);
  bool AskApart(Queued& exec, uint32_t step);
  void AnswerStep(const WriteItem& step, const TransactionBody& body);
  bool ExecAnswerIsFull() const;
  size_t CopiedReplyBytes() const;

  uint32_t DatabaseOf(const TransactionBody& body) const;
  void BeginParts(Queued& queued, const OwnedArgs& args, uint64_t sequence,
                  std::optional<uint32_t> instead);
  void TakePart(Queued& queued, uint32_t part, Reply reply);

  Queued* Find(const Origin& origin);
  void PumpIfReady(const Queued& queued);
  // Whether no further command will be executed.
  bool Ending() const { return session_.closing || expelled_; }
  // Whose its requests are when databases are shared out: the user's, or else the address's.
  limit::FlowId Flow() const;
  Origin OriginOf(uint64_t sequence) const { return {&home_, session_.id, sequence, 0}; }
  resp::Writer MakeWriter() {
    if (session_.muted()) [[unlikely]]
      return resp::Writer(MutedOutput(), session_.protocol);
    return resp::Writer(*sink_, session_.protocol);
  }
  resp::OutputBuffer& MutedOutput();

  Gateway& gateway_;
  Home& home_;
  Outbox& outbox_;
  Session& session_;
  const uint64_t client_draw_;  // For the journal of limits.
  resp::OutputBuffer& output_;
  resp::OutputBuffer* sink_ = &output_;  // Where replies go: also to what is written of EXEC's.
  Transaction transaction_;
  boost::circular_buffer<Queued> queue_;  // Keeps its room: no allocation for each command.
  uint64_t first_sequence_ = 0;           // Of the command at the front of the queue.
  size_t run_ = 0;                        // Commands at the front that have begun.
  CommandKind run_kind_ = CommandKind::kLocal;
  ring::NodeId run_node_ = ring::kNoNode;  // Who serves it; kNoNode: this one.
  uint32_t run_database_ = 0;              // Of its writes,
  uint64_t run_routes_ = 0;                // and Placement::routes() when that was so.
  bool returned_ = false;                  // Some of its writes have come back, to begin again.
  size_t queued_bytes_ = 0;
  size_t held_bytes_ = 0;  // The sum of own_bytes.
  size_t output_limit_ = SIZE_MAX;
  bool waits_for_output_ = false;
  bool waits_for_round_ = false;
  bool paused_ = false;                               // A pause holds back the next command.
  std::unique_ptr<resp::OutputBuffer> muted_output_;  // Of the command that is being answered.
  ExecAnswer exec_answer_;
  bool holding_ = false;                       // A command that holds has begun.
  MonoTime alarm_ = kNoDue;                    // The one that is set.
  std::shared_ptr<PasswordOperation> check_;   // Of the command at the front.
  Patience patience_ = Patience::kWaits;       // Of commands that policies may delay,
  Patience wait_patience_ = Patience::kWaits;  // and of LIMIT.WAIT.
  bool judging_ = false;                       // A command that changes the user is in the queue.
  bool expelled_ = false;  // The session has lost its user: it closes once all is answered.
};

}  // namespace weir::gateway
