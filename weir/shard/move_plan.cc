#include "weir/shard/move_plan.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <numeric>
#include <optional>
#include <utility>

#include "weir/shard/move_plan_pieces.h"

namespace weir::shard {
namespace {

class Planner {
 public:
  Planner(std::span<const WeighedRange> ranges, std::span<const uint32_t> places)
      : ranges_(ranges.begin(), ranges.end()), places_(places), of_shard_(places.size()) {
    directories_.resize(*std::max_element(places.begin(), places.end()) + size_t{1});
    for (const WeighedRange& weighed : ranges) {
      directories_[PlaceOf(weighed.range.shard)] += weighed.amount;
      of_shard_[static_cast<size_t>(weighed.range.shard)] += weighed.amount;
    }
    plan_.before = directories_;
  }

  MovePlan Rebalance() && {
    SetMean(std::accumulate(directories_.begin(), directories_.end(), uint64_t{0}),
            directories_.size());
    if (PeakToMean(directories_) > 1 + kEvenWithin ||
        *std::min_element(directories_.begin(), directories_.end()) <
            static_cast<double>(mean_) * (1 - kEvenWithin)) {
      for (uint32_t giver = 0; giver < directories_.size(); ++giver) Give(giver);
    }
    return Finish();
  }

  MovePlan Drain(ShardId shard) && {
    const uint32_t place = PlaceOf(shard);
    if (directories_.size() == 1) return Finish();
    uint64_t amount = of_shard_[static_cast<size_t>(shard)];
    for (size_t i = 0; i < directories_.size(); ++i) amount += i == place ? 0 : directories_[i];
    SetMean(amount, directories_.size() - 1);
    std::vector<WeighedRange> pieces = Select([&](ShardId other) { return other == shard; });
    while (!pieces.empty()) {
      const WeighedRange piece = pieces.back();
      pieces.pop_back();
      const uint32_t taker = EmptiestBut(place);
      const uint64_t room = RoomOf(taker);
      const std::optional<WeighedRange> cut =
          piece.amount > room + slack_ && room > slack_ ? CutEnd(piece, room) : std::nullopt;
      if (cut) {
        pieces.push_back(RestOf(piece, *cut));
        Move(*cut, taker);
      } else {
        Move(piece, taker);
      }
    }
    return Finish();
  }

 private:
  uint32_t PlaceOf(ShardId shard) const {
    assert(static_cast<size_t>(shard) < places_.size());
    return places_[static_cast<size_t>(shard)];
  }
  void SetMean(uint64_t amount, size_t directories) {
    mean_ = amount / directories;
    slack_ = mean_ / kSlackPart;
  }
  uint64_t RoomOf(uint32_t place) const { return mean_ - std::min(mean_, directories_[place]); }

  // Those of the shards that are `wanted`, by amount, the greatest last.
  template <typename Wanted>
  std::vector<WeighedRange> Select(Wanted wanted) const {
    std::vector<WeighedRange> selected;
    for (const WeighedRange& weighed : ranges_) {
      if (wanted(weighed.range.shard)) selected.push_back(weighed);
    }
    std::stable_sort(
        selected.begin(), selected.end(),
        [](const WeighedRange& a, const WeighedRange& b) { return a.amount < b.amount; });
    return selected;
  }

  uint32_t EmptiestBut(uint32_t place) const {
    std::optional<uint32_t> emptiest;
    for (uint32_t i = 0; i < directories_.size(); ++i) {
      if (i != place && (!emptiest || directories_[i] < directories_[*emptiest])) emptiest = i;
    }
    return *emptiest;
  }

  // Moves what `giver` has above the mean.
  void Give(uint32_t giver) {
    std::vector<WeighedRange> pieces =
        Select([&](ShardId shard) { return PlaceOf(shard) == giver; });
    while (directories_[giver] > mean_ + slack_ && !pieces.empty()) {
      const uint32_t taker = EmptiestBut(giver);
      const uint64_t want = std::min(directories_[giver] - mean_, RoomOf(taker));
      if (want <= slack_) return;
      GivePiece(pieces, want, taker);
    }
  }

  // Moves up to `want` of `pieces`, whose greatest is the last, to `taker`: a whole one that is
  // most of it, else the end of the greatest.
  void GivePiece(std::vector<WeighedRange>& pieces, uint64_t want, uint32_t taker) {
    const auto first_too_much = std::partition_point(
        pieces.begin(), pieces.end(),
        [&](const WeighedRange& piece) { return piece.amount <= want + slack_; });
    const bool fits = first_too_much != pieces.begin();
    if (first_too_much == pieces.end() || (fits && (first_too_much - 1)->amount > want / 2)) {
      Move(*(first_too_much - 1), taker);
      pieces.erase(first_too_much - 1);
      return;
    }
    const WeighedRange greatest = pieces.back();
    pieces.pop_back();
    const std::optional<WeighedRange> cut = CutEnd(greatest, want);
    // The least that can be cut off may be too much: twice as much would be as uneven as before.
    if (!cut || cut->amount >= 2 * want) {
      plan_.uncut.push_back(greatest);
      return;
    }
    Move(*cut, taker);
    const WeighedRange rest = RestOf(greatest, *cut);
    pieces.insert(std::upper_bound(pieces.begin(), pieces.end(), rest,
                                   [](const WeighedRange& a, const WeighedRange& b) {
                                     return a.amount < b.amount;
                                   }),
                  rest);
  }

  void Move(const WeighedRange& piece, uint32_t taker) {
    const ShardId target = EmptiestShardOf(taker, places_, of_shard_);
    plan_.moves.push_back(
        {piece.range.from, piece.range.to, piece.range.shard, target, piece.amount});
    directories_[PlaceOf(piece.range.shard)] -= piece.amount;
    of_shard_[static_cast<size_t>(piece.range.shard)] -= piece.amount;
    directories_[taker] += piece.amount;
    of_shard_[static_cast<size_t>(target)] += piece.amount;
  }

  MovePlan Finish() {
    std::sort(plan_.moves.begin(), plan_.moves.end(),
              [](const PlannedMove& a, const PlannedMove& b) { return a.from < b.from; });
    plan_.after = directories_;
    return std::move(plan_);
  }

  std::vector<WeighedRange> ranges_;
  std::span<const uint32_t> places_;
  std::vector<uint64_t> of_shard_;
  std::vector<uint64_t> directories_;  // What each holds, as planned so far.
  uint64_t mean_ = 0;                  // What each is to hold.
  uint64_t slack_ = 0;
  MovePlan plan_;
};

}  // namespace

uint64_t UnitsOf(const Range& range) {
  return (range.to.value - 1 - range.from.value) / kPositionUnit + 1;
}

uint64_t Scale(uint64_t amount, uint64_t part, uint64_t whole) {
  return static_cast<uint64_t>((Wide{amount} * part + whole / 2) / whole);
}

std::optional<WeighedRange> CutEnd(const WeighedRange& piece, uint64_t want) {
  const uint64_t units = UnitsOf(piece.range);
  if (units < 2) return std::nullopt;
  return EndOf(piece, std::clamp<uint64_t>(Scale(units, want, piece.amount), 1, units - 1));
}

WeighedRange EndOf(const WeighedRange& piece, uint64_t units) {
  const uint64_t all = UnitsOf(piece.range);
  WeighedRange end = piece;
  end.range.from.value += (all - units) * kPositionUnit;
  end.amount = Scale(piece.amount, units, all);
  return end;
}

WeighedRange RestOf(const WeighedRange& piece, const WeighedRange& cut) {
  WeighedRange rest = piece;
  rest.range.to = cut.range.from;
  rest.amount -= cut.amount;
  return rest;
}

ShardId EmptiestShardOf(uint32_t place, std::span<const uint32_t> places,
                        std::span<const uint64_t> of_shard) {
  std::optional<size_t> emptiest;
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] != place) continue;
    if (!emptiest || of_shard[i] < of_shard[*emptiest]) emptiest = i;
  }
  assert(emptiest.has_value());
  return ShardId{static_cast<uint32_t>(*emptiest)};
}

MovePlan PlanRebalance(std::span<const WeighedRange> ranges, std::span<const uint32_t> places) {
  return Planner(ranges, places).Rebalance();
}

MovePlan PlanDrain(std::span<const WeighedRange> ranges, std::span<const uint32_t> places,
                   ShardId shard) {
  return Planner(ranges, places).Drain(shard);
}

double PeakToMean(std::span<const uint64_t> amounts) {
  const uint64_t sum = std::accumulate(amounts.begin(), amounts.end(), uint64_t{0});
  if (sum == 0) return 1;
  const uint64_t peak = *std::max_element(amounts.begin(), amounts.end());
  return static_cast<double>(peak) * static_cast<double>(amounts.size()) / static_cast<double>(sum);
}

}  // namespace weir::shard
