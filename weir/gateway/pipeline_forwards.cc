// The part of Pipeline that is about other nodes: which of them serves a command, whether the
// client is told so or the command is forwarded there, and what becomes of it.
#include <string>
#include <string_view>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/peers.h"
#include "weir/gateway/pipeline.h"

namespace weir::gateway {
namespace {

uint32_t SlotOf(const CommandSpec& spec, Args args, size_t key) {
  return TagSlot(KeyTag(args[spec.KeyIndex(key)]));
}

// Who should have answered, for people.
errors::NodeName NameOf(const nodes::NodeTable& nodes, ring::NodeId number) {
  const nodes::Node& node = nodes.node(number);
  return {node.id, node.address()};
}

// What the other node has answered. An error is one here too, so that it is counted.
Reply Passed(const Forward& forward, const errors::NodeName& node) {
  const std::string_view answer = forward.answer().view();
  if (!answer.starts_with('-')) return Reply::Encoded(forward.answer());
  if (answer.starts_with("-MOVED ")) return Reply::Failure(errors::NodesDisagree(node));
  return Reply::Failure(std::string(answer.substr(1, answer.size() - 3)));
}

}  // namespace

// What is wrong with the keys of a command for one of several nodes: they must be of one slot, or
// each be served by itself (kFlagEachKey) for a client that may ask any node; and all of this node,
// or of `*to`. So whether a command is served never depends on which slots happen to lie on one
// node, but for one that has them all, which is asked nothing here (ServesAll).
std::optional<Reply> Pipeline::Elsewhere(const CommandSpec& spec, Args args, size_t keys,
                                         ring::NodeId* to) const {
  const nodes::NodeTable& nodes = *gateway_.nodes();
  const uint32_t slot = SlotOf(spec, args, 0);
  uint32_t elsewhere = slot;  // A slot of another node, if there is one.
  bool together = true;
  bool one_node = true;
  for (size_t key = 1; key < keys; ++key) {
    const uint32_t other = SlotOf(spec, args, key);
    together &= other == slot;
    one_node &= nodes.Owner(other) == nodes.Owner(slot);
    if (gateway_.Serves(elsewhere)) elsewhere = other;
  }
  const bool forwards = Forwards(spec);
  const bool each = (spec.flags & kFlagEachKey) != 0 && (forwards || session_.from_node);
  if (!together && !each) return Reply::Failure(std::string(errors::kCrossSlot));
  if (one_node && gateway_.Serves(slot)) return std::nullopt;
  const ring::NodeId owner = nodes.Owner(elsewhere);
  if (!forwards) return Reply::Failure(errors::Moved(elsewhere, nodes.node(owner).address()));
  *to = one_node ? owner : kSeveralNodes;
  return std::nullopt;
}

// Whether the command goes to the node that serves it, rather than the client. What another node
// has sent goes nowhere else. A transaction is of the node that it was begun at. A client that
// tracks keys must ask where it is told of changes. LIMIT.WAIT would hold up what others have sent.
bool Pipeline::Forwards(const CommandSpec& spec) const {
  if (gateway_.peers() == nullptr || session_.from_node) return false;
  const Redirect redirect = gateway_.redirect();
  if (redirect == Redirect::kAlways) return false;
  if (redirect == Redirect::kAuto && session_.speaks_cluster) return false;
  const bool of_transaction = transaction_.open() || (spec.flags & kFlagTransaction) != 0;
  return !of_transaction && !session_.tracking.on && spec.kind != CommandKind::kWait;
}

void Pipeline::BeginForward(Queued& queued, uint64_t sequence) {
  if (session_.tracking.on) {  // Since it came.
    const CommandSpec& spec = *queued.spec;
    ring::NodeId to = ring::kNoNode;
    const Args args = queued.args.views();
    queued.state = State::kAnswered;
    queued.reply = Elsewhere(spec, args, spec.KeyCount(args), &to).value();
    return;
  }
  if (queued.to == kSeveralNodes) return BeginShares(queued, sequence);
  queued.pending = 1;
  SendForward(queued.to, OriginOf(sequence), *queued.spec, std::move(queued.args));
}

void Pipeline::SendForward(ring::NodeId to, const Origin& origin, const CommandSpec& spec,
                           OwnedArgs args) {
  Forward::Asked asked;
  asked.to = to;
  asked.protocol = session_.protocol;
  if (session_.users != nullptr && !session_.users->open()) asked.user = session_.user_name();
  asked.client = session_.client;
  asked.deadline = outbox_.now.mono + gateway_.peer_timeout();
  asked.writes = (spec.flags & kFlagReadOnly) == 0;
  outbox_.forwards.push_back(std::make_shared<Forward>(origin, std::move(asked), std::move(args)));
}

// A write that may have arrived may be served, now or later: only who reads can tell.
void Pipeline::OnForward(Queued& queued, Forward& forward) {
  const errors::NodeName node = NameOf(*gateway_.nodes(), forward.asked().to);
  Reply reply;
  if (forward.outcome() == PeerOutcome::kAnswered) {
    reply = Passed(forward, node);
  } else if (forward.outcome() == PeerOutcome::kLost && forward.asked().writes) {
    reply = Reply::Failure(errors::ForwardLost(node, forward.why()));
  } else {
    reply = Reply::Failure(errors::NodeDown(node, forward.why()));
  }
  if (queued.to == kSeveralNodes) return TakePart(queued, forward.origin().part, std::move(reply));
  queued.pending = 0;
  queued.state = State::kAnswered;
  queued.reply = std::move(reply);
  queued.args = forward.TakeArgs();  // For the slow log.
}

}  // namespace weir::gateway
