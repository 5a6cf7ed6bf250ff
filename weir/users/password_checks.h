// PasswordChecks: the password checks that wait, those under way, and those that succeeded lately.
//
// A check is slow by design, so it runs on a thread of PasswordThreads and the one who asked is
// told later. Three things keep it cheap in the large:
//   - equal checks join: a thousand connections that come back at once with one password are one
//     check, however many they are;
//   - what fitted is remembered, so that the next connection need not wait at all;
//   - the queue has a limit, and one who is gone is taken out of it.
//
// Why remembering is safe: what is kept is no password but its BLAKE2b under a secret of this
// process, in memory that is locked and left out of core dumps; it names the hash too, so it ends
// with the password. Without the secret it is of no use, and who can read the memory of this
// process can read the passwords as they arrive. Only what fitted is kept: a guess always costs a
// whole check, for a user who exists and for one who does not.
//
// Threads: thread-safe. Nothing here takes longer than a look-up and one fast hash.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "weir/base/result.h"

namespace weir::users {

class PasswordChecks {
 public:
  static constexpr size_t kWaitingMax = 128;  // Checks, each for any number of connections.
  static constexpr size_t kRememberedMax = 1024;

  // Names a password held against a hash.
  using Fingerprint = std::array<unsigned char, 32>;
  // Told on the thread that made the check; must not block.
  using Done = std::function<void(bool fits)>;
  struct Ticket {
    uint64_t check = 0;
    uint64_t waiter = 0;
  };
  struct Begun {
    Ticket ticket;
    bool joined = false;  // An equal check was waiting or under way.
  };
  // For a thread that makes checks.
  struct Work {
    uint64_t check = 0;
    std::string hash;
    std::string password;
  };
  struct Counters {
    uint64_t fitted = 0;  // Checks made.
    uint64_t failed = 0;
    uint64_t joined = 0;
    uint64_t remembered = 0;
    uint64_t refused = 0;  // Because the queue was full.
    uint64_t cancelled = 0;
  };

  PasswordChecks();
  ~PasswordChecks();

  Fingerprint Name(std::string_view hash, std::string_view password) const;
  // Whether this password fitted this hash lately.
  bool Remembers(const Fingerprint& name);
  // Waits for an equal check, if one is waiting or under way.
  std::optional<Ticket> Join(const Fingerprint& name, Done done);
  // Has the check made, or joins an equal one, and `done` called with its outcome.
  // Requires: `name` is that of hash and password, which are at most kPasswordBytesMax.
  // Errors: kOverloaded when kWaitingMax checks wait already; nothing was begun.
  Result<Begun> Begin(const Fingerprint& name, const std::string& hash, std::string_view password,
                      Done done);
  // Nobody waits for it any more: `done` is not called once this has returned, unless it is being
  // called already. A check that nobody waits for is not made.
  void Cancel(const Ticket& ticket);

  // Waits for a check to make; nullopt after Close.
  std::optional<Work> Next();
  // As Next, without waiting: nullopt when there is none.
  std::optional<Work> TryNext();
  // Tells all who wait. Wipes the password.
  void Finish(Work work, bool fits);
  // Ends Next. What waits then is never answered.
  void Close();

  size_t waiting() const;
  Counters counters() const;

 private:
  struct FingerprintHash {
    size_t operator()(const Fingerprint& name) const;
  };
  struct Waiter {
    uint64_t id;
    Done done;
  };
  struct Check {
    Fingerprint name;
    std::string hash;
    std::string password;
    std::vector<Waiter> waiters;
    bool under_way = false;
  };
  struct Secret;

  std::optional<Ticket> JoinLocked(const Fingerprint& name, Done& done);
  std::optional<Work> TakeFirst();
  void Remember(const Fingerprint& name);

  std::unique_ptr<Secret> secret_;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable wake_;
  bool closed_ = false;
  uint64_t next_id_ = 1;
  std::deque<uint64_t> queue_;  // Checks not yet under way, in the order of coming.
  std::unordered_map<uint64_t, Check> checks_;
  std::unordered_map<Fingerprint, uint64_t, FingerprintHash> by_name_;
  std::unordered_set<Fingerprint, FingerprintHash> remembered_;
  std::deque<Fingerprint> remembered_order_;  // The oldest is forgotten first.
  Counters counters_;
};

}  // namespace weir::users
