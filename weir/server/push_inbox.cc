#include "weir/server/push_inbox.h"

#include <utility>

#include "weir/gateway/client_tracking.h"

namespace weir::server {

void PushInbox::Add(std::vector<gateway::Push> pushes) {
  for (gateway::Push& push : pushes) {
    const bool full = pushes_.size() == kPushesMax || bytes_ + push.message.size() > kBytesMax;
    if (full) behind_.insert(push.connection);
    if (full || behind_.count(push.connection) != 0) continue;
    bytes_ += push.message.size();
    pushes_.push_back(std::move(push));
  }
}

std::vector<gateway::Push> PushInbox::Take() {
  std::vector<gateway::Push> taken = std::exchange(pushes_, {});
  bytes_ = 0;
  if (behind_.empty()) return taken;
  const Bytes all_keys = gateway::ClientTracking::AllKeys();
  for (const uint64_t connection : std::exchange(behind_, {})) {
    taken.push_back({connection, all_keys});
  }
  return taken;
}

}  // namespace weir::server
