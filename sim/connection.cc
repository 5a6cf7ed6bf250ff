#include "sim/connection.h"

#include <algorithm>
#include <utility>

#include "weir/gateway/reply.h"

namespace weir::sim {
namespace {

// Nobody at the other end.
class NoPeer final : public Connection::Peer {
 public:
  void OnExecute() override {}
  void OnReply(std::string_view) override {}
  void OnEffect(const gateway::WriteItem&) override {}
  size_t TakesNow() override { return 0; }
};

}  // namespace

Connection::Connection(gateway::Gateway& gateway, gateway::Home& home, gateway::Outbox& outbox,
                       gateway::Session session, size_t output_bytes_pause, Peer& peer)
    : outbox_(outbox),
      session_(std::move(session)),
      pipeline_(gateway, home, outbox, session_, output_),
      peer_(&peer) {
  pipeline_.SetOutputLimit(output_bytes_pause);
}

void Connection::Orphan() {
  static NoPeer nobody;
  peer_ = &nobody;
}

gateway::ClientFacts Connection::Facts() const {
  gateway::ClientFacts facts;
  pipeline_.Describe(&facts);
  return facts;
}

void Connection::ShowIfMonitor(const Bytes& lines) {
  if (!session_.monitors || broken_ || session_.closing || session_.muted()) return;
  resp::Writer(output_, session_.protocol).Encoded(lines);
  Send();
}

void Connection::Receive(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = input_.Writable();
    const size_t count = std::min(room.size(), bytes.size());
    std::copy_n(bytes.data(), count, room.data());
    input_.Commit(count);
    bytes.remove_prefix(count);
    outbox_.stats->input_bytes.Add(count);
    if (!bytes.empty() && !input_waits_) Process();
  }
  Process();
  Send();
}

void Connection::Process() {
  input_waits_ = false;
  while (!broken_ && !session_.closing) {
    if (!pipeline_.accepting() || pipeline_.output_full()) {
      input_waits_ = true;
      return;
    }
    const size_t most = std::min(burst_.size(), pipeline_.room());
    size_t count = 0;
    while (count < most) {
      const resp::ParseResult result = parser_.Next(input_, &burst_[count]);
      if (result == resp::ParseResult::kCommand) {
        if (gateway::Pipeline::ChangesUser(burst_[count++])) break;
        continue;
      }
      broken_ = result != resp::ParseResult::kNeedMore;
      break;
    }
    if (count == 0) return;
    std::array<gateway::Pipeline::Resolved, kBurstCommandsMax> resolved;
    pipeline_.LookAhead(std::span(burst_).first(count), resolved);
    for (size_t i = 0; i < count && pipeline_.room() > 0; ++i) {
      peer_->OnExecute();
      pipeline_.Execute(burst_[i], resolved[i]);
    }
    pipeline_.EndBurst({});
    for (size_t i = 0; i < count; ++i) {
      if (burst_[i].holds_big()) burst_[i].Clear();
    }
  }
}

void Connection::Continue() {
  pipeline_.Resume();
  if (input_waits_) Process();
  Send();
}

// Replies are seen as they are written, whenever the client takes them.
void Connection::Observe() {
  std::array<resp::OutputBuffer::Span, 64> spans;
  const size_t count = output_.Spans(spans);
  size_t skip = observed_;
  for (size_t i = 0; i < count; ++i) {
    if (skip >= spans[i].size) {
      skip -= spans[i].size;
      continue;
    }
    peer_->OnReply({spans[i].data + skip, spans[i].size - skip});
    observed_ += spans[i].size - skip;
    skip = 0;
  }
}

void Connection::Send() {
  Observe();
  while (size_t takes = std::min(peer_->TakesNow(), output_.pending_bytes())) {
    output_.Consume(takes);
    outbox_.stats->output_bytes.Add(takes);
    observed_ -= std::min(observed_, takes);
    if (pipeline_.waits_for_output()) pipeline_.Resume();
    if (input_waits_ && pipeline_.accepting()) Process();
    Observe();
  }
}

}  // namespace weir::sim
