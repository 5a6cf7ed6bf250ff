// The part of Connection that is about memory: what the client holds, whether it waits for some,
// and what is given back.
#include <algorithm>
#include <utility>

#include "weir/server/connection.h"
#include "weir/server/server_loop.h"

namespace weir::server {

// More than its share, when clients are many. What TLS takes is no client's choice.
bool Connection::HoldsTooMuch() const {
  const ByteAccount& clients = memory().clients();
  const size_t most = std::min(kPressedHeldBytes, clients.share());
  return clients.over() && held_.bytes() > most + stream_.held_bytes();
}

// Whether what arrives would make this client hold more than there is memory for.
bool Connection::WaitsForMemory() {
  // Up to the end of the command, or those that hold its first values might wait for each other.
  const bool uploads = ArrivingBytes() > 0;
  if (!uploads) ReturnUploadPass();
  bool waits = HoldsTooMuch();
  if (uploads && !has_upload_pass_ && memory().upload_waits(input_.growth_bytes())) {
    has_upload_pass_ = memory().TakeUploadPass(id());
    if (has_upload_pass_) {
      upload_pass_began_ = last_receive_ = loop_.outbox().now.mono;
      upload_pass_bytes_ = ArrivingBytes();
    }
    waits |= !has_upload_pass_;
  }
  if (waits && !std::exchange(memory_waits_, true)) {
    memory_wait_began_ = loop_.outbox().now.mono;
    if (!std::exchange(tick_asked_, true)) loop_.ContinueAtTick(id());
  }
  return waits;
}

void Connection::ReturnUploadPass() {
  if (!std::exchange(has_upload_pass_, false)) return;
  memory().ReturnUploadPass(id());
  loop_.ContinueFirstAtTick();
}

// The end of a round: what this client holds now, and what it waits for.
void Connection::Account() {
  if (closed_) return;
  if (memory().clients().used() > kBuffersKeptBytes) {
    stream_.ReleaseIdle();
    input_.ReleaseIdle();
    output_.ReleaseIdle();
  }
  held_.Set(HeldBytes());
  arriving_.Set(ArrivingBytes());
  loop_.SetMonitor(id(), session_.monitors);
  if (pipeline_.waits_for_round()) GoOnLater();
  if (pipeline_.paused() && !std::exchange(resumed_by_loop_, true)) loop_.ContinueAfterPause(id());
  UpdateInterest();
}

void Connection::ReleaseIdle() {
  stream_.ReleaseIdle();
  input_.ReleaseIdle();
  output_.ReleaseIdle();
  pipeline_.ReleaseIdle();
  held_.Set(HeldBytes());
}

// Whether this client holds memory that others need and does nothing with it.
bool Connection::IsStuck(MonoTime now) const {
  if (!output_.empty() && now - last_send_ > kPressedStallMax) return true;
  return now - last_receive_ > kPressedStallMax && HoldsTooMuch() && pipeline_.idle();
}

// All but large values, which Memory counts by itself.
size_t Connection::HeldBytes() const {
  return input_.buffer_bytes() + parser_.buffer_bytes() + output_.buffer_bytes() +
         pipeline_.held_bytes() + stream_.held_bytes();
}

// The large values of the unfinished command.
size_t Connection::ArrivingBytes() const {
  return input_.held_bytes() - input_.buffer_bytes() + parser_.held_bytes() -
         parser_.buffer_bytes();
}

gateway::Memory& Connection::memory() const {
  return loop_.gateway().memory();
}

}  // namespace weir::server
