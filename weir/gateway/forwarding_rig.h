// ForwardingRig: a gateway that is the first of three nodes, a, b and c, and the way to the others
// as a script: what is sent there is held until the test says what becomes of it.
//
// For tests only. Threads: single-owner.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/gateway_rig.h"
#include "weir/gateway/peers.h"

namespace weir::gateway {

class ScriptedPeers final : public Peers {
 public:
  void Send(std::vector<std::shared_ptr<Forward>> forwards) override {
    for (auto& forward : forwards) held_.push_back(std::move(forward));
  }

  size_t size() const { return held_.size(); }
  const Forward& operator[](size_t index) const { return *held_.at(index); }
  // What is held, in order: "b GET key".
  std::vector<std::string> Held() const {
    std::vector<std::string> lines;
    for (const auto& forward : held_) {
      std::string line(1, static_cast<char>('a' + static_cast<int>(forward->asked().to)));
      for (const std::string_view word : forward->args()) line += " " + std::string(word);
      lines.push_back(std::move(line));
    }
    return lines;
  }

  // End one of them.
  void Answer(std::string_view bytes, size_t index = 0) {
    const auto forward = Take(index);
    forward->Answer(Bytes::Copy(bytes));
    Deliver(forward);
  }
  void Fail(PeerOutcome outcome, std::string why, size_t index = 0) {
    const auto forward = Take(index);
    forward->Fail(outcome, std::move(why));
    Deliver(forward);
  }

 private:
  std::shared_ptr<Forward> Take(size_t index) {
    auto forward = held_.at(index);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
    return forward;
  }
  std::vector<std::shared_ptr<Forward>> held_;
};

class ForwardingRig {
 public:
  explicit ForwardingRig(GatewayRig::Options options = {}) : rig(WithNodes(std::move(options))) {
    rig.gateway().UsePeers(&peers);
  }

  // A key of this node's slots, of another slot than `other`; keys that differ by `number` alone
  // are of one slot.
  std::string KeyOf(std::string_view node, size_t number = 0, const std::string& other = "") const {
    for (size_t i = 0;; ++i) {
      std::string key = "{" + std::to_string(i) + "}";
      const nodes::NodeTable& nodes = *rig.gateway().nodes();
      if (SlotOf(key) != SlotOf(other) &&
          nodes.node(nodes.Owner(TagSlot(KeyTag(key)))).id == node) {
        return key + std::to_string(number);
      }
    }
  }
  std::string SlotOf(const std::string& key) const { return std::to_string(TagSlot(KeyTag(key))); }

  // Sends the commands in one burst, and hands on what they begin.
  void Burst(size_t client, const std::vector<Words>& commands) {
    for (const Words& words : commands) rig.Send(client, words);
    rig.HandOn();
  }
  // What becomes of one that is held, the first, and what follows from it, but for the stores.
  void Answer(std::string_view bytes, size_t index = 0) {
    peers.Answer(bytes, index);
    rig.Deliver();
  }
  void Fail(PeerOutcome outcome, std::string why = "connection refused", size_t index = 0) {
    peers.Fail(outcome, std::move(why), index);
    rig.Deliver();
  }

  ScriptedPeers peers;
  mutable GatewayRig rig;

 private:
  static GatewayRig::Options WithNodes(GatewayRig::Options options) {
    options.nodes = std::make_shared<const nodes::NodeTable>(
        nodes::NodeTable::FirstPlacement({{.id = "a", .ip = "10.0.0.1", .port = 7001},
                                          {.id = "b", .ip = "10.0.0.2", .port = 7002},
                                          {.id = "c", .ip = "10.0.0.3", .port = 7003}},
                                         "a"));
    return options;
  }
};

}  // namespace weir::gateway
