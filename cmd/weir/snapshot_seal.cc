#include "cmd/weir/snapshot_seal.h"

#include <future>
#include <optional>
#include <utility>

namespace weir::cmd {
namespace {

constexpr const char* kName = "cache-snapshot";

// What `id` is in one of the databases, as its commit of this number.
std::string SealOf(const std::string& id, size_t number, size_t count, store::CommitNumber commit) {
  return id + " " + std::to_string(number) + "/" + std::to_string(count) + " " +
         std::to_string(commit);
}

template <typename Call>
Result<store::CommitNumber> WaitFor(const Call& call) {
  std::promise<Result<store::CommitNumber>> promise;
  call([&](Result<store::CommitNumber> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

// Final: no write of an earlier process happens after this.
Result<store::CommitNumber> LastCommit(store::RocksDbStore& store) {
  return WaitFor([&](auto done) { store.Settle(std::move(done)); });
}

}  // namespace

Result<Ok> SealSnapshot(const SealedStores& stores, const std::string& id) {
  for (size_t i = 0; i < stores.size(); ++i) {
    // What is unsettled is for the next process to settle.
    if (const Result<Ok> health = stores[i]->Health(); !health.ok()) return health.error();
    const Result<store::CommitNumber> last = LastCommit(*stores[i]);
    if (!last.ok()) return last.error();
    const std::string seal = SealOf(id, i, stores.size(), last.value() + 1);
    const Result<store::CommitNumber> sealed =
        WaitFor([&](auto done) { stores[i]->PutMetadata(kName, seal, std::move(done)); });
    if (!sealed.ok()) return sealed.error();
    if (sealed.value() != last.value() + 1) {
      return Error{ErrorCode::kUnavailable, "somebody has written to the database since it ended"};
    }
  }
  return Ok{};
}

std::string SealedSnapshot(const SealedStores& stores) {
  std::string id;
  for (size_t i = 0; i < stores.size(); ++i) {
    const Result<store::CommitNumber> last = LastCommit(*stores[i]);
    const Result<std::optional<std::string>> seal = stores[i]->Metadata(kName);
    if (!last.ok() || !seal.ok() || !seal.value()) return "";
    if (i == 0) id = seal.value()->substr(0, seal.value()->find(' '));
    if (*seal.value() != SealOf(id, i, stores.size(), last.value())) return "";
  }
  return id;
}

}  // namespace weir::cmd
