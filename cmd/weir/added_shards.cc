#include "cmd/weir/added_shards.h"

#include <cinttypes>
#include <filesystem>

#include "weir/backup/files.h"
#include "weir/base/checked_text.h"

namespace weir::cmd {
namespace {

using checked_text::Take;
using checked_text::TakeNumber;

constexpr std::string_view kFirstLine = "weir-added-shards 1\n";
constexpr size_t kFileBytesMax = size_t{1} << 20;

std::string PathIn(const std::string& directory) {
  return directory + "/shards.txt";
}

// Takes a line. Returns whether there was one.
bool TakeShard(std::string_view* rest, AddedShard* shard) {
  const bool numbers = TakeNumber(rest, &shard->shard) && Take(rest, " ") &&
                       TakeNumber(rest, &shard->mark, 16) && Take(rest, " ");
  const size_t end = rest->find('\n');
  if (!numbers || end == std::string_view::npos || !rest->starts_with('/')) return false;
  shard->directory = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  return true;
}

}  // namespace

std::string AddedShard::MarkText() const {
  std::string text;
  checked_text::Append(&text, "%" PRIu32 " %016" PRIx64, shard, mark);
  return text;
}

Result<std::vector<AddedShard>> ReadAddedShards(const std::string& directory) {
  const std::string path = PathIn(directory);
  std::vector<AddedShard> shards;
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return shards;
  const Result<std::string> text = backup::ReadWholeFile(path, kFileBytesMax);
  if (!text.ok()) return text.error();
  std::string_view rest = text.value();
  bool right = Take(&rest, kFirstLine);
  while (right && !rest.empty()) {
    AddedShard& shard = shards.emplace_back();
    right = TakeShard(&rest, &shard);
    right &= shards.size() < 2 || shards[shards.size() - 2].shard < shard.shard;
  }
  if (right) return shards;
  return Error{ErrorCode::kCorrupt, "'" + path +
                                        "', which says what `weir shard add` has added, is not "
                                        "lines of shard, mark and directory, by rising shard"};
}

Result<Ok> WriteAddedShards(const std::string& directory, const std::vector<AddedShard>& shards) {
  const std::string path = PathIn(directory);
  std::string text(kFirstLine);
  for (const AddedShard& shard : shards) text += shard.MarkText() + " " + shard.directory + "\n";
  const Result<Ok> replaced = backup::ReplaceFile(path, text);
  if (replaced.ok() || replaced.error().code != ErrorCode::kUnknown) return replaced;
  return Error{ErrorCode::kUnknown, "'" + path + "' holds it, and the next start may know it: " +
                                        replaced.error().message};
}

}  // namespace weir::cmd
