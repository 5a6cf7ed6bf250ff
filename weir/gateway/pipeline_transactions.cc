// The part of Pipeline that is about several commands as one: MULTI and what goes with it.
#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/pipeline.h"

namespace weir::gateway {
namespace {

// What a reading step found, where `next` points in all that was found, and moves it on.
std::vector<Found> FoundBy(const WriteItem& step, const TransactionBody& body, size_t* next) {
  std::vector<Found> found(step.KeyCount());
  for (Found& key : found) key = FoundIn(body.found[(*next)++]);
  return found;
}

Reply Failure(std::string_view text) {
  return Reply::Failure(std::string(text));
}

}  // namespace

// A command inside MULTI, or one that is about the transaction. `refused` is what is wrong with it
// anyway. What is known here is answered in its turn.
void Pipeline::ExecuteInTransaction(const CommandSpec* spec, const resp::Command& command,
                                    std::optional<Reply> refused) {
  Queued queued;
  if (refused.has_value()) {
    NoteRefusal(spec, command, &*refused);
  } else {
    queued.spec = spec;
    refused = Control(*spec, command, &queued);
    // One about the transaction that is answered with an error was executed all the same.
    const bool failed = refused.has_value() && refused->kind == Reply::Kind::kError &&
                        (spec->flags & kFlagTransaction) != 0;
    if (failed && gateway_.monitors().any()) ShowMonitors(*spec, command.args());
  }
  if (refused.has_value()) {
    if (refused->kind == Reply::Kind::kError) CountRejection(spec, *refused);
    AnswerInTurn(spec, std::move(*refused));
  } else {
    Enqueue(std::move(queued));
  }
}

void Pipeline::NoteRefusal(const CommandSpec* spec, const resp::Command& command, Reply* refusal) {
  const bool watch = spec != nullptr && (spec->flags & kFlagTransaction) != 0 &&
                     spec->kind == CommandKind::kRead && spec->ArityFits(command.args().size());
  if (spec != nullptr && spec->kind == CommandKind::kExec) {
    transaction_.Drop();
    *refusal = Failure(errors::ExecRefused(refusal->text));
  } else if (transaction_.open()) {
    transaction_.Abort();
  } else if (watch) {
    transaction_.FailWatch();
  }
}

// Returns the reply, or nullopt when `queued` has been made ready to have its turn.
std::optional<Reply> Pipeline::Control(const CommandSpec& spec, const resp::Command& command,
                                       Queued* queued) {
  const bool own = (spec.flags & kFlagTransaction) != 0;
  if (transaction_.open() && (!own || spec.name == "unwatch")) {
    std::optional<std::string> error = transaction_.Queue(spec, OwnedArgs(command));
    if (!error.has_value()) return Reply::Status("QUEUED");
    transaction_.Abort();
    return Reply::Failure(std::move(*error));
  }
  if (spec.kind == CommandKind::kExec) return Exec(queued);
  if (spec.name == "multi") {
    if (transaction_.open()) return Failure(errors::kNestedMulti);
    transaction_.Open();
  } else if (spec.name == "watch") {
    if (transaction_.open()) return Failure(errors::kWatchInMulti);
    if (auto error = transaction_.Watch(spec, command.args())) {
      transaction_.FailWatch();
      return Reply::Failure(std::move(*error));
    }
    queued->watches = transaction_.watches();
  } else {  // DISCARD, UNWATCH, RESET, QUIT.
    if (spec.name == "discard" && !transaction_.open()) {
      return Failure(errors::kDiscardWithoutMulti);
    }
    transaction_.Drop();
  }
  queued->args = OwnedArgs(command);
  return std::nullopt;
}

std::optional<Reply> Pipeline::Exec(Queued* queued) {
  if (!transaction_.open()) return Failure(errors::kExecWithoutMulti);
  const bool aborted = transaction_.aborted();
  if (aborted || transaction_.watches()->failed) {
    transaction_.Drop();
    return Failure(aborted ? errors::kExecAborted : errors::kWatchFailed);
  }
  queued->exec = std::make_unique<WriteItem>();
  queued->exec->command = queued->spec;
  queued->exec->transaction = transaction_.Take();
  const TransactionBody& body = *queued->exec->transaction;
  queued->holds = std::any_of(body.steps.begin(), body.steps.end(),
                              [&](const WriteItem& step) { return body.RunsApart(step); });
  if (!body.database.has_value()) {  // It needs no database; its steps run in their turn.
    queued->exec->reply = Reply::Array({});
    queued->state = State::kAnswered;
  } else if (body.watches != nullptr) {
    queued->exec->hash = body.watches->keys.front().hash;
  } else {
    const auto keyed = std::find_if(body.steps.begin(), body.steps.end(),
                                    [](const WriteItem& step) { return step.KeyCount() > 0; });
    if (keyed != body.steps.end()) queued->exec->hash = keyed->hash;
  }
  return std::nullopt;
}

// What a WATCH found, in its turn. A key that was watched before keeps what it held then.
void Pipeline::NoteWatched(const Queued& watch, std::span<const Found> found) {
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string_view key = watch.args[watch.spec->KeyIndex(i)];
    const auto watched = std::find_if(
        watch.watches->keys.begin(), watch.watches->keys.end(), [&](const WatchedKey& candidate) {
          return candidate.hash.hash == watch.slots[i].hash.hash && candidate.key == key;
        });
    assert(watched != watch.watches->keys.end());
    if (std::exchange(watched->read, true)) continue;
    if (found[i].present) watched->version = found[i].version;
  }
}

void Pipeline::BeginExec(Queued& queued, uint64_t sequence) {
  const Watches* watches = queued.exec->transaction->watches.get();
  if (watches != nullptr && watches->failed) {  // Found out since EXEC arrived.
    queued.exec.reset();
    queued.state = State::kAnswered;
    queued.reply = Failure(errors::kWatchFailed);
    return;
  }
  queued.pending = 1;
  queued.exec->routes = run_routes_;
  queued.exec->origin = OriginOf(sequence);
  queued.exec->flow = Flow();
  outbox_.writes[run_database_].push_back(std::move(queued.exec));
}

// Steps that only read, and whose reading is heavy, are computed before EXEC is answered.
void Pipeline::BeginHeavySteps(Queued& queued) {
  const TransactionBody& body = *queued.exec->transaction;
  const Origin exec = queued.exec->origin;
  size_t next = 0;
  for (uint32_t i = 0; i < body.steps.size(); ++i) {
    const WriteItem& step = body.steps[i];
    const CommandSpec& spec = *step.command;
    if (spec.kind != CommandKind::kRead) continue;
    const std::vector<Found> found = FoundBy(step, body, &next);
    const ReadCall call{step.args.views(), found, body.now};
    if (spec.heavy == nullptr || !spec.heavy(call)) continue;
    queued.state = State::kPending;
    BeginHeavyRead(queued, {exec.home, exec.connection, exec.sequence, i}, spec, call);
  }
}

// What waits for the client or is to be dropped, but for large values, which are not copied.
size_t Pipeline::CopiedReplyBytes() const {
  return sink_->copied_bytes() + (muted_output_ == nullptr ? 0 : muted_output_->copied_bytes());
}

bool Pipeline::ExecAnswerIsFull() const {
  return CopiedReplyBytes() > exec_answer_.copied_max;
}

// Returns false when a step has been begun that runs apart: come again when its reply is there. So
// what administers the server takes effect in its turn among the steps that are answered here, and
// what looks through the databases sees what the transaction wrote.
bool Pipeline::AnswerExec(Queued& exec) {
  const TransactionBody& body = *exec.exec->transaction;
  if (!std::exchange(exec_answer_.begun, true)) {
    if (exec.holds) {
      exec_answer_.written = std::make_unique<resp::OutputBuffer>();
      sink_ = exec_answer_.written.get();
    }
    exec_answer_.copied_max = CopiedReplyBytes() + gateway_.memory().reply_bytes_max();
    MakeWriter().ArrayHeader(body.steps.size());
  }
  for (; exec_answer_.step < body.steps.size(); ++exec_answer_.step) {
    const WriteItem& step = body.steps[exec_answer_.step];
    if (body.RunsApart(step) && !AskApart(exec, exec_answer_.step)) return false;
    AnswerStep(step, body);
  }
  sink_ = &output_;
  ExecAnswer answer = std::exchange(exec_answer_, {});
  if (answer.written != nullptr) MakeWriter().Encoded(TakeAll(*answer.written));
  TrackSteps(body, answer.shown);
  return true;
}

// Returns whether the reply of the step is there.
bool Pipeline::AskApart(Queued& exec, uint32_t step) {
  if (std::exchange(exec_answer_.asked, false)) return true;
  WriteItem& item = exec.exec->transaction->steps[step];
  if (ExecAnswerIsFull()) {
    item.reply = Failure(errors::kTransactionReplyTooLarge);
    return true;
  }
  Origin origin = OriginOf(first_sequence_);
  origin.part = step;
  std::optional<Reply> reply =
      item.command->operation({item.args.views(), origin, gateway_, session_});
  if (reply.has_value()) {
    item.reply = std::move(*reply);
    return true;
  }
  exec_answer_.asked = true;
  if (WorksInDatabase(*item.command)) exec.apart_since = outbox_.now.mono;
  exec.state = State::kPending;
  exec.pending = 1;
  return false;
}

// With a writer of its own, since a HELLO before it may have changed the protocol. Writes have run
// already and made what they may; once the answer is full nothing else is.
void Pipeline::AnswerStep(const WriteItem& step, const TransactionBody& body) {
  const CommandSpec& spec = *step.command;
  outbox_.stats->commands[CommandIndex(spec)].calls.Add(1);
  const bool full = ExecAnswerIsFull();
  const bool local = spec.kind == CommandKind::kLocal || spec.kind == CommandKind::kAuthenticate;
  if (local && !full) {
    RunLocal(spec, step.args.views(), true);
    if (gateway_.monitors().any()) ShowMonitors(spec, step.args.views());
    return;
  }
  resp::Writer writer = MakeWriter();
  if (local) {
    WriteError(writer, errors::kTransactionReplyTooLarge);
  } else if (spec.kind == CommandKind::kRead) {
    const size_t first = exec_answer_.found;
    const std::vector<Found> found = FoundBy(step, body, &exec_answer_.found);
    if (full) {
      WriteError(writer, errors::kTransactionReplyTooLarge);
    } else if (step.reply.kind == Reply::Kind::kNull) {
      spec.read({step.args.views(), found, body.now, gateway_.memory().reply_bytes_max()}, writer);
    } else {  // It was heavy.
      step.reply.WriteTo(writer);
    }
    if (session_.tracking.keeps_now() && writer.error_code().empty()) {
      exec_answer_.shown.push_back({exec_answer_.step, first});
    }
  } else {
    step.reply.WriteTo(writer);
  }
  CountFailure(spec, writer);
  if (gateway_.monitors().any()) ShowMonitors(spec, step.args.views());
}

}  // namespace weir::gateway
