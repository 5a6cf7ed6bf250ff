// PushInbox: messages to connections of one loop that it has not come to yet (CLIENT TRACKING).
//
// They come as fast as others write, whom nothing makes wait for this loop. So beyond a limit a
// connection's messages are made one that says "all keys", which stands for all of them.
//
// Ownership: takes messages. Threads: single-owner (whoever holds the loop's lock).
// Limits: kPushesMax messages of kBytesMax, and one number for each connection that fell behind.
// Cost: Add is O(1) a message; behind the limit a look-up in a set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "weir/gateway/home.h"

namespace weir::server {

class PushInbox {
 public:
  static constexpr size_t kPushesMax = 32768;
  static constexpr size_t kBytesMax = size_t{4} << 20;

  bool empty() const { return pushes_.empty() && behind_.empty(); }
  void Add(std::vector<gateway::Push> pushes);
  // Returns all there are, in the order in which they came.
  std::vector<gateway::Push> Take();

 private:
  std::vector<gateway::Push> pushes_;
  size_t bytes_ = 0;                     // Of `pushes_`; what they share counts for each.
  std::unordered_set<uint64_t> behind_;  // Connections that are told "all keys" instead.
};

}  // namespace weir::server
