#include "sim/limit_history.h"

#include <algorithm>
#include <chrono>

#include "sim/limit_workload.h"

#include "weir/gateway/command.h"
#include "weir/gateway/limit_words.h"

namespace weir::sim {
namespace {

using Kind = resp::Value::Kind;
using std::chrono::milliseconds;

limit::CommandClass ClassOf(const gateway::CommandSpec& spec) {
  if ((spec.flags & gateway::kFlagAdmin) != 0) return limit::CommandClass::kAdmin;
  return (spec.flags & gateway::kFlagWrite) != 0 ? limit::CommandClass::kWrite
                                                 : limit::CommandClass::kRead;
}

std::vector<std::string_view> ViewsOf(const Words& words) {
  return {words.begin(), words.end()};
}

}  // namespace

LimitHistory::LimitHistory(const Plan& plan)
    : plan_(plan), check_(plan.policies), doubtful_(plan.limiter_bytes < Plan::kLimiterBytes) {}

uint64_t LimitHistory::Executed(MonoTime now) {
  events_.push_back({.kind = Event::Kind::kRequest, .at = now, .replaced = replaced_});
  return first_ + events_.size() - 1;
}

LimitHistory::Event* LimitHistory::Find(uint64_t request) {
  return request < first_ ? nullptr : &events_[request - first_];
}

void LimitHistory::Answered(uint64_t request, const Asker& asker, const Words& words,
                            const resp::Value& reply, MonoTime now) {
  const std::vector<std::string_view> args = ViewsOf(words);
  const gateway::CommandSpec* spec = gateway::ResolveCommand(args);
  const bool error = reply.kind == Kind::kError;
  const bool before =
      error && (reply.text.starts_with("NOPERM") || reply.text.starts_with("NOAUTH"));
  const MonoTime executed = Find(request) == nullptr ? now : Find(request)->at;
  if (Event* event = Find(request)) {
    // LIMIT commands look at further keys, and at whose request it is, behind the limiter.
    event->lost |= before && words[0].starts_with("LIMIT.");
    const bool asked = spec != nullptr && !before && spec->ArityFits(args.size()) &&
                       (spec->flags & gateway::kFlagUnlimited) == 0;
    if (asked) {
      event->counts = true;
      event->passed = !error || reply.text.find("THROTTLED") == std::string::npos;
      event->served = !error;
      event->clear = event->replaced == replaced_;
      event->end = now;
      event->request = {asker.user, asker.client, "", ClassOf(*spec), 0};
      if (spec->keys.first > 0) event->request.key = words[static_cast<size_t>(spec->keys.first)];
      for (const std::string& word : words) event->request.bytes += word.size();
    }
  }
  if (!words[0].starts_with("LIMIT.") || words.size() < 3) return;
  events_.push_back({.kind = Event::Kind::kNamed,
                     .at = now,
                     .words = words,
                     .reply = reply,
                     .executed = executed});
}

void LimitHistory::Lost(uint64_t request, const Words& words, MonoTime now) {
  const MonoTime executed = Find(request) == nullptr ? now : Find(request)->at;
  if (Event* event = Find(request)) event->lost = true;
  events_.push_back({.kind = Event::Kind::kLost, .at = now, .words = words, .executed = executed});
}

void LimitHistory::Restarted(MonoTime now) {
  events_.push_back({.kind = Event::Kind::kRestart, .at = now});
}

void LimitHistory::Replaced(std::vector<limit::Policy> policies, MonoTime now) {
  ++replaced_;
  events_.push_back({.kind = Event::Kind::kReplaced, .at = now, .policies = std::move(policies)});
}

std::optional<std::vector<LimitCheck::Charges>> LimitHistory::LimitsIn(const Words& words) const {
  const std::vector<std::string_view> args = ViewsOf(words);
  const Result<gateway::NamedLimitWords> read = gateway::ReadNamedLimits(args, 1);
  if (!read.ok()) return std::nullopt;
  std::vector<LimitCheck::Charges> limits;
  for (const limit::NamedLimit& limit : read.value().all()) {
    const std::string key(limit.key);
    if (limit.policy == LimitWorkload::kNamedPolicy) {
      limits.push_back(check_.ChargesOf(std::string(limit.policy), key, limit.cost));
    } else if (limit.policy.empty() && key.starts_with(LimitWorkload::kOwnKey)) {
      limits.push_back(
          {{"own#" + std::to_string(limit.window) + "|" + key, limit.rate, limit.cost}});
    } else {
      return std::nullopt;
    }
  }
  return limits;
}

// Who waits for several buckets may stand in the line of each of them.
void LimitHistory::NoteWaiters() {
  waiters_.clear();
  for (size_t i = 0; i < events_.size(); ++i) {
    const Event& event = events_[i];
    if (event.words.empty() || event.words[0] != "LIMIT.WAIT") continue;
    const auto limits = LimitsIn(event.words);
    if (!limits.has_value()) continue;
    std::optional<MonoTime> joined;
    const bool one = limits->size() == 1 && limits->front().size() == 1;
    if (one && event.reply.items.size() == 6) {
      joined = event.at + milliseconds(1 - event.reply.items[5].integer);
    }
    for (const LimitCheck::Charges& charges : *limits) {
      for (const LimitCheck::Charge& charge : charges) {
        waiters_.push_back({charge.bucket, charge.cost, event.executed, joined, i});
      }
    }
  }
}

void LimitHistory::BeginAnew(std::vector<limit::Policy> policies, bool doubtful) {
  check_ = LimitCheck(std::move(policies));
  doubtful_ = doubtful;
}

std::string LimitHistory::JudgeRequest(const Event& event) {
  if (!event.counts) return "";
  const LimitCheck::Charges charges = check_.ChargesOf(event.request);
  if (check_.delays()) {
    if (event.served && event.clear) windows_.Passed(charges, event.at, event.end);
    return "";
  }
  if (doubtful_ && !event.passed) return "";
  return check_.Decided(charges, event.passed, event.at);
}

std::string LimitHistory::JudgeDecision(size_t index, std::vector<LimitCheck::Charges> limits) {
  const Event& event = events_[index];
  if (event.reply.items.empty()) return "";
  const bool passed = event.reply.items[0].integer == 1;
  const bool waited = event.words[0] == "LIMIT.WAIT";
  const MonoTime began =
      waited ? event.at + milliseconds(-event.reply.items.at(5).integer) : event.at;
  LimitCheck::Charges all;
  bool others = false;  // May wait.
  for (const LimitCheck::Charges& charges : limits)
    all.insert(all.end(), charges.begin(), charges.end());
  for (LimitCheck::Charge& charge : all) {
    for (const Waiter& waiter : waiters_) {
      if (waiter.until <= index || waiter.bucket != charge.bucket || waiter.executed > event.at) {
        continue;
      }
      others = true;
      if (waiter.joined.has_value() && *waiter.joined <= began) charge.ahead += waiter.cost;
    }
  }
  if (passed ? unbounded_ : doubtful_ || others) return "";
  return check_.Decided(all, passed, event.at);
}

void LimitHistory::NoteSettled(const Event& event, const HoldCheck::Reservation& reservation) {
  const bool commits = event.words[0] == "LIMIT.COMMIT";
  if (commits && event.words.size() == 3) return;
  // By the rates that are in force now.
  const auto limits = LimitsIn(reservation.words);
  for (size_t i = 0; limits.has_value() && i < limits->size(); ++i) {
    for (LimitCheck::Charge charge : (*limits)[i]) {
      const uint64_t cost = commits ? std::stoull(event.words[3 + i]) : 0;
      const uint64_t reserved = charge.cost;
      charge.cost = cost > reserved ? cost - reserved : reserved - cost;
      cost > reserved ? check_.Forced({&charge, 1}, event.at)
                      : check_.GivenBack({&charge, 1}, event.at);
    }
  }
}

// Whether others may have been decided before what was answered before them: several were held back
// and answered at one moment, connection by connection.
bool LimitHistory::OrderIsUnknown(size_t index) const {
  size_t first = index;
  size_t last = index;
  const auto together = [&](size_t other) {
    return events_[other].kind == Event::Kind::kNamed && events_[other].at == events_[index].at;
  };
  while (first > 0 && together(first - 1)) --first;
  while (last + 1 < events_.size() && together(last + 1)) ++last;
  if (first == last) return false;
  const auto held = [&](const Event& event) {
    return event.executed != event.at && event.words[0] != "LIMIT.WAIT";
  };
  const auto begin = events_.begin();
  return std::any_of(begin + static_cast<std::ptrdiff_t>(first),
                     begin + static_cast<std::ptrdiff_t>(last) + 1, held);
}

std::string LimitHistory::JudgeNamed(size_t index) {
  if (OrderIsUnknown(index)) {
    doubtful_ = unbounded_ = true;
    holds_.Doubt();
  }
  const Event& event = events_[index];
  const std::string& name = event.words[0];
  if (name == "LIMIT.ACQUIRE") return holds_.Acquired(event.words, event.reply, event.at);
  if (name == "LIMIT.RELEASE") return holds_.Released(event.words, event.reply, event.at);
  if (name == "LIMIT.COMMIT" || name == "LIMIT.CANCEL") {
    std::optional<HoldCheck::Reservation> settled;
    const std::string wrong = holds_.Settled(event.words, event.reply, event.at, &settled);
    if (settled.has_value()) NoteSettled(event, *settled);
    return wrong;
  }
  const bool decides = name == "LIMIT.CHECK" || name == "LIMIT.WAIT" || name == "LIMIT.RESERVE";
  if (!decides && name != "LIMIT.REFUND") return "";
  if (name == "LIMIT.RESERVE") NoteReserved(event);
  const auto limits = LimitsIn(event.words);
  if (!limits.has_value()) return "";
  if (decides) return JudgeDecision(index, *limits);
  if (event.reply.kind != Kind::kArray) return "";
  for (const LimitCheck::Charges& charges : *limits) check_.GivenBack(charges, event.at);
  return "";
}

void LimitHistory::NoteReserved(const Event& event) {
  if (event.reply.items.size() != 6 || event.reply.items[5].kind != Kind::kBulk) return;
  const Words& words = event.words;
  const std::vector<std::string_view> args = ViewsOf(words);
  const bool timed = words[words.size() - 2] == "TTL";
  const auto ttl = timed ? milliseconds(std::stoll(words.back())) : milliseconds(60'000);
  const size_t limits = gateway::ReadNamedLimits(args, 1).value().count;
  holds_.Reserved(event.reply.items[5].text, {words, limits, event.at + ttl});
}

std::string LimitHistory::Judge() {
  NoteWaiters();
  std::string wrong;
  for (size_t i = 0; i < events_.size() && wrong.empty(); ++i) {
    const Event& event = events_[i];
    switch (event.kind) {
      case Event::Kind::kRequest:
        doubtful_ |= event.lost;
        wrong = JudgeRequest(event);
        break;
      case Event::Kind::kNamed:
        wrong = JudgeNamed(i);
        break;
      case Event::Kind::kLost:
        doubtful_ = true;
        unbounded_ |= event.words[0] == "LIMIT.REFUND" || event.words[0] == "LIMIT.COMMIT" ||
                      event.words[0] == "LIMIT.CANCEL";
        holds_.Doubt();
        break;
      case Event::Kind::kRestart:
        wrong = windows_.Explain();
        BeginAnew(plan_.policies, plan_.limiter_bytes < Plan::kLimiterBytes);
        unbounded_ = false;
        holds_ = HoldCheck();
        break;
      case Event::Kind::kReplaced:
        // Buckets keep what was taken, so that full ones bound what may pass and not what may not.
        wrong = windows_.Explain();
        BeginAnew(event.policies, true);
        break;
    }
  }
  if (wrong.empty()) wrong = windows_.Explain();
  first_ += events_.size();
  events_.clear();
  return wrong;
}

}  // namespace weir::sim
