// LoadThread: some connections of a load, their requests and what became of them, on one thread.
//
// Closed loop: each connection has up to `pipeline` requests under way, and sends another when one
// is answered. Open loop: requests are due by a Schedule; one that finds every connection full
// waits, and its latency counts from when it was due.
//
// Threads: Run blocks the calling thread; progress and Stop are thread-safe; everything else is for
// before and after Run.
// Cost: an open loop with an interval below a millisecond looks for due requests all the time, so
// it takes a whole CPU.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/weir/bench/key_numbers.h"
#include "cmd/weir/bench/latencies.h"
#include "cmd/weir/bench/requests.h"
#include "cmd/weir/bench/schedule.h"

#include "weir/base/result.h"
#include "weir/net/address.h"
#include "weir/net/event_loop.h"
#include "weir/net/socket.h"

namespace weir::cmd {

// What a load is, complete and checked.
struct LoadPlan {
  net::Address server;
  std::vector<std::string> authentication;  // AUTH ...; empty: none.
  uint32_t threads = 1;
  uint32_t connections = 50;  // Of all threads; at least one a thread.
  uint32_t pipeline = 1;      // Requests under way on a connection.
  std::vector<WeightedRequest> mix;
  KeyNumbers::Spec keys;
  double rate = 0;  // Requests a second of all threads; 0: closed loop.
  Schedule::Arrivals arrivals = Schedule::Arrivals::kEven;
  std::chrono::nanoseconds warmup{0};
  std::chrono::nanoseconds duration{std::chrono::seconds(10)};  // Behind the warm-up.
  uint64_t requests_max = 0;             // Ends earlier after so many; 0: no bound.
  std::chrono::nanoseconds deadline{0};  // Later answers are counted as late; 0: none are.
  uint64_t seed = 1;
};

// What became of the requests of one command of the mix, those of the warm-up left out.
struct CommandOutcome {
  Latencies answered;                                   // Other than by an error.
  Latencies refused;                                    // By an error.
  std::map<std::string, uint64_t, std::less<>> errors;  // By code.
  uint64_t late = 0;                                    // Answered, after the deadline.
};

struct LoadOutcome {
  std::vector<CommandOutcome> commands;  // As in the mix.
  uint64_t unsent = 0;                   // Due, while every connection was full to the end.
  uint64_t unanswered = 0;
  uint64_t connections_lost = 0;
  std::string broken;  // Why a connection was given up; empty: none was.

  void Merge(const LoadOutcome& other);
};

class LoadThread final : private net::EventLoop::Observer {
 public:
  // How long answers are waited for at the end.
  static constexpr std::chrono::seconds kDrain{10};

  // The `index`-th thread of `plan`, which is borrowed.
  LoadThread(const LoadPlan& plan, uint32_t index);
  ~LoadThread() override;

  // Opens and authenticates the connections. Errors: kUnavailable with what to do.
  Result<Ok> Connect();

  // Sends requests from `begin` on, until all is sent and answered.
  void Run(std::chrono::steady_clock::time_point begin);
  // Ends Run early: nothing more is sent.
  void Stop() { stopping_ = true; }

  struct Progress {
    uint64_t answers;
    uint64_t errors;  // Of these.
  };
  Progress progress() const { return {answers_.load(), errors_.load()}; }

  LoadOutcome TakeOutcome() { return std::move(outcome_); }

 private:
  class Connection;
  struct Sent {
    int64_t due_ns;
    uint32_t command;
  };

  void OnTick() override {}
  bool OnRoundEnd(bool idle) override;
  void OnWake() override {}

  bool SendingEnds(int64_t now_ns) const;
  void SendWhatIsDue(int64_t now_ns);
  void CountUnsent(int64_t now_ns);
  uint32_t ChooseCommand();
  void OnAnswer(const Sent& sent, int64_t now_ns, std::string_view error_code, bool is_error);
  void OnLost(Connection* connection, std::string why);

  const LoadPlan& plan_;
  const uint32_t index_;
  uint64_t requests_left_;
  KeyNumbers keys_;
  Random random_;
  uint64_t weights_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> with_room_;
  std::vector<Connection*> to_flush_;
  std::optional<Schedule> schedule_;
  int64_t measured_from_ns_ = 0;
  int64_t end_ns_ = 0;
  int64_t drained_by_ns_ = 0;
  uint64_t under_way_ = 0;
  bool ended_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> answers_{0};
  std::atomic<uint64_t> errors_{0};
  LoadOutcome outcome_;
  net::EventLoop loop_;
};

}  // namespace weir::cmd
