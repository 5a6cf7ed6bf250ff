// Whatever is read as a slot table is written as it was read; nothing crashes.
#include "weir/base/checked_text_rig.h"
#include "weir/ring/slot_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::checked_text::FuzzForm<weir::ring::SlotTable>(data, size, [](const auto&) {});
  return 0;
}
