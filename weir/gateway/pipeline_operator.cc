// The operator's half of Pipeline: pauses, monitors, replies that are not sent, what CLIENT LIST
// shows.
#include <algorithm>
#include <array>
#include <string>

#include "weir/gateway/pipeline.h"

namespace weir::gateway {
namespace {

// As a client library sends them.
size_t EncodedBytes(Args args) {
  constexpr size_t kFraming = 1 + 2;  // "*2\r\n", without its digits.
  const auto digits = [](size_t number) { return std::to_string(number).size(); };
  size_t bytes = kFraming + digits(args.size());
  for (const std::string_view arg : args) bytes += kFraming + digits(arg.size()) + arg.size() + 2;
  return bytes;
}

}  // namespace

// `steps`: of EXEC.
bool Pipeline::HeldByPause(const CommandSpec& spec, const TransactionBody* steps) {
  const ClientPause::Stops stops = gateway_.pause().stops();
  if (stops == ClientPause::Stops::kNothing) [[likely]]
    return false;
  if ((spec.flags & kFlagEvenPaused) != 0) return false;
  bool held = stops == ClientPause::Stops::kAll || (spec.flags & kFlagWrite) != 0;
  if (steps != nullptr) {
    held |= std::any_of(steps->steps.begin(), steps->steps.end(), [](const WriteItem& step) {
      return (step.command->flags & kFlagWrite) != 0;
    });
  }
  return held;
}

bool Pipeline::HeldByPause(const Queued& queued) {
  if (queued.state == State::kAnswered && queued.exec == nullptr) return false;
  const bool held =
      HeldByPause(*queued.spec, queued.exec == nullptr ? nullptr : queued.exec->transaction.get());
  if (held) SetPaused(true);
  return held;
}

void Pipeline::SetPaused(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  if (paused) {
    outbox_.stats->paused_clients.Add(1);
  } else {
    outbox_.stats->paused_clients.Subtract(1);
  }
}

// A command that was not refused has been answered.
void Pipeline::EndAnswer(const CommandSpec& spec, Args args) {
  if (gateway_.monitors().any()) [[unlikely]]
    ShowMonitors(spec, args);
  if (session_.replies != Session::Replies::kOn) [[unlikely]]
    EndMuted();
  if (session_.tracking.caching) [[unlikely]]
    EndCaching(&spec);
}

// As in Redis, what administers the server is not shown.
void Pipeline::ShowMonitors(const CommandSpec& spec, Args args) {
  if ((spec.flags & (kFlagAdmin | kFlagSkipMonitor)) != 0) return;
  constexpr std::array<std::string_view, 1> kExec = {"exec"};  // Its words are not kept.
  Monitors::AppendLine(outbox_.monitored, outbox_.now.wall, session_.peer,
                       spec.kind == CommandKind::kExec ? Args(kExec) : args);
  if (outbox_.monitored.size() >= Monitors::kPieceBytes) gateway_.PublishMonitored(outbox_);
}

// A command has been refused, or queued by MULTI.
void Pipeline::EndRejected(const CommandSpec* spec, const Reply& reply) {
  if (session_.replies != Session::Replies::kOn) EndMuted();
  if (session_.tracking.caching && reply.kind == Reply::Kind::kError) EndCaching(spec);
}

// Drops the reply of the command that has been answered, if it was not to be sent.
void Pipeline::EndMuted() {
  if (muted_output_ != nullptr) muted_output_->Consume(muted_output_->pending_bytes());
  if (session_.replies == Session::Replies::kSkip) session_.replies = Session::Replies::kOn;
  if (session_.replies == Session::Replies::kSkipNext) session_.replies = Session::Replies::kSkip;
}

resp::OutputBuffer& Pipeline::MutedOutput() {
  if (muted_output_ == nullptr) muted_output_ = std::make_unique<resp::OutputBuffer>();
  return *muted_output_;
}

void Pipeline::Describe(ClientFacts* facts) const {
  facts->id = session_.id;
  facts->address = session_.peer;
  facts->name = session_.name;
  facts->user = session_.user_name();
  facts->library_name = session_.library_name;
  facts->library_version = session_.library_version;
  if (session_.last_command != nullptr) facts->command = session_.last_command->name;
  facts->age =
      std::chrono::duration_cast<std::chrono::seconds>(outbox_.now.mono - session_.connected_at);
  if (session_.monitors) facts->flags += 'O';
  if (transaction_.open()) facts->flags += 'x';
  if (paused_) facts->flags += 'b';
  if (session_.tracking.on) {
    facts->redirect = session_.tracking.redirect;
    facts->flags += 't';
    if (gateway_.tracking().redirect_broken(session_.id)) facts->flags += 'R';
    if (session_.tracking.broadcast) facts->flags += 'B';
  }
  if (session_.closing) facts->flags += 'c';
  if (session_.not_evicted) facts->flags += 'e';
  if (session_.touches_none) facts->flags += 'T';
  if (transaction_.open()) facts->queued = transaction_.queued();
  facts->transaction_bytes = transaction_.bytes();
  facts->waiting_bytes = held_bytes_;
  facts->pending_bytes = output_.pending_bytes();
  // As in Redis, a command is in the query buffer until it has been answered.
  if (!queue_.empty()) facts->unparsed_bytes = EncodedBytes(queue_.front().args.views());
  facts->output_buffer_bytes = output_.buffer_bytes();
  facts->protocol = session_.protocol;
}

void Pipeline::Resume() {
  const bool resumed = paused_ && gateway_.pause().stops() == ClientPause::Stops::kNothing;
  if (resumed) SetPaused(false);
  const bool output = std::exchange(waits_for_output_, false);
  const bool round = std::exchange(waits_for_round_, false);
  if (output || round || resumed) Pump();
}

}  // namespace weir::gateway
