// Authentication: who the users are at present, and what is asked about their passwords.
//
// The set of users is swapped whole. A session holds the set it last looked at and compares
// generations before each command, which is one load; so a change holds from the next command on,
// and a session whose user is gone, or has another password, is nobody's.
//
// A guess is paid for: each check that is begun takes a token of the client's address, and one that
// fits gives it back. What is remembered, or joins a check under way, takes none, so connections
// that come back in a crowd are not guessers.
// Threads: thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "weir/gateway/admission.h"
#include "weir/gateway/session.h"
#include "weir/users/password_checks.h"
#include "weir/users/user.h"

namespace weir::gateway {

class Authentication {
 public:
  static constexpr std::string_view kAttemptsPolicy = "auth-attempts";
  static constexpr size_t kAttemptsBytes = size_t{1} << 20;  // Of the buckets of all addresses.

  struct Options {
    std::shared_ptr<const users::Users> users = std::make_shared<const users::Users>();
    // What each client address may try; failures alone count in the end.
    limit::Rate attempts{.count = 30, .period = std::chrono::minutes(1), .burst = 30};
    uint64_t seed = 0;  // Secret.
  };

  // Errors: kInvalid for a rate that cannot be kept.
  static Result<std::unique_ptr<Authentication>> Create(Options options);

  // 0 while there have never been users: then every session may everything, and the rest need not
  // be asked.
  uint32_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const users::Users> users() const;
  void SetUsers(std::shared_ptr<const users::Users> users);

  // Changes what each address may try; what was tried counts on. Errors: as Create; nothing has
  // changed then.
  Result<Ok> SetAttempts(const limit::Rate& attempts, MonoTime now);

  // Makes a new connection's session that of the default user if the set is open, else nobody's.
  void Welcome(Session& session) const;
  // Brings the session up to the present set. Returns false when it has lost its user.
  bool Follow(Session& session) const;
  // Brings the session of another node up to the present set: its user is the one of the name that
  // it acts for, whatever the password. Nobody's, when there is none.
  void Assume(Session& session) const;
  // Makes `user` of the present set the session's, if it is there with this hash; else the session
  // stays whose it was.
  bool Grant(Session& session, std::string_view user, std::string_view hash) const;

  users::PasswordChecks& checks() { return checks_; }
  // Takes a token of the address; returns the error to reply with when it has none.
  std::optional<std::string> TakeAttempt(const limit::Address& client, MonoTime now);
  void GiveBackAttempt(const limit::Address& client, MonoTime now);

 private:
  Authentication(std::shared_ptr<const users::Users> users, std::unique_ptr<Admission> attempts);
  static bool Adopt(Session& session, std::string_view user, std::string_view hash);

  users::PasswordChecks checks_;
  const std::unique_ptr<Admission> attempts_;
  std::atomic<uint32_t> generation_;
  mutable std::mutex mutex_;
  std::shared_ptr<const users::Users> users_;  // Guarded by mutex_.
};

}  // namespace weir::gateway
