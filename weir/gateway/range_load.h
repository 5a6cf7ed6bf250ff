// RangeLoad: the load of the last seconds that reached the databases, by where it lies.
//
// What memory answers is not in it: it costs the databases nothing, and would be as it is wherever
// its key were. Threads: thread-safe. Cost: a copy of the samples, each under its own database's
// locks (some 50 us), and sorting them: a millisecond or two a database; not for event loops.
#pragma once

#include <functional>

#include "weir/gateway/gateway.h"
#include "weir/shard/load_picture.h"

namespace weir::gateway {

shard::LoadPicture LoadOfRanges(Gateway& gateway);

// Calls `seen` with it on a thread of heavy work. Returns false, and does nothing, when too much
// waits there already.
bool BeginLoadOfRanges(Gateway& gateway, std::function<void(const shard::LoadPicture&)> seen);

}  // namespace weir::gateway
