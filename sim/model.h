// Model: what each command does to the keys, one after another, written from the documentation of
// Redis and apart from the production code.
//
// A Space is the state of all keys. Changes are noted, so that a search can take them back, and a
// hash of the whole state is kept up to date. Where time decides, a command's clock is known only
// to lie between two moments, so expiry is an interval that later replies narrow.
//
// Threads: single-owner. Cost: O(1) a key, and a copy of each value that changes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/op.h"

namespace weir::sim {

struct Cell {
  bool present = false;
  std::string value;
  int64_t from_ms = kFarMs;  // The record ends at some time from this
  int64_t to_ms = kFarMs;    // to this.

  bool expires() const { return from_ms != kFarMs; }
};

class Space {
 public:
  struct WatchedKey {
    uint32_t cell = 0;
    bool was_present = false;
    bool written = false;
  };

  Space(std::vector<Cell> cells, std::vector<uint32_t> databases, size_t sessions);

  const Cell& at(size_t cell) const { return cells_[cell]; }
  size_t size() const { return cells_.size(); }
  uint32_t database(size_t cell) const { return databases_[cell]; }
  uint64_t hash() const { return hash_; }

  // `written`: as a command does, so that watchers notice.
  void Put(size_t index, Cell cell, bool written);
  const std::vector<WatchedKey>& watched(size_t session) const { return watched_[session]; }
  void Watch(size_t session, std::vector<WatchedKey> keys);

  size_t mark() const { return undo_.size(); }
  void Undo(size_t mark);

 private:
  struct Change {
    bool watch = false;
    size_t index = 0;
    Cell cell;
    std::vector<WatchedKey> keys;
  };
  uint64_t HashOf(size_t index) const;
  uint64_t HashOfWatch(size_t session) const;
  void SetWatch(size_t session, std::vector<WatchedKey> keys);

  std::vector<Cell> cells_;
  std::vector<uint32_t> databases_;
  std::vector<std::vector<WatchedKey>> watched_;
  uint64_t hash_ = 0;
  std::vector<Change> undo_;
};

// A command that takes effect now.
struct Call {
  Space& space;
  const Step& step;
  const resp::Value* reply = nullptr;  // nullptr: unknown, so it explains itself.
  int64_t from_ms = 0;                 // Its clock is from this
  int64_t to_ms = 0;                   // to this.
  int64_t* count = nullptr;            // Where a part of a split command adds its number.
};

struct Rule {
  enum class Kind : uint8_t {
    kReads,
    kTells,  // Reads when a key ends, which narrows what is known of it.
    kWrites,
    kTakes,  // Writes, and tells what stood there.
    kBlind,  // Writes, and does not ask what stood there.
  };
  // Its keys are `most` words from `first` on, in steps of `step`; first = 0: none.
  struct Keys {
    size_t first = 1;
    size_t step = 1;
    size_t most = 1;

    // The place of each key in a command of so many words.
    std::vector<size_t> In(size_t words) const {
      std::vector<size_t> places;
      for (size_t i = first; i != 0 && i < words && places.size() < most; i += step) {
        places.push_back(i);
      }
      return places;
    }
  };
  static constexpr size_t kAll = SIZE_MAX;

  const char* name;
  bool (*run)(Call& call);  // Returns whether the reply is right.
  Kind kind;
  Keys keys{};
  bool splits = false;  // Key by key, where there are several databases.

  bool pure() const { return kind == Kind::kReads; }
  bool writes() const { return kind >= Kind::kWrites; }
};

// Returns nullptr when the model does not know the command.
const Rule* FindRule(std::string_view name);

}  // namespace weir::sim
