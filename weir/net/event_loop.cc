#include "weir/net/event_loop.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace weir::net {

EventLoop::EventLoop(Observer* observer, std::chrono::milliseconds tick)
    : observer_(observer),
      tick_(tick),
      next_tick_(std::chrono::steady_clock::now() + tick),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  assert(epoll_fd_ >= 0);
  assert(wake_fd_ >= 0);
  Control(EPOLL_CTL_ADD, wake_fd_, true, false, nullptr);
}

EventLoop::~EventLoop() {
  close(wake_fd_);
  close(epoll_fd_);
}

void EventLoop::Control(int operation, int fd, bool read, bool write, Watcher* watcher) {
  epoll_event event{};
  event.events = (read ? uint32_t{EPOLLIN} : 0U) | (write ? uint32_t{EPOLLOUT} : 0U);
  event.data.ptr = watcher;
  [[maybe_unused]] const int status = epoll_ctl(epoll_fd_, operation, fd, &event);
  assert(status == 0);
}

void EventLoop::Watch(int fd, bool read, bool write, Watcher* watcher) {
  Control(EPOLL_CTL_ADD, fd, read, write, watcher);
}

void EventLoop::Change(int fd, bool read, bool write, Watcher* watcher) {
  Control(EPOLL_CTL_MOD, fd, read, write, watcher);
}

void EventLoop::Unwatch(int fd) {
  Control(EPOLL_CTL_DEL, fd, false, false, nullptr);
}

void EventLoop::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Wake();
}

void EventLoop::Wake() {
  if (wake_pending_.exchange(true)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

void EventLoop::Stop() {
  stopped_ = true;
  Wake();
}

void EventLoop::TakeWake() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof(count));
  // Cleared before the work is looked at: what is added later wakes again.
  wake_pending_ = false;
  std::vector<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  for (const std::function<void()>& item : work) item();
  observer_->OnWake();
}

// To the tick, or less.
int EventLoop::MillisecondsToWait() {
  const auto to_timer = std::min(next_tick_, timer_) - std::chrono::steady_clock::now();
  const auto left =
      std::min<std::chrono::nanoseconds>(to_timer, std::exchange(wait_max_, kNoBound));
  if (left.count() <= 0) return 0;
  const auto left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(left);
  return static_cast<int>(std::clamp<int64_t>(left_ms.count() + 1, 0, tick_.count()));
}

void EventLoop::Run() {
  std::array<epoll_event, kEventsMax> events;
  bool wait = true;
  while (!stopped_) {
    const int count =
        epoll_wait(epoll_fd_, events.data(), kEventsMax, wait ? MillisecondsToWait() : 0);
    const auto began = std::chrono::steady_clock::now();
    bool woken = false;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr == nullptr) {
        woken = true;
        continue;
      }
      // An error or hang-up is shown by the next read or write.
      const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
      static_cast<Watcher*>(event.data.ptr)
          ->OnReady(broken || (event.events & EPOLLIN) != 0,
                    broken || (event.events & EPOLLOUT) != 0);
    }
    if (woken) TakeWake();
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_tick_) {
      next_tick_ = now + tick_;
      observer_->OnTick();
    }
    if (now >= timer_) {
      timer_ = std::chrono::steady_clock::time_point::max();
      observer_->OnTimer();
    }
    wait = !observer_->OnRoundEnd(count <= 0);
    observer_->OnRoundTook(std::chrono::steady_clock::now() - began);
  }
}

}  // namespace weir::net
