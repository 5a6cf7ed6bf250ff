// Goal: the memory driver keeps the Store contract, and its contents survive a restart of the
// store. Method: the contract suite, reopening over shared contents.
#include "weir/store/memory/memory_store.h"

#include "weir/store/store_contract.h"

namespace weir::store {
namespace {

class MemoryHarness final : public StoreHarness {
 public:
  std::unique_ptr<Store> Open() override { return OpenMemoryStore({.contents = contents_}); }

 private:
  std::shared_ptr<MemoryContents> contents_ = MakeMemoryContents(kContractShards);
};

std::unique_ptr<StoreHarness> MakeHarness() {
  return std::make_unique<MemoryHarness>();
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(MakeHarness));
INSTANTIATE_TEST_SUITE_P(Memory, StoreContractModel, testing::Values(MakeHarness));

}  // namespace
}  // namespace weir::store
