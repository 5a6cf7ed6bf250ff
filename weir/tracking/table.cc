#include "weir/tracking/table.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace weir::tracking {

Table::Entries::iterator Table::Find(std::string_view key, uint64_t hash) {
  const auto [begin, end] = entries_.equal_range(hash);
  const auto found =
      std::find_if(begin, end, [key](const Node& node) { return node.second.key == key; });
  return found == end ? entries_.end() : found;
}

Table::Entries::iterator Table::Insert(std::string_view key, uint64_t hash, uint64_t version) {
  const auto at = entries_.emplace(hash, Entry{std::string(key), {}, version, newest_, nullptr});
  (newest_ == nullptr ? oldest_ : newest_->second.newer) = &*at;
  newest_ = &*at;
  bytes_ += Cost(at->second);
  return at;
}

Table::Taken Table::Remove(Entries::iterator at) {
  Entry& entry = at->second;
  (entry.older == nullptr ? oldest_ : entry.older->second.newer) = entry.newer;
  (entry.newer == nullptr ? newest_ : entry.newer->second.older) = entry.older;
  assert(bytes_ >= Cost(entry));
  bytes_ -= Cost(entry);
  items_ -= entry.clients.size();
  Taken taken{std::move(entry.key), std::move(entry.clients)};
  entries_.erase(at);
  return taken;
}

bool Table::Track(std::string_view key, uint64_t hash, ClientId client, uint64_t version) {
  auto at = Find(key, hash);
  if (at == entries_.end()) at = Insert(key, hash, version);
  std::vector<ClientId>& clients = at->second.clients;
  const auto place = std::lower_bound(clients.begin(), clients.end(), client);
  if (place == clients.end() || *place != client) {
    bytes_ -= Cost(at->second);
    clients.insert(place, client);
    bytes_ += Cost(at->second);
    ++items_;
  }
  return at->second.version == version;
}

std::vector<ClientId> Table::Take(std::string_view key, uint64_t hash) {
  const auto at = Find(key, hash);
  return at == entries_.end() ? std::vector<ClientId>() : Remove(at).clients;
}

bool Table::Disagrees(std::string_view key, uint64_t hash, uint64_t version) {
  const auto at = Find(key, hash);
  return at != entries_.end() && at->second.version != version;
}

std::vector<ClientId> Table::TakeUnless(std::string_view key, uint64_t hash, uint64_t version) {
  return Disagrees(key, hash, version) ? Take(key, hash) : std::vector<ClientId>();
}

std::optional<Table::Taken> Table::Evict() {
  if (!over()) return std::nullopt;
  assert(oldest_ != nullptr);
  const auto [begin, end] = entries_.equal_range(oldest_->first);
  const auto at = std::find_if(begin, end, [this](const Node& node) { return &node == oldest_; });
  assert(at != end);
  return Remove(at);
}

void Table::Clear() {
  entries_.clear();
  oldest_ = newest_ = nullptr;
  items_ = bytes_ = 0;
}

}  // namespace weir::tracking
