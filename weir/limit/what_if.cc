#include "weir/limit/what_if.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace weir::limit {
namespace {

constexpr uint64_t kSeed = 1;  // Nobody can aim at buckets that are gone with the answer.

struct Bucket {
  std::array<BucketState, kMatchesMax> states;  // One for each rate.
  uint64_t denied = 0;
  const JournalEntry* first = nullptr;
};

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message)};
}

// Whether all requests that share a bucket are of one client; are about one key.
bool IsOfOneClient(const Policy& policy) {
  return policy.per == Per::kClient ||
         (policy.per == Per::kText &&
          SubjectTemplate::Parse(policy.subject).value().tells_clients());
}
bool IsOfOneKey(const Policy& policy) {
  return policy.per == Per::kKey ||
         (policy.per == Per::kText && SubjectTemplate::Parse(policy.subject).value().tells_keys());
}

// How many of `count` requests that cost `cost` each pass now; they are charged.
uint64_t Pass(const PolicySet& rates, MonoTime now, uint64_t count, uint64_t cost, Bucket* bucket) {
  if (cost == 0) return count;
  uint64_t passed = count;
  for (size_t i = 0; i < rates.size(); ++i) {
    passed = std::min(passed, rates.rule(i).Peek(bucket->states[i], now, 0).remaining / cost);
  }
  for (size_t i = 0; i < rates.size() && passed > 0; ++i) {
    BucketState& state = bucket->states[i];
    [[maybe_unused]] const Verdict verdict =
        rates.rule(i).Decide(state, now, passed * cost, &state);
    assert(verdict == Verdict::kAllowed);
  }
  return passed;
}

std::vector<WhatIfReport::Denied> TopOf(const PolicySet& set,
                                        const std::unordered_map<uint64_t, Bucket>& buckets) {
  std::vector<const Bucket*> refused;
  for (const auto& [hash, bucket] : buckets) {
    if (bucket.denied > 0) refused.push_back(&bucket);
  }
  // Those that are alike by their keys, so that the answer does not depend on hashes.
  std::vector<WhatIfReport::Denied> top;
  for (const Bucket* bucket : refused) {
    top.push_back({set.Subject(0, bucket->first->request()), bucket->denied});
  }
  const auto shown = static_cast<ptrdiff_t>(std::min(top.size(), WhatIfReport::kTop));
  std::partial_sort(top.begin(), top.begin() + shown, top.end(), [](const auto& a, const auto& b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  });
  top.resize(static_cast<size_t>(shown));
  return top;
}

}  // namespace

WhatIfSample SampleFor(const Policy& policy, const Journal& journal, MonoTime now) {
  const auto take = [now](std::string_view name, const JournalSample& sample) {
    const auto span = std::min<std::chrono::nanoseconds>(now - sample.began(), sample.kSpan);
    std::vector<JournalEntry> entries = sample.entries();
    // The sample lets go of what is old when it notes something new, which may be long ago.
    std::erase_if(entries, [now](const JournalEntry& entry) {
      return now - entry.at >= JournalSample::kSpan;
    });
    return WhatIfSample{name, std::move(entries), sample.rarity(),
                        sample.size() == 0 ? std::chrono::nanoseconds(0) : span};
  };
  // An entry of all requests stands for many at one moment: that shows nothing of small buckets.
  const uint64_t cost = policy.unit == Unit::kRequests ? policy.request_cost : 1;
  const uint64_t alike = uint64_t{1} << journal.requests.rarity();
  const bool coarse = alike > 1 && alike > policy.rate.burst / (8 * std::max<uint64_t>(cost, 1));
  // And a sample of clients that is thin lacks the busiest: one of them alone would overflow it.
  const auto tells = [coarse](const JournalSample& sample) {
    return coarse && (sample.rarity() == 0 || sample.size() >= sample.entries_max() / 4);
  };
  if (IsOfOneClient(policy) && tells(journal.clients)) return take("clients", journal.clients);
  if (IsOfOneKey(policy) && tells(journal.keys)) return take("keys", journal.keys);
  return take("requests", journal.requests);
}

Result<WhatIfReport> WhatIf(const std::vector<Policy>& rates, const WhatIfSample& sample) {
  assert(!rates.empty());
  const Policy& policy = rates.front();
  if (policy.only_named) {
    return Invalid("limit policy '" + policy.name +
                   "' concerns no request of its own accord, and those that name it are not noted");
  }
  if (policy.unit == Unit::kDatabaseTime) {
    return Invalid("how long databases work for a request is not noted");
  }
  if (policy.user.size() > JournalEntry::kUserBytesMax ||
      policy.key_prefix.size() > JournalEntry::kKeyBytesMax) {
    return Invalid("of users 24 bytes are noted and of keys 32; the policy names more");
  }
  const Result<PolicySet> created = PolicySet::Create(rates, kSeed);
  if (!created.ok()) return created.error();
  const PolicySet& set = created.value();
  const bool together = sample.name == "requests";
  WhatIfReport report{
      .sample = sample.name, .one_in = uint64_t{1} << sample.rarity, .span = sample.span};
  const bool of_key = IsOfOneKey(policy);
  std::unordered_map<uint64_t, Bucket> buckets;
  for (const JournalEntry& entry : sample.entries) {
    const Request request = entry.request();
    if (set.Match(request).count == 0) continue;
    // Of a long key the front is noted, so its hash tells it apart.
    Bucket& bucket = buckets[set.BucketHash(0, request) + (of_key ? entry.key_hash : 0)];
    if (bucket.first == nullptr) bucket.first = &entry;
    const uint64_t alike = uint64_t{1} << entry.rarity;
    const uint64_t count = together ? alike : 1;
    const uint64_t passed = Pass(set, entry.at, count, set.Cost(0, request), &bucket);
    const uint64_t denied = (count - passed) * (together ? 1 : alike);
    report.requests += alike;
    report.denied += denied;
    bucket.denied += together ? denied : count - passed;
  }
  report.buckets = buckets.size();
  report.top = TopOf(set, buckets);
  return report;
}

}  // namespace weir::limit
