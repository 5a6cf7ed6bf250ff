#include "cmd/weir/server_session.h"

#include <fstream>
#include <iostream>
#include <utility>

#include "weir/net/address.h"

namespace weir::cmd {
namespace {

Result<Ok> Authenticate(ServerLink& link, const ServerArguments& arguments) {
  if (arguments.user.empty()) return Ok{};
  const Result<std::string> password = ReadPasswordFile(arguments.password_file);
  if (!password.ok()) return password.error();
  const Result<resp::Value> reply = Ask(link, {"AUTH", arguments.user, password.value()});
  if (!reply.ok()) return reply.error();
  return Ok{};
}

}  // namespace

std::string CheckServerArguments(const ServerArguments& arguments) {
  const Result<net::Address> address = net::ParseAddress(arguments.address);
  if (!address.ok()) return "--server: " + address.error().message;
  if (arguments.user.empty() != arguments.password_file.empty()) {
    return "give --user and --password-file together";
  }
  return "";
}

Result<ServerLink> OpenSession(const ServerArguments& arguments) {
  const Result<net::Address> address = net::ParseAddress(arguments.address);
  if (!address.ok()) return address.error();
  Result<ServerLink> link = ServerLink::Connect(address.value());
  if (!link.ok()) return link.error();
  if (auto known = Authenticate(link.value(), arguments); !known.ok()) return known.error();
  return link;
}

Result<std::string> ReadPasswordFile(const std::string& name) {
  std::string password;
  std::ifstream file;
  if (name != "-") file.open(name);
  std::istream& input = name == "-" ? std::cin : file;
  if (!std::getline(input, password)) {
    return Error{ErrorCode::kInvalid, "no password can be read from " + name};
  }
  return password;
}

Result<resp::Value> Ask(ServerLink& link, const std::vector<std::string>& words) {
  Result<resp::Value> reply = link.Call(words);
  if (reply.ok() && reply.value().kind == resp::Value::Kind::kError) {
    return Error{ErrorCode::kInvalid, "the server says: " + reply.value().text};
  }
  return reply;
}

}  // namespace weir::cmd
