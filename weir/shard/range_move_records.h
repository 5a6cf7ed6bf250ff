// What the tests of RangeMove store: records in units of positions, at which ranges may begin.
//
// For tests only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "weir/shard/range_move.h"

namespace weir::shard {

inline constexpr int64_t kNeverMs = INT64_MAX;

// What one shard stores of the range.
using Stored = std::map<std::pair<uint64_t, std::string>, MovedRecord>;

// Positions in units, at which ranges may begin.
inline MovedRecord RecordOf(uint64_t unit, uint64_t version, int64_t expires_at_ms = kNeverMs) {
  const Position position{unit * kPositionUnit};
  return {position, "k" + std::to_string(unit), version, expires_at_ms, version * 7};
}

inline Stored Live(const Stored& all, int64_t now) {
  Stored live;
  for (const auto& [place, record] : all) {
    if (record.expires_at_ms > now) live.emplace(place, record);
  }
  return live;
}

inline std::vector<MovedRecord> Records(const Stored& all, int64_t now) {
  std::vector<MovedRecord> records;
  for (const auto& [place, record] : Live(all, now)) records.push_back(record);
  return records;
}

}  // namespace weir::shard
