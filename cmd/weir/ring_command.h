// The command `weir ring`: who owns a key, how slots are spread, what a change would move. It
// changes nothing but files it is told to write.
#pragma once

#include <string>
#include <vector>

#include "cmd/weir/server_session.h"

namespace weir::cmd {

// Where the slot table comes from: exactly one of these.
struct RingSource {
  std::string table;       // A file that `--save` wrote.
  std::string nodes;       // "1,2=3": a first placement.
  ServerArguments server;  // Asked when `from_server`.
  bool from_server = false;
};

struct RingArguments {
  RingSource source;
  std::vector<std::string> keys;    // owner
  std::vector<std::string> add;     // diff: "7" or "7=3"
  std::vector<std::string> remove;  // diff: "7"
  std::vector<std::string> weigh;   // diff: "7=3"
  std::string svg;                  // Empty: no picture.
  std::string save;                 // Empty: the table is not saved.
  bool json = false;
};

// Each returns the exit code: 0, 1 when the table cannot be had or a file not be written, 2 for
// wrong arguments.
int RunRingShow(const RingArguments& arguments);
int RunRingOwner(const RingArguments& arguments);
int RunRingDiff(const RingArguments& arguments);

}  // namespace weir::cmd
