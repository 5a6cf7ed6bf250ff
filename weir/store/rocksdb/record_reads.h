// What readers ask of the database: many records, a range of them, their counts.
//
// A read has two sources that show one moment together: the tables, by the snapshot of its view,
// and what is pending, looked for at the moment of the view (ReadGate::Enter) and held since.
// Threads: the Look… functions run under the gate's lock, the others anywhere with a view.
// Errors: kCorrupt, kUnavailable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "weir/store/rocksdb/database.h"
#include "weir/store/rocksdb/pending_writes.h"
#include "weir/store/rocksdb/read_gate.h"

namespace weir::store {

struct PendingLoads {
  PendingWrites::Hold hold;
  std::vector<std::optional<std::string_view>> records;  // Stored ones, one for each key.
};
PendingLoads LookForLoads(const PendingWrites& pending, const std::vector<Key>& keys);

struct PendingScan {
  PendingWrites::Hold hold;
  std::vector<PendingRecord> records;
  uint64_t complete_to = 0;  // There are no others below; 0: to the end.
};
PendingScan LookForScan(const PendingWrites& pending, const ScanRange& range);

// Values that `bytes_max` has no room for are left, as Store::LoadWithin says.
Result<Loads> LoadRecords(Database& database, const ReadGate::View& view,
                          const PendingLoads& pending, const std::vector<Key>& keys,
                          size_t bytes_max);

Result<Scanned> ScanRecords(Database& database, const ReadGate::View& view,
                            const PendingScan& pending, const ScanRange& range);

// Nothing pending has an expiry, and the stored counts include it.
Result<Counts> CountRecords(Database& database, const ReadGate::View& view, WallTime now);

}  // namespace weir::store
