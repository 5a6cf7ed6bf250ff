// PeerCircuit: what is known of whether a peer can be reached, for all links to it of one event
// loop.
//
// Closed until a connection fails: then nobody waits for the peer, and one link at a time tries
// again, after a pause that doubles from kPauseFirst to kPauseMost until one has been greeted.
// When not to use: for calls to a database, which is asked again carefully: limit::Circuit. A peer
// has been through a whole greeting when it counts as back.
// Threads: single-owner. Cost: O(1).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/time.h"

namespace weir::nodes {

class PeerCircuit {
 public:
  static constexpr std::chrono::nanoseconds kPauseFirst = std::chrono::milliseconds(100);
  static constexpr std::chrono::nanoseconds kPauseMost = std::chrono::seconds(5);

  // Whether requests may wait for a connection.
  bool closed() const { return !open_; }
  // Whether a link may begin to connect now; if so it does, and says how that ended.
  bool TryConnect(MonoTime now) {
    if (!open_) return true;
    if (probing_ || now < retry_at_) return false;
    probing_ = true;
    return true;
  }
  void OnGreeted() {
    open_ = probing_ = false;
    pause_ = kPauseFirst;
  }
  // `problem`: for people.
  void OnFailure(std::string_view problem, MonoTime now) {
    if (open_ && !probing_) return;  // Of a link that began before: nothing new.
    if (open_) pause_ = std::min(2 * pause_, kPauseMost);
    if (!open_) ++opened_;
    open_ = true;
    probing_ = false;
    retry_at_ = now + pause_;
    problem_ = problem;
  }
  // Why it last failed.
  const std::string& problem() const { return problem_; }
  uint64_t opened() const { return opened_; }

 private:
  bool open_ = false;
  bool probing_ = false;  // A link is connecting, to find out.
  MonoTime retry_at_;
  std::string problem_;
  std::chrono::nanoseconds pause_ = kPauseFirst;
  uint64_t opened_ = 0;
};

}  // namespace weir::nodes
