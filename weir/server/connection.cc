#include "weir/server/connection.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "weir/gateway/peer_sessions.h"
#include "weir/server/server_loop.h"

namespace weir::server {
namespace {

resp::Limits ParserLimits(const ConnectionLimits& limits) {
  resp::Limits parser;
  // Room for the longest value, and for keys and options beside it.
  parser.bulk_bytes_max = limits.bulk_bytes_max;
  parser.command_bytes_max = limits.bulk_bytes_max * 2 + (size_t{1} << 20);
  parser.args_max = limits.args_max;
  return parser;
}

// In a row, so that one client that sends without end does not hold up the others' end.
constexpr int kDrainReceivesMax = 16;
// A big value may take longer than the deadline of a command, at this speed.
constexpr size_t kUploadBytesPerSecondMin = size_t{256} << 10;
constexpr auto kIdleBeforeRelease = std::chrono::seconds(2);

size_t BytesOf(std::span<const net::Piece> pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), size_t{0},
                         [](size_t sum, const net::Piece& piece) { return sum + piece.size; });
}

}  // namespace

Connection::Connection(ServerLoop& loop, net::Stream stream, gateway::Session session)
    : loop_(loop),
      stream_(std::move(stream)),
      session_(std::move(session)),
      parser_(ParserLimits(loop.limits())),
      pipeline_(loop.gateway(), loop, loop.outbox(), session_, output_),
      held_(loop.gateway().memory().clients()),
      arriving_(memory().arriving()),
      limits_version_(loop.limits_version()),
      last_receive_(loop.outbox().now.mono),
      last_authenticated_(last_receive_),
      command_began_(last_receive_),
      last_send_(last_receive_) {
  session_.connected_at = last_receive_;
  loop_.event_loop().Watch(stream_.fd(), true, false, this);
}

Connection::~Connection() {
  if (!closed_) loop_.event_loop().Unwatch(stream_.fd());
}

void Connection::OnReady(bool readable, bool writable) {
  if (closed_) return;
  if (readable && !watching_read_) {
    Close();  // Nobody asked for input, so this is a hang-up: there is nobody left to answer.
    return;
  }
  may_send_ |= writable;
  if (readable || stream_.wants_write()) {
    Receive();
  } else {
    loop_.ReadClock();
  }
  if (!closed_ && (writable || !output_.empty() || InputIsOver())) Send();
  Account();
}

void Connection::Receive() {
  // Asked again where memory is taken: since it was watched, others have taken some.
  if (input_.growth_bytes() > 0 && WaitsForMemory()) return;
  const bool was_empty = input_.empty() && !stream_.mid_record();
  const std::span<char> room = input_.Writable();
  const size_t most = memory().clients().over() ? kPressedReceiveBytes : kReceiveBytesMax;
  const net::Transfer got = stream_.Receive(room.first(std::min(room.size(), most)));
  // After what came was sent: what had expired by then is not served.
  loop_.ReadClock();
  if (got.state == net::Transfer::State::kClosed) {
    Close();
    return;
  }
  if (got.state == net::Transfer::State::kEnded) {
    received_all_ = true;  // It may still read: what it has sent is answered first.
    pipeline_.OnClientEnded();
    return;
  }
  if (got.state == net::Transfer::State::kWouldBlock) {
    received_all_ = draining_;
    return;
  }
  input_.Commit(got.bytes);
  loop_.stats().input_bytes.Add(got.bytes);
  loop_.stats().receives.Add(1);
  last_receive_ = loop_.outbox().now.mono;
  if (was_empty) command_began_ = last_receive_;
  Process();
}

void Connection::Process() {
  const MonoTime start = loop_.outbox().now.mono;
  MonoTime burst_start = start;
  input_waits_ = false;
  loop_.TakePushes();
  LimitOutput();
  size_t executed = 0;
  size_t words = 0;
  while (!input_ended_ && !closed_) {
    FitLimits();
    const bool over = executed >= kTurnCommandsMax || words >= kTurnWordsMax;
    if (over) GoOnLater();
    if (over || !CanExecute()) {
      input_waits_ = true;
      break;
    }
    const size_t count = ParseBurst(&words);
    if (count == 0) break;
    ExecuteBurst(count);
    executed += count;
    const MonoTime burst_end = loop_.clock().Mono();
    pipeline_.EndBurst(burst_end - burst_start);
    ReleaseBurst(count);
    burst_start = burst_end;
    // A command that is half there began now, at the latest.
    command_began_ = start;
  }
}

// Who has not authenticated may take up little, and the others what is configured at present.
void Connection::FitLimits() {
  const bool authenticated = session_.user != nullptr || session_.from_node;
  const bool same_limits = limits_version_ == loop_.limits_version();
  if (authenticated == authenticated_ && same_limits) return;
  authenticated_ = authenticated;
  limits_version_ = loop_.limits_version();
  parser_.SetLimits(authenticated ? ParserLimits(loop_.limits()) : resp::kLimitsBeforeAuth);
  LimitOutput();
}

// Returns how many complete commands are in the loop's burst. One that may change who the client is
// and what it may send is the last, and so is the one with which a turn has enough. Adds to
// `words`.
size_t Connection::ParseBurst(size_t* words) {
  std::array<resp::Command, kBurstCommandsMax>& burst = loop_.burst();
  const size_t most = std::min(burst.size(), pipeline_.room());
  size_t count = 0;
  while (count < most) {
    const resp::ParseResult result = parser_.Next(input_, &burst[count]);
    if (result == resp::ParseResult::kCommand) {
      if (session_.from_node && !Unwrap(count)) [[unlikely]]
        break;
      const resp::Command& command = burst[count++];
      *words += command.args().size();
      if (gateway::Pipeline::ChangesUser(command) || *words >= kTurnWordsMax) break;
      continue;
    }
    if (result == resp::ParseResult::kError) EndInput("ERR " + std::string(parser_.error()));
    if (result == resp::ParseResult::kHttp) EndInput("");
    break;
  }
  return count;
}

// Takes what another node has put before the command in the loop's burst off. Returns whether there
// was anything: it may send nothing else.
bool Connection::Unwrap(size_t index) {
  const std::optional<limit::Address> client = gateway::TakeForwarded(&loop_.burst()[index]);
  if (!client.has_value()) {
    EndInput("ERR a node sends what its clients ask for, and nothing else");
    return false;
  }
  loop_.forwarded_for()[index] = *client;
  return true;
}

void Connection::ExecuteBurst(size_t count) {
  const std::span<const resp::Command> burst = std::span(loop_.burst()).first(count);
  const std::span<gateway::Pipeline::Resolved> resolved = loop_.resolved();
  pipeline_.LookAhead(burst, resolved);
  for (size_t i = 0; i < count && pipeline_.room() > 0; ++i) {
    if (session_.from_node) [[unlikely]]
      session_.client = loop_.forwarded_for()[i];
    pipeline_.Execute(burst[i], resolved[i]);
  }
}

// The loop's commands live on; large values that came in them must not.
void Connection::ReleaseBurst(size_t count) {
  std::array<resp::Command, kBurstCommandsMax>& burst = loop_.burst();
  for (size_t i = 0; i < count; ++i) {
    if (burst[i].holds_big()) burst[i].Clear();
  }
}

void Connection::EndInput(std::string error) {
  loop_.stats().protocol_errors.Add(1);
  input_ended_ = true;
  last_words_ = std::move(error);
}

void Connection::Continue() {
  if (closed_) return;
  LimitOutput();
  pipeline_.Resume();
  if (input_waits_) Process();
  if (draining_) {
    ReceiveRest();
  } else if (stream_.has_pending() && MayRead()) {
    Receive();
  }
  if (closed_) return;
  Send();
  Account();
}

void Connection::Drain() {
  if (closed_ || draining_) return;
  draining_ = true;
  pipeline_.OnDrain();
  ReceiveRest();
  if (closed_) return;
  Send();
  Account();
}

void Connection::TakeTurn() {
  goes_on_later_ = false;
  // The time in which it was not read is not the client's.
  if (std::exchange(memory_waits_, false)) {
    command_began_ = command_began_ + (loop_.outbox().now.mono - memory_wait_began_);
  }
  resumed_by_loop_ = false;
  own_turn_ = true;
  Continue();
  own_turn_ = false;
}

void Connection::TurnAtTick() {
  tick_asked_ = false;
  GoOnLater();
}

void Connection::GoOnLater() {
  if (!std::exchange(goes_on_later_, true)) loop_.ContinueLater(id());
}

// Returns the replies that one turn may send, as the first of `pieces`.
std::span<const net::Piece> Connection::TurnOf(std::span<net::Piece> pieces) const {
  std::array<resp::OutputBuffer::Span, net::Socket::kPiecesMax> spans;
  const size_t count = output_.Spans(spans);
  size_t left = kTurnSendBytesMax;
  size_t used = 0;
  for (; used < count && left > 0; ++used) {
    pieces[used] = {spans[used].data, std::min(spans[used].size, left)};
    left -= pieces[used].size;
  }
  return pieces.first(used);
}

void Connection::Send() {
  if (InputIsOver() && pipeline_.idle() && !last_words_.empty()) {
    resp::Writer writer(output_, session_.protocol);
    gateway::WriteError(writer, last_words_);
    last_words_.clear();
  }
  if (!output_.empty() && !may_send_) return;
  if (output_.pending_bytes() > kTurnSendBytesMax && !own_turn_) {
    GoOnLater();
    return;
  }
  if (!output_.empty()) {
    std::array<net::Piece, net::Socket::kPiecesMax> room;
    const std::span<const net::Piece> pieces = TurnOf(room);
    const net::Transfer sent = stream_.Send(pieces);
    may_send_ = sent.bytes == BytesOf(pieces);
    if (sent.state == net::Transfer::State::kClosed) {
      Close();
      return;
    }
    if (sent.bytes > 0) {
      output_.Consume(sent.bytes);
      loop_.stats().output_bytes.Add(sent.bytes);
      loop_.stats().sends.Add(1);
      last_send_ = loop_.outbox().now.mono;
    }
    if (may_send_ && !output_.empty()) GoOnLater();
  } else {
    last_send_ = loop_.outbox().now.mono;
  }
  if (InputIsOver() && pipeline_.idle() && output_.empty()) {
    Close();
  } else if (memory().clients().over() && output_.copied_bytes() > kPressedOutputBytes) {
    CloseSlow();
  } else if (output_.empty() && ((input_waits_ && CanExecute()) || pipeline_.waits_for_output())) {
    GoOnLater();  // What waited for this can go on.
  }
}

// Executes what has arrived by now, since it was sent before we stopped, as far as the pipeline has
// room; Continue comes back for the rest.
void Connection::ReceiveRest() {
  for (int i = 0; i < kDrainReceivesMax; ++i) {
    if (received_all_ || input_waits_ || input_ended_ || closed_) return;
    Receive();
    if (memory_waits_) return;  // The tick comes back for it.
  }
  GoOnLater();
}

bool Connection::InputIsOver() const {
  return input_ended_ || session_.closing || (received_all_ && !input_waits_);
}

bool Connection::MayRead() {
  return !InputIsOver() && !draining_ && !input_waits_ && !WaitsForMemory();
}

bool Connection::CanExecute() const {
  return pipeline_.accepting() && !pipeline_.output_full() &&
         (pipeline_.idle() || !memory().clients().over());
}

void Connection::LimitOutput() {
  const bool over = memory().clients().over();
  const size_t limit = authenticated_ ? loop_.limits().output_bytes_pause : kOutputBytesBeforeAuth;
  pipeline_.SetOutputLimit(over ? 1 : limit);
}

gateway::ClientFacts Connection::Facts() const {
  gateway::ClientFacts facts;
  pipeline_.Describe(&facts);
  facts.local_address = stream_.LocalAddress().ToString();
  facts.descriptor = stream_.fd();
  facts.idle =
      std::chrono::duration_cast<std::chrono::seconds>(loop_.outbox().now.mono - last_receive_);
  facts.unparsed_bytes += input_.unparsed_bytes();
  facts.input_buffer_bytes = buffers().input;
  facts.watched_for_input = watching_read_;
  facts.watched_for_output = watching_write_;
  return facts;
}

Connection::Buffers Connection::buffers() const {
  return {input_.buffer_bytes() + parser_.buffer_bytes(), output_.buffer_bytes()};
}

void Connection::CloseSlow() {
  loop_.stats().connections_closed_slow.Add(1);
  Close();
}

void Connection::Show(const Bytes& lines) {
  if (closed_ || session_.muted()) return;
  resp::Writer(output_, session_.protocol).Encoded(lines);
  if (output_.pending_bytes() <= kMonitorOutputBytesMax) return;
  CloseSlow();
}

void Connection::Tell(const Bytes& message) {
  if (closed_) return;
  // No more of it waits than waits in all.
  told_bytes_ = std::min(told_bytes_, output_.pending_bytes()) + message.size();
  pipeline_.Tell(message);
  if (told_bytes_ > kToldBytesMax) return CloseSlow();
  if (!std::exchange(told_, true)) loop_.SendToldLater(id());
}

void Connection::Kill() {
  if (closed_) return;
  loop_.stats().connections_killed.Add(1);
  Close();
}

void Connection::UpdateInterest() {
  const bool read = MayRead();
  if (read && stream_.has_pending()) GoOnLater();
  const bool write = !goes_on_later_ && (!output_.empty() || stream_.wants_write());
  if (read == watching_read_ && write == watching_write_) return;
  watching_read_ = read;
  watching_write_ = write;
  loop_.event_loop().Change(stream_.fd(), read, write, this);
}

void Connection::CheckDeadlines(MonoTime now) {
  if (closed_) return;
  if (!pipeline_.MayBeTold()) return Close();  // It may never send another command.
  const ConnectionLimits& limits = loop_.limits();
  const bool begun = !input_.empty() || stream_.mid_record();
  const bool half_command = begun && !input_waits_ && !memory_waits_ && pipeline_.idle();
  const auto upload = std::chrono::seconds(input_.held_bytes() / kUploadBytesPerSecondMin);
  if (half_command && now - command_began_ > limits.partial_command_timeout + upload) {
    return CloseSlow();
  }
  if (!output_.empty() && now - last_send_ > limits.output_stall_timeout) {
    return CloseSlow();
  }
  if (session_.user != nullptr || session_.from_node) last_authenticated_ = now;
  if (pipeline_.idle() && now - last_authenticated_ > limits.auth_timeout) {
    return CloseSlow();
  }
  // Before it is judged by what it holds: who has nothing to say may still hold empty buffers.
  const auto silent = now - last_receive_;
  if (silent > (memory().pressed() ? kPressedStallMax : kIdleBeforeRelease)) ReleaseIdle();
  if ((memory().pressed() && IsStuck(now)) || HoldsUpUploads(now)) {
    return CloseSlow();
  }
  if (limits.idle_timeout.count() > 0 && pipeline_.idle() && silent > limits.idle_timeout) {
    Close();
    return;
  }
}

// Whether it has the pass that others wait for, and sends nothing, or too slowly.
bool Connection::HoldsUpUploads(MonoTime now) const {
  if (!has_upload_pass_ || input_waits_ || memory_waits_) return false;
  const size_t arrived = ArrivingBytes();
  const size_t bytes = arrived - std::min(upload_pass_bytes_, arrived);
  const auto enough = kPressedStallMax + std::chrono::seconds(bytes / kUploadBytesPerSecondMin);
  return now - last_receive_ > kPressedStallMax || now - upload_pass_began_ > enough;
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  ReturnUploadPass();
  held_.Set(0);
  arriving_.Set(0);
  loop_.event_loop().Unwatch(stream_.fd());
  loop_.SetMonitor(id(), false);
  loop_.Retire(id());
}

}  // namespace weir::server
