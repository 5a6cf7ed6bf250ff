// Goal: whatever happens in whatever order, every request ends exactly once; what ends kNotSent was
// never executed by the peer, what is answered has its own answer, and the peer executes requests
// in the order in which they were sent.
// Method: random runs by seed of a link, a wire that cuts and breaks, and a peer that executes each
// whole command that reaches it, also after the link has given the connection up.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"
#include "weir/nodes/peer_link.h"
#include "weir/nodes/peer_link_rig.h"

namespace weir::nodes {
namespace {

// One connection as the wire and the peer see it.
struct Wire {
  GreetingPeer peer;
  std::string to_peer;   // Taken by the kernel, not received.
  std::string received;  // By the peer, and no whole command.
  std::string to_link;   // Answered, not received.
};

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
      Settle();
    }
    // From here on all goes well.
    for (int i = 0; i < 5000 && !link_.idle(); ++i) {
      now_ = now_ + std::chrono::milliseconds(50);
      link_.OnTime(now_);
      Transmit();
      Settle();
    }
    EXPECT_TRUE(link_.idle());
    EXPECT_EQ(outcomes_.size(), tickets_);
    EXPECT_TRUE(std::ranges::is_sorted(executed_));
    for (const uint64_t ticket : executed_) {
      EXPECT_NE(outcomes_[ticket], LinkOutcome::kNotSent) << "executed: " << ticket;
    }
  }

  size_t Count(LinkOutcome outcome) const {
    return static_cast<size_t>(std::ranges::count_if(
        outcomes_, [outcome](const auto& each) { return each.second == outcome; }));
  }

 private:
  void Step() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
        Send();
        break;
      case 3:
      case 4:
        now_ = now_ + std::chrono::milliseconds(random_.Below(120));
        link_.OnTime(now_);
        break;
      case 5:
        if (wire_ != nullptr && random_.OneIn(12)) Break();
        break;
      case 6:
        if (wire_ != nullptr && wire_->peer.greeted() && random_.OneIn(60)) {
          wire_->to_link += "?";  // It goes mad.
        }
        break;
      default:
        Transmit();
    }
  }

  void Send() {
    const uint64_t ticket = tickets_++;
    const std::string text = std::to_string(ticket) + std::string(random_.Below(30), '.');
    link_.Send(ticket, "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n",
               now_ + std::chrono::milliseconds(random_.Below(600)), now_);
  }

  // Some bytes go on by one hop, each way.
  void Transmit() {
    if (wire_ == nullptr) return;
    Take();
    Move(&wire_->to_peer, &wire_->received);
    Execute(*wire_);
    std::string arrived;
    Move(&wire_->to_link, &arrived);
    if (!arrived.empty()) link_.OnReceived(arrived, now_);
  }
  void Take() {
    std::array<std::string_view, 3> pieces;
    const size_t count = link_.has_unsent() ? link_.Unsent(pieces) : 0;
    std::string all;
    for (size_t i = 0; i < count; ++i) all += pieces[i];
    all.resize(random_.OneIn(3) ? all.size() : random_.Below(all.size() + 1));
    wire_->to_peer += all;
    if (!all.empty()) link_.OnSent(all.size());
  }
  void Move(std::string* from, std::string* to) {
    const size_t bytes = random_.OneIn(3) ? from->size() : random_.Below(from->size() + 1);
    *to += from->substr(0, bytes);
    from->erase(0, bytes);
  }
  void Execute(Wire& wire) {
    for (;;) {
      std::string_view left = wire.received;
      resp::Reader reader;
      resp::Value value;
      if (reader.Next(&left, &value) != resp::ReadResult::kValue) return;
      const std::string request = wire.received.substr(0, wire.received.size() - left.size());
      wire.received = left;
      if (!wire.peer.greeted()) {
        wire.to_link += wire.peer.Answer(request);
        continue;
      }
      const uint64_t ticket = std::stoull(value.text);
      executed_.push_back(ticket);
      wire.to_link += AnswerOf(ticket);
    }
  }
  static std::string AnswerOf(uint64_t ticket) {
    const std::string text = std::to_string(ticket);
    return ticket % 3 == 0 ? ":" + text + "\r\n" : "*2\r\n:" + text + "\r\n$3\r\n\r\n;\r\n";
  }

  // What was on its way may still arrive.
  void Break() {
    if (random_.OneIn(2)) {
      wire_->received += wire_->to_peer;
      Execute(*wire_);
    }
    wire_.reset();
    link_.OnClosed(now_);
  }

  // Does what the link asks for, and notes what has ended.
  void Settle() {
    const PeerLink::Action action = link_.action(now_);
    if (action == PeerLink::Action::kClose) {
      Break();
    } else if (action == PeerLink::Action::kConnect) {
      link_.OnConnecting(now_);
      if (random_.OneIn(5)) {
        link_.OnClosed(now_);
      } else {
        wire_ = std::make_unique<Wire>();
        link_.OnConnected(wire_->peer.MakeAsker());
      }
    }
    for (const PeerLink::Ended& ended : link_.TakeEnded()) {
      EXPECT_TRUE(outcomes_.emplace(ended.ticket, ended.outcome).second) << "twice";
      if (ended.outcome != LinkOutcome::kAnswered) continue;
      EXPECT_EQ(ended.answer.view(), AnswerOf(ended.ticket));
    }
  }

  Random random_;
  MonoTime now_{1};
  PeerCircuit circuit_;
  PeerLink link_{{.requests = 20, .request_bytes = 600, .answer_bytes = 100}, circuit_};
  std::unique_ptr<Wire> wire_;
  uint64_t tickets_ = 0;
  std::vector<uint64_t> executed_;
  std::map<uint64_t, LinkOutcome> outcomes_;
};

TEST(PeerLinkModelTest, EveryRequestEndsOnceAndTruthfully) {
  size_t answered = 0;
  size_t lost = 0;
  size_t not_sent = 0;
  for (uint64_t seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    world.Run(1500);
    answered += world.Count(LinkOutcome::kAnswered);
    lost += world.Count(LinkOutcome::kLost);
    not_sent += world.Count(LinkOutcome::kNotSent);
  }
  // The runs do see all three.
  EXPECT_GT(answered, 10'000U);
  EXPECT_GT(lost, 1'000U);
  EXPECT_GT(not_sent, 1'000U);
}

}  // namespace
}  // namespace weir::nodes
