#include "sim/bystander.h"

#include <array>
#include <utility>

#include "sim/world.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;

// As the line of a monitor begins: "1700000000.000000 [0 ".
bool IsMonitorLine(const resp::Value& value) {
  return value.kind == Kind::kSimple && value.text.find(" [0 10.0.0.") == 17;
}

// Whether the reply may be one to `words`.
bool Fits(const Words& words, const resp::Value& reply) {
  if (words[0] == "RESET") return reply.kind == Kind::kSimple && reply.text == "RESET";
  if (words[0] == "ECHO") return reply.kind == Kind::kBulk && reply.text == words[1];
  if (words[0] == "PING") return reply.kind == Kind::kSimple && reply.text == "PONG";
  return !IsMonitorLine(reply);
}

}  // namespace

Bystander::Bystander(World& world, uint32_t index, uint64_t seed)
    : world_(world), index_(index), random_(seed) {}

void Bystander::Connect() {
  id_ = world_.NextConnection();
  gateway::Session session;
  session.id = id_;
  session.peer = "10.0.0." + std::to_string(100 + index_) + ":6000";
  session.client = limit::Address::FromV4({10, 0, 0, static_cast<uint8_t>(100 + index_)});
  connection_ = world_.node().Connect(std::move(session), *this);
  reader_ = resp::Reader();
}

void Bystander::Lose() {
  connection_ = nullptr;
  wire_.clear();
  expected_.clear();
  silent_ = skips_ = false;
}

void Bystander::Act() {
  if (!world_.acting() && !busy()) return;
  const auto pause = std::chrono::nanoseconds(
      random_.Below(static_cast<uint64_t>(10 * world_.plan().think_max.count()) + 1));
  world_.scheduler().After(pause, [this] { Act(); });
  if (!world_.node_up()) return;
  if (connection_ == nullptr) return Connect();
  if (connection_->over()) {
    world_.node().Disconnect(id_);
    return Lose();
  }
  if (!busy()) Write();
  if (wire_.empty() || !connection_->reads()) return;
  const std::string piece = std::exchange(wire_, {});
  world_.node().Bring(*connection_, piece);
}

void Bystander::Write() {
  for (uint64_t left = random_.Below(8); left > 0; --left) Say(Any());
  Say({"RESET"});
  Say({"ECHO", "token"});
}

Words Bystander::Any() {
  const std::string& key = world_.workload().keys()[random_.Below(world_.workload().keys().size())];
  switch (random_.Below(12)) {
    case 0:
      // With a crowd, lines may be longer than the reader takes.
      return {world_.plan().crowd == 0 ? "MONITOR" : "RESET"};
    case 1:
      return {"CLIENT", "REPLY", "OFF"};
    case 2:
    case 3:
      return {"CLIENT", "REPLY", "SKIP"};
    case 4:
      return {"CLIENT", "REPLY", "ON"};
    case 5:
      return {"RESET"};
    case 6:
      return {"MGET", key, "reg0"};
    case 7:
      return {"GET"};
    case 8:
      return {"CLIENT", "INFO"};
    case 9:
      return {"HELLO", "3"};
    case 10:
      return {"PING"};
    default:
      return {"ECHO", "a \"quoted\"\r\n\x01 word"};
  }
}

// Sends the command, and expects a reply to it unless it is one that is left out.
void Bystander::Say(const Words& words) {
  wire_ += Encode(words);
  const bool about_replies = words[0] == "CLIENT" && words[1] == "REPLY";
  bool muted = silent_ || std::exchange(skips_, false);
  if (words[0] == "RESET" || (about_replies && words[2] == "ON")) {
    muted = silent_ = false;
  } else if (about_replies) {
    muted = true;
    if (words[2] == "OFF") silent_ = true;
    if (words[2] == "SKIP") skips_ = !silent_;
  }
  if (!muted) expected_.push_back(words);
}

void Bystander::OnReply(std::string_view bytes) {
  world_.scheduler().trace().Note(bytes);
  resp::Value value;
  while (reader_.Next(&bytes, &value) == resp::ReadResult::kValue) Take(value);
  if (!reader_.error().empty()) {
    world_.Problem("a bystander's reply is no RESP: " + std::string(reader_.error()));
  }
}

void Bystander::Take(const resp::Value& value) {
  if (IsMonitorLine(value)) return;
  if (expected_.empty()) return world_.Problem("a reply to nothing: " + Show(value));
  const Words words = std::move(expected_.front());
  expected_.pop_front();
  if (!Fits(words, value)) {
    world_.Problem("a bystander was answered " + Show(value) + " to " + words[0]);
  }
}

}  // namespace weir::sim
