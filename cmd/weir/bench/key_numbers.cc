#include "cmd/weir/bench/key_numbers.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace weir::cmd {
namespace {

constexpr uint64_t kSpread = 0x9e3779b97f4a7c15U;  // Odd, far from any small multiple of 2^64.
constexpr double kNearZero = 1e-8;

// Uniform in [0, 1).
double Fraction(Random* random) {
  return static_cast<double>(random->Next() >> 11) * 0x1.0p-53;
}

// log1p(x) / x and expm1(x) / x, also where x is nearly 0.
double LogRatio(double x) {
  return std::abs(x) > kNearZero ? std::log1p(x) / x : 1 - x / 2;
}
double ExpRatio(double x) {
  return std::abs(x) > kNearZero ? std::expm1(x) / x : 1 + x / 2;
}

}  // namespace

KeyNumbers::KeyNumbers(const Spec& spec, uint64_t seed) : spec_(spec), random_(seed) {
  assert(spec.count > 0);
  multiplier_ = kSpread % spec.count;
  while (std::gcd(multiplier_, spec.count) != 1) ++multiplier_;
  const auto count = static_cast<double>(spec.count);
  hot_keys_ = std::clamp<uint64_t>(static_cast<uint64_t>(spec.hot_keys_share * count), 1,
                                   std::max<uint64_t>(1, spec.count - 1));
  integral_first_ = Integral(1.5) - 1;
  integral_last_ = Integral(count + 0.5);
  accepted_at_once_ = 2 - IntegralInverse(Integral(2.5) - Weight(2));
}

uint64_t KeyNumbers::Next() {
  if (spec_.kind == Kind::kUniform) return random_.Below(spec_.count);
  if (spec_.kind == Kind::kSequential) {
    const uint64_t number = next_;
    next_ = next_ + 1 == spec_.count ? 0 : next_ + 1;
    return number;
  }
  return static_cast<uint64_t>(static_cast<Uint128>(NextRank()) * multiplier_ % spec_.count);
}

uint64_t KeyNumbers::NextRank() {
  if (spec_.kind == Kind::kZipf) return NextZipfRank();
  if (spec_.count == 1) return 0;
  if (Fraction(&random_) < spec_.hot_requests_share) return random_.Below(hot_keys_);
  return hot_keys_ + random_.Below(spec_.count - hot_keys_);
}

// Inverts the integral of the weights' continuous hull, and rejects what lies above the histogram.
uint64_t KeyNumbers::NextZipfRank() {
  for (;;) {
    const double u = integral_last_ + Fraction(&random_) * (integral_first_ - integral_last_);
    const double x = IntegralInverse(u);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(spec_.count));
    if (rank - x <= accepted_at_once_ || u >= Integral(rank + 0.5) - Weight(rank)) {
      return static_cast<uint64_t>(rank) - 1;
    }
  }
}

double KeyNumbers::Weight(double x) const {
  return std::exp(-spec_.zipf_exponent * std::log(x));
}

// The integral of Weight from 1 to x.
double KeyNumbers::Integral(double x) const {
  const double log = std::log(x);
  return ExpRatio((1 - spec_.zipf_exponent) * log) * log;
}

double KeyNumbers::IntegralInverse(double x) const {
  const double t = std::max(-1.0, x * (1 - spec_.zipf_exponent));
  return std::exp(LogRatio(t) * x);
}

}  // namespace weir::cmd
