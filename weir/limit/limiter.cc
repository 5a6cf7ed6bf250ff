#include "weir/limit/limiter.h"

#include <bit>
#include <cassert>
#include <charconv>
#include <cstring>

namespace weir::limit {
namespace {

class TextWriter {
 public:
  explicit TextWriter(std::span<char> buffer) : buffer_(buffer) {}

  TextWriter& operator<<(std::string_view text) {
    assert(text.size() <= buffer_.size() - size_);
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  TextWriter& operator<<(int64_t number) {
    char digits[20];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), number);
    return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
  }
  std::string_view text() const { return {buffer_.data(), size_}; }

 private:
  std::span<char> buffer_;
  size_t size_ = 0;
};

// Fixed words, three 20-digit numbers and the unit names come to less than this.
static_assert(kThrottledTextMax >= kPolicyNameBytesMax + 160);

}  // namespace

Result<Limiter> Limiter::Create(PolicySet policies, Options options) {
  if (!std::has_single_bit(options.stripes) || options.stripes > kStripesMax) {
    return Error{ErrorCode::kInvalid, "the limiter's stripes must be a power of two up to 64"};
  }
  size_t keyed = 0;
  for (size_t i = 0; i < policies.size(); ++i) keyed += policies.policy(i).per != Per::kPrefix;
  const size_t single = policies.size() - keyed;
  const size_t bytes_min = policies.size() * options.stripes * BucketTable::kBytesMin;
  if (options.bytes < bytes_min) {
    return Error{ErrorCode::kInvalid, "the limit policies need at least " +
                                          std::to_string(bytes_min) +
                                          " bytes of memory; give more or use fewer policies"};
  }
  const size_t single_bytes = single * options.stripes * BucketTable::kBytesMin;
  const size_t table_bytes =
      keyed == 0 ? 0 : (options.bytes - single_bytes) / (keyed * options.stripes);

  Limiter limiter(std::move(policies), options.stripes);
  limiter.cells_.reserve(limiter.policies_.size() * options.stripes);
  for (size_t i = 0; i < limiter.policies_.size(); ++i) {
    const bool one_bucket = limiter.policies_.policy(i).per == Per::kPrefix;
    const size_t bytes =
        one_bucket ? BucketTable::kBytesMin : std::min(table_bytes, BucketTable::kBytesMax);
    for (size_t stripe = 0; stripe < options.stripes; ++stripe) {
      limiter.cells_.push_back(Cell{BucketTable(limiter.policies_.rule(i), bytes)});
    }
  }
  return limiter;
}

void Limiter::Fill(Plan* plan, const Request& request) const {
  const Matches matches = policies_.Match(request);
  for (size_t i = 0; i < matches.count; ++i) {
    const size_t policy = matches.policies[i];
    Plan::Charge& charge = plan->charges_[i];
    charge.hash = policies_.BucketHash(policy, request);
    charge.cost = policies_.Cost(policy, request);
    charge.policy = static_cast<uint8_t>(policy);
    // The low bits; a table of less than 2^26 groups chooses its groups by others.
    charge.stripe = static_cast<uint8_t>(charge.hash & (stripes_ - 1));
    plan->stripes_ |= uint64_t{1} << charge.stripe;
  }
  plan->count_ = matches.count;
}

void Limiter::Prefetch(const Plan& plan) const {
  for (const Plan::Charge& charge : plan.charges()) {
    cells_[CellIndex(charge.policy, charge.stripe)].table.Prefetch(charge.hash);
  }
}

Decision Limiter::Decide(const Plan& plan, MonoTime now) {
  std::array<BucketTable::Place, kMatchesMax> places;
  std::array<BucketState, kMatchesMax> after;
  Decision decision;
  // Two policies never share a table, so no place is invalidated by a Store for another.
  size_t i = 0;
  for (const Plan::Charge& charge : plan.charges()) {
    const BucketTable& table = CellOf(charge).table;
    places[i] = table.Find(charge.hash, now);
    const Verdict verdict = table.rule().Decide(places[i].state, now, charge.cost, &after[i]);
    if (verdict != Verdict::kAllowed) {
      const std::chrono::nanoseconds wait =
          verdict == Verdict::kNever ? std::chrono::nanoseconds::max()
                                     : table.rule().RetryAfter(places[i].state, now, charge.cost);
      if (wait > decision.retry_after) decision = {verdict, charge.policy, wait};
    }
    ++i;
  }
  if (!decision.allowed()) {
    for (const Plan::Charge& charge : plan.charges()) {
      if (charge.policy == decision.policy) ++CellOf(charge).denied;
    }
    return decision;
  }
  i = 0;
  for (const Plan::Charge& charge : plan.charges()) {
    Cell& cell = CellOf(charge);
    if (charge.cost > 0) cell.table.Store(places[i], after[i], now);
    ++cell.allowed;
    ++i;
  }
  return decision;
}

void Limiter::Refund(const Plan& plan) {
  for (const Plan::Charge& charge : plan.charges()) {
    CellOf(charge).table.Refund(charge.hash, charge.cost);
  }
}

PolicyCounters Limiter::Counters(size_t policy, size_t stripe) const {
  const Cell& cell = cells_[CellIndex(policy, stripe)];
  return {.allowed = cell.allowed,
          .denied = cell.denied,
          .evicted_live = cell.table.evicted_live(),
          .used_slots = cell.table.used_slots(),
          .slots = cell.table.slot_count()};
}

std::string_view FormatThrottled(const Decision& decision, const PolicySet& policies,
                                 std::span<char, kThrottledTextMax> buffer) {
  assert(!decision.allowed());
  const bool never = decision.verdict == Verdict::kNever;
  const int64_t wait_ms =
      never ? -1 : std::chrono::ceil<std::chrono::milliseconds>(decision.retry_after).count();
  const Policy& policy = policies.policy(decision.policy);
  TextWriter writer(buffer);
  writer << "THROTTLED retry_after_ms=" << wait_ms << " policy=" << policy.name
         << " limit=" << policies.limit_text(decision.policy) << " scope=" << ScopeName(policy.per)
         << " reason=" << (never ? "cost_above_burst" : "quota");
  return writer.text();
}

}  // namespace weir::limit
