// Connection: the server's end of a simulated connection: real parser, pipeline and buffers around
// the bytes that a simulated network brings and takes.
//
// It does what server::Connection does with a socket: executes bursts of what is complete, stops
// reading while the pipeline is full, and keeps replies that the client does not take.
// Threads: single-owner.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "weir/gateway/gateway.h"
#include "weir/gateway/pipeline.h"
#include "weir/gateway/session.h"
#include "weir/resp/input_buffer.h"
#include "weir/resp/output_buffer.h"
#include "weir/resp/parser.h"

namespace weir::sim {

class Connection {
 public:
  static constexpr size_t kBurstCommandsMax = 64;

  // The client, as the connection sees it.
  class Peer {
   public:
    virtual ~Peer() = default;
    // The next of the commands sent is executed now.
    virtual void OnExecute() = 0;
    // These bytes have been written to it.
    virtual void OnReply(std::string_view bytes) = 0;
    // A write of it has taken effect, and its reply is on the way.
    virtual void OnEffect(const gateway::WriteItem& item) = 0;
    // How many bytes of replies it takes off the server now.
    virtual size_t TakesNow() = 0;
  };

  // Borrows all.
  Connection(gateway::Gateway& gateway, gateway::Home& home, gateway::Outbox& outbox,
             gateway::Session session, size_t output_bytes_pause, Peer& peer);

  gateway::Pipeline& pipeline() { return pipeline_; }
  Peer& peer() { return *peer_; }
  // The client is gone, and the server does not know it.
  void Orphan();
  uint64_t id() const { return session_.id; }
  gateway::ClientFacts Facts() const;
  // Shows lines to a monitor.
  void ShowIfMonitor(const Bytes& lines);
  // At once, whatever it waits for.
  void Close() { broken_ = true; }
  gateway::Outbox& outbox() { return outbox_; }

  // Whether it takes what the network brings.
  bool reads() const { return !input_waits_ && !broken_ && !session_.closing; }
  // Requires: reads().
  void Receive(std::string_view bytes);
  // Goes on after results arrived or replies were taken.
  void Continue();
  // Everything is said: it closes.
  bool over() const { return (session_.closing || broken_) && pipeline_.idle() && output_.empty(); }
  bool output_waits() const { return !output_.empty(); }

 private:
  void Process();
  void Observe();
  void Send();

  gateway::Outbox& outbox_;
  gateway::Session session_;
  resp::InputBuffer input_;
  resp::Parser parser_;
  resp::OutputBuffer output_;
  gateway::Pipeline pipeline_;
  Peer* peer_;
  std::array<resp::Command, kBurstCommandsMax> burst_;
  size_t observed_ = 0;  // Bytes of output_ that the peer has been shown.
  bool input_waits_ = false;
  bool broken_ = false;  // What came is no RESP.
};

}  // namespace weir::sim
