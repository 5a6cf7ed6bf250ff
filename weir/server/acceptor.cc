#include "weir/server/acceptor.h"

namespace weir::server {

void Acceptor::Watch() {
  loop_.Watch(listener_.fd(), true, false, this);
}

void Acceptor::Unwatch() {
  if (!listener_) return;
  loop_.Unwatch(listener_.fd());
  listener_ = net::Socket();
}

void Acceptor::Pause() {
  if (paused_ || !listener_) return;
  paused_ = true;
  loop_.Change(listener_.fd(), false, false, this);
}

void Acceptor::Resume() {
  if (!paused_ || !listener_) return;
  paused_ = false;
  loop_.Change(listener_.fd(), true, false, this);
}

void Acceptor::OnReady(bool, bool) {
  for (int i = 0; i < kAcceptsMax && !paused_; ++i) {
    net::Socket::Accepted accepted;
    const net::Socket::AcceptState state = listener_.Accept(&accepted);
    if (state == net::Socket::AcceptState::kNone) return;
    if (state == net::Socket::AcceptState::kOutOfDescriptors) {
      Pause();  // Level-triggered readiness would spin: look again at the next tick.
      return;
    }
    take_(std::move(accepted.socket), accepted.peer);
  }
}

}  // namespace weir::server
