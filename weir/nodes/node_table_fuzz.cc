// Whatever is read as a table of nodes is written as it was read, and every slot has a node;
// nothing crashes.
#include "weir/base/checked_text_rig.h"
#include "weir/nodes/node_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::checked_text::FuzzForm<weir::nodes::NodeTable>(
      data, size, [](const weir::nodes::NodeTable& table) {
        for (const weir::nodes::SlotRun& run : table.runs()) {
          [[maybe_unused]] const bool named = !table.node(run.owner).id.empty();
          assert(named);
        }
      });
  return 0;
}
