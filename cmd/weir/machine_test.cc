// Goal: the cgroup's memory limit is found in either version.
// Method: the files of each layout, written under a temporary directory.
#include "cmd/weir/machine.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace weir::cmd {
namespace {

class MachineTest : public ::testing::Test {
 protected:
  MachineTest() {
    std::string name = ::testing::TempDir() + "machine_test_XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~MachineTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }

  std::filesystem::path root_;
};

TEST_F(MachineTest, WithoutCgroupsThereIsNoLimit) {
  EXPECT_EQ(CgroupMemoryLimit(root_), std::nullopt);
}

TEST_F(MachineTest, InVersion2TheLeastLimitOfTheAncestorsCounts) {
  Write("proc/self/cgroup", "0::/parent/child");
  Write("sys/fs/cgroup/parent/memory.max", "1000000");
  Write("sys/fs/cgroup/parent/child/memory.max", "max");
  EXPECT_EQ(CgroupMemoryLimit(root_), 1'000'000u);
  Write("sys/fs/cgroup/parent/child/memory.max", "2000000");
  EXPECT_EQ(CgroupMemoryLimit(root_), 1'000'000u);
  Write("sys/fs/cgroup/parent/child/memory.max", "500000");
  EXPECT_EQ(CgroupMemoryLimit(root_), 500'000u);
}

TEST_F(MachineTest, InVersion1TheMemoryControllerCounts) {
  Write("proc/self/cgroup", "5:cpu,cpuacct:/other\n4:hugetlb,memory:/group\n0::/");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(CgroupMemoryLimit(root_), std::nullopt) << "version 1 shows no limit as a huge one";
  Write("sys/fs/cgroup/memory/group/memory.limit_in_bytes", "3000000");
  EXPECT_EQ(CgroupMemoryLimit(root_), 3'000'000u);
}

TEST_F(MachineTest, AGroupNamedAsTheHostSeesItFallsBackToTheMount) {
  Write("proc/self/cgroup", "0::/host/name/not/mounted/here");
  Write("sys/fs/cgroup/memory.max", "4000000");
  EXPECT_EQ(CgroupMemoryLimit(root_), 4'000'000u);
}

TEST_F(MachineTest, ThisMachineHasMemoryAndACpu) {
  const Machine machine = ReadMachine();
  EXPECT_GT(machine.memory_bytes, uint64_t{16} << 20);
  EXPECT_GE(machine.cpus, 1);
}

}  // namespace
}  // namespace weir::cmd
