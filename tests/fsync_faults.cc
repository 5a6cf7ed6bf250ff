// Preloaded into weir: fsync and fdatasync fail with EIO while the file exists that the environment
// names in FSYNC_FAULTS. What they were to cover stays in the page cache, as after a real failure.
#include <cerrno>
#include <cstdlib>

#include <dlfcn.h>
#include <unistd.h>

namespace {

bool Fails() {
  static const char* const file = std::getenv("FSYNC_FAULTS");
  return file != nullptr && access(file, F_OK) == 0;
}

int Call(const char* name, int descriptor) {
  using Sync = int (*)(int);
  if (Fails()) {
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(descriptor);
}

}  // namespace

extern "C" int fsync(int descriptor) {
  return Call("fsync", descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return Call("fdatasync", descriptor);
}
