#include "cmd/weir/origins.h"

#include <algorithm>
#include <optional>

namespace weir::cmd {
namespace {

std::optional<Position> Find(const std::map<Place, Position>& positions, const Place& place) {
  const auto found = positions.find(place);
  return found == positions.end() ? std::nullopt : std::optional(found->second);
}

// What the file holds may be quoted in an error, and an error is one line of a log.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == '\x7f'; }, ' ');
  return text;
}

}  // namespace

bool Origins::IsSet(const Place& place) const {
  const bool flag = place.section == "server" && flags_.contains(place.key);
  return flag || positions_.contains(place);
}

void Origins::AddError(const Place& place, const std::string& what) {
  if (known_bad_.contains(place)) return;
  bad_.insert(place);
  Add(errors_, place, what);
}

void Origins::AddError(Position position, const std::string& what) {
  Add(errors_, position, what);
}

void Origins::AddWarning(const Place& place, const std::string& what) {
  Add(warnings_, place, what);
}

void Origins::Add(Problems& problems, const Place& place, const std::string& what) {
  const auto flag = flags_.find(place.key);
  if (place.section == "server" && flag != flags_.end()) {
    problems.emplace(Position{0, 0}, flag->second + ": " + what);
    return;
  }
  std::optional<Position> position = Find(positions_, place);
  if (!position) position = Find(tables_, {place.section, place.index, ""});
  const std::string named = place.section + "." + place.key + ": " + what;
  if (position) return Add(problems, *position, named);
  problems.emplace(Position{0, 0}, named);
}

void Origins::Add(Problems& problems, Position position, const std::string& what) {
  problems.emplace(position, file_name_ + ":" + std::to_string(position.line) + ":" +
                                 std::to_string(position.column) + ": " + what);
}

std::vector<std::string> Origins::Texts(const Problems& problems) {
  std::vector<std::string> texts;
  for (const auto& [position, text] : problems) texts.push_back(OneLine(text));
  return texts;
}

}  // namespace weir::cmd
