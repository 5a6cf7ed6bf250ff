// Passwords at rest: argon2id by libsodium, in the usual text form
//   $argon2id$v=19$m=12288,t=3,p=1$<salt>$<digest>
// in which m is the memory in KiB that one check takes, and t the passes over it.
//
// When not to use: on an event loop. One check takes tens of milliseconds and the memory named;
// password_checks.h bounds how many run. Forgets: what is copied here is wiped, what the caller
// holds is the caller's.
// Threads: thread-safe.
// Source: RFC 9106; the cost is one of those that OWASP's Password Storage Cheat Sheet holds for
// equal (m = 12 MiB, t = 3, p = 1), taken for its small memory, which the budget has to hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::users {

inline constexpr size_t kPasswordBytesMax = 1024;

// What one check costs.
struct PasswordCost {
  uint32_t memory_kib = 12 * 1024;
  uint32_t passes = 3;
  auto operator<=>(const PasswordCost&) const = default;
};
// Of hashes that others made: at least what still protects, at most what may be held twice.
inline constexpr PasswordCost kCostMin{.memory_kib = 7 * 1024, .passes = 1};
inline constexpr PasswordCost kCostMax{.memory_kib = 64 * 1024, .passes = 16};

// Returns the hash of `password` with a new salt.
// Errors: kInvalid for an empty password or one above kPasswordBytesMax, kUnavailable when the
// memory cannot be had.
// Cost: that of a check.
Result<std::string> HashPassword(std::string_view password, PasswordCost cost = {});

// Whether `password` fits `hash`. Requires: HashCost(hash) is ok.
// Cost: as the hash says, whatever the answer.
bool PasswordFits(const std::string& hash, std::string_view password);

// Returns the cost of checking against `hash`.
// Errors: kInvalid, with what is wrong with it and what to do.
Result<PasswordCost> HashCost(std::string_view hash);

// Returns a password of `bits` bits that nobody can guess, as hexadecimal digits.
// Cost: one call of the system's source of randomness.
std::string RandomPassword(size_t bits);

// Returns a hash that costs what `hash` costs and that no password fits.
// Requires: HashCost(hash) is ok.
std::string DecoyHash(const std::string& hash);

}  // namespace weir::users
