#include "weir/tracking/prefixes.h"

namespace weir::tracking {

bool Prefixes::Add(std::string_view prefix, ClientId client) {
  auto at = clients_.find(prefix);
  if (at == clients_.end()) {
    const bool full = !prefix.empty() && clients_.size() - clients_.count("") == kPrefixesMax;
    if (full || prefix.size() > kPrefixBytesMax) return false;
    at = clients_.try_emplace(std::string(prefix)).first;
    ++lengths_[prefix.size()];
  }
  at->second.insert(client);
  return true;
}

void Prefixes::Remove(std::string_view prefix, ClientId client) {
  const auto at = clients_.find(prefix);
  if (at == clients_.end()) return;
  at->second.erase(client);
  if (!at->second.empty()) return;
  const auto length = lengths_.find(prefix.size());
  if (--length->second == 0) lengths_.erase(length);
  clients_.erase(at);
}

template <typename Found>
void Prefixes::ForEachPrefixOf(std::string_view key, const Found& found) const {
  for (const auto& [bytes, count] : lengths_) {
    if (bytes > key.size()) return;
    const auto at = clients_.find(key.substr(0, bytes));
    if (at != clients_.end() && !found(*at)) return;
  }
}

std::vector<Prefixes::Match> Prefixes::MatchAll(std::span<const std::string_view> keys) const {
  std::map<std::string_view, Match> found;
  for (size_t i = 0; i < keys.size(); ++i) {
    ForEachPrefixOf(keys[i], [&](const ByPrefix::value_type& prefix) {
      Match& match = found[prefix.first];
      match.clients = &prefix.second;
      match.keys.push_back(i);
      return true;
    });
  }
  std::vector<Match> matches;
  for (auto& [prefix, match] : found) matches.push_back(std::move(match));
  return matches;
}

bool Prefixes::Wants(ClientId client, std::string_view key) const {
  bool wants = false;
  ForEachPrefixOf(key, [&](const ByPrefix::value_type& prefix) {
    wants = prefix.second.count(client) != 0;
    return !wants;
  });
  return wants;
}

}  // namespace weir::tracking
