// Goal: a supervisor hears exactly what it is told, by either kind of name, and a wrong name is an
// error. Method: a datagram socket plays the supervisor.
#include "weir/net/supervisor.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace weir::net {
namespace {

class Supervisor {
 public:
  explicit Supervisor(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor() { close(fd_); }

  std::string Heard() const {
    std::array<char, 64> text{};
    const ssize_t size = recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(text.data(), static_cast<size_t>(size));
  }

 private:
  int fd_;
};

// The name is this process's own, so that runs side by side do not meet.
std::string OwnName(const std::string& prefix) {
  return prefix + "weir-supervisor-test-" + std::to_string(getpid());
}

TEST(SupervisorTest, HearsTheStateByAPath) {
  const std::string path = OwnName(std::filesystem::temp_directory_path().string() + "/");
  const Supervisor supervisor(path);
  EXPECT_TRUE(NotifySupervisor(path, "READY=1").ok());
  EXPECT_EQ(supervisor.Heard(), "READY=1");
  EXPECT_EQ(supervisor.Heard(), "");
  std::filesystem::remove(path);
}

TEST(SupervisorTest, HearsTheStateByAnAbstractName) {
  const Supervisor supervisor(OwnName("@"));
  EXPECT_TRUE(NotifySupervisor(OwnName("@"), "STOPPING=1").ok());
  EXPECT_EQ(supervisor.Heard(), "STOPPING=1");
}

TEST(SupervisorTest, NobodyIsToldWhenNobodySupervises) {
  EXPECT_TRUE(NotifySupervisor("", "READY=1").ok());
}

TEST(SupervisorTest, ANameWithNobodyBehindItIsAnError) {
  const Result<Ok> told = NotifySupervisor(OwnName("@nobody-"), "READY=1");
  ASSERT_FALSE(told.ok());
  EXPECT_EQ(told.error().code, ErrorCode::kUnavailable);
}

TEST(SupervisorTest, ANameMayBeAsLongAsASocketAddressAndNoLonger) {
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'n');
  EXPECT_NE(NotifySupervisor(longest, "READY=1").error().message.find("No such file"),
            std::string::npos);
  EXPECT_NE(NotifySupervisor(longest + "n", "READY=1").error().message.find("too long"),
            std::string::npos);
}

}  // namespace
}  // namespace weir::net
