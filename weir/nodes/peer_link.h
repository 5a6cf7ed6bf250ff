// PeerLink: one connection to a peer, over which many requests go and their answers come back in
// the order sent. It has no socket and no clock.
//
//   Send ──► waits ──► Unsent()/OnSent ──► is with the peer ──► OnReceived ──► TakeEnded: kAnswered
//              │ deadline, or the connection       │ deadline, or the connection
//              ▼ breaks: kNotSent                  ▼ breaks: kLost
//
// Every request ends exactly once, and says what is known of it. Until the last of its bytes has
// been given to the kernel the peer cannot have executed it, so if the connection breaks before,
// kNotSent is true; after that nobody knows. At a deadline one of which no byte has gone is taken
// back; one of which some have must go on, or the peer could not tell where the next begins, and is
// kLost.
//
// An answer that comes after its deadline is dropped in its turn. To break the connection instead
// would make one slow command the end of all others on it; but when an answer is overdue and the
// peer has been silent for kSilenceMax, it is stuck, and the connection ends.
//
// Whose link it is: one for each event loop, peer, user and protocol. So requests of one client to
// one peer keep their order, and a user's requests are judged by that user's rights as the peer
// has them.
//
// The driver does what action() says and tells how it went; the circuit is shared by the links to
// this peer, so that while it is known to be down requests end at once and one link tries again.
//
// Threads: single-owner. Cost: amortised O(1) a request and byte.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/nodes/peer_circuit.h"
#include "weir/nodes/peer_greeting.h"
#include "weir/resp/reader.h"
#include "weir/resp/reply_scanner.h"

namespace weir::nodes {

enum class LinkOutcome : uint8_t { kAnswered, kNotSent, kLost };

class PeerLink {
 public:
  // What a link may hold; inclusive. Beyond, a request ends at once, kNotSent.
  struct Limits {
    size_t requests = 65536;                  // That have no answer, overdue ones too.
    size_t request_bytes = size_t{64} << 20;  // Of those not sent wholly; a larger one waits alone.
    size_t answer_bytes = size_t{576} << 20;  // Of one answer; a longer one breaks the link.
  };
  // From the first packet to the end of the greeting.
  static constexpr std::chrono::nanoseconds kConnectMax = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kSilenceMax = std::chrono::seconds(2);
  static constexpr size_t kPiecesMax = 64;

  // What the driver must do with its socket.
  enum class Action : uint8_t {
    kNothing,
    kConnect,  // Open one, and call OnConnecting, whether or not that works.
    kClose,    // Close the one it has, and call OnClosed.
  };

  struct Ended {
    uint64_t ticket = 0;
    LinkOutcome outcome = LinkOutcome::kNotSent;
    Bytes answer{};     // Of kAnswered: one whole reply.
    std::string why{};  // Of the others, for people: "its connection broke: ...".
  };

  // Borrows `circuit`.
  PeerLink(const Limits& limits, PeerCircuit& circuit) : limits_(limits), circuit_(circuit) {}

  // Takes a request, which must be one whole command. `ticket`: what Ended names it by.
  void Send(uint64_t ticket, std::string request, MonoTime deadline, MonoTime now);

  // What to do now. To be asked after each of the other calls.
  Action action(MonoTime now);
  void OnConnecting(MonoTime now);
  // It is connected: `asker` greets.
  void OnConnected(PeerAsker asker);
  // It could not be made; OnClosed follows. `problem`: for people.
  void OnFailed(std::string problem) { problem_ = std::move(problem); }
  // The connection is closed, by whoever.
  void OnClosed(MonoTime now);

  // Fills `pieces` with what is to be sent now, in order, and returns how many.
  size_t Unsent(std::span<std::string_view> pieces) const;
  bool has_unsent() const;
  // The kernel has taken the first `bytes` of it.
  void OnSent(size_t bytes);
  void OnReceived(std::string_view bytes, MonoTime now);
  // Ends what is overdue. To be called now and then.
  void OnTime(MonoTime now);

  // Returns what has ended since it was last asked.
  std::vector<Ended> TakeEnded() { return std::exchange(ended_, {}); }
  bool has_ended() const { return !ended_.empty(); }

  // Greeted, so requests go out.
  bool open() const { return state_ == State::kOpen; }
  bool connecting() const { return state_ == State::kConnecting || state_ == State::kGreeting; }
  // Nothing waits and nothing is under way.
  bool idle() const { return requests_.empty(); }
  size_t requests() const { return requests_.size(); }

 private:
  enum class State : uint8_t { kClosed, kConnecting, kGreeting, kOpen, kBroken };
  struct Request {
    uint64_t ticket = 0;
    MonoTime deadline;
    std::string bytes;     // Until they are sent.
    bool overdue = false;  // It has ended; its place is kept, for its answer to be dropped.
  };

  void Greet(std::string_view bytes);
  void TakeAnswers(std::string_view bytes);
  void EndAnswered(std::string_view head, std::string_view rest);
  void Fail(const Request& request, LinkOutcome outcome, std::string_view why);
  void Break(std::string problem);
  void RefuseWaiting();
  void TakeBackOverdue(size_t begun, MonoTime now);

  const Limits limits_;
  PeerCircuit& circuit_;
  State state_ = State::kClosed;
  std::string problem_;  // Why the connection is to be closed; empty: nothing is wrong here.
  MonoTime connecting_since_;
  MonoTime heard_at_;  // When the peer last said something.

  std::optional<PeerAsker> asker_;
  std::string greeting_;  // Of the greeting, what is not sent.
  resp::Reader greeting_reader_{kGreetingAnswerMax};

  std::deque<Request> requests_;  // In order of Send; those that are with the peer first.
  size_t with_peer_ = 0;          // So many of them.
  size_t sent_bytes_ = 0;         // Of the one after those.
  size_t unsent_bytes_ = 0;
  MonoTime next_deadline_ = kNoDeadline;  // No request's is earlier.
  resp::ReplyScanner scanner_;
  std::string answer_;  // The beginning of an answer that is not complete.
  std::vector<Ended> ended_;

  static constexpr MonoTime kNoDeadline{INT64_MAX};
};

}  // namespace weir::nodes
