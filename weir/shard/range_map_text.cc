// The text form of RangeMap. Reading is strict in one stroke: whatever was understood is written
// again and must give the same bytes, so there is exactly one text for each map.
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "weir/base/key_hash.h"
#include "weir/shard/range_map.h"

namespace weir::shard {
namespace {

constexpr std::string_view kFirstLine = "weir-range-map 1\n";
// A line is a beginning, a space, a shard and a newline; the rest is header and checksum.
static_assert(RangeMap::kMaxRanges * (16 + 1 + 10 + 1) + 100 <= RangeMap::kMaxTextBytes);

Error Corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, std::string("range map: ").append(what)};
}

template <typename... Args>
void Append(std::string* to, const char* format, Args... args) {
  char line[64];
  to->append(line, static_cast<size_t>(std::snprintf(line, sizeof(line), format, args...)));
}

// Takes `text` from the front of `from`. Returns whether it was there.
bool Take(std::string_view* from, std::string_view text) {
  if (!from->starts_with(text)) return false;
  from->remove_prefix(text.size());
  return true;
}

template <typename Number>
bool TakeNumber(std::string_view* from, int base, Number* number) {
  const auto [end, error] =
      std::from_chars(from->data(), from->data() + from->size(), *number, base);
  if (error != std::errc()) return false;
  from->remove_prefix(static_cast<size_t>(end - from->data()));
  return true;
}

}  // namespace

std::string RangeMap::ToText() const {
  std::string text(kFirstLine);
  Append(&text, "epoch %" PRIu64 "\n", epoch_);
  for (size_t i = 0; i < starts_.size(); ++i) {
    Append(&text, "%016" PRIx64 " %" PRIu32 "\n", starts_[i], static_cast<uint32_t>(shards_[i]));
  }
  Append(&text, "checksum %016" PRIx64 "\n", StableHash(text));
  return text;
}

Result<RangeMap> RangeMap::FromText(std::string_view text) {
  if (text.size() > kMaxTextBytes) return Corrupt("longer than any map");
  std::string_view rest = text;
  if (!Take(&rest, kFirstLine)) {
    return Corrupt("does not begin with 'weir-range-map 1': damaged, or of a newer release");
  }
  RangeMap map;
  if (!Take(&rest, "epoch ") || !TakeNumber(&rest, 10, &map.epoch_) || !Take(&rest, "\n")) {
    return Corrupt("no epoch");
  }
  while (!rest.starts_with("checksum ")) {
    uint64_t start = 0;
    uint32_t shard = 0;
    if (!TakeNumber(&rest, 16, &start) || !Take(&rest, " ") || !TakeNumber(&rest, 10, &shard) ||
        !Take(&rest, "\n")) {
      return Corrupt("a line is not 'beginning shard', or the checksum is missing");
    }
    map.starts_.push_back(start);
    map.shards_.push_back(ShardId{shard});
  }
  if (map.ToText() != text) return Corrupt("damaged: the checksum or the spelling is wrong");
  if (Result<Ok> valid = map.Validate(); !valid) return valid.error();
  return map;
}

}  // namespace weir::shard
