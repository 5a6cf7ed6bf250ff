// What a round is judged by.
#include <algorithm>
#include <map>
#include <utility>

#include "sim/world.h"
#include "sim/zone_check.h"

#include "weir/shard/position.h"

namespace weir::sim {
namespace {

constexpr auto kDeliveryMax = std::chrono::seconds(10);

}  // namespace

void World::JudgeOrder() {
  OrderCheck check(cells_, workload_.databases(), sessions_ + 1);
  for (const Op& op : ops_) {
    check.Add(&op);
    if (op.answered) outcome_.operations += std::max<size_t>(op.steps.size(), 1);
  }
  const std::string wrong = check.Explain();
  outcome_.states += check.states();
  ++outcome_.rounds;
  if (wrong.empty()) return;
  if (check.gave_up()) {
    ++outcome_.undecided;
    return;
  }
  Problem(wrong);
  for (const Op& op : ops_) outcome_.history += Show(op) + "\n";
}

void World::JudgeRegisters() {
  if (plan_.flushes) return;
  std::map<uint32_t, ZoneCheck> checks;
  for (uint32_t cell = 0; cell < cells_.size(); ++cell) {
    if (workload_.is_register(cell)) checks.emplace(cell, ZoneCheck(cells_[cell].value));
  }
  for (const Op& op : ops_) {
    if (op.begin == kNoStamp || (op.answered && SaysNothing(op.reply))) continue;
    const bool known = op.answered && !SaysUnknown(op.reply);
    for (const Step& step : op.steps) {
      for (size_t k = 0; k < step.keys.size(); ++k) {
        const auto check = checks.find(step.keys[k]);
        if (check == checks.end()) continue;
        if (step.rule->writes()) {
          check->second.Wrote(step.words[2], op.begin, op.end, known);
        } else if (known && op.reply.kind == resp::Value::Kind::kArray) {
          const size_t at = step.places.empty() ? k : step.places[k];
          check->second.Read(op.reply.items[at].text, op.begin, op.end);
        } else if (known && step.rule->name == std::string_view("GET")) {
          check->second.Read(op.reply.text, op.begin, op.end);
        }
      }
    }
  }
  for (const auto& [cell, check] : checks) {
    const std::string wrong = check.Explain();
    if (!wrong.empty()) Problem("register " + workload_.keys()[cell] + ": " + wrong);
  }
}

void World::JudgeLimits() {
  const std::string wrong = limits_.Judge();
  if (!wrong.empty()) Problem(wrong);
}

// What a user may not do must have been refused, and one who may everything never is.
void World::CheckAccess(const Client& client, const Words& words, const resp::Value& reply) {
  if (plan_.users.empty()) return;
  const Rule* rule = FindRule(words[0]);
  if (rule == nullptr || words[0] == "PING" || words[0] == "DBSIZE") return;
  const bool refused = reply.kind == resp::Value::Kind::kError;
  const auto user =
      std::find_if(plan_.users.begin(), plan_.users.end(),
                   [&](const users::User& each) { return each.name == client.user(); });
  if (user == plan_.users.end()) {
    if (!refused) Problem("nobody was served " + words[0]);
    return;
  }
  users::Rights needed = 0;
  if (!rule->writes() || rule->kind == Rule::Kind::kTakes) needed |= users::kRead;
  if (rule->writes()) needed |= users::kWrite;
  if (rule->keys.first == 0) needed |= users::kAdmin;
  bool foreign = false;
  for (const size_t place : rule->keys.In(words.size())) foreign |= !user->MayTouch(words[place]);
  if (!refused && (!user->May(needed) || foreign)) {
    Problem("user " + user->name + " was served " + words[0] + " " +
            (words.size() > 1 ? words[1] : ""));
  }
  if (user->name == "all" && refused && reply.text.starts_with("NOPERM")) {
    Problem("who may everything was refused " + words[0]);
  }
}

// What may be answered from memory, fresh or stale.
std::optional<cache::Cache::Hit> World::FindEntry(const std::string& key) {
  const gateway::KeyHash hash = node_->gateway().placement().Hash(key);
  const auto lane = node_->gateway().lanes().Lock(hash.lane);
  const auto fresh = lane->Find(key, hash.hash, clock_.Wall());
  return fresh.has_value() ? fresh : lane->FindStale(key, hash.hash, clock_.Wall());
}

// What the cache holds of a key must be what the database does, as far as the gateway knows.
void World::CheckEntry(const std::string& key) {
  gateway::Gateway& gateway = node_->gateway();
  const gateway::KeyPlace place = gateway.placement().Place(key);
  const SimStore& store = node_->store(place.place.database);
  const std::optional<cache::Cache::Hit> hit = FindEntry(key);
  if (!hit.has_value() || store.write_untold() || store.script().unsettled()) return;
  const auto& records = store.script().records();
  const auto at = records.find({place.place.shard, place.position, key});
  const bool lives = at != records.end() && at->second.expires_at > clock_.Wall();
  if (hit->absent ? lives : !lives || at->second.version != hit->version) {
    Problem("the cache holds of " + key + " what the database no longer does");
  } else if (lives &&
             (at->second.value.view() != hit->value || at->second.expires_at != hit->expires_at)) {
    Problem("the cache holds another value of " + key + " than the database, of one version");
  }
}

void World::JudgeCache() {
  gateway::Gateway& gateway = node_->gateway();
  for (const std::string& key : workload_.keys()) CheckEntry(key);
  // What a tag's or a prefix's invalidation has left behind is found under no key, and what is
  // cached after one may hold its hash.
  const bool forgets = plan_.others || std::any_of(plan_.keyspaces.begin(), plan_.keyspaces.end(),
                                                   [](const auto& each) { return each.bypass; });
  uint64_t bytes = 0;
  uint64_t bytes_max = 0;
  uint64_t entries = 0;
  for (const std::string& key : workload_.keys()) {
    const auto hit = FindEntry(key);
    if (!hit.has_value()) continue;
    ++entries;
    const cache::Value value{hit->shared != nullptr ? *hit->shared : Bytes::Copy(hit->value),
                             hit->expires_at, hit->version};
    const cache::Value* shown = hit->absent ? nullptr : &value;
    const cache::Until until{hit->fresh_until, hit->cached_until};
    bytes += cache::Cache::Cost(key.size(), shown, until);
    bytes_max += cache::Cache::Cost(key.size(), shown, until, !forgets);
  }
  const gateway::Lanes::Totals totals = gateway.lanes().Sum();
  const bool more = forgets && totals.bytes > bytes && totals.entries > entries;
  const bool same = totals.entries == entries && totals.bytes >= bytes && totals.bytes <= bytes_max;
  if (!more && !same) {
    Problem("the cache counts " + std::to_string(totals.bytes) + " bytes of " +
            std::to_string(totals.entries) + " entries; its " + std::to_string(entries) +
            " entries are " + std::to_string(bytes) + " bytes");
  }
  if (totals.loads_under_way != 0) Problem("loads are left that nobody waits for");
}

void World::JudgeCounts() {
  for (size_t i = 0; i < node_->databases(); ++i) {
    for (const std::string& problem : node_->store(i).script().problems()) Problem(problem);
  }
  // What expires after the databases are counted, and before copies are, is counted twice.
  const int tries = plan_.move_one_in == 0 ? 1 : 3;
  for (int i = 0; i < tries && !failed(); ++i) {
    const int64_t most = LiveRecords();
    const resp::Value said = Ask({"DBSIZE"});
    const int64_t least = LiveRecords();
    if (failed() || (least <= said.integer && said.integer <= most)) return;
    if (i + 1 < tries) continue;
    Problem("DBSIZE says " + std::to_string(said.integer) + " and there are " +
            std::to_string(least) + " keys");
  }
}

// What clients keep must be what the databases hold, once all that was to be told has been.
void World::JudgeClientCaches() {
  if (caching_clients_.empty()) return;
  if (!StepUntil([this] { return node_->idle() && node_->delivered(); }, kDeliveryMax)) {
    Problem("what clients are to be told never arrives");
    return;
  }
  for (const auto& client : caching_clients_) CheckKept(*client);
}

bool World::HasExpiredAnywhere(const std::string& key, const std::string& value) {
  for (uint32_t i = 0; i < node_->databases(); ++i) {
    for (const auto& [place, record] : node_->store(i).script().records()) {
      const bool is_it = std::get<2>(place) == key && record.value.view() == value;
      if (is_it && record.expires_at <= clock_.Wall()) return true;
    }
  }
  return false;
}

void World::CheckKept(const CachingClient& client) {
  for (const auto& [key, kept] : client.cache()) {
    const gateway::KeyPlace place = node_->gateway().placement().Place(key);
    const auto& records = node_->store(place.place.database).script().records();
    const auto at = records.find({place.place.shard, place.position, key});
    const bool stands = at != records.end();
    // One that has expired is told of when it is removed, which may be from where it was before a
    // move: no move brings it over.
    const bool lives = stands && at->second.expires_at > clock_.Wall();
    if (kept.has_value() && !stands && HasExpiredAnywhere(key, *kept)) continue;
    if (kept.has_value() ? !stands || at->second.value.view() != *kept : lives) {
      Problem("a client keeps of " + key + " what it no longer holds, and was not told");
    }
  }
}

}  // namespace weir::sim
