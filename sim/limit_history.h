// LimitHistory: what the limiter was asked in a round, and what it said; and whether that is right.
//
// What policies decide about a request that names none is decided when the request is executed, or,
// where policies delay, at some moment until it is answered; what a request names is decided when
// it is answered. Buckets are counted again (limit_check.h, window_check.h), and what is held of
// them (hold_check.h). Who waits by LIMIT.WAIT for one bucket is overtaken by nobody.
// Threads: single-owner.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/hold_check.h"
#include "sim/limit_check.h"
#include "sim/op.h"
#include "sim/plan.h"
#include "sim/window_check.h"

#include "weir/base/time.h"

namespace weir::sim {

class LimitHistory {
 public:
  struct Asker {
    std::string user;
    limit::Address client;
  };

  explicit LimitHistory(const Plan& plan);

  // A request is executed. Returns a number for it, from 1.
  uint64_t Executed(MonoTime now);
  // `request`: that number; 0 when it was not executed.
  void Answered(uint64_t request, const Asker& asker, const Words& words, const resp::Value& reply,
                MonoTime now);
  // What has become of it nobody will know.
  void Lost(uint64_t request, const Words& words, MonoTime now);
  void Restarted(MonoTime now);
  // Others are in force from now on.
  void Replaced(std::vector<limit::Policy> policies, MonoTime now);

  // Of the round that ends with this. Returns what is wrong, or nothing.
  std::string Judge();

 private:
  struct Event {
    enum class Kind : uint8_t {
      kRequest,  // Executed; what the policies said is known if it `counts`.
      kNamed,    // A command about limits that it names was answered.
      kLost,
      kRestart,
      kReplaced,
    };
    Kind kind = Kind::kRequest;
    MonoTime at;
    uint64_t replaced = 0;  // How often policies had been replaced.
    LimitCheck::Request request{};
    bool counts = false;
    bool passed = false;
    // And was no error: of those that are wrong anyway, none waits for its tokens.
    bool served = false;
    bool lost = false;
    bool clear = false;  // The same policies were in force until it was answered.
    MonoTime end{};      // When it was.
    Words words{};
    resp::Value reply{};
    MonoTime executed{};
    std::vector<limit::Policy> policies{};
  };
  // Who waits for a bucket by LIMIT.WAIT: maybe since `executed`, for certain since `joined`, which
  // is absent where that is not known.
  struct Waiter {
    std::string bucket;
    uint64_t cost = 0;
    MonoTime executed;
    std::optional<MonoTime> joined;
    size_t until = 0;  // The event that ends it.
  };
  // The limits that the words name, as charges of each; nullopt: others take from them too.
  std::optional<std::vector<LimitCheck::Charges>> LimitsIn(const Words& words) const;

  Event* Find(uint64_t request);
  void NoteWaiters();
  std::string JudgeRequest(const Event& event);
  bool OrderIsUnknown(size_t index) const;
  std::string JudgeNamed(size_t index);
  std::string JudgeDecision(size_t index, std::vector<LimitCheck::Charges> limits);
  void NoteReserved(const Event& event);
  void NoteSettled(const Event& event, const HoldCheck::Reservation& reservation);
  void BeginAnew(std::vector<limit::Policy> policies, bool doubtful);

  const Plan& plan_;
  std::deque<Event> events_;
  uint64_t first_ = 1;  // The number of the first event.
  uint64_t replaced_ = 0;
  std::vector<Waiter> waiters_;
  LimitCheck check_;
  WindowCheck windows_;
  HoldCheck holds_;
  bool doubtful_;           // What was charged is not known to the last token.
  bool unbounded_ = false;  // Tokens may have been given back that nobody knows of.
};

}  // namespace weir::sim
