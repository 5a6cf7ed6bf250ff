// OpenBackup: the way into a finished backup.
#pragma once

#include <string>

#include "weir/backup/manifest.h"
#include "weir/base/result.h"

namespace weir::backup {

// Returns the manifest of the backup in `directory`, all of whose files are there and as long as it
// says. What is in them is for the caller to check, against Manifest::File::hash.
// Errors: kCorrupt when it is no complete backup; kUnavailable when it cannot be read. Blocks.
Result<Manifest> OpenBackup(const std::string& directory);

// Whether `directory` holds a manifest.
bool IsBackup(const std::string& directory);

}  // namespace weir::backup
