#include "weir/users/password_threads.h"

#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "weir/users/password.h"

namespace weir::users {
namespace {

// A tenth of the weight of a thread that serves.
constexpr int kNice = 10;

}  // namespace

PasswordThreads::PasswordThreads(PasswordChecks& checks) : checks_(checks) {
  for (size_t i = 0; i < kChecksAtOnce; ++i) threads_.emplace_back([this] { Run(); });
}

PasswordThreads::~PasswordThreads() {
  checks_.Close();
  for (std::thread& thread : threads_) thread.join();
}

void PasswordThreads::Run() {
  // On Linux this is the niceness of one thread. If it fails, checks are merely less polite.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  while (std::optional<PasswordChecks::Work> work = checks_.Next()) {
    const bool fits = PasswordFits(work->hash, work->password);
    checks_.Finish(std::move(*work), fits);
  }
}

}  // namespace weir::users
