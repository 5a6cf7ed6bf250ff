// PasswordThreads: the threads on which passwords are checked, kChecksAtOnce of them.
//
// They give way to the threads that serve: a storm of guesses takes the CPU that is left over.
// Threads: single-owner. Destruction waits for the checks under way.
#pragma once

#include <thread>
#include <vector>

#include "weir/users/password_checks.h"

namespace weir::users {

// Each holds the memory of one check (PasswordCost) meanwhile.
inline constexpr size_t kChecksAtOnce = 2;

class PasswordThreads {
 public:
  // Borrows `checks`, which ends with this: nothing waits any more, and nothing is answered.
  explicit PasswordThreads(PasswordChecks& checks);
  ~PasswordThreads();
  PasswordThreads(const PasswordThreads&) = delete;
  PasswordThreads& operator=(const PasswordThreads&) = delete;

 private:
  void Run();

  PasswordChecks& checks_;
  std::vector<std::thread> threads_;
};

}  // namespace weir::users
