// Op: something that a client asked for, what it was answered, and when; the stuff of histories.
//
// Times are those of the server's edge: `begin` when the last byte of the request had arrived,
// `end` when the reply left. They are stamps of one counter, so that every order is total, and
// milliseconds of the wall clock, for expiry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/resp/reader.h"

namespace weir::sim {

using Words = std::vector<std::string>;
using Stamp = uint64_t;
inline constexpr Stamp kNoStamp = std::numeric_limits<Stamp>::max();
inline constexpr int64_t kFarMs = std::numeric_limits<int64_t>::max() / 4;

struct Rule;  // What a command does: model.h.

// One command that takes effect at one moment.
struct Step {
  const Rule* rule = nullptr;
  Words words;
  std::vector<uint32_t> keys;    // Cells of the model, in order.
  std::vector<uint32_t> places;  // Of a part: where its keys stand among those of the whole.
  uint32_t database = 0;
  // When the simulator saw it take effect: where the search for an order looks first, no more.
  Stamp hint = kNoStamp;
  // Of the emptying of a database, where ranges move: of each cell, where it was then. Ranges stay
  // where they are until all databases have been emptied.
  std::shared_ptr<const std::vector<uint32_t>> where = nullptr;
};

struct Op {
  enum class Kind : uint8_t {
    kPlain,
    kSplit,  // A part for each database, each with its own moment.
    kWatch,
    kUnwatch,
    kExec,   // The steps of a transaction.
    kOther,  // Nothing that the order of effects could explain.
  };

  Kind kind = Kind::kPlain;
  uint32_t number = 0;   // In the run.
  uint32_t session = 0;  // The connection it was sent on.
  std::vector<Step> steps;
  Stamp begin = kNoStamp;
  Stamp end = kNoStamp;
  Stamp hint = kNoStamp;  // As of a step; a split one has them in its steps.
  int64_t begin_ms = 0;
  int64_t end_ms = kFarMs;
  bool answered = false;
  bool lost = false;  // The connection ended before the reply.
  resp::Value reply;
};

// As it goes over the wire.
std::string Encode(const Words& words);

// The reply says that nothing was done, and nothing of what is stored.
bool SaysNothing(const resp::Value& reply);
// The reply says that nobody knows what was done.
bool SaysUnknown(const resp::Value& reply);

// As text that a terminal can show.
std::string Shortened(const std::string& text);
std::string Show(const resp::Value& value);
std::string Show(const Op& op);

}  // namespace weir::sim
