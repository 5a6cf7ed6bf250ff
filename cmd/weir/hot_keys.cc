#include "cmd/weir/hot_keys.h"

#include <filesystem>
#include <optional>
#include <utility>

namespace weir::cmd {
namespace {

constexpr std::string_view kHead = "weir-hot-keys 1\n";

std::string PathIn(const std::string& directory) {
  return (std::filesystem::path(directory) / kHotKeysFile).string();
}

}  // namespace

HotKeysWriter::HotKeysWriter(const std::string& directory, uint64_t free_min)
    : file_({.path = PathIn(directory),
             .head = std::string(kHead),
             .free_min_bytes = free_min,
             .synced_bytes = kBytesAtOnce}),
      ended_(file_.failed()) {}

bool HotKeysWriter::Add(std::string_view key) {
  if (ended_) return false;
  keys_.Add(key);
  return keys_.bytes() < kBytesAtOnce || WriteKeys();
}

bool HotKeysWriter::WriteKeys() {
  const gateway::KeyList keys = std::exchange(keys_, {});
  for (const std::string& piece : keys.pieces()) ended_ = ended_ || !file_.Write(piece);
  return !ended_;
}

Result<Ok> HotKeysWriter::Commit() {
  WriteKeys();
  return file_.Commit();
}

HotKeys ReadHotKeys(const std::string& directory, size_t bytes_max) {
  HotKeys read;
  BlockFileReader file(PathIn(directory), kHead);
  while (read.keys.bytes() < bytes_max && read.damage.empty()) {
    std::optional<std::string> block = file.Next();
    if (!block) break;
    if (!read.keys.AddPiece(std::move(*block))) read.damage = "a block does not hold keys";
  }
  if (read.damage.empty()) read.damage = file.damage();
  return read;
}

void RemoveHotKeys(const std::string& directory, bool all) {
  RemoveBlockFile(PathIn(directory), all);
}

}  // namespace weir::cmd
