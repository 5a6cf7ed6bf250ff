// The part of MovePlan that evens load out.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <optional>
#include <vector>

#include "weir/shard/move_plan.h"
#include "weir/shard/move_plan_pieces.h"

namespace weir::shard {
namespace {

// A hot tag, or what lies between two, and where it is to be.
struct Piece {
  bool IsTag() const { return UnitsOf(weighed.range) == 1; }

  WeighedRange weighed;
  uint32_t place = 0;
};

// A tag that goes to another directory, or two that change places, and what that takes off what is
// above the level.
struct Exchange {
  Piece* given = nullptr;
  Piece* taken = nullptr;  // Null: nothing comes back.
  uint32_t taker = 0;
  uint64_t gain = 0;
};

uint64_t Above(uint64_t load, uint64_t level) {
  return load - std::min(load, level);
}

constexpr auto kLoadUnitsMax = static_cast<uint64_t>(kLoadSpaceMost * (uint64_t{1} << 40));

// What chance alone does not bring about: three standard deviations.
double EvenWithin(uint64_t seen, size_t directories) {
  const double of_each = static_cast<double>(seen) / static_cast<double>(directories);
  return std::max(kEvenWithin, 3 / std::sqrt(of_each));
}

class LoadPlanner {
 public:
  LoadPlanner(std::vector<Piece> pieces, std::span<const uint32_t> places, uint64_t seen)
      : pieces_(std::move(pieces)), places_(places) {
    load_.resize(*std::max_element(places.begin(), places.end()) + size_t{1});
    stuck_.resize(load_.size());
    of_shard_.resize(places.size());
    for (const Piece& piece : pieces_) {
      load_[piece.place] += piece.weighed.amount;
      of_shard_[static_cast<size_t>(piece.weighed.range.shard)] += piece.weighed.amount;
    }
    share_ = std::accumulate(load_.begin(), load_.end(), uint64_t{0}) / load_.size();
    plan_.before = load_;
    plan_.too_little = seen < kLoadSeenLeast || share_ == 0;
    even_within_ = EvenWithin(std::max(seen, kLoadSeenLeast), load_.size());
    for (const uint64_t load : load_) gives_.push_back(IsUneven(load, share_));
  }

  MovePlan Plan() && {
    plan_.after = load_;
    if (plan_.too_little) return std::move(plan_);
    while (const std::optional<uint32_t> giver = Fullest()) {
      if (!Relieve(*giver)) stuck_[*giver] = true;
    }
    // Else noise would have it move a little for ever, and the map grow by that.
    const bool worth_it = AboveShare(plan_.before) > AboveShare(load_) + 2 * slack();
    for (const Piece& piece : pieces_) {
      if (piece.IsTag() && IsUneven(piece.weighed.amount, share_)) {
        plan_.uncut.push_back(piece.weighed);
      }
      if (worth_it && Moves(piece)) plan_.moves.push_back(MoveOf(piece));
    }
    if (worth_it) plan_.after = load_;
    plan_.more &= worth_it;
    const auto by_position = [](const auto& a, const auto& b) { return a.from < b.from; };
    std::sort(plan_.moves.begin(), plan_.moves.end(), by_position);
    return std::move(plan_);
  }

 private:
  uint64_t EvenEnough(uint64_t level) const {
    return static_cast<uint64_t>(static_cast<double>(level) * (1 + even_within_));
  }
  bool IsUneven(uint64_t load, uint64_t level) const { return load > EvenEnough(level); }
  uint64_t AboveShare(const std::vector<uint64_t>& loads) const {
    uint64_t above = 0;
    for (const uint64_t load : loads) above += Above(load, share_);
    return above;
  }
  uint64_t slack() const { return share_ / kSlackPart; }
  bool Moves(const Piece& piece) const {
    return piece.place != places_[static_cast<size_t>(piece.weighed.range.shard)];
  }

  // What each would have of all that is not stuck.
  uint64_t Level() const {
    uint64_t sum = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < load_.size(); ++i) {
      sum += stuck_[i] ? 0 : load_[i];
      count += stuck_[i] ? 0 : 1;
    }
    return count == 0 ? 0 : sum / count;
  }

  // The directory with the most load of those that give, when that is more than the level.
  std::optional<uint32_t> Fullest() const {
    std::optional<uint32_t> fullest;
    for (uint32_t i = 0; i < load_.size(); ++i) {
      if (gives_[i] && !stuck_[i] && (!fullest || load_[i] > load_[*fullest])) fullest = i;
    }
    if (!fullest || load_[*fullest] <= Level() + slack()) return std::nullopt;
    return fullest;
  }

  // Takes load off `giver`. Returns false when nothing is worth it.
  bool Relieve(uint32_t giver) {
    const uint64_t level = Level();
    const Exchange best = BestExchange(giver, level);
    const size_t moves = CountMoves();
    const size_t needed = best.taken == nullptr ? 1 : 2;
    if (best.given != nullptr && moves + needed <= kLoadMovesMax) {
      Give(*best.given, best.taker);
      if (best.taken != nullptr) Give(*best.taken, giver);
      return true;
    }
    const bool wanting = best.given != nullptr || IsUneven(load_[giver], level);
    if (wanting && moves + needed > kLoadMovesMax) plan_.more = true;
    if (moves == kLoadMovesMax || !IsUneven(load_[giver], level)) return false;
    return GiveLesser(giver, level);
  }

  void Give(Piece& piece, uint32_t taker) {
    load_[piece.place] -= piece.weighed.amount;
    load_[taker] += piece.weighed.amount;
    piece.place = taker;
  }

  std::vector<Piece*> TagsOf(uint32_t place) {
    std::vector<Piece*> tags;
    for (Piece& piece : pieces_) {
      const bool counts = piece.place == place && piece.weighed.amount > slack();
      if (counts && piece.IsTag()) tags.push_back(&piece);
    }
    return tags;
  }

  // One tag rather than two, where two are hardly better.
  Exchange BestExchange(uint32_t giver, uint64_t level) {
    Exchange best;
    const std::vector<Piece*> given = TagsOf(giver);
    for (uint32_t taker = 0; taker < load_.size(); ++taker) {
      if (taker == giver || stuck_[taker] || load_[taker] >= level) continue;
      const std::vector<Piece*> taken = TagsOf(taker);
      for (Piece* tag : given) {
        Consider({tag, nullptr, taker, 0}, giver, level, &best);
        for (Piece* other : taken) Consider({tag, other, taker, 0}, giver, level, &best);
      }
    }
    return best;
  }

  void Consider(Exchange exchange, uint32_t giver, uint64_t level, Exchange* best) const {
    const uint64_t given = exchange.given->weighed.amount;
    const uint64_t taken = exchange.taken == nullptr ? 0 : exchange.taken->weighed.amount;
    if (given <= taken) return;
    const uint64_t before = Above(load_[giver], level) + Above(load_[exchange.taker], level);
    const uint64_t after = Above(load_[giver] - given + taken, level) +
                           Above(load_[exchange.taker] + given - taken, level);
    if (before <= after + slack()) return;
    exchange.gain = before - after;
    const bool second = exchange.taken != nullptr && best->taken == nullptr;
    if (exchange.gain > best->gain + (second ? slack() : 0)) *best = exchange;
  }

  // Takes what is above the level off `giver` by tags that are each less than is worth a move, as
  // far as those go, be it in several plans, for they are few keys; and what they would leave, by a
  // cut. Returns false when there is nothing to be given, or nobody to take it.
  bool GiveLesser(uint32_t giver, uint64_t level) {
    Piece* greatest = nullptr;
    uint64_t left = load_[giver];
    for (Piece& piece : pieces_) {
      if (piece.place != giver || !piece.IsTag()) continue;
      if (piece.weighed.amount == 0 || piece.weighed.amount > slack()) continue;
      left -= piece.weighed.amount;
      const bool greater = greatest == nullptr || piece.weighed.amount > greatest->weighed.amount;
      if (greater) greatest = &piece;
    }
    if (IsUneven(left, level) && CutFrom(giver, left - EvenEnough(level))) return true;
    if (greatest == nullptr) return false;
    Give(*greatest, Emptiest());
    return true;
  }

  uint32_t Emptiest() const {
    return static_cast<uint32_t>(
        std::distance(load_.begin(), std::min_element(load_.begin(), load_.end())));
  }

  // Gives away up to `most`: the end of what has the most load in the least space. Returns false
  // when there is nothing to be cut, or nobody to take it.
  bool CutFrom(uint32_t giver, uint64_t most) {
    const uint32_t taker = Emptiest();
    const uint64_t want = std::min(most, Above(Level(), load_[taker]));
    Piece* densest = nullptr;
    for (Piece& piece : pieces_) {
      if (piece.place != giver || piece.IsTag() || piece.weighed.amount <= slack()) continue;
      if (densest == nullptr || IsDenser(piece.weighed, densest->weighed)) densest = &piece;
    }
    if (want <= slack() || densest == nullptr) return false;
    const uint64_t units = UnitsOf(densest->weighed.range);
    if (densest->weighed.amount <= want + slack() && units <= units_left_) {
      units_left_ -= units;
      Give(*densest, taker);
      return true;
    }
    std::optional<WeighedRange> cut = CutEnd(densest->weighed, want);
    if (cut && UnitsOf(cut->range) > units_left_) {
      plan_.more = true;
      if (units_left_ == 0) return false;
      cut = EndOf(densest->weighed, units_left_);
    }
    if (!cut || cut->amount >= 2 * want) return false;
    units_left_ -= UnitsOf(cut->range);
    densest->weighed = RestOf(densest->weighed, *cut);
    pieces_.push_back({*cut, giver});
    Give(pieces_.back(), taker);
    return true;
  }

  static bool IsDenser(const WeighedRange& a, const WeighedRange& b) {
    return Wide{a.amount} * UnitsOf(b.range) > Wide{b.amount} * UnitsOf(a.range);
  }

  size_t CountMoves() const {
    return static_cast<size_t>(std::count_if(pieces_.begin(), pieces_.end(),
                                             [this](const Piece& piece) { return Moves(piece); }));
  }

  PlannedMove MoveOf(const Piece& piece) {
    const Range& range = piece.weighed.range;
    const uint64_t amount = piece.weighed.amount;
    const ShardId target = EmptiestShardOf(piece.place, places_, of_shard_);
    of_shard_[static_cast<size_t>(range.shard)] -= amount;
    of_shard_[static_cast<size_t>(target)] += amount;
    return {range.from, range.to, range.shard, target, amount};
  }

  std::vector<Piece> pieces_;
  std::span<const uint32_t> places_;
  std::vector<uint64_t> load_;  // Of each directory, as planned so far.
  std::vector<bool> gives_;     // Of each: it had so much more than its share.
  std::vector<bool> stuck_;     // Of each: nothing more can be taken off it.
  std::vector<uint64_t> of_shard_;
  uint64_t share_ = 0;      // What each is to have.
  double even_within_ = 0;  // Less than this part above it is no reason to begin.
  uint64_t units_left_ = kLoadUnitsMax;
  MovePlan plan_;
};

// Cuts a range into its hot tags and what lies between them, as if evenly.
void CutOut(const LoadedRange& loaded, uint32_t place, std::vector<Piece>* pieces) {
  std::vector<HotTag> tags = loaded.hottest;
  std::sort(tags.begin(), tags.end(),
            [](const HotTag& a, const HotTag& b) { return a.from < b.from; });
  const Range& range = loaded.weighed.range;
  uint64_t rest = loaded.weighed.amount;
  for (const HotTag& tag : tags) rest -= std::min(rest, tag.amount);
  uint64_t units = UnitsOf(range) - tags.size();
  Position begin = range.from;
  const auto add_rest = [&](Position end) {
    const Range between{begin, end, range.shard};
    const uint64_t amount = Scale(rest, UnitsOf(between), units);
    pieces->push_back({{between, amount}, place});
    rest -= amount;
    units -= UnitsOf(between);
  };
  for (const HotTag& tag : tags) {
    assert(tag.from.value % kPositionUnit == 0);
    assert(range.Contains(tag.from));
    if (begin < tag.from) add_rest(tag.from);
    begin.value = tag.from.value + kPositionUnit;
    pieces->push_back({{{tag.from, begin, range.shard}, tag.amount}, place});
  }
  if (units > 0) add_rest(range.to);
}

}  // namespace

MovePlan PlanRebalanceByLoad(std::span<const LoadedRange> ranges, std::span<const uint32_t> places,
                             uint64_t seen) {
  std::vector<Piece> pieces;
  for (const LoadedRange& loaded : ranges) {
    CutOut(loaded, places[static_cast<size_t>(loaded.weighed.range.shard)], &pieces);
  }
  return LoadPlanner(std::move(pieces), places, seen).Plan();
}

}  // namespace weir::shard
