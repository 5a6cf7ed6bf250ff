// The command `weir ring ketama`: where memcached's clients or twemproxy keep a key today.
#pragma once

#include <string>
#include <vector>

namespace weir::cmd {

struct KetamaArguments {
  std::string like;      // "libketama", "libmemcached", "spy" or "twemproxy".
  std::string servers;   // "ADDRESS[=WEIGHT[=NAME]]", with commas between them.
  std::string hash;      // Of a key; empty: the dialect's default.
  std::string hash_tag;  // Two characters; empty: none.
  bool unsigned_char = false;
  bool json = false;
  std::vector<std::string> keys;
};

// Returns the exit code: 0, or 2 for wrong arguments.
int RunRingKetama(const KetamaArguments& arguments);

}  // namespace weir::cmd
