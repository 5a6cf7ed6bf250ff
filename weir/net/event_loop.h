// EventLoop: readiness of many sockets, work handed over from other threads, and a clock tick, on
// one thread.
//
// Why not Asio here: waiting for readiness through io_context costs one more system call a wake-up
// (docs/ARCHITECTURE.md has the figures); everything that is not the data port uses Asio.
//
// Order of one round: events of sockets, then posted work, then the tick and the timer if they are
// due, then the round's end. Whoever collects work during a round hands it on in OnRoundEnd, so a
// burst of requests costs one hand-over.
//
// Threads: Post, Stop and Wake are thread-safe; everything else belongs to the thread in Run.
// Errors: the constructor asserts that the kernel grants an epoll instance and an eventfd.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

namespace weir::net {

class EventLoop {
 public:
  // Taken from the kernel in one round, so that no round is long.
  static constexpr int kEventsMax = 32;

  // Told of the readiness of one descriptor. Must stay alive until the end of the round in which
  // it was unwatched.
  class Watcher {
   public:
    virtual ~Watcher() = default;
    virtual void OnReady(bool readable, bool writable) = 0;
  };

  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnTick() = 0;
    // The time that was set has come.
    virtual void OnTimer() {}
    // `idle`: the round had nothing to do. Returns whether the next round is to look only for what
    // is ready, without waiting.
    virtual bool OnRoundEnd(bool idle) = 0;
    // How long the round was, from the kernel's answer to the next question.
    virtual void OnRoundTook(std::chrono::nanoseconds) {}
    // Wake was called. May come once for several calls.
    virtual void OnWake() = 0;
  };

  EventLoop(Observer* observer, std::chrono::milliseconds tick);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Level-triggered: told again in each round until what is ready is taken.
  void Watch(int fd, bool read, bool write, Watcher* watcher);
  void Change(int fd, bool read, bool write, Watcher* watcher);
  void Unwatch(int fd);

  // Bounds the wait that follows this round. To be called in OnRoundEnd.
  void WaitAtMost(std::chrono::nanoseconds wait) { wait_max_ = wait; }

  // Runs `work` on the loop's thread in a later round. For rare hand-overs; it allocates.
  void Post(std::function<void()> work);
  // Makes the loop call OnWake soon. Cost: a system call only when no wake is pending.
  void Wake();

  // Calls OnTimer once, `wait` from now or a little later, in place of a time set before.
  void SetTimer(std::chrono::milliseconds wait) {
    timer_ = std::chrono::steady_clock::now() + wait;
  }

  // Returns after Stop. May be called once.
  void Run();
  void Stop();

 private:
  void Control(int operation, int fd, bool read, bool write, Watcher* watcher);
  void TakeWake();
  int MillisecondsToWait();

  Observer* observer_;
  std::chrono::milliseconds tick_;
  std::chrono::steady_clock::time_point next_tick_;
  std::chrono::steady_clock::time_point timer_ = std::chrono::steady_clock::time_point::max();
  static constexpr std::chrono::nanoseconds kNoBound = std::chrono::nanoseconds::max();
  std::chrono::nanoseconds wait_max_ = kNoBound;  // Of the next wait.
  int epoll_fd_;
  int wake_fd_;
  std::atomic<bool> wake_pending_{false};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // Guarded by mutex_.
};

}  // namespace weir::net
