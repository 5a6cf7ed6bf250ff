// Peers: the way to the other nodes, and what is sent there.
//
// A command whose keys another node serves is forwarded: its pipeline makes a Forward, the end of
// the round hands it to Peers with all others of the round, and it comes back through its home as
// any Operation, with the reply of the other node or with what is known of it.
//
//   pipeline ── Outbox::forwards ── Gateway::Flush ── Peers::Send ── … ── Deliver ── pipeline
//
// One hop: the other node serves the command, or answers MOVED, which is passed on as it is:
// whoever reads it knows that the nodes disagree. It marks the session that it serves it in with
// Session::from_node, and never forwards what comes in there.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/gateway/home.h"
#include "weir/gateway/owned_args.h"
#include "weir/limit/policy.h"
#include "weir/resp/output_buffer.h"
#include "weir/resp/writer.h"
#include "weir/ring/node_set.h"

namespace weir::gateway {

// Which clients are told where a key is, when another node serves it. To the others their commands
// are forwarded, where there are Peers.
enum class Redirect : uint8_t {
  kAuto,    // Those that speak Redis Cluster's protocol: Session::speaks_cluster.
  kAlways,  // All.
  kNever,   // None.
};

// What became of a forwarded command.
enum class PeerOutcome : uint8_t {
  kAnswered,  // The node has answered.
  kNotSent,   // The node has certainly not received it, and will not.
  kLost,      // It may have been received, and served; its reply will not come.
};

// One command that another node serves.
// Threads: single-owner; passed from the pipeline's loop to Peers and back. The client's connection
// may be gone when it comes back, which is no concern of Peers.
class Forward final : public Operation {
 public:
  // Who asks, whom, and for how long.
  struct Asked {
    ring::NodeId to = ring::kNoNode;
    resp::Protocol protocol = resp::Protocol::kResp2;  // In which the client must get the reply.
    std::string user;       // Who has authenticated here; empty: no users are configured.
    limit::Address client;  // Where the client is, which limits count.
    MonoTime deadline;      // When it ends with kNotSent or kLost at the latest.
    bool writes = false;    // It may change something there.
  };

  Forward(Origin origin, Asked asked, OwnedArgs args)
      : Operation(origin), asked_(std::move(asked)), args_(std::move(args)) {}

  const Asked& asked() const { return asked_; }
  Args args() const { return args_.views(); }
  // Back to who made it, once it has ended.
  OwnedArgs TakeArgs() { return std::move(args_); }
  // Bytes that WriteRequest appends.
  size_t request_bytes() const;
  // Appends the command as a client sends it, an array of bulk strings; what is large by reference.
  void WriteRequest(resp::OutputBuffer& output) const;

  // To be said once, by Peers, before it is delivered.
  // `answer`: one whole reply in the protocol asked for, byte for byte as the node wrote it.
  void Answer(Bytes answer) {
    assert(!answer.empty());
    outcome_ = PeerOutcome::kAnswered;
    answer_ = std::move(answer);
  }
  // `why`: for people, as in "connection refused"; one line.
  void Fail(PeerOutcome outcome, std::string why) {
    outcome_ = outcome;
    why_ = std::move(why);
  }
  PeerOutcome outcome() const { return outcome_; }
  const Bytes& answer() const { return answer_; }
  const std::string& why() const { return why_; }

 private:
  const Asked asked_;
  OwnedArgs args_;
  PeerOutcome outcome_ = PeerOutcome::kNotSent;
  Bytes answer_;
  std::string why_;
};

class Peers {
 public:
  virtual ~Peers() = default;
  // Takes what a round has forwarded, in the order begun. Each ends exactly once, by Answer or Fail
  // and then gateway::Deliver (or Home::Deliver of several), also when `to` is down or its queue is
  // full (kNotSent), and at its deadline; possibly on this thread, within this call.
  // The commands of one connection (origin().home and .connection) to one node are served there in
  // the order given, each after the ones before it have been answered or are lost; a pipeline has
  // at most Pipeline::kCommandsMax of them under way. Those of different connections do not wait
  // for one another longer than it takes to send them and what is answered before. Threads: called
  // on each home's thread; must not block.
  virtual void Send(std::vector<std::shared_ptr<Forward>> forwards) = 0;
};

}  // namespace weir::gateway
