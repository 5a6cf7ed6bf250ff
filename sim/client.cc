#include "sim/client.h"

#include <algorithm>
#include <utility>

#include "sim/world.h"

namespace weir::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

nanoseconds UpTo(Random& random, nanoseconds most) {
  return nanoseconds(random.Below(static_cast<uint64_t>(most.count()) + 1));
}

}  // namespace

Client::Client(World& world, uint32_t index, uint64_t seed)
    : world_(world), index_(index), random_(seed) {}

bool Client::limited() const {
  return !world_.plan().policies.empty();
}

limit::Address Client::address() const {
  limit::Address address = limit::Address::FromV4({10, 0, 0, static_cast<uint8_t>(index_)});
  if ((world_.plan().seed + index_) % 4 == 0) address.bytes[10] = 0;  // No IPv4 any more.
  return address;
}

void Client::Connect() {
  id_ = world_.NextConnection();
  session_ = world_.NewSession();
  gateway::Session session;
  session.id = id_;
  session.peer = "10.0.0." + std::to_string(index_) + ":5000";
  session.client = address();
  connection_ = world_.node().Connect(std::move(session), *this);
  reader_ = resp::Reader();
  Introduce();
}

// Says who it is; sometimes wrongly, and then it is nobody.
void Client::Introduce() {
  const std::vector<users::User>& users = world_.plan().users;
  user_ = "default";
  if (users.empty()) return;
  user_.clear();
  const bool audits = index_ == world_.plan().clients;
  const users::User& user = users[audits || random_.OneIn(2) ? 0 : random_.Below(users.size())];
  const bool wrong = !audits && random_.OneIn(20);
  Op op;
  op.kind = Op::Kind::kOther;
  const Words words = {"AUTH", user.name, "pw:" + (wrong ? "" : user.password_hash)};
  op.steps.push_back({nullptr, words, {}, {}, 0, kNoStamp});
  Send(world_.NewOp(std::move(op), session_), {words});
}

void Client::Lose() {
  for (const Sent& sent : requests_) {
    if (sent.end > arrived_bytes_) continue;
    if (limited()) {
      world_.limits().Lost(sent.decision, sent.request.words, world_.scheduler().now());
    }
    if (sent.request.last && sent.request.op != nullptr) sent.request.op->lost = true;
  }
  requests_.clear();
  executed_ = 0;
  connection_ = nullptr;
  id_ = 0;
  wire_.clear();
  sent_bytes_ = arrived_bytes_ = 0;
  carries_ = false;
  watching_ = has_watched_ = false;
  stalled_ = false;
  held_.clear();
}

void Client::Act() {
  if (!world_.acting()) return;
  world_.scheduler().After(UpTo(random_, world_.plan().think_max), [this] { Act(); });
  world_.OnAction();
  if (!world_.node_up()) return;
  if (connection_ == nullptr) {
    Connect();
    return;
  }
  if (MaybeDisconnect()) return;
  MaybeStall();
  if (!held_.empty()) return;
  for (uint64_t left = 1 + random_.Below(world_.plan().burst_max); left > 0; --left) {
    if (!world_.acting() || !held_.empty() || requests_.size() >= world_.plan().outstanding_max)
      return;
    Workload::Next next = world_.workload().Draw(watching_);
    Op* op = world_.Draw(std::move(next.op), session_);
    if (op == nullptr) continue;
    has_watched_ |= op->kind == Op::Kind::kWatch;
    watching_ = op->kind == Op::Kind::kWatch ||
                (watching_ && op->kind != Op::Kind::kExec && op->kind != Op::Kind::kUnwatch);
    if (op->kind == Op::Kind::kExec && !world_.plan().policies.empty()) {
      HoldBack(op, std::move(next.requests));
    } else {
      Send(op, next.requests);
    }
  }
}

// Where MULTI may be refused, what it should queue waits for its reply.
void Client::HoldBack(Op* op, std::vector<Words> requests) {
  held_op_ = op;
  held_.assign(requests.begin() + 1, requests.end());
  Op multi;
  multi.kind = Op::Kind::kOther;
  multi.steps.push_back({nullptr, requests[0], {}, {}, 0, kNoStamp});
  Send(world_.NewOp(std::move(multi), session_), {requests[0]});
}

void Client::Send(Op* op, const std::vector<Words>& requests) {
  for (const Words& words : requests) {
    const std::string bytes = Encode(words);
    wire_ += bytes;
    sent_bytes_ += bytes.size();
    requests_.push_back({{words, op, &words == &requests.back()}, sent_bytes_, 0});
  }
  if (std::exchange(carries_, true)) return;
  world_.scheduler().After(UpTo(random_, world_.plan().network_max), [this, id = id_] {
    if (id == id_) Carry();
  });
}

// The network brings a piece of what was sent.
void Client::Carry() {
  if (connection_->over()) {
    world_.node().Disconnect(id_);
    Lose();
    return;
  }
  const bool reads = connection_->reads();
  if (reads && !wire_.empty()) {
    Arrive(std::min(wire_.size(), 1 + random_.Below(world_.plan().chunk_bytes_max)));
  }
  carries_ = !requests_.empty();
  if (!carries_) return;
  const nanoseconds pause = reads && !wire_.empty() ? nanoseconds(0) : microseconds(20);
  world_.scheduler().After(pause + UpTo(random_, world_.plan().network_max), [this, id = id_] {
    if (id == id_) Carry();
  });
}

void Client::Arrive(size_t count) {
  const size_t before = arrived_bytes_;
  arrived_bytes_ += count;
  const int64_t now_ms = world_.NowMs();
  for (const Sent& sent : requests_) {
    if (sent.end <= before || sent.end > arrived_bytes_) continue;
    if (!sent.request.last) continue;
    sent.request.op->begin = world_.Next();
    sent.request.op->begin_ms = now_ms;
  }
  const std::string piece = wire_.substr(0, count);
  wire_.erase(0, count);
  world_.node().Bring(*connection_, piece);
}

void Client::OnExecute() {
  Sent& sent = requests_.at(executed_++);
  if (limited()) sent.decision = world_.limits().Executed(world_.scheduler().now());
}

// Whether some of the operation's steps are what has taken effect.
bool Client::NoteEffect(Op& op, const gateway::WriteItem& item) {
  const gateway::OwnedArgs& args = item.args;
  const bool splits = op.kind == Op::Kind::kSplit;
  bool found = false;
  for (Step& step : op.steps) {
    const bool open = op.kind != Op::Kind::kExec && step.hint == kNoStamp;
    if (!open || step.words.size() < 2 || step.words[0] != args[0]) continue;
    bool same = step.words[1] == args[1];
    for (size_t i = 2; i < args.size() && splits && !same; ++i) same = step.words[1] == args[i];
    if (!same) continue;
    step.hint = world_.InBatch(item.place);
    if (!splits) op.hint = step.hint;
    found = true;
  }
  return found;
}

void Client::OnEffect(const gateway::WriteItem& item) {
  for (const Sent& sent : requests_) {
    Op* op = sent.request.op;
    if (!sent.request.last || op->hint != kNoStamp) continue;
    if (item.transaction != nullptr) {
      if (op->kind != Op::Kind::kExec) continue;
      op->hint = world_.InBatch(item.place);
      return;
    }
    if (NoteEffect(*op, item)) return;
  }
}

Step* Client::Emptying(uint32_t database) {
  for (const Sent& sent : requests_) {
    Op* op = sent.request.op;
    if (op->begin == kNoStamp) return nullptr;
    for (Step& step : op->steps) {
      const bool empties =
          step.rule != nullptr && step.rule->keys.first == 0 && step.rule->writes();
      if (!empties || op->kind == Op::Kind::kExec) continue;
      if (step.database == database && step.hint == kNoStamp) return &step;
    }
    // What it has been answered is not known of a client that takes no replies.
    if (!stalled_) return nullptr;
  }
  return nullptr;
}

std::optional<Stamp> Client::EmptiesSince(uint32_t database) {
  if (Emptying(database) == nullptr) return std::nullopt;
  return std::max(requests_.front().request.op->begin, answered_);
}

void Client::OnCleared(uint32_t database) {
  Step& step = *Emptying(database);
  step.hint = world_.Next();
  step.where = world_.PlacesNow();
  for (const Sent& sent : requests_) {
    Op& op = *sent.request.op;
    if (op.kind == Op::Kind::kPlain && &op.steps.front() == &step) op.hint = step.hint;
  }
}

size_t Client::TakesNow() {
  return stalled_ ? 0 : SIZE_MAX;
}

void Client::OnReply(std::string_view bytes) {
  world_.scheduler().trace().Note(bytes);
  resp::Value value;
  while (reader_.Next(&bytes, &value) == resp::ReadResult::kValue) TakeReply(value);
  if (!reader_.error().empty())
    world_.Problem("a reply is no RESP: " + std::string(reader_.error()));
}

void Client::TakeReply(const resp::Value& value) {
  if (requests_.empty()) {
    world_.Problem("a reply to nothing: " + Show(value));
    return;
  }
  const Sent sent = std::move(requests_.front());
  requests_.pop_front();
  if (executed_ > 0) --executed_;
  const Words& words = sent.request.words;
  if (limited()) {
    world_.limits().Answered(sent.decision, {user_, address()}, words, value,
                             world_.scheduler().now());
    world_.workload().limits().Answered(words, value);
  }
  world_.CheckAccess(*this, words, value);
  if (words[0] == "AUTH" && value.kind == resp::Value::Kind::kSimple) user_ = words[1];
  if (words[0] == "MULTI" && !held_.empty()) {
    const std::vector<Words> held = std::exchange(held_, {});
    if (value.kind == resp::Value::Kind::kSimple) Send(held_op_, held);
  }
  if (!sent.request.last) return;
  Op& op = *sent.request.op;
  op.answered = true;
  // Of what GETX tells, `value` is what GET does.
  const bool with_more = words[0] == "WEIR.GETX" && value.items.size() > 1;
  op.reply = with_more ? value.items[1] : value;
  op.end = answered_ = world_.Next();
  op.end_ms = world_.NowMs();
}

void Client::MaybeStall() {
  const uint64_t one_in = world_.plan().stall_one_in;
  if (one_in == 0 || stalled_ || !random_.OneIn(one_in)) return;
  stalled_ = true;
  world_.scheduler().After(UpTo(random_, 50 * world_.plan().think_max), [this, id = id_] {
    if (id != id_) return;
    stalled_ = false;
    world_.node().GoOn(*connection_);
  });
}

bool Client::MaybeDisconnect() {
  if (!world_.TakeDisconnect()) return false;
  const uint64_t id = id_;
  if (random_.OneIn(2)) {
    Lose();
    world_.node().Disconnect(id);
  } else {
    Lose();
    world_.node().Orphan(id, UpTo(random_, 20 * world_.plan().think_max));
  }
  return true;
}

void Client::EndRound() {
  if (connection_ == nullptr) return;
  if (!world_.plan().policies.empty()) {  // MULTI and UNWATCH may be refused.
    if (!has_watched_) return;
    const uint64_t id = id_;
    Lose();
    world_.node().Disconnect(id);
    return;
  }
  if (!watching_) return;
  watching_ = false;
  const Words words = {"UNWATCH"};
  Send(world_.NewOp(world_.workload().OpOf(words), session_), {words});
}

}  // namespace weir::sim
