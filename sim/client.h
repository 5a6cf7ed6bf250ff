// Client: one simulated client: what it has sent and waits for, over connections that come and go,
// through a network that delays and cuts what it carries.
//
// Threads: single-owner.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "sim/connection.h"
#include "sim/op.h"
#include "sim/workload.h"

#include "weir/base/random.h"
#include "weir/resp/reader.h"

namespace weir::sim {

class World;

class Client final : public Connection::Peer {
 public:
  Client(World& world, uint32_t index, uint64_t seed);

  void Connect();
  // The node is gone, or the network between.
  void Lose();
  // Sends what is drawn next, if it may; again and again.
  void Act();
  void Send(Op* op, const std::vector<Words>& requests);
  void EndRound();  // Nothing is watched any more.
  void BeginRound(uint32_t session) { session_ = session; }

  uint32_t index() const { return index_; }
  uint32_t session() const { return session_; }
  bool connected() const { return connection_ != nullptr; }
  size_t outstanding() const { return requests_.size(); }
  // Who it is, where there are users.
  const std::string& user() const { return user_; }
  uint64_t connection_id() const { return id_; }
  // Where it comes from: IPv4, or IPv6 of one subscriber.
  limit::Address address() const;

  void OnExecute() override;
  void OnReply(std::string_view bytes) override;
  void OnEffect(const gateway::WriteItem& item) override;
  // Since when this client waits for this database to be emptied, if it does.
  std::optional<Stamp> EmptiesSince(uint32_t database);
  // It has been, for this client.
  // Requires: EmptiesSince.
  void OnCleared(uint32_t database);
  size_t TakesNow() override;

 private:
  struct Sent {
    Request request;
    size_t end = 0;         // Of its bytes in all that the connection has been sent.
    uint64_t decision = 0;  // Its number in the limits' history; 0: it was not executed.
  };

  bool limited() const;
  Step* Emptying(uint32_t database);
  bool NoteEffect(Op& op, const gateway::WriteItem& item);
  void Introduce();
  void HoldBack(Op* op, std::vector<Words> requests);
  void Carry();
  void Arrive(size_t count);
  void TakeReply(const resp::Value& value);
  void MaybeStall();
  bool MaybeDisconnect();

  World& world_;
  uint32_t index_;
  Random random_;
  Connection* connection_ = nullptr;
  uint64_t id_ = 0;  // Of the connection.
  uint32_t session_ = 0;
  std::string user_;
  bool watching_ = false;
  // Since this connection began something was watched: where what ends that may be refused, it may
  // still be.
  bool has_watched_ = false;
  bool stalled_ = false;
  std::string wire_;  // Not yet arrived.
  size_t sent_bytes_ = 0;
  size_t arrived_bytes_ = 0;
  bool carries_ = false;
  std::deque<Sent> requests_;
  Stamp answered_ = 0;       // When it was, last.
  size_t executed_ = 0;      // Of requests_.
  Op* held_op_ = nullptr;    // Waits for the reply to its MULTI,
  std::vector<Words> held_;  // with these.
  resp::Reader reader_;
};

}  // namespace weir::sim
