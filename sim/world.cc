#include "sim/world.h"

#include <algorithm>
#include <utility>

#include "weir/gateway/shard_list_operation.h"
#include "weir/shard/position.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kTick = milliseconds(20);
constexpr auto kRestMax = std::chrono::seconds(200);

std::vector<std::shared_ptr<gateway::ScriptedStore::Contents>> EmptyContents(size_t databases) {
  std::vector<std::shared_ptr<gateway::ScriptedStore::Contents>> contents(databases);
  for (auto& each : contents) each = std::make_shared<gateway::ScriptedStore::Contents>();
  return contents;
}

}  // namespace

World::World(const Plan& plan, std::set<uint32_t> left_out)
    : plan_(plan),
      left_out_(std::move(left_out)),
      scheduler_(plan.seed ^ 0x5c4ed),
      clock_(scheduler_),
      random_(plan.seed ^ 0x3041d),
      ranges_(Ranges()),
      contents_(EmptyContents(plan.databases)),
      workload_(plan, [this](const std::string& key) { return DatabaseOf(key); }),
      limits_(plan) {
  workload_.SetClock([this] { return NowMs(); });
  workload_.SetRanges([this] { return AnyRange(); });
  cells_.resize(workload_.keys().size());
  for (uint32_t i = 0; i <= plan.clients; ++i) {
    clients_.push_back(std::make_unique<Client>(*this, i, random_.Next()));
  }
  for (uint32_t i = 0; i < plan.bystanders; ++i) {
    bystanders_.push_back(std::make_unique<Bystander>(*this, i, plan.seed * 31 + i));
  }
  for (uint32_t i = 0; i < plan.caching_clients; ++i) {
    caching_clients_.push_back(std::make_unique<CachingClient>(*this, i, plan.seed * 37 + i));
  }
}

World::~World() = default;

// Shards in turn; where a key's position may begin a range, it does.
shard::RangeMap World::Ranges() const {
  shard::RangeMap ranges = shard::RangeMap::Even(plan_.shards).value();
  for (const std::string& key : plan_.keys) {
    const shard::Position at = shard::PositionOf(key);
    if (at.value % shard::kPositionUnit != 0 || !ranges.Split(at).ok()) continue;
    const auto next = static_cast<uint32_t>(ranges.ShardOf(at)) + 1;
    [[maybe_unused]] const Result<Ok> assigned =
        ranges.Assign(at, shard::ShardId{next % plan_.shards});
    assert(assigned.ok());
  }
  return ranges;
}

// Where a range of the running node begins, as an operator writes it.
std::string World::AnyRange() {
  if (node_ == nullptr) return "0";
  const shard::RangeMap map = node_->gateway().ranges().map();
  return gateway::PositionText(map.At(random_.Below(map.size())).from.value);
}

// The configuration is read again: users are as they were, limits are higher, keyspaces come and
// go.
void World::Reload() {
  gateway::Gateway& gateway = node_->gateway();
  std::vector<limit::Policy> policies = plan_.policies;
  for (limit::Policy& policy : policies) {
    policy.rate.count += random_.Below(5);
    policy.rate.burst += random_.Below(5);
  }
  [[maybe_unused]] const Result<Ok> set = gateway.admission().SetPolicies(policies, clock_.Mono());
  assert(set.ok());
  limits_.Replaced(std::move(policies), scheduler_.now());
  gateway.authentication().SetUsers(std::make_shared<const users::Users>(plan_.users));
  gateway.SetKeyspaces(random_.OneIn(2) ? plan_.keyspaces : std::vector<gateway::Keyspace>());
}

// As whoever scrapes them does; what they count must not depend on when that is.
void World::ReadMetrics() {
  gateway::Gateway& gateway = node_->gateway();
  Trace& trace = scheduler_.trace();
  trace.Note(gateway.Totals().calls);
  for (const auto& policy : gateway.admission().Policies()) trace.Note(policy.name);
  trace.Note(gateway.admission().Table().used_slots);
  for (size_t i = 0; i < node_->databases(); ++i) {
    trace.Note(gateway.database(i).committer().Durations().count);
    trace.Note(gateway.database(i).LoadDurations().count);
    trace.Note(gateway.database(i).LoadAdmission().limit);
    trace.Note(gateway.database(i).committer().Facts().limit);
  }
}

Node::Options World::NodeOptions() {
  Node::Options options;
  options.gateway.placement.hash_seed = plan_.seed * 7 + 1;
  options.gateway.placement.lanes = plan_.lanes;
  options.gateway.placement.fallback = plan_.fallback;
  options.gateway.placement.keyspaces = plan_.keyspaces;
  const shard::StoredMap stored = StoredRanges();
  options.gateway.placement.ranges = stored.map;
  options.gateway.ranges.newer_copy = stored.newer;
  for (uint32_t i = 0; i < plan_.shards; ++i) {
    options.gateway.placement.shards.push_back({i % plan_.databases, i / plan_.databases});
  }
  options.gateway.moves = plan_.moves;
  options.gateway.cache_bytes = plan_.cache_bytes;
  options.gateway.waits = plan_.waits;
  options.gateway.admission.policies = plan_.policies;
  options.gateway.admission.bytes = plan_.limiter_bytes;
  options.gateway.admission.journal_bytes = plan_.journal_bytes;
  options.gateway.admission.seed = plan_.seed;
  options.gateway.authentication.users = std::make_shared<const users::Users>(plan_.users);
  options.gateway.authentication.attempts = {1'000'000, milliseconds(1), 1'000'000};
  options.gateway.heavy_read_threads = 0;
  options.gateway.process.version = "1.2.3";
  options.gateway.process.parameters = [] {
    return std::make_shared<const gateway::Parameters>(
        gateway::Parameters{{"maxmemory", "0"}, {"port", "6390"}});
  };
  options.gateway.process.make_policy = [](const std::string& name, const gateway::Parameters&) {
    return Result<std::vector<limit::Policy>>(
        {{.name = name, .per = limit::Per::kKey, .rate = {1, milliseconds(20), 2}},
         {.name = name, .per = limit::Per::kKey, .rate = {9, milliseconds(500), 9}, .window = 1}});
  };
  options.faults = plan_.faults;
  options.limits = plan_.limits;
  options.loops = plan_.loops;
  options.gathers = plan_.gathers;
  options.hand_on_late_one_in = plan_.hand_on_late_one_in;
  options.tick = kTick;
  if (plan_.stall_one_in != 0) options.output_bytes_pause = 500;
  options.seed = random_.Next();
  return options;
}

void World::Start() {
  // Whoever opens a database finds out what has become of its last write, before anything is read.
  if (plan_.move_one_in != 0) gateway::ScriptedStore(contents_[0]).HappenLate();
  node_ = std::make_unique<Node>(scheduler_, clock_, NodeOptions(), contents_);
  if (plan_.warms) FillMemory();
  if (!acting_) node_->SetCalm(true);
  for (uint32_t i = 0; i < plan_.databases; ++i) {
    node_->store(i).OnCleared([this, i] { OnCleared(i); });
  }
}

// For the client that has waited longest: databases are emptied in the order asked.
void World::OnCleared(uint32_t database) {
  Client* first = nullptr;
  std::optional<Stamp> since;
  for (const auto& client : clients_) {
    const std::optional<Stamp> waits = client->EmptiesSince(database);
    if (!waits.has_value() || (since.has_value() && *since <= *waits)) continue;
    since = waits;
    first = client.get();
  }
  if (first != nullptr) first->OnCleared(database);
}

// Kill -9, and a new process after a while.
void World::Crash() {
  for (size_t i = 0; i < node_->databases(); ++i) {
    for (const std::string& problem : node_->store(i).script().problems()) Problem(problem);
  }
  scheduler_.trace().Note("crash");
  crash_due_ = false;
  node_->Kill(random_.OneIn(4));
  node_.reset();
  for (const auto& client : clients_) client->Lose();
  for (const auto& bystander : bystanders_) bystander->Lose();
  for (const auto& client : caching_clients_) client->Lose();
  limits_.Restarted(scheduler_.now());
  scheduler_.After(nanoseconds(random_.Below(5'000'000)), [this] { Start(); });
}

void World::OnAction() {
  if (node_ == nullptr) return;
  if (plan_.clock_jump_one_in != 0 && random_.OneIn(plan_.clock_jump_one_in)) {
    const auto by = static_cast<int64_t>(random_.Below(60)) - 30;
    clock_.SetBy(milliseconds(random_.OneIn(10) ? 100 * by : by));
  }
  if (plan_.reload_one_in != 0 && random_.OneIn(plan_.reload_one_in)) Reload();
  if (plan_.move_one_in != 0) Move();
  if (plan_.warms) LookAtMemory();
  if (random_.OneIn(200)) ReadMetrics();
  if (random_.OneIn(40)) CheckEntry(workload_.keys()[random_.Below(workload_.keys().size())]);
  if (crash_due_) Crash();
}

Op* World::NewOp(Op op, uint32_t session) {
  op.session = session;
  ops_.push_back(std::move(op));
  return &ops_.back();
}

Op* World::Draw(Op op, uint32_t session) {
  op.number = ++numbers_;
  if (numbers_ >= round_end_) acting_ = false;
  disconnect_due_ |= plan_.disconnect_one_in != 0 && random_.OneIn(plan_.disconnect_one_in);
  crash_due_ |= plan_.crash_one_in != 0 && random_.OneIn(plan_.crash_one_in);
  if (left_out_.count(op.number) != 0) return nullptr;
  return NewOp(std::move(op), session);
}

void World::Problem(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
}

bool World::StepUntil(const std::function<bool()>& done, nanoseconds most) {
  const MonoTime end = scheduler_.now() + most;
  while (!failed() && !done()) {
    if (scheduler_.now() > end || !scheduler_.Step()) return false;
  }
  return !failed();
}

Outcome World::Run() {
  Start();
  while (numbers_ < plan_.commands && !failed()) Round();
  outcome_.trace_hash = scheduler_.trace().hash();
  outcome_.problem = problem_;
  return outcome_;
}

void World::Round() {
  sessions_ = 0;
  for (const auto& client : clients_) {
    if (client->connected()) client->BeginRound(NewSession());
  }
  for (const auto& client : caching_clients_) {
    if (client->connected()) client->BeginRound(NewSession());
  }
  round_end_ = std::min(plan_.commands, numbers_ + plan_.commands_a_round);
  acting_ = true;
  node_->SetCalm(false);
  for (size_t i = 0; i < plan_.clients; ++i) {
    scheduler_.After(nanoseconds(i), [client = clients_[i].get()] { client->Act(); });
  }
  for (const auto& bystander : bystanders_) bystander->Act();
  for (const auto& client : caching_clients_) client->Act();
  if (!StepUntil([this] { return !acting_; }, kRestMax * 100)) {
    Problem("clients cannot go on");
    return;
  }
  if (!Rest()) {
    Problem("not every command is answered, or an outcome stays unknown" + UnrestedMoves());
    return;
  }
  for (Op& op : ops_) op.end_ms = std::min(op.end_ms, NowMs());
  JudgeClientCaches();
  std::vector<Cell> before = std::move(cells_);
  Audit();
  // Its questions may have begun loads that refresh what they asked for.
  StepUntil([this] { return node_->gateway().lanes().Sum().loads_under_way == 0; }, kRestMax);
  if (failed()) return;
  std::swap(before, cells_);
  JudgeOrder();
  JudgeRegisters();
  JudgeLimits();
  JudgeCache();
  JudgeCounts();
  JudgeMoves();
  std::swap(before, cells_);
  ops_.clear();
}

// Lets all that is under way come to its end, without further faults.
bool World::Rest() {
  if (!StepUntil([this] { return node_ != nullptr; }, kRestMax)) return false;
  node_->SetCalm(true);
  const auto quiet = [this] {
    return node_->idle() && UnrestedMoves().empty() &&
           std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& client) { return client->outstanding() == 0; }) &&
           std::none_of(bystanders_.begin(), bystanders_.end(),
                        [](const auto& bystander) { return bystander->busy(); }) &&
           std::all_of(caching_clients_.begin(), caching_clients_.end(),
                       [](const auto& client) { return client->outstanding() == 0; });
  };
  if (!StepUntil(quiet, kRestMax)) return false;
  for (const auto& client : clients_) client->EndRound();
  // Ticks wake what waits for one.
  const MonoTime ticked = scheduler_.now() + 3 * kTick;
  return StepUntil([&] { return scheduler_.now() > ticked && quiet(); }, kRestMax);
}

resp::Value World::Ask(const Words& words) {
  Client& auditor = *clients_.back();
  nanoseconds pause = milliseconds(1);
  for (const MonoTime end = scheduler_.now() + kRestMax; scheduler_.now() < end;) {
    if (!auditor.connected()) auditor.Connect();
    Op* op = NewOp(workload_.OpOf(words), auditor.session());
    auditor.Send(op, {words});
    const auto over = [&] { return op->answered || !auditor.connected(); };  // It may be killed.
    if (!StepUntil(over, kRestMax)) {
      Problem("the last questions are not answered");
      return {};
    }
    if (op->answered && !SaysNothing(op->reply)) return op->reply;
    const MonoTime later = scheduler_.now() + pause;
    StepUntil([&] { return scheduler_.now() > later; }, kRestMax);
    pause = std::min<nanoseconds>(pause * 2, std::chrono::seconds(1));
  }
  Problem("the last questions are refused without end");
  return {};
}

// What every key holds now, which the next round begins with.
void World::Audit() {
  cells_.assign(workload_.keys().size(), {});
  AuditCrowd();
  for (uint32_t i = 0; i < cells_.size() && !failed(); ++i) {
    const std::string& key = workload_.keys()[i];
    if (workload_.is_crowd(i)) continue;
    const resp::Value end = Ask({"PEXPIRETIME", key});
    const resp::Value value = Ask({"GET", key});
    if (value.kind != resp::Value::Kind::kBulk || end.integer == -2) continue;
    cells_[i].present = true;
    cells_[i].value = value.text;
    if (end.integer >= 0) cells_[i].from_ms = cells_[i].to_ms = end.integer;
  }
}

void World::AuditCrowd() {
  Words words = {"MGET"};
  for (uint32_t i = 0; i < cells_.size(); ++i) {
    if (workload_.is_crowd(i)) words.push_back(workload_.keys()[i]);
  }
  if (words.size() == 1) return;
  const resp::Value reply = Ask(words);
  if (failed()) return;
  size_t next = 0;
  for (uint32_t i = 0; i < cells_.size() && !failed(); ++i) {
    if (!workload_.is_crowd(i)) continue;
    const resp::Value& value = reply.items.at(next++);
    cells_[i].present = value.kind == resp::Value::Kind::kBulk;
    cells_[i].value = value.text;
  }
}

}  // namespace weir::sim
