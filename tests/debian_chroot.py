"""A clean Debian 12 below a temporary directory, for tests that install packages. Needs root.

debootstrap makes it once; a tar archive of it, and the packages that were downloaded into it, are
kept in the cache directory, so that the next run takes seconds. Nothing is left mounted: what a
command needs is mounted in a namespace of its own.
"""

import os
import shutil
import subprocess

CODENAME = "bookworm"
# Two mounts, then the command: $0 is the root, $1 the directory of downloaded packages.
ENTER = ('mount -t proc proc "$0/proc" && mount --bind "$1" "$0/var/cache/apt/archives" && '
         'shift && exec chroot "$0" "$@"')
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}


def run(*command, **options):
    """Runs a command and returns its output; raises RuntimeError with all it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n"
                           f"{done.stdout}{done.stderr}")
    return done.stdout


def need(*programs):
    """Raises RuntimeError naming what this machine lacks to make a chroot and enter it."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        raise RuntimeError(f"not installed: {', '.join(missing)}; ./dev test installs "
                           "tools/packages.txt")
    if os.geteuid() != 0:
        raise RuntimeError("a chroot needs root: run ./dev test as root, or "
                           "`sudo ctest --preset release -R tests/package`")


def mirror():
    """Returns the address from which this machine gets Debian 12."""
    targets = run("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)",
                  "Created-By: Packages")
    for line in targets.splitlines():
        codename, _, address = line.partition(" ")
        if codename == CODENAME:
            return address
    raise RuntimeError(f"apt knows no source of {CODENAME}: this test runs on Debian 12")


class Chroot:
    def __init__(self, root, cache):
        self.root = root
        self._archives = os.path.join(cache, "archives")
        os.makedirs(os.path.join(self._archives, "partial"), exist_ok=True)
        archive = os.path.join(cache, f"debian-{CODENAME}.tar")
        if not os.path.exists(archive):
            run("debootstrap", "--variant=minbase", CODENAME, root + ".new", mirror())
            run("tar", "-C", root + ".new", "-cf", archive + ".new", ".")
            os.rename(archive + ".new", archive)
            shutil.rmtree(root + ".new")
        os.mkdir(root)
        run("tar", "-C", root, "-xpf", archive)

    def path(self, name):
        """Returns where a file of the chroot is for a process outside."""
        return os.path.join(self.root, name.lstrip("/"))

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run(self, *command):
        return run("unshare", "--mount", "--", "sh", "-c", ENTER, self.root, self._archives,
                   *command, env=ENVIRONMENT)

    def apt(self, *arguments):
        return self.run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-y",
                        "--no-install-recommends", *arguments)

    def paths(self, *without):
        """Returns the names of all files and folders, but those below the folders `without`."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            inner = "/" + os.path.relpath(folder, self.root)
            folders[:] = [name for name in folders
                          if os.path.normpath(f"{inner}/{name}") not in without]
            found |= {os.path.normpath(f"{inner}/{name}") for name in folders + names}
        return found
