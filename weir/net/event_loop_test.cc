// Goal: readiness, posted work, wakes and ticks reach the loop's thread; Stop ends it.
#include "weir/net/event_loop.h"

#include <array>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "weir/net/socket.h"

namespace weir::net {
namespace {

class CountingObserver : public EventLoop::Observer {
 public:
  void OnTick() override { ++ticks; }
  bool OnRoundEnd(bool) override {
    ++rounds;
    return false;
  }
  void OnWake() override { ++wakes; }
  int ticks = 0;
  int rounds = 0;
  int wakes = 0;
};

TEST(EventLoopTest, PostedWorkRunsOnTheLoopThreadInOrder) {
  CountingObserver observer;
  EventLoop loop(&observer, std::chrono::hours(1));
  std::string order;
  std::thread poster([&] {
    loop.Post([&] { order += 'a'; });
    loop.Post([&] { order += 'b'; });
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  poster.join();
  EXPECT_EQ(order, "ab");
  EXPECT_GE(observer.wakes, 1);
  EXPECT_GE(observer.rounds, 1);
}

TEST(EventLoopTest, TicksComeWithoutEvents) {
  CountingObserver observer;
  class Stopper : public CountingObserver {
   public:
    void OnTick() override {
      if (++ticks == 3) loop->Stop();
    }
    EventLoop* loop = nullptr;
  } stopper;
  EventLoop loop(&stopper, std::chrono::milliseconds(1));
  stopper.loop = &loop;
  loop.Run();
  EXPECT_EQ(stopper.ticks, 3);
}

TEST(EventLoopTest, ARoundThatAsksForMoreIsFollowedByOneThatDoesNotWait) {
  class Poller : public CountingObserver {
   public:
    bool OnRoundEnd(bool idle) override {
      idle_rounds += idle ? 1 : 0;
      if (++rounds == 3) loop->Stop();
      return true;  // The tick is an hour away: whoever waited would wait for it.
    }
    int idle_rounds = 0;
    EventLoop* loop = nullptr;
  } poller;
  EventLoop loop(&poller, std::chrono::hours(1));
  poller.loop = &loop;
  loop.Post([] {});
  loop.Run();
  EXPECT_EQ(poller.rounds, 3);
  EXPECT_EQ(poller.idle_rounds, 2);
}

TEST(EventLoopTest, TheTimerComesOnceAndTheLastOneSetCounts) {
  class Timed : public CountingObserver {
   public:
    void OnTimer() override {
      if (++timers == 3) return loop->Stop();
      loop->SetTimer(std::chrono::hours(1));
      loop->SetTimer(std::chrono::milliseconds(timers - 1));
    }
    int timers = 0;
    EventLoop* loop = nullptr;
  } timed;
  EventLoop loop(&timed, std::chrono::hours(1));
  timed.loop = &loop;
  loop.SetTimer(std::chrono::milliseconds(0));
  loop.Run();
  EXPECT_EQ(timed.timers, 3);
  EXPECT_EQ(timed.ticks, 0);
}

TEST(EventLoopTest, ARoundMayBoundTheWaitThatFollowsIt) {
  class Alarm : public CountingObserver {
   public:
    bool OnRoundEnd(bool) override {
      if (++rounds == 3) loop->Stop();
      loop->WaitAtMost(std::chrono::nanoseconds(1));  // The tick is an hour away.
      return false;
    }
    EventLoop* loop = nullptr;
  } alarm;
  EventLoop loop(&alarm, std::chrono::hours(1));
  alarm.loop = &loop;
  loop.Post([] {});
  loop.Run();
  EXPECT_EQ(alarm.rounds, 3);
  EXPECT_EQ(alarm.ticks, 0);
}

TEST(EventLoopTest, WatcherIsToldUntilTheBytesAreTaken) {
  CountingObserver observer;
  EventLoop loop(&observer, std::chrono::hours(1));
  Socket listener = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
  Socket client = Socket::Connect(listener.LocalAddress()).value();
  Socket::Accepted accepted;
  while (listener.Accept(&accepted) != Socket::AcceptState::kAccepted) {
  }
  class Reader : public EventLoop::Watcher {
   public:
    void OnReady(bool readable, bool) override {
      ASSERT_TRUE(readable);
      if (++calls < 3) return;  // Leave the bytes: the loop is level-triggered.
      std::array<char, 8> buffer{};
      EXPECT_EQ(socket->Receive(buffer).bytes, 2U);
      loop->Unwatch(socket->fd());
      loop->Stop();
    }
    int calls = 0;
    Socket* socket = nullptr;
    EventLoop* loop = nullptr;
  } reader;
  reader.socket = &accepted.socket;
  reader.loop = &loop;
  loop.Watch(accepted.socket.fd(), true, false, &reader);
  const std::array<Piece, 1> pieces = {Piece{"hi", 2}};
  client.Send(pieces);
  loop.Run();
  EXPECT_EQ(reader.calls, 3);
}

}  // namespace
}  // namespace weir::net
