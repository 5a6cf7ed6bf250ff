#include "weir/gateway/gateway.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "weir/base/random.h"

namespace weir::gateway {
namespace {

constexpr std::chrono::seconds kCountPause{1};
constexpr int kCountPausePart = 10;    // And a count that takes long pauses so many times longer.
constexpr size_t kExpireSteps = 1024;  // Below a millisecond.
constexpr std::chrono::milliseconds kExpirePause{5};

uint64_t VersionFloor(const std::vector<std::unique_ptr<store::Store>>& stores) {
  uint64_t floor = 0;
  for (const auto& store : stores) floor = std::max(floor, store->VersionFloor());
  return floor;
}

uint64_t Sum(const std::vector<std::atomic<uint64_t>>& values) {
  uint64_t sum = 0;
  for (const auto& value : values) sum += value.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace

ring::SlotTable Gateway::OwnsAll(ring::NodeId node) {
  ring::SlotTable table;
  [[maybe_unused]] const Result<ring::SlotMoves> added = table.Add({.id = node});
  assert(added.ok());
  return table;
}

Result<std::unique_ptr<Gateway>> Gateway::Create(Options options,
                                                 std::vector<std::unique_ptr<store::Store>> stores,
                                                 Clock& clock) {
  assert(!stores.empty());
  Result<std::unique_ptr<Admission>> admission = Admission::Create(std::move(options.admission));
  if (!admission.ok()) return admission.error();
  Result<std::unique_ptr<Authentication>> authentication =
      Authentication::Create(std::move(options.authentication));
  if (!authentication.ok()) return authentication.error();
  return std::unique_ptr<Gateway>(new Gateway(std::move(options), std::move(stores),
                                              std::move(admission).value(),
                                              std::move(authentication).value(), clock));
}

Gateway::Gateway(Options options, std::vector<std::unique_ptr<store::Store>> stores,
                 std::unique_ptr<Admission> admission,
                 std::unique_ptr<Authentication> authentication, Clock& clock)
    : clock_(clock),
      placement_(std::move(options.placement), kAddedMax),
      nodes_(std::move(options.nodes)),
      slots_(nodes_ == nullptr ? OwnsAll(kThisNode) : nodes_->slots()),
      self_(nodes_ == nullptr ? kThisNode : nodes_->self()),
      serves_all_(nodes_ == nullptr || nodes_->OwnsAll()),
      serving_(options.serves_at_once),
      memory_(options.memory),
      lanes_(placement_.lanes(), options.cache_bytes, placement_.hash_seed(),
             &memory_.cached_values(), options.cache_objective),
      versions_(VersionFloor(stores)),
      tracking_(memory_.clients(), options.tracked_keys_max),
      warmer_(lanes_, placement_, memory_, tracking_, clock_),
      restore_(lanes_, placement_),
      admission_(std::move(admission)),
      authentication_(std::move(authentication)),
      process_(std::move(options.process)),
      peer_sessions_(std::move(options.peers)),
      redirect_(options.redirect),
      peer_timeout_(options.peer_timeout),
      clients_max_(process_.clients_max),
      heavy_reads_(options.heavy_read_threads),
      heavy_batches_(options.heavy_read_threads == 0 ? 0 : 1),
      waits_(options.waits),
      databases_(stores.size() + kAddedMax),
      random_seed_(placement_.RandomSeed()),
      records_(stores.size() + kAddedMax),
      expiring_(stores.size() + kAddedMax) {
  for (std::unique_ptr<store::Store>& store : stores) {
    key_bytes_max_ = std::min(key_bytes_max_, store->limits().key_bytes_max);
    write_keys_max_ = std::min(write_keys_max_, store->limits().batch_writes_max);
    Append(std::move(store));
  }
  ranges_ = std::make_unique<RangeKeeper>(std::move(options.ranges), placement_,
                                          databases_[0]->committer());
  moves_ = std::make_unique<RangeMoves>(std::move(options.moves), databases_, placement_, *ranges_,
                                        log_holds_, clock_);
  Recount(clock_.Mono());
}

uint32_t Gateway::Append(std::unique_ptr<store::Store> store) {
  auto database =
      std::make_unique<Database>(std::move(store), lanes_, placement_, versions_, memory_, clock_,
                                 latency_events_, heavy_batches_, tracking_, waits_);
  database->UseRedirect([this](std::vector<LoadRequest> requests) { LoadAnew(requests); });
  const auto index = static_cast<uint32_t>(databases_.size());
  if (moves_ != nullptr) moves_->Follow(*database, index);
  databases_.Add(std::move(database));
  return index;
}

Result<Ok> Gateway::RoomForDatabase() const {
  if (databases_.room() > 0) return Ok{};
  return Error{ErrorCode::kInvalid, std::to_string(kAddedMax) +
                                        " databases were added since the start, and there is "
                                        "room for no more; restart weir"};
}

uint32_t Gateway::AddDatabase(std::unique_ptr<store::Store> store) {
  assert(store->limits().key_bytes_max >= key_bytes_max_);
  assert(store->limits().batch_writes_max >= write_keys_max_);
  versions_.RaiseTo(store->VersionFloor());
  return Append(std::move(store));
}

uint32_t Gateway::AddShard(ShardPlace place, std::string name) {
  ranges_->AddPlace(std::move(name));
  return placement_.AddShard(place);
}

// First of all, because the last callbacks of the databases still use the rest; and each of them
// may go on at another.
Gateway::~Gateway() {
  StopWrites();
  for (const std::unique_ptr<Database>& database : databases_) database->End();
  databases_.Clear();
}

void Gateway::StopWrites() {
  for (const std::unique_ptr<Database>& database : databases_) database->EndReads();
  moves_->End();
  for (const std::unique_ptr<Database>& database : databases_) database->committer().EndTurns();
  for (const std::unique_ptr<Database>& database : databases_) database->committer().Stop();
}

uint64_t Gateway::NextRandom() {
  return Random(random_seed_ + randoms_.fetch_add(1, std::memory_order_relaxed)).Next();
}

Outbox Gateway::MakeOutbox(LoopStats* stats) const {
  Outbox outbox;
  outbox.stats = stats;
  outbox.draws = Random(SeededHash("draws", placement_.RandomSeed()));
  const size_t most = databases_.size() + databases_.room();
  outbox.writes.resize(most);
  outbox.loads.resize(most);
  return outbox;
}

void Gateway::Flush(Outbox& outbox) {
  outbox.keys_looked_at = 0;
  PublishMonitored(outbox);
  if (!outbox.untold.empty()) tracking_.Tell(&outbox.untold);
  for (size_t i = 0; i < databases_.size(); ++i) {
    databases_[i]->ContinueLoads();
    if (!outbox.loads[i].empty()) databases_[i]->Load(std::exchange(outbox.loads[i], {}));
    if (!outbox.writes[i].empty()) {
      databases_[i]->committer().Submit(std::exchange(outbox.writes[i], {}));
    }
  }
  if (!outbox.forwards.empty()) peers_->Send(std::exchange(outbox.forwards, {}));
}

namespace {

// Whether keys that belong to `bypassed` from now on may have been cached.
bool TakesOverCached(const Keyspace& bypassed, const std::vector<Keyspace>& before,
                     const std::vector<Keyspace>& now) {
  const auto is_row = [](const std::string& prefix, const std::vector<Keyspace>& rows) {
    return std::any_of(rows.begin(), rows.end(),
                       [&](const Keyspace& row) { return row.prefix == prefix; });
  };
  if (!is_row(bypassed.prefix, before)) return true;  // They belonged to a shorter prefix.
  return std::any_of(before.begin(), before.end(), [&](const Keyspace& row) {
    return !row.bypass && row.prefix.starts_with(bypassed.prefix) &&
           (row.prefix == bypassed.prefix || !is_row(row.prefix, now));
  });
}

}  // namespace

void Gateway::SetKeyspaces(std::vector<Keyspace> keyspaces) {
  std::vector<std::string> forgotten;
  for (const Keyspace& keyspace : keyspaces) {
    if (keyspace.bypass && TakesOverCached(keyspace, placement_.keyspaces(), keyspaces)) {
      forgotten.push_back(keyspace.prefix);
    }
  }
  placement_.SetKeyspaces(std::move(keyspaces));
  for (const std::string& prefix : forgotten) lanes_.InvalidatePrefix(prefix);
}

void Gateway::LoadAnew(std::vector<LoadRequest>& requests) {
  std::vector<std::vector<LoadRequest>> by_database;
  for (LoadRequest& request : requests) {
    request.routes = placement_.routes();
    const ShardPlace place =
        placement_.place(shard::ShardId{placement_.ShardAt(request.key.position)});
    request.key.shard = place.shard;
    if (place.database >= by_database.size()) by_database.resize(place.database + 1);
    by_database[place.database].push_back(std::move(request));
  }
  for (size_t i = 0; i < by_database.size(); ++i) {
    if (!by_database[i].empty()) databases_[i]->Load(std::move(by_database[i]));
  }
}

void Gateway::PublishMonitored(Outbox& outbox) {
  if (outbox.monitored.empty()) return;
  monitors_.Publish(outbox.monitored);
  outbox.monitored.clear();
}

void Gateway::OnHomeIdle() {
  for (const std::unique_ptr<Database>& database : databases_) database->committer().OnHomeIdle();
}

void Gateway::StopGathering() {
  for (const std::unique_ptr<Database>& database : databases_)
    database->committer().StopGathering();
}

std::optional<std::chrono::milliseconds> Gateway::ExpireCached() {
  const WallTime now = clock_.Wall();
  WallTime next;
  if (!lanes_.Expire(now, kExpireSteps, &next)) return std::chrono::milliseconds(0);
  if (next == kNever) return std::nullopt;
  // Not only at the next end: what comes meanwhile may end earlier.
  return std::clamp(std::chrono::milliseconds(next.ms - now.ms), std::chrono::milliseconds(1),
                    kExpirePause);
}

void Gateway::Tick() {
  for (const std::unique_ptr<Database>& database : databases_) database->Tick();
  moves_->Tick();
  log_holds_.Tick(clock_.Mono());
  pause_.Tick(clock_.Mono());
  SampleRates();
  if (miss_ratios_.Due(clock_.Mono())) {
    const auto counts = lanes_.CurveCounts();
    if (counts.has_value()) miss_ratios_.Sample(clock_.Mono(), *counts);
  }
  const MonoTime now = clock_.Mono();
  MonoTime due = next_count_.load();
  if (counting_ == 0 && now >= due && next_count_.compare_exchange_strong(due, now + kCountPause)) {
    Recount(now);
  }
}

std::optional<MissRatioWindow::Reading> Gateway::MissRatios() {
  const auto counts = lanes_.CurveCounts();
  if (!counts.has_value()) return std::nullopt;
  return miss_ratios_.Read(clock_.Mono(), *counts);
}

// What is due is walked to be left out, which takes long after a mass expiry. So counting gets a
// small part of the time, however long it takes.
void Gateway::Recount(MonoTime began) {
  const size_t databases = databases_.size();
  counting_ += databases;
  for (size_t i = 0; i < databases; ++i) {
    databases_[i]->Count([this, i, began](const Result<store::Counts>& counts) {
      if (counts.ok()) {
        records_[i] = counts.value().records - counts.value().due;
        expiring_[i] = counts.value().with_expiry - counts.value().due;
      }
      const MonoTime now = clock_.Mono();
      const MonoTime next = now + kCountPausePart * (now - began);
      MonoTime planned = next_count_.load();
      while (planned < next && !next_count_.compare_exchange_weak(planned, next)) {
      }
      --counting_;
    });
  }
}

void Gateway::AddStats(const LoopStats* stats) {
  const std::lock_guard lock(mutex_);
  stats_.push_back(stats);
}

StatsTotals Gateway::Totals() const {
  StatsTotals totals;
  const std::lock_guard lock(mutex_);
  for (const LoopStats* stats : stats_) totals.Add(*stats);
  return totals;
}

StatsTotals Gateway::TotalsSinceReset() const {
  StatsTotals totals = Totals();
  const std::lock_guard lock(mutex_);
  totals.Subtract(reset_);
  return totals;
}

void Gateway::ResetTotals() {
  StatsTotals totals = Totals();
  const std::lock_guard lock(mutex_);
  reset_ = std::move(totals);
}

StoreTotals Gateway::StoreTotalsNow() {
  StoreTotals totals;
  for (const std::unique_ptr<Database>& database : databases_) {
    totals.healthy &= database->store().Health().ok();
    const Committer::Counters counters = database->committer().counters();
    totals.committer.batches += counters.batches;
    totals.committer.writes += counters.writes;
    totals.committer.refused += counters.refused;
    totals.committer.unknown += counters.unknown;
    totals.committer.expired += counters.expired;
  }
  return totals;
}

void Gateway::SampleRates() {
  RateMeter::Counts counts;
  {
    const std::lock_guard lock(mutex_);
    for (const LoopStats* stats : stats_) {
      for (const CommandCounters& command : stats->commands) {
        counts.commands += command.calls.value();
      }
      counts.input_bytes += stats->input_bytes.value();
      counts.output_bytes += stats->output_bytes.value();
    }
  }
  rates_.Sample(clock_.Mono(), counts);
}

uint64_t Gateway::recent_records() const {
  return Sum(records_);
}

uint64_t Gateway::recent_expiring() const {
  return Sum(expiring_);
}

}  // namespace weir::gateway
