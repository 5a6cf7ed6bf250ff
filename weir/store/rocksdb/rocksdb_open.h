// OpenRocksDbOn: OpenRocksDb over a given file system and clock; for this folder's tests, which
// simulate failing disks and power cuts. Not for others: it shows a RocksDB type.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "weir/store/rocksdb/rocksdb_store.h"

namespace weir::store {

Result<std::unique_ptr<RocksDbStore>> OpenRocksDbOn(RocksDbOptions options,
                                                    std::unique_ptr<rocksdb::Env> env);

}  // namespace weir::store
