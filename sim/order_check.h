// OrderCheck: whether one order of taking effect explains every reply of a history.
//
// The order must keep each connection's own order, and put an operation before another when it was
// answered before the other had arrived. So it is linearizability of the whole key space, several
// keys at once and transactions as one step, with the order of pipelines besides. A command that is
// split over databases is a step for each. One whose outcome is unknown takes effect at any later
// moment, or never; one that was refused did nothing.
//
// Cost: near-linear while few operations are under way at once: what only reads is taken as soon as
// it fits, states that were seen are not entered again, what has nothing to do with a dead end is
// not tried in other places, and what is unknown is first tried only where something waits for it
// (and everywhere on the keys where that gets stuck). Where an operation was seen to take effect
// (Op::hint) is tried first.
// Source: Wing, Gong, "Testing and verifying concurrent objects", JPDC 1993; with the memory of
// Lowe, "Testing for linearizability", 2016, and the conflict sets of Prosser, "Hybrid algorithms
// for the constraint satisfaction problem", 1993. Differs: the memory is by hash; reads are not
// tried in other places.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/key_set.h"
#include "sim/model.h"
#include "sim/op.h"

namespace weir::sim {

class OrderCheck {
 public:
  // What one search may look at, states that it has seen before included; and how often one begins
  // that tries more of what is unknown.
  static constexpr size_t kVisitsMax = 200'000;
  static constexpr size_t kSearchesMax = 4;

  // `sessions`: one more than the largest number of one.
  OrderCheck(std::vector<Cell> initial, std::vector<uint32_t> databases, size_t sessions);

  // Requires: operations of one session come in the order sent.
  void Add(const Op* op);

  // Returns what is wrong: where no order went on, or nothing.
  std::string Explain();
  // Whether Explain has found neither an order nor that there is none.
  bool gave_up() const { return gave_up_; }
  size_t states() const { return states_; }

 private:
  struct Line {
    std::vector<const Op*> ops;
    size_t next = 0;
    uint64_t taken = 0;  // Parts of the next one that have taken effect.
    int64_t count = 0;   // What they counted.
  };
  struct Candidate {
    Stamp at = 0;
    size_t line = 0;
    size_t part = 0;
  };
  struct Free {  // Of unknown outcome.
    const Op* op = nullptr;
    size_t step = 0;  // Of a split one.
    bool taken = false;
  };
  // How an operation sees the world: when, in a span in which nothing ends that is known to the
  // millisecond; and of keys whose end is in doubt, whether they have ended.
  struct View {
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    std::vector<uint32_t> ended;
    std::vector<uint32_t> alive;
  };

  void AddUnwatch(const Op& exec);
  // A state from which the search goes on.
  struct Node {
    explicit Node(size_t keys) : why(keys) {}
    void Failed(const KeySet& keys, const KeySet& child);

    KeySet why;                     // As of Search.
    bool jumps = false;             // What was tried shows that nothing else will do.
    std::vector<uint32_t> blocked;  // The keys of what does not fit.
    std::vector<bool> tried;        // Of what is of unknown outcome.
  };

  bool Search(KeySet* why);
  bool TryAll(Stamp first_end, KeySet* why);
  template <typename Matters>
  bool Suspect(const Matters& matters);
  void SpreadSuspicion();
  bool TryLines(Stamp first_end, Node* node);
  bool TryFree(Stamp first_end, Node* node);
  std::vector<bool> Wanted(const std::vector<uint32_t>& blocked) const;
  bool TakePure(Stamp first_end, std::vector<size_t>* taken);
  bool Step(Line& line, size_t part, Node* node, bool* blocked);
  void Take(Free& free, bool taken);
  bool StepFree(Free& free, Node* node);
  std::vector<View> Views(const Op& op, size_t step) const;
  std::vector<uint32_t> KeysOf(const Op& op, size_t step) const;
  std::vector<int64_t> Moments(const Op& op, size_t step) const;
  void AddViews(const Op& op, size_t step, View span, std::vector<View>* all) const;
  bool Doubtful(const Op& op) const;
  bool Apply(const Op& op, size_t part, const View& view, bool known, int64_t* count);
  bool ApplyOne(const Op& op, size_t step, const resp::Value* reply, const View& view,
                int64_t* count);
  bool ApplyExec(const Op& op, const resp::Value* reply, const View& view);
  bool ApplyPart(const Op& op, size_t part, const View& view, bool known, int64_t* count);
  uint64_t StateHash() const;
  // Whether the search ends here, with nothing decided.
  bool full() const { return visits_ >= kVisitsMax; }
  KeySet Touched(const Op& op, size_t step) const;
  void Progress();

  Space space_;
  std::vector<Line> lines_;
  std::vector<Free> free_;
  uint64_t free_taken_ = 0;   // A hash of those that are taken.
  std::deque<Op> unwatches_;  // What a refused or unknown EXEC did for certain.
  Stamp reached_ = 0;         // The latest arrival of what has taken effect, for the report.
  // Keys where an unknown outcome is tried everywhere, since a search without them got stuck there.
  std::vector<bool> suspects_;
  std::vector<uint32_t> stuck_;  // The keys of what did not fit where the search came furthest.
  std::unordered_map<uint64_t, KeySet> seen_;  // From these there is no order, and why.
  size_t states_ = 0;
  size_t visits_ = 0;
  bool gave_up_ = false;
  size_t done_ = 0;
  size_t best_done_ = 0;
  std::string best_;
};

}  // namespace weir::sim
