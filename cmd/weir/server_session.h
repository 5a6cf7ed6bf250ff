// What a subcommand that talks to a running server needs: where it is and who asks.
#pragma once

#include <string>
#include <vector>

#include "cmd/weir/server_link.h"

#include "weir/base/result.h"
#include "weir/resp/reader.h"

namespace weir::cmd {

struct ServerArguments {
  std::string address = "127.0.0.1:6390";
  std::string user;           // Empty: nobody in particular.
  std::string password_file;  // "-": standard input. Needed with `user`.
};

// Returns what is wrong with the arguments, or "".
std::string CheckServerArguments(const ServerArguments& arguments);

// Connects and authenticates. Errors: kInvalid, kUnavailable with what to do.
Result<ServerLink> OpenSession(const ServerArguments& arguments);

// Returns the first line of a file, of standard input for "-". Errors: kInvalid.
Result<std::string> ReadPasswordFile(const std::string& name);

// Calls, and takes an error reply for an error, kInvalid.
Result<resp::Value> Ask(ServerLink& link, const std::vector<std::string>& words);

}  // namespace weir::cmd
