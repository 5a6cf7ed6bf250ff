// SlowStore: a database in front of a database, with a capacity that is known and can be changed
// while it runs; for measuring what overload does (`./dev bench overload`).
//
// Each key that is read takes one of `readers` for `read_us`; each record that is written takes the
// one writer for `write_us`; then the call goes on to the real store. `frozen 1` holds everything
// until it is 0 again. Time is kept as a schedule and not by sleeping for each key, so the capacity
// is exact however late the thread wakes.
//
// It is asked for by the environment, WEIR_SLOW_STORE=FILE, and not by an option, so that no
// configuration file can hold it. FILE holds names and numbers, `readers 4 read_us 2000 write_us 0
// frozen 0`; it is read again every few milliseconds, so replace it by a rename.
// Threads: as Store. Errors: those of the store behind it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/store/forwarding_store.h"

namespace weir::cmd {

struct Slowness {
  size_t readers = 1;
  std::chrono::microseconds read{0};
  std::chrono::microseconds write{0};
  bool frozen = false;

  // Errors: kInvalid with what to write.
  static Result<Slowness> Parse(std::string_view text);
};

class SlowStore final : public store::ForwardingStore {
 public:
  SlowStore(std::unique_ptr<store::Store> behind, std::string file, Slowness first);
  // What is held goes on at once.
  ~SlowStore() override;

  void LoadWithin(std::vector<store::Key> keys, size_t bytes_max,
                  store::Done<store::Loads> done) override;
  void Apply(store::Batch batch, store::Done<store::Applied> done) override;

 private:
  void Hold(size_t keys, bool reads, std::function<void()> go_on);
  void Run();
  void ReadFile();

  const std::string file_;
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_:
  Slowness slowness_;
  std::vector<MonoTime> readers_free_at_;
  MonoTime writer_free_at_;
  std::multimap<MonoTime, std::function<void()>> held_;  // By when it goes on.
  bool stopping_ = false;
  std::thread thread_;
};

// Puts one in front of each store if the environment asks for it. Returns the file, or "".
// Errors: kInvalid for a file that cannot be read.
Result<std::string> SlowDown(std::vector<std::unique_ptr<store::Store>>* stores);

}  // namespace weir::cmd
