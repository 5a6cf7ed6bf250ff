// NodeWatch: asks the other nodes whether they were given the same list, before this one serves,
// and again and again while it does; and whoever is at the address of this one, whether it is a
// second process.
//
// Of two nodes that disagree and can reach each other the one that starts last ends, and whoever
// serves is not disturbed. Who is away, paused, cut off or speaks TLS alone cannot be asked: each
// is told of in the log, this node serves meanwhile, and asks all again after kPauseFirst, and
// less and less often while it hears nothing new. A disagreement that is found then is an error in
// the log, and in counts(), until it is mended.
// Ownership: shares the table, borrows the clock. Threads: single-owner; counts() is thread-safe.
// Log: says so when something of a node is new.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cmd/weir/node_agreement.h"

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/nodes/node_table.h"

namespace weir::cmd {

class NodeWatch {
 public:
  static constexpr std::chrono::milliseconds kPatience{500};
  static constexpr std::chrono::seconds kPauseFirst{5};
  static constexpr std::chrono::seconds kPauseMost{60};

  // `run_id`: as of NodeAgreement.
  NodeWatch(std::shared_ptr<const nodes::NodeTable> table, std::string run_id, Clock& clock);
  // Asks nobody any more. Blocks for kPatience at most.
  ~NodeWatch();
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;

  // Asks each node, and blocks for kPatience at most. Requires: this one
  // answers by now, so that of two that start at one moment at least one hears of the other.
  // Errors: kInvalid when one disagrees; the message names it, and says what to do.
  Result<Ok> AskAll();
  // From now on asks on a thread of its own. Requires: AskAll has succeeded.
  void KeepAsking();

  NodeAgreement::Counts counts() const { return {.unknown = unknown_, .differing = differing_}; }

 private:
  // What one round of questions has brought.
  struct Heard {
    bool news = false;
    std::string errors;  // Of those who newly disagree.
  };
  Heard Ask();
  void Run();

  const std::shared_ptr<const nodes::NodeTable> table_;
  Clock& clock_;
  NodeAgreement agreement_;  // Of the owner, and of the thread once there is one.
  std::atomic<size_t> unknown_;
  std::atomic<size_t> differing_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ends_ = false;  // Guarded by mutex_.
  std::thread thread_;
};

}  // namespace weir::cmd
