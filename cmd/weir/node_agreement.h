// NodeAgreement: what a node knows of whether the others were given the same list.
//
//   for (node : agreement.Asked()) agreement.Take(node, what it answered)
//
// This node is one of those asked, where somebody else may be at its address: a second process that
// was started as it.
// Nobody is asked here (node_question.h), and nothing is written to a log: Take says what is new.
// A node that agrees is asked again like any other: it may start anew with another list, and not
// reach this one then.
// Threads: single-owner. Ownership: borrows the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/nodes/node_table.h"
#include "weir/resp/reader.h"

namespace weir::cmd {

class NodeAgreement {
 public:
  enum class State : uint8_t {
    kUnknown,  // It has not been asked, or said nothing that tells.
    kAgrees,   // The same ids, weights and slots; addresses may differ.
    kDiffers,  // Another placement, another node than the list says, a second process that is this
               // node, or one without a list.
  };
  // What is new of a node, as a sentence for the log. It differs: an error; agrees with the same
  // addresses: nothing worth a warning.
  struct News {
    enum class Level : uint8_t { kInfo, kWarning, kError } level = Level::kInfo;
    std::string text;
  };
  struct Counts {
    size_t unknown = 0;
    size_t differing = 0;
  };

  // `run_id`: of this process, by which it knows itself at its address; "": nobody else can be
  // there, and it is not asked.
  NodeAgreement(const nodes::NodeTable& table, std::string run_id);

  // The nodes to ask, now and again.
  std::vector<nodes::Node> Asked() const;
  // Takes what `node` answered to WEIR.RING DIGEST, or why it did not. Returns nullopt when all is
  // as it was, and when a node agrees at once. What one has said holds until it says otherwise.
  // Requires: `node` is one of Asked().
  std::optional<News> Take(const nodes::Node& node, const Result<resp::Value>& answer);
  Counts counts() const;

 private:
  struct Known {
    State state = State::kUnknown;
    std::string told;  // What Take said last.
  };
  struct Verdict {
    State state = State::kUnknown;
    News::Level level = News::Level::kInfo;
    std::string text;
  };
  Verdict Judge(const nodes::Node& node, const Result<resp::Value>& answer) const;

  bool IsSelf(const nodes::Node& node) const;

  const nodes::NodeTable& table_;
  const std::string run_id_;
  std::vector<Known> known_;  // By index in the table.
};

}  // namespace weir::cmd
