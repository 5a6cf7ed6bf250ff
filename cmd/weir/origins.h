// Origins: where each value of a configuration was written, and what is wrong there.
// Threads: single-owner.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/toml_source.h"

namespace weir::cmd {

// A key of the `index`-th section of this name.
struct Place {
  std::string section;
  size_t index = 0;
  std::string key;
  auto operator<=>(const Place&) const = default;
};

class Origins {
 public:
  explicit Origins(std::string file_name) : file_name_(std::move(file_name)) {}

  void SetPosition(const Place& place, Position position) { positions_[place] = position; }
  void SetTable(const std::string& section, size_t index, Position position) {
    tables_[{section, index, ""}] = position;
  }
  // Says that `key` of [server] was given by `flag`, which beats the file.
  void SetFlag(const std::string& key, const std::string& flag) { flags_[key] = flag; }
  // Returns true when the file or a flag gives this value.
  bool IsSet(const Place& place) const;

  // Errors and warnings begin with the place: the flag, or file:line:column (that of the section
  // for a value that is not written), and the name of the key.
  void AddError(const Place& place, const std::string& what);
  void AddError(Position position, const std::string& what);
  void AddWarning(const Place& place, const std::string& what);

  // From here on, errors at places that have one already are not added: a value that could not be
  // read would only be blamed again for what stands in its stead.
  void FinishReading() { known_bad_ = std::exchange(bad_, {}); }

  // Flags first, then in the order of the file.
  std::vector<std::string> errors() const { return Texts(errors_); }
  std::vector<std::string> warnings() const { return Texts(warnings_); }

 private:
  // Position 0:0 stands for flags and defaults.
  using Problems = std::multimap<Position, std::string>;

  void Add(Problems& problems, const Place& place, const std::string& what);
  void Add(Problems& problems, Position position, const std::string& what);
  static std::vector<std::string> Texts(const Problems& problems);

  std::string file_name_;
  std::map<Place, Position> positions_;
  std::map<Place, Position> tables_;
  std::map<std::string, std::string> flags_;
  std::set<Place> bad_;
  std::set<Place> known_bad_;
  Problems errors_;
  Problems warnings_;
};

}  // namespace weir::cmd
