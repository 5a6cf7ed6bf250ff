#!/usr/bin/python3
"""Goal: the Debian package installs, serves under the protection of its unit, and goes entirely.

Method: cpack makes the package of this build; a clean Debian 12 (debian_chroot.py) installs it with
apt. No systemd runs there, so unit_sandbox.py does what the unit says. The service has a network
namespace of its own: it takes the ports of the default configuration, which may be in use outside.
What is asked of it is what the README shows, and its answers must be those of the README.

    package_test.py BUILD_DIRECTORY CACHE_DIRECTORY README
"""

import glob
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import unittest

import client_scenarios_test
import debian_chroot
import weir_process
from debian_chroot import run

BUILD = CACHE = README = ""
FOLDER = os.path.dirname(os.path.abspath(__file__))
UNIT = "/lib/systemd/system/weir.service"
EXPOSURE_MAX = 1.2
# Changed by any installation, or by any new account.
BACKUPS = {"/etc/gshadow-", "/etc/shadow-"}
NOT_COMPARED = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/cache", "/var/lib/apt",
                "/var/lib/dpkg", "/var/log")


class Network:
    """A network namespace with nothing but its own loopback, held by a process."""

    def __init__(self):
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._holder.stdout.readline()
        self.enter = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    def close(self):
        self._holder.communicate()


def readme_blocks():
    """Returns [(language, text)] of the README's blocks of code."""
    with open(README, encoding="utf-8") as file:
        return re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)


def readme_session():
    """Returns [(words, what is shown to come back)] of the commands typed in the README."""
    session = []
    for _, text in readme_blocks():
        for line in text.splitlines():
            if line.startswith("$ "):
                session.append((line[2:].split(), []))
            elif text.startswith("$ "):
                session[-1][1].append(line)
    return [(words, "\n".join(lines)) for words, lines in session]


class Service(weir_process.Process):
    """The unit's service, started once it says so."""

    def __init__(self, chroot, network, directory):
        self._network = network
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            name = chroot.path("/run/notify")
            if os.path.exists(name):
                os.remove(name)
            supervisor.bind(name)
            os.chmod(name, 0o666)
            super().__init__([*network.enter, "unshare", "--mount", "/usr/bin/python3",
                              os.path.join(FOLDER, "unit_sandbox.py"), chroot.root, UNIT],
                             directory, {"NOTIFY_SOCKET": "/run/notify"})
            supervisor.setblocking(False)
            weir_process.wait_until(lambda: self._said(supervisor) == b"READY=1", "READY=1")

    def _said(self, supervisor):
        if self.process.poll() is not None:
            raise RuntimeError(f"the service ended with {self.process.returncode}:\n{self.log()}")
        try:
            return supervisor.recv(64)
        except BlockingIOError:
            return b""

    def ask(self, *command):
        """Returns what a program says that runs where the service can be reached."""
        return run(*self._network.enter, *command).rstrip("\n")

    def redis_cli(self, *words):
        return self.ask("redis-cli", "--no-raw", "-p", "6390", *words)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian_chroot.need("cpack", "debootstrap", "unshare", "nsenter", "ip", "redis-cli",
                           "dpkg-shlibdeps", "systemd-analyze")
        cls.scratch = weir_process.scratch()
        cls.addClassCleanup(cls.scratch.cleanup)
        made = os.path.join(cls.scratch.name, "package")
        run("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-B", made)
        cls.package, = glob.glob(os.path.join(made, "weir_*.deb"))
        cls.chroot = debian_chroot.Chroot(os.path.join(cls.scratch.name, "root"), CACHE)
        cls.chroot.run("apt-get", "-qq", "update")
        cls.network = Network()
        cls.addClassCleanup(cls.network.close)

    def start(self):
        service = Service(self.chroot, self.network, os.path.join(self.scratch.name, "service"))
        self.addCleanup(service.kill)
        return service

    def install(self):
        shutil.copy(self.package, self.chroot.path("/tmp/weir.deb"))
        self.chroot.apt("install", "--reinstall", "/tmp/weir.deb")

    def owner_and_mode(self, name):
        found = os.stat(self.chroot.path(name))
        names = [re.search(rf"^(\w+):\w*:{number}:", self.chroot.read(f"/etc/{kind}"),
                           re.MULTILINE)[1]
                 for kind, number in (("passwd", found.st_uid), ("group", found.st_gid))]
        return (*names, stat.S_IMODE(found.st_mode))

    def test_the_unit_is_as_closed_as_promised(self):
        content = os.path.join(self.scratch.name, "content")
        run("dpkg-deb", "--extract", self.package, content)
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", content + UNIT)
        exposure = float(re.search(r"Overall exposure level .*: ([0-9.]+) ", said)[1])
        self.assertLessEqual(exposure, EXPOSURE_MAX, said)

    def check_unit(self):
        """systemd knows every setting of the unit; what it does not know it would ignore."""
        done = subprocess.run(["systemd-analyze", "verify", f"--root={self.chroot.root}",
                               "--man=no", "--recursive-errors=no", "weir.service"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_it_installs_serves_survives_and_goes(self):
        before = self.chroot.paths(*NOT_COMPARED)
        accounts = [self.chroot.read(name) for name in ("/etc/passwd", "/etc/group")]
        self.install()
        self.check_what_was_laid_down()
        self.check_unit()
        self.check_service()
        self.check_that_the_configuration_is_the_administrators()
        self.check_that_removing_keeps_the_data()

        for name in ("cert.pem", "key.pem"):
            os.remove(self.chroot.path(f"/etc/weir/{name}"))
        self.chroot.apt("purge", "--auto-remove", "weir")
        self.assertEqual((self.chroot.paths(*NOT_COMPARED) ^ before) - BACKUPS, set())
        self.assertEqual([self.chroot.read(name) for name in ("/etc/passwd", "/etc/group")],
                         accounts)

    def check_what_was_laid_down(self):
        self.assertEqual(self.owner_and_mode("/etc/weir/weir.toml"), ("root", "weir", 0o640))
        self.assertEqual(self.owner_and_mode("/var/lib/weir"), ("weir", "weir", 0o750))
        self.assertTrue(os.path.lexists(self.chroot.path(
            "/etc/systemd/system/multi-user.target.wants/weir.service")), "enabled")
        self.assertTrue(os.path.exists(self.chroot.path("/usr/share/man/man1/weir.1.gz")))
        self.chroot.run("weir", "check", "/etc/weir/weir.toml")

    def check_service(self):
        service = self.start()
        self.check_protection(service.pid)
        self.check_the_session_of_the_readme(service)
        service.kill()
        service = self.start()
        self.assertEqual(service.redis_cli("get", "greeting"), '"hello"')
        service.ask("redis-benchmark", "-p", "6390", "-t", "get,set", "-n", "10000", "-P", "16",
                    "-d", "100", "-r", "1000", "-q")
        service.ask("chroot", self.chroot.root, "weir", "backup", "/var/lib/weir/backup")
        self.assertEqual(service.stop(), 0, service.log())
        for name in ("data", "backup"):
            self.assertEqual(self.owner_and_mode(f"/var/lib/weir/{name}")[:2], ("weir", "weir"))

    def check_the_session_of_the_readme(self, service):
        session = readme_session()
        self.assertGreaterEqual(len(session), 7)
        for words, shown in session:
            if words[0] == "redis-cli":
                words = ["redis-cli", "--no-raw", *words[1:]]
            said = service.ask(*words)
            # Times differ from run to run.
            pattern = re.sub(r"\d{3,}", r"\\d+", re.escape(shown))
            self.assertTrue(not shown or re.fullmatch(pattern, said), f"{words}: {said}")

    def check_protection(self, pid):
        """What the sandbox is for is in force, or the run proves less than it says."""
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        user = os.stat(self.chroot.path("/var/lib/weir")).st_uid
        self.assertEqual(status["Uid"].split(), [str(user)] * 4)
        self.assertEqual([status[name] for name in ("NoNewPrivs", "Seccomp", "Seccomp_filters")],
                         ["1", "2", "2"])
        self.assertEqual(int(status["CapEff"], 16), 0)
        run("nsenter", "--mount", f"--target={pid}", "sh", "-c",
            '! touch "$0/etc/x" && touch "$0/var/lib/weir/x" && rm "$0/var/lib/weir/x" && '
            '! test -e "$0/proc/meminfo"', self.chroot.root)

    def check_that_the_configuration_is_the_administrators(self):
        name = "/etc/weir/weir.toml"
        ours = self.chroot.read(name).replace("[server]\n", self.tls_settings()) + (
            self.readme_block("[[limit]]"))
        with open(self.chroot.path(name), "w", encoding="utf-8") as file:
            file.write(ours)
        os.chmod(self.chroot.path(name), 0o440)
        self.install()
        self.assertEqual(self.chroot.read(name), ours)
        self.assertEqual(self.owner_and_mode(name), ("root", "weir", 0o440))
        service = self.start()
        said = [service.redis_cli("set", f"upload:{i}", "x") for i in range(6)]
        self.assertEqual(said[:5], ["OK"] * 5)
        self.assertEqual(service.ask("redis-cli", "-h", "localhost", "-p", "6380", "--tls",
                                     "--cacert", self.chroot.path("/etc/weir/cert.pem"), "ping"),
                         "PONG")
        shown = self.readme_block("(error) THROTTLED").split(" …")[0]
        self.assertRegex(said[5], re.sub(r"=\d+", r"=\\d+", "^" + re.escape(shown)))
        self.assertEqual(service.stop(), 0, service.log())
        self.check_users(name, ours)

    def check_users(self, name, ours):
        """The hash of a password is computed within the protection too."""
        line = run("chroot", self.chroot.root, "weir", "user", "hash", input="sesame\n")
        with open(self.chroot.path(name), "w", encoding="utf-8") as file:
            file.write(f'{ours}[[user]]\nname = "default"\n{line}')
        service = self.start()
        self.assertIn("NOAUTH", service.redis_cli("get", "greeting"))
        self.assertEqual(service.redis_cli("-a", "sesame", "--no-auth-warning", "get", "greeting"),
                         '"hello"')
        self.assertEqual(service.stop(), 0, service.log())
        with open(self.chroot.path(name), "w", encoding="utf-8") as file:
            file.write(ours)

    def tls_settings(self):
        """Makes a certificate; returns the begin of the section [server] that uses it."""
        names = ["/etc/weir/cert.pem", "/etc/weir/key.pem"]
        client_scenarios_test.make_certificate(self.chroot.path("/etc/weir"))
        group = os.stat(self.chroot.path("/etc/weir/weir.toml")).st_gid
        for name in names:
            os.chown(self.chroot.path(name), 0, group)
            os.chmod(self.chroot.path(name), 0o640)
        return ('[server]\ntls_listen = ["127.0.0.1:6380"]\n'
                f'tls_cert = "{names[0]}"\ntls_key = "{names[1]}"\n')

    def readme_block(self, begin):
        found, = (text for _, text in readme_blocks() if text.startswith(begin))
        return found

    def check_that_removing_keeps_the_data(self):
        self.chroot.apt("remove", "weir")
        self.assertFalse(os.path.exists(self.chroot.path("/usr/bin/weir")))
        self.assertIn('name = "uploads"', self.chroot.read("/etc/weir/weir.toml"))
        self.install()
        service = self.start()
        self.assertEqual(service.redis_cli("get", "greeting"), '"hello"')
        self.assertEqual(service.stop(), 0, service.log())


if __name__ == "__main__":
    BUILD, CACHE, README = (os.path.abspath(name) for name in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1])
