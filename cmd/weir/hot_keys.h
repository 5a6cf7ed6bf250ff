// HotKeys: the file that names the keys which were in memory, the most wanted first, so that the
// next process can read them again (gateway/cache_warmer.h): a BlockFile whose blocks are the
// pieces of a gateway::KeyList.
//
// It is a hint: what it says makes nothing wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cmd/weir/block_file.h"

#include "weir/base/result.h"
#include "weir/gateway/key_list.h"

namespace weir::cmd {

inline constexpr std::string_view kHotKeysFile = "hot-keys";

// Threads, Errors: as BlockFileWriter.
class HotKeysWriter {
 public:
  static constexpr size_t kBytesAtOnce = size_t{1} << 20;

  HotKeysWriter(const std::string& directory, uint64_t free_min);

  // Returns false when nothing more is written.
  bool Add(std::string_view key);
  // Takes the place of the file before.
  Result<Ok> Commit();

 private:
  bool WriteKeys();

  BlockFileWriter file_;
  gateway::KeyList keys_;  // That have not been written.
  bool ended_;
};

struct HotKeys {
  gateway::KeyList keys;
  std::string damage;  // What is wrong with what comes after them; empty: nothing.
};

// Returns the first keys, about `bytes_max` of them; none when there is no file.
HotKeys ReadHotKeys(const std::string& directory, size_t bytes_max);

// As RemoveBlockFile.
void RemoveHotKeys(const std::string& directory, bool all);

}  // namespace weir::cmd
