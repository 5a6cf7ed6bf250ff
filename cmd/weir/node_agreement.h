// NodeAgreement: what a node knows of whether the others were given the same list.
//
//   for (node : agreement.Open()) agreement.Take(node, what it answered)
//
// Nobody is asked here (node_question.h), and nothing is written to a log: Take says what is new.
// A node that agrees is not asked again: whoever is given another list has to start anew for it,
// and asks this one then.
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
    kDiffers,  // Another placement, another node than the list says, or a process without a list.
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

  explicit NodeAgreement(const nodes::NodeTable& table);

  // The other nodes that do not agree, or are not known to.
  std::vector<nodes::Node> Open() const;
  // Takes what `node` answered to WEIR.RING DIGEST, or why it did not. Returns nullopt when all is
  // as it was, and when a node agrees at once. Requires: `node` is one of the others.
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

  const nodes::NodeTable& table_;
  std::vector<Known> known_;  // By index in the table; its own agrees.
};

}  // namespace weir::cmd
