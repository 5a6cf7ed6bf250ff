#include "weir/gateway/client_tracking.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "weir/gateway/reply.h"
#include "weir/resp/output_buffer.h"

namespace weir::gateway {
namespace {

Bytes Encode(const auto& write) {
  resp::OutputBuffer output;
  resp::Writer writer(output, resp::Protocol::kResp3);
  write(writer);
  return TakeAll(output);
}

Bytes Invalidation(std::span<const std::string_view> keys) {
  return Encode([keys](resp::Writer& writer) {
    writer.PushHeader(2);
    writer.Bulk("invalidate");
    writer.ArrayHeader(keys.size());
    for (const std::string_view key : keys) writer.Bulk(key);
  });
}

Bytes BrokenRedirect(uint64_t target) {
  return Encode([target](resp::Writer& writer) {
    writer.PushHeader(2);
    writer.Bulk("tracking-redir-broken");
    writer.Integer(static_cast<int64_t>(target));
  });
}

// As few as the limit of one allows; a longer key has one of its own.
std::vector<Bytes> Invalidations(std::span<const std::string_view> keys) {
  constexpr size_t kHeaderBytes = 40;
  constexpr size_t kFramingBytes = 16;
  std::vector<Bytes> messages;
  size_t bytes = kHeaderBytes;
  size_t begin = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const size_t size = keys[i].size() + kFramingBytes;
    if (i > begin && bytes + size > ClientTracking::kMessageBytesMax) {
      messages.push_back(Invalidation(keys.subspan(begin, i - begin)));
      begin = i;
      bytes = kHeaderBytes;
    }
    bytes += size;
  }
  if (begin < keys.size()) messages.push_back(Invalidation(keys.subspan(begin)));
  return messages;
}

}  // namespace

Bytes ClientTracking::AllKeys() {
  return Encode([](resp::Writer& writer) {
    writer.PushHeader(2);
    writer.Bulk("invalidate");
    writer.Null();
  });
}

void ClientTracking::Messages::Add(Home* home, Push push) {
  auto found = std::find_if(by_home_.begin(), by_home_.end(),
                            [home](const auto& entry) { return entry.first == home; });
  if (found == by_home_.end()) found = by_home_.insert(found, {home, Completions{}});
  found->second.pushes.push_back(std::move(push));
}

void ClientTracking::Messages::Send() {
  for (auto& [home, completions] : std::exchange(by_home_, {})) {
    home->Deliver(std::move(completions));
  }
}

ClientTracking::ClientTracking(ByteAccount& clients, size_t keys_max)
    : account_(clients),
      table_({.keys_max = keys_max, .bytes_max = clients.limit() / kTablePart}) {}

void ClientTracking::Enter(uint64_t id, resp::Protocol protocol, Home& home) {
  const std::lock_guard lock(clients_mutex_);
  clients_[id] = {.home = &home, .protocol = protocol};
}

void ClientTracking::Leave(uint64_t id) {
  End(id);
  const std::lock_guard lock(clients_mutex_);
  clients_.erase(id);
}

void ClientTracking::SetProtocol(uint64_t id, resp::Protocol protocol) {
  const std::lock_guard lock(clients_mutex_);
  clients_.at(id).protocol = protocol;
}

std::optional<resp::Protocol> ClientTracking::ProtocolOf(uint64_t id) const {
  const std::lock_guard lock(clients_mutex_);
  const auto found = clients_.find(id);
  return found == clients_.end() ? std::nullopt : std::optional(found->second.protocol);
}

bool ClientTracking::Begin(uint64_t id, const TrackingMode& mode) {
  const std::lock_guard lock(clients_mutex_);
  Client& client = clients_.at(id);
  for (const std::string& prefix : mode.prefixes) {
    if (prefixes_.Add(prefix, id)) continue;
    for (const std::string& added : mode.prefixes) {
      if (std::find(client.prefixes.begin(), client.prefixes.end(), added) ==
          client.prefixes.end()) {
        prefixes_.Remove(added, id);
      }
    }
    return false;
  }
  client.prefixes.assign(mode.prefixes.begin(), mode.prefixes.end());
  client.broadcast = mode.broadcast;
  client.no_loop = mode.no_loop;
  client.redirect = mode.redirect;
  client.redirect_broken = false;
  if (!std::exchange(client.tracks, true)) ++tracking_clients_;
  return true;
}

void ClientTracking::End(uint64_t id) {
  const std::lock_guard lock(clients_mutex_);
  Client& client = clients_.at(id);
  if (!std::exchange(client.tracks, false)) return;
  DropPrefixes(id, client);
  client.redirect = 0;
  client.redirect_broken = false;
  if (--tracking_clients_ > 0) return;
  // Nobody is left who could be told. Who begins now waits for this lock, and reads only then.
  const std::lock_guard table_lock(table_mutex_);
  table_.Clear();
  ChargeTable();
}

void ClientTracking::DropPrefixes(uint64_t id, Client& client) {
  for (const std::string& prefix : std::exchange(client.prefixes, {})) {
    prefixes_.Remove(prefix, id);
  }
}

bool ClientTracking::redirect_broken(uint64_t id) const {
  const std::lock_guard lock(clients_mutex_);
  return clients_.at(id).redirect_broken;
}

void ClientTracking::Tell(Client& client, uint64_t id, const Bytes& message, Messages* messages) {
  Home* home = client.home;
  uint64_t to = id;
  Bytes said = message;
  if (client.redirect != 0) {
    const auto target = clients_.find(client.redirect);
    client.redirect_broken |= target == clients_.end();
    if (target != clients_.end()) {
      home = target->second.home;
      to = client.redirect;
    } else {
      said = BrokenRedirect(client.redirect);
    }
  }
  if (clients_.at(to).protocol != resp::Protocol::kResp3) return;
  ++messages_;
  messages->Add(home, {to, std::move(said)});
}

// A reader that asks for prefixes by now is told by those.
void ClientTracking::TellReaders(std::string_view key, std::span<const tracking::ClientId> readers,
                                 uint64_t writer, Messages* messages) {
  const Bytes message = Invalidation({&key, 1});
  for (const tracking::ClientId id : readers) {
    const auto found = clients_.find(id);
    if (found == clients_.end() || !found->second.tracks || found->second.broadcast) continue;
    if (found->second.no_loop && id == writer) continue;
    Tell(found->second, id, message, messages);
  }
}

void ClientTracking::TellPrefixes(std::span<const Change> changes, Messages* messages) {
  if (prefixes_.size() == 0) return;
  std::vector<std::string_view> keys;
  keys.reserve(changes.size());
  for (const Change& change : changes) keys.push_back(change.key);
  for (const tracking::Prefixes::Match& match : prefixes_.MatchAll(keys)) {
    const auto but = [&](uint64_t writer) {
      std::vector<std::string_view> told;
      for (const size_t i : match.keys) {
        if (writer == 0 || changes[i].writer != writer) told.push_back(keys[i]);
      }
      return told;
    };
    const std::vector<Bytes> shared = Invalidations(but(0));
    for (const tracking::ClientId id : *match.clients) {
      Client& client = clients_.at(id);
      const auto own = [&](size_t key) { return changes[key].writer == id; };
      const bool wrote = client.no_loop && std::any_of(match.keys.begin(), match.keys.end(), own);
      for (const Bytes& message : wrote ? Invalidations(but(id)) : shared) {
        Tell(client, id, message, messages);
      }
    }
  }
}

void ClientTracking::ChargeTable() {
  const size_t bytes = table_.bytes();
  if (bytes > charged_bytes_) account_.Take(bytes - charged_bytes_);
  if (bytes < charged_bytes_) account_.Give(charged_bytes_ - bytes);
  charged_bytes_ = bytes;
}

void ClientTracking::OnRead(uint64_t client, const TrackingMode& mode, std::string_view key,
                            uint64_t hash, const Shown& shown, Untold* untold) {
  assert(mode.on);
  assert(shown.current);
  if (mode.broadcast) return;
  const std::lock_guard lock(table_mutex_);
  if (!table_.Track(key, hash, client, shown.version)) {
    untold->keys_.push_back({std::string(key), hash, std::nullopt});
  }
  untold->over_ |= table_.over();
  ChargeTable();
}

std::vector<Bytes> ClientTracking::OnOutdatedRead(uint64_t client, const TrackingMode& mode,
                                                  std::span<const std::string_view> keys,
                                                  Untold* untold) {
  assert(mode.on);
  const auto wants = [&](std::string_view key) {
    return !mode.broadcast ||
           std::any_of(mode.prefixes.begin(), mode.prefixes.end(),
                       [key](const std::string& prefix) { return key.starts_with(prefix); });
  };
  std::vector<std::string_view> wanted;
  std::copy_if(keys.begin(), keys.end(), std::back_inserter(wanted), wants);
  if (wanted.empty() && !keys.empty()) return {};
  if (mode.redirect != 0) {
    untold->own_.push_back({client, {wanted.begin(), wanted.end()}});
    return {};
  }
  std::vector<Bytes> messages =
      wanted.empty() ? std::vector<Bytes>{AllKeys()} : Invalidations(wanted);
  messages_ += messages.size();
  return messages;
}

void ClientTracking::OnLoaded(std::string_view key, uint64_t hash, uint64_t version,
                              Untold* untold) {
  if (!any()) return;
  const std::lock_guard lock(table_mutex_);
  if (table_.Disagrees(key, hash, version)) {
    untold->keys_.push_back({std::string(key), hash, version});
  }
}

std::vector<tracking::Table::Taken> ClientTracking::TakeUntold(const Untold& untold) {
  std::vector<tracking::Table::Taken> taken;
  const std::lock_guard lock(table_mutex_);
  for (const Untold::Key& key : untold.keys_) {
    taken.push_back({key.key, key.found.has_value()
                                  ? table_.TakeUnless(key.key, key.hash, *key.found)
                                  : table_.Take(key.key, key.hash)});
  }
  while (std::optional<tracking::Table::Taken> given_up = table_.Evict()) {
    taken.push_back(std::move(*given_up));
    ++given_up_;
  }
  ChargeTable();
  return taken;
}

void ClientTracking::TellOwn(const Untold::Own& own, Messages* messages) {
  const auto found = clients_.find(own.client);
  if (found == clients_.end() || !found->second.tracks) return;
  const std::vector<std::string_view> keys(own.keys.begin(), own.keys.end());
  for (const Bytes& message : keys.empty() ? std::vector<Bytes>{AllKeys()} : Invalidations(keys)) {
    Tell(found->second, own.client, message, messages);
  }
}

void ClientTracking::Tell(Untold* untold) {
  const Untold told = std::exchange(*untold, {});
  Messages messages;
  const std::lock_guard lock(clients_mutex_);
  for (const tracking::Table::Taken& taken : TakeUntold(told)) {
    TellReaders(taken.key, taken.clients, 0, &messages);
  }
  for (const Untold::Own& own : told.own_) TellOwn(own, &messages);
  messages.Send();
}

void ClientTracking::OnChanged(std::span<const Change> changes) {
  if (!any()) return;
  Messages messages;
  // Also when nobody is to be told: somebody else may be about to send what is about these keys.
  const std::lock_guard lock(clients_mutex_);
  for (const Change& change : changes) {
    std::vector<tracking::ClientId> readers;
    {
      // Let go between two keys, since readers who wait for it hold a lane.
      const std::lock_guard table_lock(table_mutex_);
      readers = table_.Take(change.key, change.hash);
      ChargeTable();
    }
    if (!readers.empty()) TellReaders(change.key, readers, change.writer, &messages);
  }
  TellPrefixes(changes, &messages);
  messages.Send();
}

void ClientTracking::OnAllChanged() {
  if (!any()) return;
  Messages messages;
  const Bytes message = AllKeys();
  const std::lock_guard lock(clients_mutex_);
  {
    const std::lock_guard table_lock(table_mutex_);
    table_.Clear();
    ChargeTable();
  }
  for (auto& [id, client] : clients_) {
    if (client.tracks) Tell(client, id, message, &messages);
  }
  messages.Send();
}

ClientTracking::Counts ClientTracking::counts() const {
  Counts counts;
  counts.clients = tracking_clients_;
  {
    const std::lock_guard lock(clients_mutex_);
    counts.prefixes = prefixes_.size();
    counts.messages = messages_;
  }
  const std::lock_guard lock(table_mutex_);
  counts.keys = table_.keys();
  counts.items = table_.items();
  counts.given_up = given_up_;
  return counts;
}

}  // namespace weir::gateway
