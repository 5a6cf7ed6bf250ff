// WEIR.PEER: how the connection of another node begins; see nodes/peer_greeting.h.
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/gateway.h"
#include "weir/nodes/peer_greeting.h"

namespace weir::gateway::commands {
namespace {

// Who fails begins anew on another connection, with another nonce.
void Refuse(const LocalCall& call, std::string_view why, resp::Writer& writer) {
  WriteError(writer, "ERR " + std::string(why));
  call.session.greeting.reset();
  call.session.closing = true;
}

}  // namespace

void WeirPeerHello(const LocalCall& call, resp::Writer& writer) {
  PeerSessions& peers = call.gateway.peer_sessions();
  const nodes::NodeTable* table = call.gateway.nodes();
  if (table == nullptr || !peers.greets()) {
    return Refuse(call, "this process takes nothing from other nodes", writer);
  }
  call.session.greeting =
      std::make_shared<nodes::PeerAnswerer>(peers.secret(), *table, peers.NewNonce());
  const Result<std::string> nonce = call.session.greeting->Take(
      nodes::PeerAnswerer::Hello{call.args[2], call.args[3], call.args[4], call.args[5]});
  if (!nonce.ok()) return Refuse(call, nonce.error().message, writer);
  writer.ArrayHeader(2);
  writer.Bulk(table->node(table->self()).id);
  writer.Bulk(nonce.value());
}

void WeirPeerProve(const LocalCall& call, resp::Writer& writer) {
  Session& session = call.session;
  if (session.greeting == nullptr) return Refuse(call, "HELLO comes first", writer);
  const Result<std::string> proof =
      session.greeting->Take(nodes::PeerAnswerer::Proof{call.args[2], call.args[3], call.args[4]});
  if (!proof.ok()) return Refuse(call, proof.error().message, writer);
  session.from_node = true;
  session.name = "node-" + session.greeting->asker();
  session.acts_for = call.args[4];
  session.protocol = call.args[3] == "3" ? resp::Protocol::kResp3 : resp::Protocol::kResp2;
  session.greeting.reset();
  call.gateway.authentication().Assume(session);
  writer.Bulk(proof.value());
}

}  // namespace weir::gateway::commands
