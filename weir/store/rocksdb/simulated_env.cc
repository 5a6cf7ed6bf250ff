#include <regex>
#include <thread>
#include <utility>

#include <rocksdb/system_clock.h>

#include "weir/store/rocksdb/simulated_disk.h"

namespace weir::store {
namespace {

class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  using rocksdb::SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "weir.SleeplessClock"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class SleeplessEnv final : public rocksdb::EnvWrapper {
 public:
  explicit SleeplessEnv(std::unique_ptr<rocksdb::Env> target) : EnvWrapper(std::move(target)) {
    system_clock_ = std::make_shared<SleeplessClock>(rocksdb::SystemClock::Default());
  }
  const char* Name() const override { return "weir.SleeplessEnv"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

}  // namespace

bool DoAsTold(SimulatedDisk& disk, const std::string& message) {
  static const std::regex kCommand("`truncate -s ([0-9]+) '([^']+)'`");
  std::smatch command;
  if (!std::regex_search(message, command, kCommand)) return false;
  disk.Edit(command[2], [&](std::string* content) { content->resize(std::stoull(command[1])); });
  return true;
}

std::unique_ptr<rocksdb::Env> MakeEnv(std::shared_ptr<SimulatedDisk> disk) {
  return std::make_unique<SleeplessEnv>(rocksdb::NewCompositeEnv(std::move(disk)));
}

}  // namespace weir::store
