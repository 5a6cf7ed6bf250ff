// ClientId: a client that keeps a cache of its own. Ids are never used again, so what is still
// known of a client that has gone is never taken for another's.
#pragma once

#include <cstdint>

namespace weir::tracking {

using ClientId = uint64_t;

}  // namespace weir::tracking
