// Users: who may talk to this node, what each may do, and to which keys.
//
// A set of users never changes: a new configuration is a new set, which whoever holds the old one
// keeps alive as long as needed. Passwords are hashes here; checking one is password_checks.h.
//
// Threads: immutable, so thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::users {

// What a user may do, as bits of a set.
using Rights = uint8_t;
inline constexpr Rights kRead = 1 << 0;   // Commands that tell what keys hold.
inline constexpr Rights kWrite = 1 << 1;  // Commands that change keys.
inline constexpr Rights kAdmin = 1 << 2;  // Commands that see or change the server as a whole.
inline constexpr Rights kAllRights = kRead | kWrite | kAdmin;

// Who `AUTH password` means, and who everybody is while there are no users.
inline constexpr std::string_view kDefaultUser = "default";

inline constexpr size_t kUsersMax = 1024;
inline constexpr size_t kKeyPrefixesMax = 64;  // Of one user.

struct User {
  std::string name;
  std::string password_hash;  // As HashPassword writes it.
  Rights rights = kRead | kWrite;
  std::vector<std::string> key_prefixes{};  // Empty: all keys.

  bool May(Rights needed) const { return (rights & needed) == needed; }
  bool confined() const { return !key_prefixes.empty(); }
  // Whether the user may touch `key`. Cost: one comparison for each prefix.
  bool MayTouch(std::string_view key) const;
};

// The set without users is open: nobody authenticates, and everybody is its `default`.
class Users {
 public:
  Users() : Users(std::vector<User>()) {}
  // Requires: names differ, hashes are of HashPassword's form, the limits above are kept.
  explicit Users(std::vector<User> users);

  bool open() const { return users_.empty(); }
  // Returns nullptr when there is none of this name. An open set has `default`, who may everything.
  const User* Find(std::string_view name) const;
  // In order of name.
  const std::vector<User>& all() const { return users_; }

  // A hash that no password fits, to check against for a user who does not exist: it takes as long
  // as a true one. Requires: !open().
  const std::string& decoy_hash() const { return decoy_hash_; }

 private:
  std::vector<User> users_;
  User everybody_;
  std::string decoy_hash_;
};

// Whose eyes something long sees with: keeps the set of users alive meanwhile.
struct Viewer {
  std::shared_ptr<const Users> users;
  const User* user = nullptr;  // nullptr: one who sees everything.

  bool MaySee(std::string_view key) const { return user == nullptr || user->MayTouch(key); }
};

}  // namespace weir::users
