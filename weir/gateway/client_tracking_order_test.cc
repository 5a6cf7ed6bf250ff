// Goal: whoever was shown what a writer has changed is told before the writer is answered.
// Method: ClientTracking alone, called as by loops whose rounds end when the test says so.
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/gateway/client_tracking.h"

namespace weir::gateway {
namespace {

class BeforeTheWriterIsAnswered : public ::testing::Test {
 protected:
  struct TestHome final : Home {
    void Deliver(Completions completions) override {
      for (const Push& push : completions.pushes) told.push_back(push.connection);
    }
    std::vector<uint64_t> told;
  };
  static constexpr uint64_t kFirst = 1;
  static constexpr uint64_t kSecond = 2;

  BeforeTheWriterIsAnswered() {
    mode.on = true;
    for (const uint64_t client : {kFirst, kSecond}) {
      tracking.Enter(client, resp::Protocol::kResp3, home);
      EXPECT_TRUE(tracking.Begin(client, mode));
    }
    Read(kFirst, "k", 1);
  }
  void Read(uint64_t client, std::string_view key, uint64_t version) {
    tracking.OnRead(client, mode, key, key.size(), {version, true}, &untold);
  }
  // Who has been told when the writer is answered.
  std::vector<uint64_t> ToldOfChange(std::string_view key) {
    const std::vector<ClientTracking::Change> changes = {{key, key.size(), 0}};
    tracking.OnChanged(changes);
    return std::exchange(home.told, {});
  }

  TestHome home;
  ByteAccount account{size_t{1} << 20};
  ClientTracking tracking{account, 1};
  TrackingMode mode;
  ClientTracking::Untold untold;  // Of a round that goes on.
};

TEST_F(BeforeTheWriterIsAnswered, WhoWasShownTheOldVersionIsToldThoughAnotherReadTheNew) {
  Read(kSecond, "k", 2);
  EXPECT_FALSE(untold.empty());
  EXPECT_EQ(ToldOfChange("k"), (std::vector<uint64_t>{kFirst, kSecond}));
  tracking.Tell(&untold);
  EXPECT_EQ(home.told, std::vector<uint64_t>()) << "nobody is left to be told";
}

TEST_F(BeforeTheWriterIsAnswered, WhoWasShownTheOldVersionIsToldThoughALoadFoundTheNew) {
  tracking.OnLoaded("k", 1, 2, &untold);
  EXPECT_FALSE(untold.empty());
  EXPECT_EQ(ToldOfChange("k"), std::vector<uint64_t>{kFirst});
}

TEST_F(BeforeTheWriterIsAnswered, WhoseKeyIsGivenUpIsToldByWhoeverChangesItFirst) {
  Read(kSecond, "no room", 1);
  EXPECT_FALSE(untold.empty());
  EXPECT_EQ(ToldOfChange("k"), std::vector<uint64_t>{kFirst});
  tracking.Tell(&untold);
  EXPECT_EQ(home.told, std::vector<uint64_t>());
  EXPECT_EQ(tracking.counts().keys, 1u);
}

TEST_F(BeforeTheWriterIsAnswered, WithoutAWriterTheReadersAreToldAtTheEndOfTheRound) {
  Read(kSecond, "k", 2);
  tracking.Tell(&untold);
  EXPECT_TRUE(untold.empty());
  EXPECT_EQ(home.told, (std::vector<uint64_t>{kFirst, kSecond}));
  EXPECT_EQ(tracking.counts().keys, 0u);
}

}  // namespace
}  // namespace weir::gateway
