#include "cmd/weir/bench/load_thread.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cmd/weir/server_link.h"

#include "weir/resp/reply_scanner.h"

namespace weir::cmd {
namespace {

constexpr std::chrono::milliseconds kTick{1};
constexpr size_t kReceiveBytes = size_t{128} << 10;
// An open loop does not sleep when something is due so soon, for epoll counts in milliseconds.
constexpr int64_t kSleepLeastNs = 1'500'000;

int64_t NowNs() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

uint64_t ShareOf(uint64_t total, uint32_t index, uint32_t threads) {
  return total / threads + (index < total % threads ? 1 : 0);
}

}  // namespace

class LoadThread::Connection final : public net::EventLoop::Watcher {
 public:
  Connection(LoadThread* owner, net::Socket socket) : owner_(owner), socket_(std::move(socket)) {
    under_way_.resize(owner->plan_.pipeline);
  }

  int fd() const { return socket_.fd(); }
  bool has_room() const { return open_ && count_ < under_way_.size(); }
  bool open() const { return open_; }
  size_t count() const { return count_; }

  // Requires: has_room.
  void Add(const RequestTemplate& request, KeyNumbers* keys, const Sent& sent) {
    request.Append(keys, &output_);
    under_way_[(first_ + count_) % under_way_.size()] = sent;
    ++count_;
    if (!flush_wanted_) owner_->to_flush_.push_back(this);
    flush_wanted_ = true;
  }

  void Flush() {
    flush_wanted_ = false;
    while (open_ && sent_ < output_.size()) {
      const net::Piece piece{output_.data() + sent_, output_.size() - sent_};
      const net::Transfer sent = socket_.Send({&piece, 1});
      if (sent.state == net::Transfer::State::kWouldBlock) break;
      if (sent.state != net::Transfer::State::kDone) return Lose("the server closed a connection");
      sent_ += sent.bytes;
    }
    const bool all = sent_ == output_.size();
    if (all) {
      output_.clear();
      sent_ = 0;
    }
    if (open_ && all == waits_to_write_) {
      waits_to_write_ = !all;
      owner_->loop_.Change(fd(), true, waits_to_write_, this);
    }
  }

  void OnReady(bool readable, bool writable) override {
    if (open_ && readable) Receive();
    if (open_ && writable && waits_to_write_) Flush();
  }

 private:
  void Receive() {
    static thread_local std::array<char, kReceiveBytes> received;
    const net::Transfer got = socket_.Receive(received);
    if (got.state == net::Transfer::State::kWouldBlock) return;
    if (got.state != net::Transfer::State::kDone) return Lose("the server closed a connection");
    const int64_t now_ns = NowNs();
    std::string_view bytes(received.data(), got.bytes);
    const bool was_full = !has_room();
    for (;;) {
      const resp::ReplyScanner::Result result = replies_.Next(&bytes);
      if (result == resp::ReplyScanner::Result::kNeedMore) break;
      if (result == resp::ReplyScanner::Result::kBroken || count_ == 0) {
        return Lose("the server does not speak Redis");
      }
      const Sent sent = under_way_[first_];
      first_ = (first_ + 1) % under_way_.size();
      --count_;
      owner_->OnAnswer(sent, now_ns, replies_.error_code(),
                       result == resp::ReplyScanner::Result::kError);
    }
    if (was_full && has_room()) owner_->with_room_.push_back(this);
  }

  void Lose(std::string why) {
    owner_->loop_.Unwatch(fd());
    open_ = false;
    owner_->OnLost(this, std::move(why));
  }

  LoadThread* const owner_;
  net::Socket socket_;
  bool open_ = true;
  bool flush_wanted_ = false;
  bool waits_to_write_ = false;
  std::string output_;
  size_t sent_ = 0;  // Of output_.
  std::vector<Sent> under_way_;
  size_t first_ = 0;
  size_t count_ = 0;
  resp::ReplyScanner replies_;
};

void LoadOutcome::Merge(const LoadOutcome& other) {
  commands.resize(std::max(commands.size(), other.commands.size()));
  for (size_t i = 0; i < other.commands.size(); ++i) {
    commands[i].answered.Merge(other.commands[i].answered);
    commands[i].refused.Merge(other.commands[i].refused);
    for (const auto& [code, count] : other.commands[i].errors) commands[i].errors[code] += count;
    commands[i].late += other.commands[i].late;
  }
  unsent += other.unsent;
  unanswered += other.unanswered;
  connections_lost += other.connections_lost;
  if (broken.empty()) broken = other.broken;
}

LoadThread::LoadThread(const LoadPlan& plan, uint32_t index)
    : plan_(plan),
      index_(index),
      requests_left_(plan.requests_max == 0 ? ~uint64_t{0}
                                            : ShareOf(plan.requests_max, index, plan.threads)),
      keys_(plan.keys, plan.seed * plan.threads + index),
      random_(~(plan.seed * plan.threads + index)),
      loop_(this, kTick) {
  for (const WeightedRequest& request : plan.mix) weights_ += request.weight;
  outcome_.commands.resize(plan.mix.size());
  // Sequential threads divide the keys.
  uint64_t first = 0;
  for (uint32_t i = 0; i < index; ++i) first += ShareOf(plan.keys.count, i, plan.threads);
  keys_.StartAt(first);
}

LoadThread::~LoadThread() = default;

Result<Ok> LoadThread::Connect() {
  const uint64_t wanted = ShareOf(plan_.connections, index_, plan_.threads);
  for (uint64_t i = 0; i < wanted; ++i) {
    auto link = ServerLink::Connect(plan_.server);
    if (!link.ok()) return link.error();
    if (!plan_.authentication.empty()) {
      const auto reply = link.value().Call(plan_.authentication);
      if (!reply.ok()) return reply.error();
      if (reply.value().kind == resp::Value::Kind::kError) {
        return Error{ErrorCode::kInvalid,
                     "the server refused --user: " + reply.value().text + "; see --password-file"};
      }
    }
    net::Socket socket = std::move(link).value().TakeSocket();
    socket.StopBlocking();
    connections_.push_back(std::make_unique<Connection>(this, std::move(socket)));
    Connection* const connection = connections_.back().get();
    loop_.Watch(connection->fd(), true, false, connection);
    with_room_.push_back(connection);
  }
  return Ok{};
}

void LoadThread::Run(std::chrono::steady_clock::time_point begin) {
  const int64_t begin_ns = begin.time_since_epoch().count();
  measured_from_ns_ = begin_ns + plan_.warmup.count();
  end_ns_ = measured_from_ns_ + plan_.duration.count();
  if (plan_.rate > 0) {
    schedule_.emplace(plan_.arrivals, begin_ns, plan_.rate / plan_.threads, index_, plan_.threads,
                      plan_.seed * plan_.threads + index_);
  }
  loop_.Run();
}

bool LoadThread::OnRoundEnd(bool) {
  const int64_t now_ns = NowNs();
  if (!ended_ && SendingEnds(now_ns)) {
    ended_ = true;
    drained_by_ns_ = now_ns + std::chrono::nanoseconds(kDrain).count();
    CountUnsent(now_ns);
  }
  if (ended_) {
    if (under_way_ == 0 || now_ns > drained_by_ns_) {
      outcome_.unanswered += under_way_;
      loop_.Stop();
    }
    return false;
  }
  SendWhatIsDue(now_ns);
  for (Connection* const connection : std::exchange(to_flush_, {})) connection->Flush();
  return schedule_ && !with_room_.empty() && schedule_->due_ns() - NowNs() < kSleepLeastNs;
}

bool LoadThread::SendingEnds(int64_t now_ns) const {
  return stopping_ || requests_left_ == 0 || now_ns >= end_ns_ ||
         outcome_.connections_lost == connections_.size();
}

void LoadThread::SendWhatIsDue(int64_t now_ns) {
  while (!with_room_.empty() && requests_left_ > 0) {
    Connection* const connection = with_room_.front();
    if (!connection->has_room()) {
      with_room_.pop_front();
      continue;
    }
    int64_t due_ns = now_ns;
    if (schedule_) {
      due_ns = schedule_->due_ns();
      if (due_ns > now_ns || due_ns >= end_ns_) return;
      schedule_->Advance();
    }
    const uint32_t command = ChooseCommand();
    connection->Add(plan_.mix[command].request, &keys_, {due_ns, command});
    ++under_way_;
    --requests_left_;
    // One after another, so that the load is spread; one that is full comes back by itself.
    if (schedule_ || !connection->has_room()) {
      with_room_.pop_front();
      if (connection->has_room()) with_room_.push_back(connection);
    }
  }
}

// What was due when sending ended and found no room is not forgotten.
void LoadThread::CountUnsent(int64_t now_ns) {
  if (!schedule_ || stopping_) return;
  for (; schedule_->due_ns() < std::min(now_ns, end_ns_); schedule_->Advance()) {
    if (requests_left_ == 0) return;
    --requests_left_;
    outcome_.unsent += schedule_->due_ns() >= measured_from_ns_ ? 1 : 0;
  }
}

uint32_t LoadThread::ChooseCommand() {
  if (plan_.mix.size() == 1) return 0;
  uint64_t at = random_.Below(weights_);
  uint32_t command = 0;
  while (at >= plan_.mix[command].weight) at -= plan_.mix[command++].weight;
  return command;
}

void LoadThread::OnAnswer(const Sent& sent, int64_t now_ns, std::string_view error_code,
                          bool is_error) {
  --under_way_;
  answers_.store(answers_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (is_error) errors_.store(errors_.load(std::memory_order_relaxed) + 1);
  if (sent.due_ns < measured_from_ns_) return;
  CommandOutcome& outcome = outcome_.commands[sent.command];
  const int64_t latency_ns = now_ns - sent.due_ns;
  if (!is_error) {
    outcome.answered.Record(latency_ns);
    if (plan_.deadline.count() > 0 && latency_ns > plan_.deadline.count()) ++outcome.late;
    return;
  }
  outcome.refused.Record(latency_ns);
  auto found = outcome.errors.find(error_code);
  if (found == outcome.errors.end()) found = outcome.errors.emplace(error_code, 0).first;
  ++found->second;
}

void LoadThread::OnLost(Connection* connection, std::string why) {
  under_way_ -= connection->count();
  outcome_.unanswered += connection->count();
  ++outcome_.connections_lost;
  if (outcome_.broken.empty()) outcome_.broken = std::move(why);
}

}  // namespace weir::cmd
