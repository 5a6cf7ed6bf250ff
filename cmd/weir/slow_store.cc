#include "cmd/weir/slow_store.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace weir::cmd {
namespace {

constexpr size_t kReadersMax = 4096;
constexpr auto kLookPause = std::chrono::milliseconds(2);

Result<Slowness> ParseFile(const std::string& file) {
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return Slowness::Parse(text);
}

}  // namespace

Result<Slowness> Slowness::Parse(std::string_view text) {
  Slowness slowness;
  std::istringstream words{std::string(text)};
  std::string name;
  uint64_t number = 0;
  bool right = true;
  bool any = false;
  while (right && words >> name) {
    any = true;
    right = static_cast<bool>(words >> number);
    if (name == "readers") {
      right &= number > 0 && number <= kReadersMax;
      slowness.readers = number;
    } else if (name == "read_us") {
      slowness.read = std::chrono::microseconds(number);
    } else if (name == "write_us") {
      slowness.write = std::chrono::microseconds(number);
    } else if (name == "frozen") {
      slowness.frozen = number != 0;
    } else {
      right = false;
    }
  }
  if (right && any) return slowness;
  return Error{ErrorCode::kInvalid,
               "the file of WEIR_SLOW_STORE holds 'readers N read_us N write_us N frozen 0'"};
}

SlowStore::SlowStore(std::unique_ptr<store::Store> behind, std::string file, Slowness first)
    : ForwardingStore(std::move(behind)),
      file_(std::move(file)),
      slowness_(first),
      readers_free_at_(first.readers),
      thread_([this] { Run(); }) {}

SlowStore::~SlowStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SlowStore::LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                           store::Done<store::Loads> done) {
  const size_t count = keys.size();
  Hold(count, true, [this, keys = std::move(keys), bytes_max, done = std::move(done)] {
    behind().LoadWithin(keys, bytes_max, done);
  });
}

void SlowStore::Apply(store::Batch batch, store::Done<store::Applied> done) {
  const size_t count = batch.writes.size();
  Hold(count, false,
       [this, batch = std::move(batch), done = std::move(done)] { behind().Apply(batch, done); });
}

void SlowStore::Hold(size_t keys, bool reads, std::function<void()> go_on) {
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.Mono();
    MonoTime ends = now;
    for (size_t i = 0; i < keys; ++i) {
      MonoTime& free_at = reads
                              ? *std::min_element(readers_free_at_.begin(), readers_free_at_.end())
                              : writer_free_at_;
      free_at = std::max(free_at, now) + (reads ? slowness_.read : slowness_.write);
      ends = std::max(ends, free_at);
    }
    held_.emplace(ends, std::move(go_on));
  }
  wake_.notify_one();
}

void SlowStore::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !held_.empty()) {
    ReadFile();
    const MonoTime now = clock_.Mono();
    while (!held_.empty() && (stopping_ || (!slowness_.frozen && held_.begin()->first <= now))) {
      const std::function<void()> go_on = std::move(held_.begin()->second);
      held_.erase(held_.begin());
      lock.unlock();
      go_on();
      lock.lock();
    }
    if (stopping_) continue;
    std::chrono::nanoseconds pause = kLookPause;
    if (!held_.empty() && !slowness_.frozen) {
      pause = std::min(pause, held_.begin()->first - clock_.Mono());
    }
    if (pause.count() > 0) wake_.wait_for(lock, pause);
  }
}

// What is no description, as while it is being replaced, changes nothing.
void SlowStore::ReadFile() {
  const Result<Slowness> read = ParseFile(file_);
  if (!read.ok()) return;
  slowness_ = read.value();
  readers_free_at_.resize(slowness_.readers);
}

Result<std::string> SlowDown(std::vector<std::unique_ptr<store::Store>>* stores) {
  const char* const file = std::getenv("WEIR_SLOW_STORE");
  if (file == nullptr) return std::string();
  const Result<Slowness> first = ParseFile(file);
  if (!first.ok()) return first.error();
  for (std::unique_ptr<store::Store>& store : *stores) {
    store = std::make_unique<SlowStore>(std::move(store), file, first.value());
  }
  return std::string(file);
}

}  // namespace weir::cmd
