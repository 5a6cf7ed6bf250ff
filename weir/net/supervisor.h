// What a service tells the program that started it, by the protocol of sd_notify(3): one datagram
// to the socket that the supervisor names in NOTIFY_SOCKET.
//
// Threads: thread-safe; nothing is shared.
#pragma once

#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::net {

// Sends `state`, such as "READY=1", to the socket `name`: a path, or '@' and an abstract name.
// Does nothing when `name` is empty: nobody supervises.
// Errors: kUnavailable when the name is too long for a socket or nobody takes the datagram.
// Cost: three system calls; never waits for the supervisor to read.
Result<Ok> NotifySupervisor(const std::string& name, std::string_view state);

}  // namespace weir::net
