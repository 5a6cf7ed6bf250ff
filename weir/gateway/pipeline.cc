#include "weir/gateway/pipeline.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/limit_words.h"

namespace weir::gateway {
namespace {

// Why ResolveCommand found nothing.
std::string UnknownError(Args args) {
  const CommandSpec* command = FindCommand(args[0]);
  if (command != nullptr && command->subcommands > 0) {
    return errors::UnknownSubcommand(args[1], command->name);
  }
  return errors::UnknownCommand(args[0], args.data() + 1, args.size() - 1);
}

// Whether it neither looks at data nor changes anything but its connection.
bool RunsWhileLoading(const CommandSpec& spec) {
  constexpr uint32_t kRights = kFlagAdmin | kFlagNeedsAdmin | kFlagNeedsRead;
  const bool looks = spec.keys.first != 0 || (spec.flags & kRights) != 0;
  return (spec.flags & kFlagLoading) != 0 && !looks;
}

// EXEC goes with writes.
CommandKind RunKind(CommandKind kind) {
  return kind == CommandKind::kExec ? CommandKind::kWrite : kind;
}

}  // namespace

Pipeline::Pipeline(Gateway& gateway, Home& home, Outbox& outbox, Session& session,
                   resp::OutputBuffer& output)
    : gateway_(gateway),
      home_(home),
      outbox_(outbox),
      session_(session),
      client_draw_(gateway.admission().ClientDraw(session.client)),
      output_(output),
      transaction_(gateway.placement(), gateway.ServesAll()) {
  gateway_.tracking().Enter(session_.id, session_.protocol, home_);
  gateway_.authentication().Welcome(session_);
}

void Pipeline::Execute(const resp::Command& command, const Resolved& resolved) {
  assert(room() > 0);
  const Args args = command.args();
  const CommandSpec* spec = resolved.spec;
  std::optional<Reply> rejected;
  Course course;
  if (outbox_.burst.full()) EndBurst({});
  outbox_.burst.Execute();
  if (spec == nullptr) {
    rejected = Reply::Failure(UnknownError(args));
  } else {
    session_.last_command = spec;
    rejected = Reject(resolved, args, &course);
  }
  if (transaction_.open() || (spec != nullptr && (spec->flags & kFlagTransaction) != 0)) {
    ExecuteInTransaction(spec, command, std::move(rejected));
    return;
  }
  if (rejected.has_value()) {
    CountRejection(spec, *rejected);
    AnswerInTurn(spec, std::move(*rejected));
    return;
  }
  const bool at_once = queue_.empty() && !course.waits && course.to == ring::kNoNode &&
                       !output_full() && !HeldByPause(*spec, nullptr);
  bool looked = false;
  if (at_once && TryAtOnce(command, resolved, &looked)) {
    EndAnswer(*spec, args);
    return;
  }
  Queued queued;
  queued.spec = spec;
  queued.args = OwnedArgs(command);
  queued.looked = looked;
  queued.to = course.to;
  course.waits ? EnqueueWaiting(std::move(queued)) : Enqueue(std::move(queued));
}

// What is wrong with the command whatever the store holds: arity, rights, that nothing is served
// yet, another node's keys, limits, sizes, places. What another node serves is charged there alone,
// and whoever has no tokens left here must still get there; sizes are judged there as well.
std::optional<Reply> Pipeline::Reject(const Resolved& resolved, Args args, Course* course) {
  const CommandSpec& spec = *resolved.spec;
  if (!spec.ArityFits(args.size())) return Reply::Failure(errors::WrongArity(spec.name));
  const bool local = spec.kind == CommandKind::kLocal || spec.kind == CommandKind::kWait ||
                     spec.kind == CommandKind::kAuthenticate;
  if (local && args.size() > kLocalArgsMax) {
    return Reply::Failure(errors::TooManyArguments(spec.name, kLocalArgsMax));
  }
  if (session_.from_node) [[unlikely]] {
    if (std::optional<Reply> refused = RefusedFromNode(spec)) return refused;
  }
  if (gateway_.authentication().generation() != 0) {
    if (std::optional<Reply> forbidden = Forbidden(spec, args)) return forbidden;
  }
  if (!gateway_.serving() && !RunsWhileLoading(spec)) [[unlikely]] {
    return Reply::Failure(std::string(errors::kLoading));
  }
  const size_t keys = resolved.keys;
  if (!gateway_.ServesAll() && keys > 0) {
    if (auto elsewhere = Elsewhere(spec, args, keys, &course->to)) return elsewhere;
    if (course->to == kSeveralNodes) return RejectShare(spec, args);
    if (course->to != ring::kNoNode) return std::nullopt;
  }
  if ((spec.flags & kFlagUnlimited) == 0) NoteInJournal(resolved, args);
  if (!gateway_.admission().unlimited()) {
    if (std::optional<Reply> throttled = Throttled(spec, args, &course->waits)) return throttled;
  }
  if (spec.kind == CommandKind::kWrite && keys > gateway_.write_keys_max()) {
    return Reply::Failure(errors::TooManyKeys(gateway_.write_keys_max()));
  }
  for (size_t key = 0; key < keys; ++key) {
    const std::string_view name = args[spec.KeyIndex(key)];
    if (name.size() > gateway_.key_bytes_max()) {
      return Reply::Failure(std::string(errors::kKeyTooLong));
    }
  }
  if (spec.kind != CommandKind::kWrite && keys <= 1) return std::nullopt;
  // Keys with values between them: as many of each.
  if (spec.keys.step > 1 && (args.size() - 1) % static_cast<size_t>(spec.keys.step) != 0) {
    return Reply::Failure(errors::WrongArity(spec.name));
  }
  std::optional<uint32_t> database;
  const uint64_t routes = gateway_.placement().routes();
  for (size_t key = 0; key < keys && spec.kind == CommandKind::kWrite; ++key) {
    const std::string_view name = args[spec.KeyIndex(key)];
    const size_t bytes_max = gateway_.placement().KeyspaceOf(name).value_bytes_max;
    // What belongs to this key: all that follows when it is the only one, else up to the next.
    const size_t begin = spec.KeyIndex(key) + 1;
    const Args own = keys == 1 ? args.subspan(begin)
                               : args.subspan(begin, static_cast<size_t>(spec.keys.step) - 1);
    const bool too_long = std::any_of(own.begin(), own.end(),
                                      [&](std::string_view arg) { return arg.size() > bytes_max; });
    if (too_long) return Reply::Failure(std::string(errors::kTooLong));
    if (gateway_.databases() == 1 || (spec.flags & kFlagSplits) != 0) continue;
    const uint32_t place = gateway_.placement().Place(name).place.database;
    // While keys move, it is found out when its turn comes (DatabaseOf).
    if (database.value_or(place) != place && gateway_.placement().routes() == routes) {
      return Reply::Failure(std::string(errors::kCrossDatabase));
    }
    database = place;
  }
  return std::nullopt;
}

void Pipeline::Answer(const CommandSpec* spec, const Reply& reply, bool rejected) {
  resp::Writer writer = MakeWriter();
  reply.WriteTo(writer);
  if (!rejected) CountFailure(*spec, writer);
}

// Answers what was counted already or does not count, after all that came before.
void Pipeline::AnswerInTurn(const CommandSpec* spec, Reply reply) {
  if (queue_.empty()) {
    Answer(spec, reply, true);
    EndRejected(spec, reply);
    session_.closing |= expelled_;
    return;
  }
  Queued queued;
  queued.spec = spec;
  queued.state = State::kAnswered;
  queued.rejected = true;
  queued.reply = std::move(reply);
  Enqueue(std::move(queued));
}

// `*looked`: nothing is answered, but all keys were looked for in memory.
bool Pipeline::TryAtOnce(const resp::Command& command, const Resolved& resolved, bool* looked) {
  const CommandSpec& spec = *resolved.spec;
  const Args args = command.args();
  const bool fast = (spec.flags & kFlagFast) != 0;
  const MonoTime start = fast ? MonoTime{} : gateway_.clock().Mono();
  if (spec.kind == CommandKind::kLocal) {
    RunLocal(spec, args);
  } else if (spec.kind == CommandKind::kAuthenticate) {
    if (!TryAuthenticate(spec, args)) return false;
  } else if (spec.kind != CommandKind::kRead) {
    return false;
  } else if (resolved.keys == 1) {
    *looked = !TryOneKey(spec, args, resolved.hash);
  } else if (resolved.keys > ManyKeysRead::kKeysAtOnceMax || IsOverRound(spec, resolved.keys)) {
    return false;
  } else {
    *looked = !TryManyKeys(spec, args, resolved.keys);
  }
  if (*looked) return false;
  if (fast) {
    outbox_.burst.Answer(spec, command);
  } else {
    outbox_.burst.Exclude(CountSince(start, spec, args));
  }
  return true;
}

void Pipeline::RunLocal(const CommandSpec& spec, Args args, bool in_transaction) {
  const bool muted = session_.muted();
  resp::Writer writer = MakeWriter();
  spec.local({args, session_, gateway_, home_, outbox_, in_transaction}, writer);
  CountFailure(spec, writer);
  if (muted && !session_.muted()) sink_->Append(TakeAll(*muted_output_).view());
}

void Pipeline::Enqueue(Queued queued) {
  queued.since = outbox_.now.mono;
  queued.client = session_.client;
  queued.bytes = queued.exec != nullptr ? queued.exec->bytes() : queued.args.bytes();
  queued.own_bytes = queued.exec != nullptr ? queued.bytes : queued.args.own_bytes();
  queued_bytes_ += queued.bytes;
  held_bytes_ += queued.own_bytes;
  if (queue_.full()) queue_.set_capacity(std::max<size_t>(16, queue_.capacity() * 2));
  judging_ |= queued.state != State::kAnswered && (queued.spec->flags & kFlagChangesUser) != 0 &&
              gateway_.authentication().generation() != 0;
  queue_.push_back(std::move(queued));
  // Only what joins the run under way, or starts one, can go on now.
  if (run_ + 1 == queue_.size()) Pump();
}

// Answers what can be answered and begins what may begin.
void Pipeline::Pump() {
  for (;;) {
    while (run_ > 0 && !session_.closing && !output_full() && !HeldByRound(queue_.front()) &&
           AnswerFront()) {
    }
    if (session_.closing) {
      queue_.clear();
      run_ = 0;
      returned_ = false;
      queued_bytes_ = 0;
      held_bytes_ = 0;
      return;
    }
    if (output_full()) {
      waits_for_output_ = true;
      return;
    }
    const size_t begun = run_;
    while (run_ < queue_.size() && Joins(queue_[run_]) && !queue_[run_].waits &&
           !HeldByPause(queue_[run_]) && !HeldByRound(queue_[run_])) {
      Begin(run_++);
    }
    if (run_ == begun) return;
  }
}

// Whether the round has looked at so many keys that this command waits for the next.
bool Pipeline::HeldByRound(const Queued& queued) {
  if (queued.state == State::kAnswered || queued.pending > 0) return false;
  if (queued.to != ring::kNoNode) return false;
  const bool held = IsOverRound(*queued.spec, queued.spec->KeyCount(queued.args.views()));
  waits_for_round_ |= held;
  return held;
}

bool Pipeline::Joins(const Queued& queued) const {
  if (run_ == 0) return true;
  if (queued.state == State::kAnswered) return !(holding_ && queued.holds);
  if (holding_) return false;
  const CommandSpec* last = queue_[run_ - 1].spec;
  if (last != nullptr && (last->flags & kFlagBarrier) != 0) return false;
  const CommandSpec& spec = *queued.spec;
  if ((spec.flags & kFlagBarrier) != 0) return false;
  const CommandKind kind = KindOf(queued);
  // It takes its values when it begins, so what was asked for before it must have been answered.
  if (kind == CommandKind::kRead && ReadsManyKeys(spec, queued.args.views())) return false;
  if (kind == CommandKind::kLocal) return true;
  if (kind == CommandKind::kWait) return false;  // Until all before it is answered.
  if (run_kind_ == CommandKind::kLocal) return true;
  if (RunKind(kind) != run_kind_) return false;
  if (kind == CommandKind::kRead) return true;
  if (queued.to != ring::kNoNode) return queued.to == run_node_ && queued.to != kSeveralNodes;
  if (run_kind_ != CommandKind::kWrite) return false;
  // A part of what is split could be overtaken in another database's log.
  const uint32_t database = DatabaseOf(queued);
  if (database != run_database_ || database == kSeveral) return false;
  // What was placed before keys moved comes back, and must not be overtaken.
  return run_routes_ == gateway_.placement().routes();
}

void Pipeline::Begin(size_t index) {
  Queued& queued = queue_[index];
  const uint64_t sequence = first_sequence_ + index;
  if (session_.from_node) session_.client = queued.client;
  holding_ |= queued.holds;
  if (queued.state == State::kAnswered) return;
  queued.began = outbox_.now.mono;
  if (IsLocal(queued)) return;  // Runs when it is the first.
  const bool starts_run = run_kind_ == CommandKind::kLocal;
  run_kind_ = RunKind(KindOf(queued));
  run_node_ = queued.to;
  if (starts_run && run_kind_ == CommandKind::kWrite) PlaceRun(queued);
  queued.state = State::kPending;
  if (queued.to != ring::kNoNode) return BeginForward(queued, sequence);
  switch (queued.spec->kind) {
    case CommandKind::kLocal:
      return;
    case CommandKind::kAuthenticate:
      BeginAuthenticate(queued, sequence);
      return;
    case CommandKind::kRead:
      BeginRead(queued, sequence, index == 0);
      return;
    case CommandKind::kWrite:
    case CommandKind::kExec:
      BeginWrite(queued, sequence);
      return;
    case CommandKind::kOperation:
      BeginOperation(queued, sequence);
      return;
    case CommandKind::kWait:
      BeginWait(queued, sequence);
      return;
  }
}

void Pipeline::BeginWrite(Queued& queued, uint64_t sequence) {
  if (run_database_ == kSeveral) {
    BeginParts(queued, queued.args, sequence, std::nullopt);
    return;
  }
  if (run_database_ == kApart) {  // Since it was looked at first, one of its keys has moved.
    queued.state = State::kAnswered;
    queued.reply = Reply::Failure(std::string(errors::kCrossDatabase));
    return;
  }
  if (queued.exec != nullptr) {
    BeginExec(queued, sequence);
    return;
  }
  const std::string_view key = queued.args[queued.spec->KeyIndex(0)];
  if (auto refusal = gateway_.database(run_database_).committer().Refusal(key, Flow())) {
    queued.state = State::kAnswered;
    queued.reply = ErrorReply(*refusal);
    return;
  }
  queued.pending = 1;
  auto item = std::make_unique<WriteItem>();
  item->origin = OriginOf(sequence);
  item->routes = run_routes_;
  item->flow = Flow();
  item->command = queued.spec;
  item->hash = gateway_.placement().Hash(queued.args[queued.spec->KeyIndex(0)]);
  item->args = std::move(queued.args);
  outbox_.writes[run_database_].push_back(std::move(item));
}

void Pipeline::BeginOperation(Queued& queued, uint64_t sequence) {
  queued.pending = 1;
  if (WorksInDatabase(*queued.spec)) queued.apart_since = outbox_.now.mono;
  std::optional<Reply> reply =
      queued.spec->operation({queued.args.views(), OriginOf(sequence), gateway_, session_});
  if (!reply.has_value()) return;
  queued.state = State::kAnswered;
  queued.reply = std::move(*reply);
}

// Returns whether the front has moved on: it was answered and is gone, or can be answered now.
bool Pipeline::AnswerFront() {
  Queued& front = queue_.front();
  if (session_.from_node) session_.client = front.client;
  const bool local = IsLocal(front);
  if (front.state == State::kAnswered) {
    if (front.watches != nullptr) front.watches->failed = true;
    if (front.exec != nullptr && front.exec->reply.kind == Reply::Kind::kArray) {
      if (!AnswerExec(front)) return false;
    } else {
      Answer(front.spec, front.reply, front.rejected);
    }
  } else if (local) {
    const MonoTime start = gateway_.clock().Mono();
    RunLocal(*front.spec, front.args.views());
    CountSince(start, *front.spec, front.args.views());
  } else if (front.pending > 0) {
    return false;
  } else if (front.spec->kind == CommandKind::kAuthenticate) {
    AnswerAuthenticate(*front.spec, front.args.views(), front.right);
  } else if (front.spec->kind != CommandKind::kRead) {
    return false;
  } else if (!TakeFront()) {
    // Nothing is waited for: it has an error, or something stale. Come again for it.
    return front.state == State::kAnswered || front.pending == 0;
  }
  if (!front.rejected && !local) {
    CountCall(*front.spec, outbox_.now.mono - front.began, front.args.views());
    const auto waited = outbox_.now.mono - front.since;
    outbox_.stats->latency.Record(static_cast<uint64_t>(std::max<int64_t>(waited.count(), 0)), 1);
    // What another node has served is charged there.
    const bool served = front.to == ring::kNoNode;
    if (served && !gateway_.admission().unlimited()) SettleTime(front);
  }
  if (front.rejected) {
    EndRejected(front.spec, front.reply);
  } else {
    if (session_.tracking.keeps_now()) [[unlikely]]
      TrackRead(front);
    EndAnswer(*front.spec, front.args.views());
  }
  session_.closing |= front.last;
  queued_bytes_ -= front.bytes;
  held_bytes_ -= front.own_bytes;
  if (front.spec != nullptr && (front.spec->flags & kFlagChangesUser) != 0) judging_ = false;
  if (front.holds) holding_ = false;
  queue_.pop_front();
  ++first_sequence_;
  if (--run_ == 0) run_kind_ = CommandKind::kLocal;
  session_.closing |= expelled_ && queue_.empty();
  return true;
}

void Pipeline::ReleaseIdle() {
  if (queue_.empty()) queue_.set_capacity(0);
}

Pipeline::Queued* Pipeline::Find(const Origin& origin) {
  if (origin.sequence < first_sequence_) return nullptr;
  const uint64_t index = origin.sequence - first_sequence_;
  return index < queue_.size() ? &queue_[index] : nullptr;
}

// Something that `queued` waited for has come.
void Pipeline::PumpIfReady(const Queued& queued) {
  if (EndReturnedRun() || (&queued == &queue_.front() && queued.pending == 0)) Pump();
}

void Pipeline::OnWrite(std::unique_ptr<WriteItem> item) {
  Queued* queued = Find(item->origin);
  if (queued == nullptr) return;
  queued->database_time += item->database_time;
  if (item->misrouted) {
    OnMisrouted(*queued, std::move(item));
  } else if (!queued->parts.empty()) {
    TakePart(*queued, item->origin.part, std::move(item->reply));
  } else {
    queued->pending = 0;
    queued->state = State::kAnswered;
    if (item->reply.kind == Reply::Kind::kArray && item->transaction != nullptr) {
      queued->exec = std::move(item);
      BeginHeavySteps(*queued);
    } else {
      queued->reply = std::move(item->reply);
      queued->args = std::move(item->args);                              // For the slow log.
      if (item->transaction != nullptr) queued->exec = std::move(item);  // Its steps are charged.
    }
  }
  PumpIfReady(*queued);
}

void Pipeline::OnOperation(const std::shared_ptr<Operation>& operation) {
  Queued* queued = Find(operation->origin());
  if (queued == nullptr || queued->state == State::kAnswered) return;
  if (dynamic_cast<const LimitWaits::Turn*>(operation.get()) != nullptr) {
    if (queued->waits) TryLimits(*queued);
    Pump();
    return;
  }
  if (auto* forward = dynamic_cast<Forward*>(operation.get())) {
    OnForward(*queued, *forward);
    PumpIfReady(*queued);
    return;
  }
  --queued->pending;
  std::chrono::nanoseconds took{0};
  if (queued->apart_since.has_value()) took = outbox_.now.mono - *queued->apart_since;
  queued->apart_since.reset();
  // Of a transaction the step is charged, which need not be about what the others are about.
  if (queued->exec == nullptr) queued->database_time += took;
  if (queued->spec->kind == CommandKind::kAuthenticate) {
    OnCheck(*queued);
  } else if (queued->exec != nullptr) {
    const uint32_t step = operation->origin().part;
    queued->exec->transaction->steps[step].reply = std::move(operation->reply());
    queued->exec->transaction->steps[step].database_time += took;
    queued->last |= operation->ends_connection();
    if (queued->pending == 0) queued->state = State::kAnswered;
  } else if (queued->many != nullptr) {
    OnManyKeys(*queued);
  } else if (queued->snapshot == nullptr) {
    queued->state = State::kAnswered;
    queued->reply = std::move(operation->reply());
    queued->last = operation->ends_connection();
  } else if (queued->snapshot->error().has_value()) {
    queued->state = State::kAnswered;
    queued->reply = ErrorReply(*queued->snapshot->error());
  }
  PumpIfReady(*queued);
}

}  // namespace weir::gateway
