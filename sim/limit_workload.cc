#include "sim/limit_workload.h"

#include <array>
#include <chrono>

namespace weir::sim {
namespace {

constexpr size_t kNumbersKept = 12;

}  // namespace

Words LimitWorkload::Draw(const std::string& key) {
  constexpr std::array kDecisions = {"LIMIT.CHECK",  "LIMIT.CHECK", "LIMIT.PEEK",
                                     "LIMIT.REFUND", "LIMIT.WAIT",  "LIMIT.WAIT",
                                     "LIMIT.WAIT",   "LIMIT.WAIT",  "LIMIT.RESERVE"};
  const uint64_t dice = random_.Below(14);
  if (dice >= 12) return Places(key);
  if (dice >= 10) return Settlement(key);
  if (dice == 9) {
    Words words = Limits("LIMIT.CHECK", key);
    words.insert(words.begin(), "LIMIT.EXPLAIN");
    return words;
  }
  Words words = Limits(kDecisions[dice], key);
  if (words[0] == "LIMIT.WAIT") {
    constexpr std::array kMost = {"0", "2", "10", "40", "200"};
    words.insert(words.end(), {"MAX", kMost[random_.Below(kMost.size())]});
  }
  if (words[0] == "LIMIT.RESERVE" && random_.OneIn(2)) {
    words.insert(words.end(), {"TTL", random_.OneIn(2) ? "5" : "1000"});
  }
  return words;
}

// One limit, mostly; several that decide together.
Words LimitWorkload::Limits(std::string command, const std::string& key) {
  const std::string own = std::string(kOwnKey) + Below(2);
  switch (random_.Below(8)) {
    case 0: {
      Words words = {std::move(command), key};
      AddNamed(&words);
      return words;
    }
    case 1: {
      Words words = {std::move(command), own};
      AddOwn(&words, false);
      words.insert(words.end(), {"AND", key});
      AddNamed(&words);
      return words;
    }
    case 2: {
      Words words = {std::move(command), own};
      AddOwn(&words, false);
      AddOwn(&words, true);
      return words;
    }
    default: {
      Words words = {std::move(command), own};
      AddOwn(&words, false);
      return words;
    }
  }
}

void LimitWorkload::AddOwn(Words* words, bool slower) {
  using std::chrono::milliseconds;
  const int64_t period = std::chrono::duration_cast<milliseconds>(own_.period).count();
  words->insert(words->end(), {"RATE",
                               std::to_string(own_.count) + "/" +
                                   std::to_string(slower ? 3 * period : period) + "ms",
                               "BURST", std::to_string(own_.burst)});
  if (random_.OneIn(3)) words->insert(words->end(), {"COST", Below(own_.burst + 2)});
}

void LimitWorkload::AddNamed(Words* words) {
  words->insert(words->end(), {"POLICY", std::string(kNamedPolicy), "COST", Below(4)});
}

Words LimitWorkload::Settlement(const std::string& key) {
  const auto [of, number] = Any(reservations_, key);
  if (random_.OneIn(3)) return {"LIMIT.CANCEL", of, number};
  Words words = {"LIMIT.COMMIT", of, number};
  if (!random_.OneIn(4)) words.push_back(Below(2 * own_.burst + 2));
  return words;
}

Words LimitWorkload::Places(const std::string& key) {
  Words words = {"LIMIT.ACQUIRE", key, "MAX", "2", "TTL", random_.OneIn(3) ? "5" : "300"};
  switch (random_.Below(4)) {
    case 0: {
      const auto [of, number] = Any(leases_, key);
      words[1] = of;
      words.insert(words.end(), {"LEASE", number});
      return words;
    }
    case 1: {
      const auto [of, number] = Any(leases_, key);
      return {"LIMIT.RELEASE", of, number};
    }
    default:
      return words;
  }
}

LimitWorkload::Number LimitWorkload::Any(const std::deque<Number>& numbers,
                                         const std::string& key) {
  if (numbers.empty() || random_.OneIn(12)) return {key, "00000000000000ab"};
  return numbers[random_.Below(numbers.size())];
}

void LimitWorkload::Answered(const Words& words, const resp::Value& reply) {
  const bool reserves = words[0] == "LIMIT.RESERVE";
  if (!reserves && words[0] != "LIMIT.ACQUIRE") return;
  if (reply.items.empty() || reply.items.back().kind != resp::Value::Kind::kBulk) return;
  std::deque<Number>& numbers = reserves ? reservations_ : leases_;
  numbers.emplace_back(words[1], reply.items.back().text);
  if (numbers.size() > kNumbersKept) numbers.pop_front();
}

}  // namespace weir::sim
