// Whatever is read as a range map is valid and is written as it was read; nothing crashes.
#include <cassert>

#include "weir/base/checked_text_rig.h"
#include "weir/shard/range_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::checked_text::FuzzForm<weir::shard::RangeMap>(
      data, size, [](const weir::shard::RangeMap& map) { assert(map.Validate().ok()); });
  return 0;
}
