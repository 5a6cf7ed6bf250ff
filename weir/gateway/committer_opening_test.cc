// Goal: a gateway over a database with a history serves once that is final, and goes on from it.
// Method: a scripted store that holds what an earlier process left, in any state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/gateway/committer.h"
#include "weir/gateway/gateway_rig.h"

namespace weir::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using Kind = ScriptedStore::Kind;
using Outcome = ScriptedStore::Outcome;

constexpr const char* kRecoveringPrefix = "-ERR the database is recovering";

TEST(CommitterOpening, ReadsOfAStoreWithAHistoryAreAnsweredBeforeAnyWrite) {
  GatewayRig::Options options;
  options.open = false;
  options.prepare = [](ScriptedStore& store) { store.StartAtCommit(7); };
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"GET", "k"}), "(nil)");
}

TEST(CommitterOpening, WritesWaitUntilTheStoreIsSettledAndAreRefusedIfItCannotBe) {
  for (const Outcome outcome : {Outcome::kDone, Outcome::kUnavailable}) {
    GatewayRig::Options options;
    options.open = false;
    GatewayRig rig(options);
    const size_t a = rig.Connect();
    rig.SendAndHandOn(a, {"SET", "k", "v"});
    EXPECT_EQ(rig.store().calls(Kind::kApply), 0u);
    rig.Complete(Kind::kSettle, outcome);
    rig.RunAll();
    EXPECT_THAT(rig.Replies(a),
                ElementsAre(outcome == Outcome::kDone ? testing::Matcher<std::string>("+OK")
                                                      : StartsWith(kRecoveringPrefix)));
    EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}), "+OK");
  }
}

// 1. a process is killed while its batch is under way; the version is ahead of the clock
// 2. the next one asks for the floor of versions
// 3. the batch happens after all, before Settle makes it final
TEST(CommitterOpening, VersionsAreAboveThoseOfABatchThatHappensWhileTheStoreIsSettled) {
  constexpr uint64_t kAhead = uint64_t{1} << 62;
  GatewayRig::Options options;
  options.open = false;
  options.prepare = [](ScriptedStore& store) {
    store::Batch batch;
    const store::Record record{Bytes::Copy("old"), kNever, kAhead};
    batch.writes.push_back({{0, 7, "other"}, record, kAhead, std::nullopt});
    store.Apply(std::move(batch), [](const Result<store::Applied>&) {});
    store.Complete(store.last_call(), Outcome::kUnknownLate);
  };
  GatewayRig rig(options);
  const size_t a = rig.Connect();
  EXPECT_EQ(rig.Do(a, {"SET", "k", "v"}), "+OK");
  EXPECT_GT(rig.store().batches().back().writes[0].version, kAhead);
  EXPECT_THAT(rig.store().problems(), IsEmpty());
}

}  // namespace
}  // namespace weir::gateway
