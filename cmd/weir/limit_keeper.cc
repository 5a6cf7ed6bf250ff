#include "cmd/weir/limit_keeper.h"

#include <algorithm>
#include <cassert>
#include <fstream>
#include <string>
#include <utility>

#include "cmd/weir/layout.h"
#include "cmd/weir/log.h"
#include <sys/random.h>

namespace weir::cmd {
namespace {

// A save that takes long is followed by a pause that is so many times longer.
constexpr int kPausePart = 10;

bool Keeps(const Config& config) {
  return config.server.store != StoreKind::kMemory &&
         config.server.limits_kept_every != Duration(0);
}

std::string DirectoryOf(const Config& config) {
  return LayOut(config).directories.front();
}

// Empty where it cannot be read.
std::string BootId() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  return id.substr(0, 36);
}

uint64_t NewRun() {
  uint64_t run = 0;
  while (run == 0) {
    [[maybe_unused]] const ssize_t got = getrandom(&run, sizeof(run), 0);
    assert(got == static_cast<ssize_t>(sizeof(run)));
  }
  return run;
}

void LogFound(LimitState::Found found) {
  switch (found) {
    case LimitState::Found::kNothing:
    case LimitState::Found::kAll:
      return;
    case LimitState::Found::kMost:
      return LogInfo(
          "limits that requests bring along: what was used last before the end counts as "
          "used up");
    case LimitState::Found::kNone:
      return LogWarn(
          "limits that requests bring along: nothing is known of them, so all count as "
          "used up");
  }
}

}  // namespace

uint64_t LimitKeeper::SeedFor(const Config& config, uint64_t otherwise) {
  if (!Keeps(config)) return otherwise;
  return LimitState::SeedIn(DirectoryOf(config)).value_or(otherwise);
}

Result<std::unique_ptr<LimitKeeper>> LimitKeeper::Start(const Config& config,
                                                        gateway::Gateway& gateway, Clock& clock) {
  if (!Keeps(config)) {
    // Else a later start that keeps them would take what is of long ago for how they are.
    if (config.server.store == StoreKind::kMemory) return std::unique_ptr<LimitKeeper>();
    if (const Result<Ok> forgotten = LimitState::Forget(DirectoryOf(config)); !forgotten.ok()) {
      LogWarn("what a process before has kept of limits is still there: " +
              forgotten.error().message);
    }
    return std::unique_ptr<LimitKeeper>();
  }
  gateway::Admission& admission = gateway.admission();
  const LimitState::Place place{DirectoryOf(config), BootId()};
  Result<std::unique_ptr<LimitState>> opened =
      LimitState::Open(place, admission.seed(), NewRun(), admission.buckets(), clock.Mono());
  if (!opened.ok()) {
    Error error = opened.error();
    error.message += "; with limits_kept_every = 0 nothing is kept";
    return error;
  }
  LogFound(opened.value()->found());
  return std::unique_ptr<LimitKeeper>(
      new LimitKeeper(std::move(opened).value(), clock, config.server.limits_kept_every));
}

LimitKeeper::~LimitKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
  Save(LimitState::Moment::kStop);
}

void LimitKeeper::Run() {
  std::chrono::nanoseconds pause = every_;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [this] { return ends_; })) {
    lock.unlock();
    const MonoTime began = clock_.Mono();
    Save(LimitState::Moment::kBetween);
    pause = std::max<std::chrono::nanoseconds>(every_, kPausePart * (clock_.Mono() - began));
    lock.lock();
  }
}

void LimitKeeper::Save(LimitState::Moment moment) {
  const Result<Ok> saved = state_->Save(moment, clock_.Mono());
  if (!saved.ok() && !failed_) {
    LogWarn("limits that requests bring along are not saved: " + saved.error().message);
  }
  if (saved.ok() && failed_) LogInfo("limits that requests bring along are saved again");
  failed_ = !saved.ok();
}

}  // namespace weir::cmd
