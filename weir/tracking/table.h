// Table: which clients have been shown which keys, and so must be told when those change.
//
//   Track(key, client, version)  the client has been shown the key, as that version. Says when
//   others
//                                were shown another, so that somebody is wrong: Take it soon
//   Take(key)                    the key changes: who is to be told. They are forgotten, since what
//                                they were shown is worth nothing from now on
//   TakeUnless(key, version)     the key is found to hold that version: it changes for who was
//                                shown another (Disagrees)
//   Evict()                      there is too much: whose key is given up, and so must be told too
//
// A client that is told of a key it holds no more loses nothing, one that is not told of a key it
// holds is wrong for ever. So a client that goes need not be removed: its ids fall out with the
// keys. Who says when a read counts, and in what order it stands to the writes, is the caller.
//
// When not to use: for clients that want to hear of every key with a prefix (prefixes.h).
// Ownership: copies keys. Threads: single-owner.
// Limits: Limits; while over(), the key that has been tracked longest is given up. Unlike Redis,
// which gives up any key.
// Cost: O(1) and the clients of the one key (a search, and one insertion in order).
// Source: the tracking table of Redis 6, tracking.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/tracking/client_id.h"

namespace weir::tracking {

class Table {
 public:
  struct Limits {
    size_t keys_max = 1'000'000;
    size_t bytes_max = size_t{64} << 20;
  };
  struct Taken {
    std::string key;
    std::vector<ClientId> clients;  // Rising.
  };

  explicit Table(const Limits& limits) : limits_(limits) {}
  ~Table() { Clear(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // Requires (here and below): `hash` is the same function of `key` in every call.
  // Returns whether everybody was shown this version. If not, it is not known who is right, and all
  // must be told; nobody is forgotten, so that whoever changes the key meanwhile finds them.
  [[nodiscard]] bool Track(std::string_view key, uint64_t hash, ClientId client, uint64_t version);
  // Returns the clients that were shown `key`, rising, and forgets it.
  std::vector<ClientId> Take(std::string_view key, uint64_t hash);
  // Whether somebody was shown another version than this.
  bool Disagrees(std::string_view key, uint64_t hash, uint64_t version);
  // As Take, if it disagrees; else nobody.
  std::vector<ClientId> TakeUnless(std::string_view key, uint64_t hash, uint64_t version);

  bool over() const { return keys() > limits_.keys_max || bytes_ > limits_.bytes_max; }
  // Gives up the key that has been tracked longest. Returns nullopt unless over().
  std::optional<Taken> Evict();
  // Forgets everything, as after a change of all keys.
  void Clear();

  size_t keys() const { return entries_.size(); }
  // Pairs of a key and a client.
  size_t items() const { return items_; }
  // An estimate of the memory, of which keys and clients are exact.
  size_t bytes() const { return bytes_; }

 private:
  struct Entry;
  using Entries = std::unordered_multimap<uint64_t, Entry>;
  using Node = Entries::value_type;
  struct Entry {
    std::string key;
    std::vector<ClientId> clients;  // Rising.
    uint64_t version = 0;           // That the first of them was shown.
    Node* older = nullptr;
    Node* newer = nullptr;
  };
  // A node, its bucket, and what the allocator adds to each of its three pieces.
  static constexpr size_t kEntryBytes = sizeof(uint64_t) + sizeof(Entry) + 40;

  static size_t Cost(const Entry& entry) {
    return kEntryBytes + entry.key.size() + entry.clients.capacity() * sizeof(ClientId);
  }
  Entries::iterator Find(std::string_view key, uint64_t hash);
  Entries::iterator Insert(std::string_view key, uint64_t hash, uint64_t version);
  Taken Remove(Entries::iterator at);

  const Limits limits_;
  Entries entries_;
  Node* oldest_ = nullptr;
  Node* newest_ = nullptr;
  size_t items_ = 0;
  size_t bytes_ = 0;
};

}  // namespace weir::tracking
