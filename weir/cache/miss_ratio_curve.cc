#include "weir/cache/miss_ratio_curve.h"

#include <algorithm>
#include <cmath>

namespace weir::cache {
namespace {

uint64_t Scaled(uint64_t bytes, double scale) {
  return static_cast<uint64_t>(scale * static_cast<double>(bytes));
}

}  // namespace

MissRatioCurve::MissRatioCurve(const Options& options)
    : work_max_(options.work_max),
      chooser_bytes_(options.memory_bytes / kChooserShare),
      budget_bytes_(options.budget_bytes),
      behaviour_(&kBehaviours[options.first]),
      small_({Scaled(options.budget_bytes, 1 / kChooserScale), chooser_bytes_, options.first,
              options.count_bytes}),
      large_({Scaled(options.budget_bytes, kChooserScale), chooser_bytes_, options.first,
              options.count_bytes}) {
  const size_t memory = options.memory_bytes - 2 * chooser_bytes_;
  const size_t records = std::max(memory / kPoints / Miniature::kBytesOfRecord, kRecordsMin);
  for (size_t p = 0; p < kPoints; ++p) {
    points_.emplace_back(*behaviour_, Scaled(options.budget_bytes, ScaleOf(p)), records,
                         options.entry_share);
  }
  small_.Begin(0);
  large_.Begin(0);
}

size_t MissRatioCurve::memory_bytes() const {
  size_t bytes = 2 * chooser_bytes_;
  for (const Miniature& point : points_) bytes += point.memory_bytes();
  return bytes;
}

double MissRatioCurve::ScaleOf(size_t point) {
  return kScaleMin * std::exp2(static_cast<double>(point) / 2);
}

double MissRatioCurve::MissRatio(const Counts& counts, double scale) {
  if (counts.lookups == 0) return 1;
  std::array<double, kPoints> ratios;
  double least = 1;
  for (size_t p = 0; p < kPoints; ++p) {
    least = std::clamp(counts.misses[p] / static_cast<double>(counts.lookups), 0.0, least);
    ratios[p] = least;
  }
  size_t above = 0;
  while (above < kPoints && ScaleOf(above) < scale) ++above;
  if (above == 0) return ratios.front();
  if (above == kPoints) return ratios.back();
  const double low = ScaleOf(above - 1);
  const double share = (scale - low) / (ScaleOf(above) - low);
  return ratios[above - 1] + share * (ratios[above] - ratios[above - 1]);
}

bool MissRatioCurve::FindSampled(uint64_t hash, WallTime now) {
  bool held_by_all = true;
  for (size_t p = 0; p < kPoints && points_[p].Follows(hash); ++p) {
    ++work_;
    if (points_[p].Find(hash, now)) continue;
    counts_.misses[p] += 1 / points_[p].rate();
    held_by_all = false;
  }
  return held_by_all;
}

void MissRatioCurve::EndRound() {
  LimitWork();
  round_ = 0;
  work_before_ = work_;
  for (size_t p = 0; p < kPoints; ++p) {
    const double scale = ScaleOf(p);
    if (scale * kOwnScaleMax < 1) {
      points_[p].SetBehaviour(kBehaviours[small_.choice()]);
    } else if (scale > kOwnScaleMax) {
      points_[p].SetBehaviour(kBehaviours[large_.choice()]);
    } else {
      points_[p].SetBehaviour(*behaviour_);
    }
    // Whoever follows a key must be able to stop at the first miniature that does not.
    while (p > 0 && points_[p].rate() > points_[p - 1].rate()) points_[p].Halve();
  }
}

// The one that holds most records can best do with fewer; of equals the largest.
void MissRatioCurve::LimitWork() {
  if (static_cast<double>(work_ - work_before_) <= work_max_ * static_cast<double>(round_)) return;
  size_t most = kPoints - 1;
  for (size_t p = kPoints; p-- > 0;) {
    if (points_[p].records() > points_[most].records()) most = p;
  }
  if (points_[most].records() >= 2 * kRecordsMin) points_[most].Halve();
}

void MissRatioCurve::ChangeBudget(uint64_t bytes) {
  budget_bytes_ = bytes;
  for (size_t p = 0; p < kPoints; ++p) points_[p].SetCapacity(Scaled(bytes, ScaleOf(p)));
}

}  // namespace weir::cache
