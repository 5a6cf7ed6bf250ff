// The part of Pipeline that waits at limits: commands that a policy delays, before they begin, and
// LIMIT.WAIT, once it has. What comes after either waits behind it.
#include <algorithm>
#include <cassert>
#include <optional>
#include <span>
#include <utility>

#include "weir/gateway/commands/limit.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/limit_words.h"
#include "weir/gateway/pipeline.h"
#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

// The policy of a transaction cannot wait: its commands are queued, or not, as they come.
bool IsOfTransaction(const CommandSpec& spec, const Transaction& transaction) {
  return transaction.open() || (spec.flags & kFlagTransaction) != 0;
}

Reply NoRoomToWait() {
  return Reply::Failure(
      Overloaded({"limit", Refusal::kUntilQueue, "as many commands wait at limits as may"}));
}

// How LIMIT.WAIT goes on waiting that was refused; nullopt: it does not.
std::optional<Passage::Wait> WaitFor(const limit::NamedOutcomes& outcomes,
                                     std::span<const limit::NamedLimit> limits, MonoTime now,
                                     MonoTime until) {
  const limit::NamedOutcome& longest = outcomes.each[outcomes.decisive];
  if (longest.verdict != limit::Verdict::kLater || now + longest.retry_after > until) {
    return std::nullopt;
  }
  return Passage::Wait{longest.bucket, longest.line_cost,
                       longest.behind, longest.retry_after,
                       until,          !limits[outcomes.decisive].policy.empty()};
}

}  // namespace

// Of most requests a few draws are compared, and that is all.
void Pipeline::NoteInJournal(const Resolved& resolved, Args args) {
  const CommandSpec& spec = *resolved.spec;
  limit::Journal::Draws draws{.request = outbox_.draws.Next(), .client = client_draw_};
  if (resolved.IsReadOfOneKey()) {
    draws.key = resolved.hash.hash;
  } else if (spec.keys.first != 0) {
    draws.key = gateway_.placement().Hash(args[static_cast<size_t>(spec.keys.first)]).hash;
  }
  if (!gateway_.admission().JournalTakes(draws)) [[likely]]
    return;
  gateway_.admission().NoteInJournal(draws, LimitRequest(spec, args, session_), outbox_.now.mono);
}

std::optional<Reply> Pipeline::Throttled(const CommandSpec& spec, Args args, bool* waits) {
  if ((spec.flags & kFlagUnlimited) != 0) return std::nullopt;
  const bool stays = waits == nullptr || session_.from_node || IsOfTransaction(spec, transaction_);
  const Patience patience = stays ? Patience::kNone : patience_;
  Passage passage = gateway_.admission().Admit(&outbox_.limits, LimitRequest(spec, args, session_),
                                               patience, outbox_.now.mono);
  if (waits != nullptr) *waits = passage.verdict == Passage::Verdict::kWaits;
  if (passage.verdict != Passage::Verdict::kRefused) return std::nullopt;
  outbox_.stats->throttled.Add(1);
  return Reply::Failure(std::move(passage.refusal));
}

void Pipeline::EnqueueWaiting(Queued queued) {
  const Origin origin = OriginOf(NextSequence());
  queued.waits = true;
  queued.seat = LimitWaits::Seat(origin, Flow(), false);
  Enqueue(std::move(queued));
  if (Queued* waiting = Find(origin)) TryLimits(*waiting);
  Pump();
}

void Pipeline::BeginWait(Queued& queued, uint64_t sequence) {
  queued.pending = 1;
  queued.waits = true;
  queued.seat = LimitWaits::Seat(OriginOf(sequence), Flow(), true);
  TryLimits(queued);
}

// Requires: it waits. Whoever calls it pumps afterwards.
void Pipeline::TryLimits(Queued& queued) {
  assert(queued.waits);
  queued.due = kNoDue;
  if (queued.spec->kind == CommandKind::kWait && queued.state == State::kPending) {
    TryNamedLimits(queued);
  } else {
    TryPolicies(queued);
  }
}

// Its user may be another one than when it came, or may less.
std::optional<Reply> Pipeline::ForbiddenNow(Queued& queued) {
  if (gateway_.authentication().generation() == 0) return std::nullopt;
  std::optional<Reply> forbidden = Forbidden(*queued.spec, queued.args.views());
  if (forbidden.has_value()) queued.last |= expelled_;
  return forbidden;
}

void Pipeline::TryPolicies(Queued& queued) {
  const Args args = queued.args.views();
  const auto refuse = [&](Reply reply) {
    queued.state = State::kAnswered;
    queued.rejected = true;
    queued.reply = std::move(reply);
    CountRejection(queued.spec, queued.reply);
  };
  if (std::optional<Reply> forbidden = ForbiddenNow(queued)) {
    EndLimitWait(queued);
    return refuse(std::move(*forbidden));
  }
  const limit::Request request = LimitRequest(*queued.spec, args, session_);
  const auto ask = [&](Patience patience) {
    return gateway_.admission().Try(&outbox_.limits, request, {queued.seat, queued.since, patience},
                                    outbox_.now.mono);
  };
  Passage passage = ask(patience_);
  // What came before it was in the line is seen once it is.
  if (passage.verdict == Passage::Verdict::kWaits &&
      StandInLine(queued, passage.wait) == LimitWaits::Joined::kNowFirst) {
    passage = ask(patience_);
    if (passage.verdict == Passage::Verdict::kWaits) StandInLine(queued, passage.wait);
  }
  if (passage.verdict == Passage::Verdict::kWaits) {
    if (queued.seat.taken()) return;
    passage = ask(Patience::kNone);
  }
  EndLimitWait(queued);
  if (passage.verdict == Passage::Verdict::kPasses) {
    queued.since = outbox_.now.mono;  // It was held back by design: that is not how long it took.
    return;
  }
  outbox_.stats->throttled.Add(1);
  refuse(Reply::Failure(std::move(passage.refusal)));
}

void Pipeline::TryNamedLimits(Queued& queued) {
  const MonoTime now = outbox_.now.mono;
  const auto answer = [&queued, now](Reply reply) {
    EndLimitWait(queued);
    queued.since = queued.began = now;  // As above.
    queued.pending = 0;
    queued.state = State::kAnswered;
    queued.reply = std::move(reply);
  };
  if (std::optional<Reply> forbidden = ForbiddenNow(queued)) return answer(std::move(*forbidden));
  const LimitWaits::Unblocked unblocked = queued.seat.unblocked();
  if (unblocked == LimitWaits::Unblocked::kByError) {
    return answer(Reply::Failure(std::string(errors::kUnblocked)));
  }
  const auto words =
      commands::ReadWait({queued.args.views(), session_, gateway_, home_, outbox_, false});
  if (!words.ok()) return answer(Reply::Failure(words.error().message));
  const auto decide = [&](limit::Ask ask) {
    return gateway_.admission().DecideNamed(&outbox_.limits, words.value().limits.all(), ask, now,
                                            &queued.seat);
  };
  const bool waits = wait_patience_ == Patience::kWaits && !session_.from_node &&
                     unblocked == LimitWaits::Unblocked::kNot;
  Result<limit::NamedOutcomes> outcomes = decide(limit::Ask::kTry);
  // Once more when it has come to be the first: what came before is seen then.
  for (int looks = 0; looks < 2 && outcomes.ok() && !outcomes.value().allowed; ++looks) {
    const auto most = words.value().most;
    const std::optional<Passage::Wait> wait =
        WaitFor(outcomes.value(), words.value().limits.all(), now,
                queued.began + (most + LateBy(queued.seat, most)));
    if (!waits || !wait.has_value()) break;
    const LimitWaits::Joined joined = StandInLine(queued, *wait);
    if (joined == LimitWaits::Joined::kNoRoom) return answer(NoRoomToWait());
    if (joined != LimitWaits::Joined::kNowFirst || looks == 1) return;
    outcomes = decide(limit::Ask::kTry);
  }
  // The last time: now it is counted.
  if (outcomes.ok() && !outcomes.value().allowed) outcomes = decide(limit::Ask::kTake);
  if (!outcomes.ok()) return answer(Reply::Failure("ERR " + outcomes.error().message));
  answer(EncodedBy(session_.protocol, [&](resp::Writer& writer) {
    writer.ArrayHeader(commands::kOutcomeFields + 1);
    commands::WriteOutcomeFields(outcomes.value(), writer);
    writer.Integer(std::chrono::ceil<std::chrono::milliseconds>(now - queued.began).count());
  }));
}

// It does not wait any more.
void Pipeline::EndLimitWait(Queued& queued) {
  queued.waits = false;
  queued.due = kNoDue;
  queued.seat.Leave();
}

// Unless there is no room for it, it tries again when it may be its time.
LimitWaits::Joined Pipeline::StandInLine(Queued& queued, const Passage::Wait& wait) {
  const MonoTime now = outbox_.now.mono;
  const LimitWaits::Joined joined =
      gateway_.admission().waits().Wait(&queued.seat, wait.bucket, wait.cost, wait.of_policy);
  if (joined == LimitWaits::Joined::kNoRoom) return joined;
  MonoTime next = wait.until;
  // Those who were before it have gone meanwhile: its turn is now.
  if (joined != LimitWaits::Joined::kBehind) {
    next = std::min(next, wait.behind ? now : now + wait.retry_after);
  }
  NoteDue(queued, next);
  return joined;
}

// For what is answered before all that it asked for is there, and would be charged for nothing.
void Pipeline::NoteTimeSoFar(Queued& queued) const {
  if (queued.pending == 0) return;
  queued.waited = outbox_.now.mono - queued.began;
}

// Charges what has been answered for the time that databases worked for it. EXEC's is shared by
// its steps, each of which the policies let pass by itself, but for what one asked for apart.
void Pipeline::SettleTime(const Queued& queued) {
  Admission& admission = gateway_.admission();
  if (!admission.PoliciesIn(&outbox_.limits).counts_time()) return;
  const MonoTime now = outbox_.now.mono;
  // What comes in afterwards was under way while it waited.
  const auto took = std::max(queued.database_time, queued.waited);
  const auto settle = [&](const CommandSpec& spec, Args args, std::chrono::nanoseconds share) {
    if (share.count() <= 0 || (spec.flags & kFlagUnlimited) != 0) return;
    admission.Settle(&outbox_.limits, LimitRequest(spec, args, session_), share, now);
  };
  const bool has_steps = queued.exec != nullptr && queued.exec->transaction != nullptr &&
                         !queued.exec->transaction->steps.empty();
  if (!has_steps) return settle(*queued.spec, queued.args.views(), took);
  const std::vector<WriteItem>& steps = queued.exec->transaction->steps;
  for (const WriteItem& step : steps) {
    settle(*step.command, step.args.views(),
           took / static_cast<int64_t>(steps.size()) + step.database_time);
  }
}

// `all`: those that policies delay too.
void Pipeline::StopWaits(bool all) {
  wait_patience_ = Patience::kNone;
  if (all) patience_ = Patience::kNone;
  for (size_t i = 0; i < queue_.size(); ++i) {
    Queued& queued = queue_[i];
    if (queued.waits && (all || queued.spec->kind == CommandKind::kWait)) TryLimits(queued);
  }
  Pump();
}

}  // namespace weir::gateway
