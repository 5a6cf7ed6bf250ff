#include "weir/backup/backup_directory.h"

#include <filesystem>

#include "weir/backup/files.h"

namespace weir::backup {
namespace {

std::string ManifestPath(const std::string& directory) {
  return directory + "/" + std::string(kManifestName);
}

}  // namespace

bool IsBackup(const std::string& directory) {
  std::error_code error;
  return std::filesystem::exists(ManifestPath(directory), error);
}

Result<Manifest> OpenBackup(const std::string& directory) {
  if (!IsBackup(directory)) {
    return Error{ErrorCode::kCorrupt, directory + " is not a complete backup: it has no file " +
                                          std::string(kManifestName) + ", which is written last"};
  }
  const auto text = ReadWholeFile(ManifestPath(directory), Manifest::kTextBytesMax);
  if (!text.ok()) return text.error();
  Result<Manifest> manifest = Manifest::FromText(text.value());
  if (!manifest.ok()) return manifest;
  for (const Manifest::File& file : manifest.value().files) {
    std::error_code error;
    const std::string path = directory + "/" + file.path;
    const uint64_t bytes = std::filesystem::file_size(path, error);
    if (!error && bytes == file.bytes) continue;
    return Error{ErrorCode::kCorrupt,
                 path +
                     " is missing or has another length than the backup's manifest says; use "
                     "another backup"};
  }
  return manifest;
}

}  // namespace weir::backup
