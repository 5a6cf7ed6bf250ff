#include "weir/net/supervisor.h"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weir::net {
namespace {

Error NotTold(const std::string& name, const char* why) {
  return {ErrorCode::kUnavailable, "cannot tell the supervisor at " + name + ": " + why};
}

}  // namespace

Result<Ok> NotifySupervisor(const std::string& name, std::string_view state) {
  if (name.empty()) return Ok{};
  sockaddr_un address{};
  if (name.size() >= sizeof(address.sun_path)) return NotTold(name, "the name is too long");
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  // An abstract name begins with a zero byte and ends where the size says.
  if (name.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return NotTold(name, std::strerror(errno));
  const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  const int error = errno;
  close(fd);
  if (sent < 0) return NotTold(name, std::strerror(error));
  return Ok{};
}

}  // namespace weir::net
