// Whatever is read as a slot table is written as it was read; nothing crashes. Each
// input is tried as it is and with the right checksum, which chance would not find.
#include <cassert>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "weir/ring/slot_table.h"

namespace {

void Check(std::string_view text) {
  const auto table = weir::ring::SlotTable::FromText(text);
  if (!table) return;
  assert(table.value().ToText() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  Check(text);
  char line[32];
  std::snprintf(line, sizeof(line), "checksum %016" PRIx64 "\n", weir::StableHash(text));
  Check(text + line);
  return 0;
}
