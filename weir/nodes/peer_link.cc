#include "weir/nodes/peer_link.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::nodes {

void PeerLink::Send(uint64_t ticket, std::string request, MonoTime deadline, MonoTime now) {
  const bool hopeless = state_ == State::kBroken || (state_ != State::kOpen && !circuit_.closed());
  const bool too_long = unsent_bytes_ > 0 && unsent_bytes_ + request.size() > limits_.request_bytes;
  const bool full = too_long || requests_.size() >= limits_.requests;
  if (hopeless || full || deadline <= now) {
    const std::string why = hopeless ? "it is down: " + circuit_.problem()
                            : full   ? "too much waits for it"
                                     : "its time is up";
    ended_.push_back({ticket, LinkOutcome::kNotSent, {}, why});
    return;
  }
  // The silence that counts is that after a question.
  if (requests_.empty()) heard_at_ = now;
  unsent_bytes_ += request.size();
  next_deadline_ = std::min(next_deadline_, deadline);
  requests_.push_back({ticket, deadline, std::move(request)});
}

PeerLink::Action PeerLink::action(MonoTime now) {
  if (state_ == State::kBroken) return Action::kClose;
  if (state_ != State::kClosed) return Action::kNothing;
  // Without a request it connects only to find out whether the peer is back.
  if (requests_.empty() && circuit_.closed()) return Action::kNothing;
  return circuit_.TryConnect(now) ? Action::kConnect : Action::kNothing;
}

void PeerLink::OnConnecting(MonoTime now) {
  assert(state_ == State::kClosed);
  state_ = State::kConnecting;
  connecting_since_ = now;
}

void PeerLink::OnConnected(PeerAsker asker) {
  assert(state_ == State::kConnecting);
  state_ = State::kGreeting;
  asker_.emplace(std::move(asker));
  greeting_ = asker_->Hello();
}

void PeerLink::OnClosed(MonoTime now) {
  // One that was closed while nothing was asked of it need not be down.
  const bool failed = state_ != State::kOpen || !requests_.empty();
  if (problem_.empty()) problem_ = "it closed the connection";
  if (failed) circuit_.OnFailure(problem_, now);
  for (size_t i = 0; i < with_peer_; ++i) {
    if (!requests_[i].overdue) Fail(requests_[i], LinkOutcome::kLost, problem_);
  }
  requests_.erase(requests_.begin(), requests_.begin() + static_cast<ptrdiff_t>(with_peer_));
  RefuseWaiting();
  state_ = State::kClosed;
  problem_.clear();
  asker_.reset();
  greeting_.clear();
  greeting_reader_ = resp::Reader(kGreetingAnswerMax);
  scanner_ = resp::ReplyScanner();
  answer_ = std::string();
  with_peer_ = sent_bytes_ = unsent_bytes_ = 0;
  next_deadline_ = kNoDeadline;
}

void PeerLink::RefuseWaiting() {
  for (const Request& request : requests_) {
    if (!request.overdue) Fail(request, LinkOutcome::kNotSent, problem_);
  }
  requests_.clear();
}

bool PeerLink::has_unsent() const {
  return !greeting_.empty() || (state_ == State::kOpen && with_peer_ < requests_.size());
}

size_t PeerLink::Unsent(std::span<std::string_view> pieces) const {
  if (!greeting_.empty()) {
    pieces[0] = greeting_;
    return 1;
  }
  if (state_ != State::kOpen) return 0;
  const size_t count = std::min(requests_.size() - with_peer_, pieces.size());
  for (size_t i = 0; i < count; ++i) pieces[i] = requests_[with_peer_ + i].bytes;
  if (count > 0) pieces[0].remove_prefix(sent_bytes_);
  return count;
}

void PeerLink::OnSent(size_t bytes) {
  if (state_ == State::kGreeting) {
    greeting_.erase(0, bytes);
    return;
  }
  unsent_bytes_ -= bytes;
  while (bytes > 0) {
    Request& request = requests_[with_peer_];
    const size_t taken = std::min(bytes, request.bytes.size() - sent_bytes_);
    bytes -= taken;
    sent_bytes_ += taken;
    if (sent_bytes_ < request.bytes.size()) return;
    request.bytes = std::string();
    sent_bytes_ = 0;
    ++with_peer_;
  }
}

void PeerLink::OnReceived(std::string_view bytes, MonoTime now) {
  heard_at_ = now;
  if (state_ == State::kGreeting)
    Greet(bytes);
  else if (state_ == State::kOpen)
    TakeAnswers(bytes);
}

void PeerLink::Greet(std::string_view bytes) {
  resp::Value answer;
  const resp::ReadResult read = greeting_reader_.Next(&bytes, &answer);
  if (read == resp::ReadResult::kNeedMore) return;
  if (read == resp::ReadResult::kError) return Break("it does not speak Redis");
  if (!bytes.empty()) return Break("it answers more than it was asked");
  Result<std::string> next = asker_->Take(answer);
  if (!next.ok()) return Break(next.error().message);
  greeting_ = std::move(next).value();
  if (!greeting_.empty()) return;
  state_ = State::kOpen;
  asker_.reset();
  circuit_.OnGreeted();
}

void PeerLink::TakeAnswers(std::string_view bytes) {
  while (!bytes.empty() && state_ == State::kOpen) {
    if (with_peer_ == 0) return Break("it answers what it was not asked");
    const std::string_view before = bytes;
    if (answer_.empty() && bytes.front() == '>') return Break("it pushes messages");
    const resp::ReplyScanner::Result result = scanner_.Next(&bytes);
    if (result == resp::ReplyScanner::Result::kBroken) return Break("it does not speak Redis");
    const std::string_view taken = before.substr(0, before.size() - bytes.size());
    if (answer_.size() + taken.size() > limits_.answer_bytes)
      return Break("its answer is too long");
    if (result == resp::ReplyScanner::Result::kNeedMore) {
      // What is to be dropped is not collected, but for a mark that it has begun.
      if (!requests_.front().overdue || answer_.empty()) answer_.append(taken);
      return;
    }
    EndAnswered(answer_, taken);
    answer_ = std::string();
  }
}

void PeerLink::EndAnswered(std::string_view head, std::string_view rest) {
  const Request& request = requests_.front();
  if (!request.overdue) {
    char* data = nullptr;
    Bytes answer = Bytes::Allocate(head.size() + rest.size(), &data);
    std::copy(rest.begin(), rest.end(), std::copy(head.begin(), head.end(), data));
    ended_.push_back({request.ticket, LinkOutcome::kAnswered, std::move(answer), {}});
  }
  requests_.pop_front();
  --with_peer_;
}

void PeerLink::OnTime(MonoTime now) {
  const bool waits = state_ == State::kConnecting || state_ == State::kGreeting;
  if (waits && now - connecting_since_ > kConnectMax) return Break("it does not answer");
  if (now < next_deadline_) return;
  next_deadline_ = kNoDeadline;
  const size_t begun = with_peer_ + (sent_bytes_ > 0 ? 1 : 0);
  bool overdue = false;
  for (size_t i = 0; i < begun; ++i) {
    Request& request = requests_[i];
    if (!request.overdue && request.deadline <= now) {
      Fail(request, LinkOutcome::kLost, "it has not answered in time");
      request.overdue = true;
    }
    overdue |= request.overdue;
    if (!request.overdue) next_deadline_ = std::min(next_deadline_, request.deadline);
  }
  TakeBackOverdue(begun, now);
  if (!overdue) return;
  next_deadline_ = now;  // Looks again, whether the peer is still silent.
  if (now - heard_at_ > kSilenceMax) Break("it has not answered in time");
}

// Of those of which no byte has gone, the first being requests_[begun].
void PeerLink::TakeBackOverdue(size_t begun, MonoTime now) {
  const auto first = requests_.begin() + static_cast<ptrdiff_t>(begun);
  const auto stays = [&](const Request& request) {
    if (request.deadline > now) {
      next_deadline_ = std::min(next_deadline_, request.deadline);
      return true;
    }
    Fail(request, LinkOutcome::kNotSent, "it was not sent in time");
    unsent_bytes_ -= request.bytes.size();
    return false;
  };
  requests_.erase(std::stable_partition(first, requests_.end(), stays), requests_.end());
}

void PeerLink::Fail(const Request& request, LinkOutcome outcome, std::string_view why) {
  ended_.push_back({request.ticket, outcome, {}, std::string(why)});
}

void PeerLink::Break(std::string problem) {
  problem_ = std::move(problem);
  state_ = State::kBroken;
}

}  // namespace weir::nodes
