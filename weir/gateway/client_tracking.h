// ClientTracking: clients that keep what they read in caches of their own, and are told of changes.
//
// A client is told of every change, on its connection, behind the last reply that may show what
// the key held before. A reply can be late: the value was loaded, and a write passes it. So who
// reads says for each key, holding the key's lane, whether the token that it began with is still
// current; if it is not, a change may have been told already, and the client is told again:
//
//   1. reader: begins a load, token 7
//   2. writer: publishes, token 8; OnChanged: nobody has been shown the key, nobody is told
//   3. reader: takes what was loaded, which it may, since it asked before the write ended; token 7
//      is not current
//   4. reader: replies, and tells itself right behind the reply
//
// If it is current, the client is entered in the table before the lane is let go, so the next
// publication, which needs that lane, comes after; and what it tells arrives at the reader's home
// after the reply has been written there. So it is enough that whoever changes a key bumps its
// token under the lane's lock, before OnChanged.
//
// A message has been delivered to the home before the writer hears OK, whoever took the client out
// of the table: the writer, a reader who was shown another version, or one for whose key there was
// no room. A change that nobody can name (FLUSHALL, a database that has found out what became of
// its last batch) is told as "all keys".
//
// What others write to a database behind weir is told when a load finds it: the table knows which
// version of a key was shown, and OnLoaded names the one that is there. An answer past its time
// (docs/caching.md) may be older than what is there, so it is told like one that a write has
// passed, and nobody keeps it.
//
// Which keys: those shown to the client (tracking/table.h), or all with a prefix (BCAST,
// tracking/prefixes.h). Messages are RESP3 pushes; a client that speaks RESP2 is told nothing, as
// in Redis, and can have another connection told that speaks RESP3 (REDIRECT).
//
// Threads: thread-safe. The locks are taken last, after any lane's.
// Limits: kTablePart of the memory for clients and `keys_max` keys in the table, which the
// memory is charged for, until the end of the round that adds one more; those of
// tracking::Prefixes; kPrefixesPerClientMax.
//
// Cost: any() is one load, all that a write costs while nobody is tracked.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/base/byte_account.h"
#include "weir/base/bytes.h"
#include "weir/gateway/home.h"
#include "weir/gateway/session.h"
#include "weir/resp/writer.h"
#include "weir/tracking/prefixes.h"
#include "weir/tracking/table.h"

namespace weir::gateway {

class ClientTracking {
 public:
  static constexpr size_t kKeysMax = 1'000'000;
  // Of the memory for clients, what the table may take.
  static constexpr size_t kTablePart = 4;
  static constexpr size_t kPrefixesPerClientMax = 128;
  // Of one message of several keys: from 4097 bytes on it would count as a large value.
  static constexpr size_t kMessageBytesMax = 4096;
  // Of the keys of one read that are told by name; if there are more, it is told as all keys.
  static constexpr size_t kNamedBytesMax = size_t{128} << 10;

  struct Change {
    std::string_view key;
    uint64_t hash = 0;    // KeyHash::hash.
    uint64_t writer = 0;  // The only connection that wrote it; 0: several, or none.
  };

  // What a client has been shown of a key.
  struct Shown {
    uint64_t version = 0;          // 0: that there is no such key.
    bool current = false;          // No write has come since, and it was not past its time.
    WallTime expires_at = kNever;  // Of the record that was shown.
  };

  // What reads and loads have found that somebody is to be told of: noted while lanes are locked,
  // told (Tell) when none is. Whoever it is about stays in the table until then.
  class Untold {
   public:
    bool empty() const { return keys_.empty() && own_.empty() && !over_; }

   private:
    friend class ClientTracking;
    struct Key {
      std::string key;
      uint64_t hash = 0;
      std::optional<uint64_t> found;  // The version that is there; nullopt: it is not known.
    };
    // A client that was shown what it must not keep, and has another connection told.
    struct Own {
      uint64_t client = 0;
      std::vector<std::string> keys;  // Empty: all.
    };
    std::vector<Key> keys_;
    std::vector<Own> own_;
    bool over_ = false;  // The table is.
  };

  struct Counts {
    uint64_t clients = 0;
    uint64_t keys = 0;
    uint64_t items = 0;  // Pairs of a key and a client.
    uint64_t prefixes = 0;
    uint64_t messages = 0;  // Sent since the start.
    uint64_t given_up = 0;  // Keys that left the table for want of room.
  };

  // Borrows `clients`, the account of their memory.
  ClientTracking(ByteAccount& clients, size_t keys_max);

  // Every connection is known here, so that it can be redirected to. Requires: `home` outlives it.
  void Enter(uint64_t id, resp::Protocol protocol, Home& home);
  void Leave(uint64_t id);
  void SetProtocol(uint64_t id, resp::Protocol protocol);
  // Returns nullopt when there is no such connection.
  std::optional<resp::Protocol> ProtocolOf(uint64_t id) const;

  // CLIENT TRACKING ON in `mode`, of which the prefixes are all that the client has from now on.
  // Returns false, and changes nothing, when there would be too many prefixes.
  bool Begin(uint64_t id, const TrackingMode& mode);
  void End(uint64_t id);
  // Whether the connection that it redirects to was found to be gone.
  bool redirect_broken(uint64_t id) const;

  bool any() const { return tracking_clients_.load(std::memory_order_acquire) != 0; }

  // A client that tracks in `mode` has been shown `key`.
  // Requires: it was current, and the lock of the key's lane is held since that was seen; the reply
  // stands in the client's output.
  void OnRead(uint64_t client, const TrackingMode& mode, std::string_view key, uint64_t hash,
              const Shown& shown, Untold* untold);
  // A client that tracks in `mode` has been shown what it must not keep of `keys`; none: of all.
  // Returns the messages to put right behind the reply: nobody else can tell it before the next.
  std::vector<Bytes> OnOutdatedRead(uint64_t client, const TrackingMode& mode,
                                    std::span<const std::string_view> keys, Untold* untold);
  // A load that no write has passed has found this version of `key`; 0: that there is none.
  // Requires: the lock of the key's lane is held.
  void OnLoaded(std::string_view key, uint64_t hash, uint64_t version, Untold* untold);
  // Delivers the messages. Requires: no lane is locked.
  void Tell(Untold* untold);

  // Delivers the messages. Requires: tokens have been bumped, no lane is locked, and no writer has
  // been answered.
  void OnChanged(std::span<const Change> changes);
  // All keys, perhaps, of one database at least.
  void OnAllChanged();
  // The message that says so.
  static Bytes AllKeys();

  Counts counts() const;

 private:
  struct Client {
    Home* home = nullptr;
    resp::Protocol protocol = resp::Protocol::kResp2;
    bool tracks = false;
    bool broadcast = false;
    bool no_loop = false;
    bool redirect_broken = false;
    uint64_t redirect = 0;
    std::vector<std::string> prefixes{};
  };

  // Messages on their way to the homes that they are for.
  class Messages {
   public:
    void Add(Home* home, Push push);
    // Delivers them all.
    void Send();

   private:
    std::vector<std::pair<Home*, Completions>> by_home_;
  };

  // Requires of these: clients_mutex_ is held.
  void Tell(Client& client, uint64_t id, const Bytes& message, Messages* messages);
  void TellOwn(const Untold::Own& own, Messages* messages);
  std::vector<tracking::Table::Taken> TakeUntold(const Untold& untold);
  void TellPrefixes(std::span<const Change> changes, Messages* messages);
  void DropPrefixes(uint64_t id, Client& client);
  void TellReaders(std::string_view key, std::span<const tracking::ClientId> readers,
                   uint64_t writer, Messages* messages);
  // Requires: table_mutex_ is held.
  void ChargeTable();

  ByteAccount& account_;
  std::atomic<uint64_t> tracking_clients_{0};

  mutable std::mutex table_mutex_;
  tracking::Table table_;  // Guarded by table_mutex_, and so are:
  size_t charged_bytes_ = 0;
  uint64_t given_up_ = 0;

  // Taken before table_mutex_ where both are held. Whoever takes a client out of the table sends
  // the message before it lets go of this one; who found nobody there takes it afterwards, before a
  // writer is answered. So nothing is on its way between the two.
  mutable std::mutex clients_mutex_;
  std::unordered_map<uint64_t, Client> clients_;  // Guarded by clients_mutex_, and so are:
  tracking::Prefixes prefixes_;

  std::atomic<uint64_t> messages_{0};
};

}  // namespace weir::gateway
