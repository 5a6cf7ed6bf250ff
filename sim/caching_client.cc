#include "sim/caching_client.h"

#include <utility>

#include "sim/world.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;

constexpr std::string_view kPrefix = "k";

}  // namespace

CachingClient::CachingClient(World& world, uint32_t index, uint64_t seed)
    : world_(world), index_(index), random_(seed) {}

void CachingClient::Connect() {
  id_ = world_.NextConnection();
  gateway::Session session;
  session.id = id_;
  session.peer = "10.0.0." + std::to_string(200 + index_) + ":5000";
  session.client = limit::Address::FromV4({10, 0, 0, static_cast<uint8_t>(200 + index_)});
  connection_ = world_.node().Connect(std::move(session), *this);
  reader_ = resp::Reader();
  session_ = world_.NewSession();
  mode_ = static_cast<Mode>(random_.Below(5));
  Send({"HELLO", "3"});
  Words words = {"CLIENT", "TRACKING", "ON"};
  if (mode_ == Mode::kOptIn) words.push_back("OPTIN");
  if (mode_ == Mode::kOptOut) words.push_back("OPTOUT");
  if (random_.OneIn(2)) words.push_back("NOLOOP");
  if (mode_ == Mode::kAll || mode_ == Mode::kPrefix) words.push_back("BCAST");
  if (mode_ == Mode::kPrefix) words.insert(words.end(), {"PREFIX", std::string(kPrefix)});
  Send(words);
}

void CachingClient::Lose() {
  connection_ = nullptr;
  id_ = 0;
  for (const Sent& sent : sent_) {
    if (sent.write != nullptr) sent.write->lost = true;
  }
  sent_.clear();
  cache_.clear();
}

void CachingClient::Act() {
  if (!world_.acting()) return;
  const auto most = static_cast<uint64_t>(world_.plan().think_max.count());
  world_.scheduler().After(std::chrono::nanoseconds(random_.Below(most + 1)), [this] { Act(); });
  if (!world_.node_up()) return;
  if (connection_ != nullptr && connection_->over()) {
    world_.node().Disconnect(id_);
    Lose();
  }
  if (connection_ == nullptr) {
    Connect();
  } else if (connection_->reads() && sent_.size() < world_.plan().outstanding_max) {
    random_.OneIn(16) ? Write() : Ask();
  }
}

void CachingClient::Write() {
  const Workload& workload = world_.workload();
  const auto cell = static_cast<uint32_t>(random_.Below(workload.keys().size()));
  // Registers have a check of their own, and of a crowd nobody looks for one key.
  if (workload.is_register(cell) || workload.is_crowd(cell)) return;
  const std::string& key = workload.keys()[cell];
  const Words words =
      random_.OneIn(3)
          ? Words{"DEL", key}
          : Words{"SET", key, "c" + std::to_string(index_) + "." + std::to_string(++written_)};
  Op* const op = world_.NewOp(workload.OpOf(words), session_);
  op->begin = world_.Next();
  op->begin_ms = world_.NowMs();
  Send(words, {}, op);
}

void CachingClient::OnEffect(const gateway::WriteItem& item) {
  if (item.transaction != nullptr) return;  // Which only reads.
  for (const Sent& sent : sent_) {
    Op* const op = sent.write;
    if (op == nullptr || op->hint != kNoStamp) continue;
    Step& step = op->steps.front();
    if (step.words[0] != item.args[0] || step.words[1] != item.args[1]) continue;
    op->hint = step.hint = world_.InBatch(item.place);
    return;
  }
}

void CachingClient::Ask() {
  const std::vector<std::string>& keys = world_.workload().keys();
  const std::string& key = keys[random_.Below(keys.size())];
  const std::string& other = keys[random_.Below(keys.size())];
  if (cache_.count(key) != 0 && !random_.OneIn(8)) return;
  const bool opts_in = mode_ == Mode::kOptIn && !random_.OneIn(4);
  const bool opts_out = mode_ == Mode::kOptOut && random_.OneIn(4);
  const bool keeps = mode_ == Mode::kOptIn
                         ? opts_in
                         : !opts_out && (mode_ != Mode::kPrefix || key.starts_with(kPrefix));
  const std::vector<std::string> kept = keeps ? std::vector{key} : std::vector<std::string>();
  if (opts_in) Send({"CLIENT", "CACHING", "YES"});
  if (opts_out) Send({"CLIENT", "CACHING", "NO"});
  if (random_.OneIn(6)) {
    Send({"MULTI"});
    Send({"GET", key});
    // A step that is asked of the store holds the reply back.
    if (random_.OneIn(2)) Send({"KEYS", key});
    Send({"EXEC"}, kept);
  } else if (random_.OneIn(6)) {
    Send({"MGET", key, other}, kept);
  } else {
    Send({"GET", key}, kept);
  }
}

void CachingClient::Send(const Words& words, std::vector<std::string> kept, Op* write) {
  if (connection_ == nullptr || !connection_->reads()) return;
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  sent_.push_back({std::move(kept), write});
  world_.node().Bring(*connection_, bytes);
}

void CachingClient::OnReply(std::string_view bytes) {
  world_.scheduler().trace().Note(bytes);
  resp::Value value;
  while (reader_.Next(&bytes, &value) == resp::ReadResult::kValue) {
    if (value.kind == Kind::kPush) {
      TakePush(value);
    } else {
      TakeReply(value);
    }
  }
}

void CachingClient::TakeReply(const resp::Value& value) {
  if (sent_.empty()) {
    world_.Problem("a client with a cache was sent a reply to nothing");
    return;
  }
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  if (Op* const op = sent.write) {
    op->answered = true;
    op->reply = value;
    op->end = world_.Next();
    op->end_ms = world_.NowMs();
    cache_.erase(op->steps.front().words[1]);
  }
  const std::vector<std::string>& kept = sent.kept;
  if (kept.empty()) return;
  const bool array = value.kind == Kind::kArray && !value.items.empty();
  Keep(kept.front(), array ? value.items.front() : value);
}

void CachingClient::Keep(const std::string& key, const resp::Value& value) {
  if (value.kind == Kind::kBulk) {
    cache_[key] = value.text;
  } else if (value.kind == Kind::kNull) {
    cache_[key] = std::nullopt;
  }
}

void CachingClient::TakePush(const resp::Value& push) {
  const bool right = push.items.size() == 2 && push.items[0].text == "invalidate";
  if (!right) {
    world_.Problem("a client with a cache was told something else than what to forget");
  } else if (push.items[1].kind == Kind::kNull) {
    cache_.clear();
  } else {
    for (const resp::Value& key : push.items[1].items) cache_.erase(key.text);
  }
}

}  // namespace weir::sim
