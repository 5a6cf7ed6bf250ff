// ForwardingStore: a store in front of another, which does what it is asked; for stores that change
// one or two of the calls on their way.
//
// Ownership: owns the store behind it. Threads, errors: those of that store.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/store/store.h"

namespace weir::store {

class ForwardingStore : public Store {
 public:
  explicit ForwardingStore(std::unique_ptr<Store> behind) : behind_(std::move(behind)) {}

  void LoadWithin(std::vector<Key> keys, size_t bytes_max, Done<Loads> done) override {
    behind_->LoadWithin(std::move(keys), bytes_max, std::move(done));
  }
  void Scan(ScanRange range, Done<Scanned> done) override { behind_->Scan(range, std::move(done)); }
  void Count(WallTime now, Done<Counts> done) override { behind_->Count(now, std::move(done)); }
  void Apply(Batch batch, Done<Applied> done) override {
    behind_->Apply(std::move(batch), std::move(done));
  }
  void Expire(WallTime now, size_t limit, Done<Expired> done) override {
    behind_->Expire(now, limit, std::move(done));
  }
  void Clear(Done<CommitNumber> done) override { behind_->Clear(std::move(done)); }
  void Settle(Done<CommitNumber> done) override { behind_->Settle(std::move(done)); }
  bool CheckFiles(const FileRange& range, const Done<Ok>& done) override {
    return behind_->CheckFiles(range, done);
  }
  Version VersionFloor() const override { return behind_->VersionFloor(); }
  const Limits& limits() const override { return behind_->limits(); }
  Result<Ok> Health() const override { return behind_->Health(); }
  std::vector<std::pair<std::string, uint64_t>> Counters() const override {
    return behind_->Counters();
  }

 protected:
  Store& behind() { return *behind_; }

 private:
  const std::unique_ptr<Store> behind_;
};

}  // namespace weir::store
