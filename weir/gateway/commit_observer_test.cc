// Goal: each step of a commit is where its name says. Method: a whole gateway over a scripted
// store; at each step, what the store, the cache and the writer know of the batch.
#include "weir/gateway/commit_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using Step = CommitObserver::Step;

class Recorder final : public CommitObserver {
 public:
  explicit Recorder(GatewayRig& rig) : rig_(rig) {}

  void OnStep(Step step) override {
    seen.push_back(step);
    batches.push_back(rig_.store().batches().size());
  }

  std::vector<Step> seen;
  std::vector<size_t> batches;  // That the store had been given by then.

 private:
  GatewayRig& rig_;
};

TEST(CommitObserverTest, StepsComeInOrderAroundTheStoresAnswer) {
  GatewayRig rig;
  rig.RunAll();  // Settles what stood in the store at first.
  Recorder recorder(rig);
  rig.gateway().database(0).committer().Observe(&recorder);
  const size_t client = rig.Connect();
  rig.SendAndHandOn(client, {"SET", "k", "v"});
  EXPECT_THAT(recorder.seen, ElementsAre(Step::kPreCommit));
  rig.Complete(ScriptedStore::Kind::kApply);
  EXPECT_THAT(recorder.seen,
              ElementsAre(Step::kPreCommit, Step::kPostCommit, Step::kPrePublish, Step::kPreReply));
  EXPECT_THAT(recorder.batches, ElementsAre(0, 1, 1, 1));
  rig.Deliver();
  EXPECT_THAT(rig.Replies(client), ElementsAre("+OK"));
}

TEST(CommitObserverTest, WhatIsNotStoredIsNotSeenAfterTheStore) {
  GatewayRig rig;
  rig.RunAll();
  Recorder recorder(rig);
  rig.gateway().database(0).committer().Observe(&recorder);
  const size_t client = rig.Connect();
  rig.SendAndHandOn(client, {"SET", "k", "v"});
  rig.Complete(ScriptedStore::Kind::kApply, ScriptedStore::Outcome::kUnavailable);
  EXPECT_THAT(recorder.seen, ElementsAre(Step::kPreCommit));
  rig.RunAll();
}

}  // namespace
}  // namespace weir::gateway
