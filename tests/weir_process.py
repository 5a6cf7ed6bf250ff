"""The real weir process for tests: start it on free ports, talk to it, read its metrics, stop it.

Every test owns its servers: each runs in a directory of its own below a temporary one and is
killed when its `with` block ends, however that ends. Waiting is for a condition with a deadline.
"""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

DEADLINE_SECONDS = 60  # Of anything that ought to take a moment; the box may be very busy.


def wait_until(condition, what, seconds=DEADLINE_SECONDS, pause=0.005):
    """Returns the first true value of `condition()`; raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{seconds} s have passed without: {what}")
        time.sleep(pause)


def raise_descriptor_limit(wanted):
    """Returns the number of files this process, and those it starts, may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class ErrorReply(bytes):
    """An error, without its leading '-'."""


class Push(list):
    """A message that is no reply."""


def encode(*words):
    """Returns one command as a client library sends it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


class Client:
    """One connection, by raw sockets: sends any bytes, reads replies of RESP2 and RESP3.

    `raw` holds the bytes of the reply that was read last. `tls` is an ssl.SSLContext, or None;
    `session` one of its sessions to resume.
    """

    def __init__(self, port, timeout=DEADLINE_SECONDS, tls=None, session=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost",
                                          session=session)
        self._input = self.socket.makefile("rb", 1 << 16)
        self._pieces = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._input.close()
        self.socket.close()

    @property
    def raw(self):
        return b"".join(self._pieces)

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """Returns one reply. Raises EOFError when the server has closed the connection."""
        self._pieces = []
        return self._read_value()

    def command(self, *words):
        self.send(encode(*words))
        return self.read()

    def pipeline(self, commands):
        """Sends all commands at once; returns their replies."""
        self.send(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]

    def store(self, commands):
        """Sends all commands, and again what a busy machine refuses, until each was answered OK."""
        while commands:
            replies = self.pipeline(commands)
            wrong = [reply for reply in replies
                     if reply != b"OK" and not reply.startswith(b"OVERLOADED ")]
            if wrong:
                raise AssertionError(f"not stored: {wrong[0]!r}")
            commands = [words for words, reply in zip(commands, replies) if reply != b"OK"]

    def at_end(self):
        """Reads up to the end of the stream; returns what came before it."""
        return self._input.read()

    def _line(self):
        line = self._input.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the connection ended after {self.raw + line!r}")
        self._pieces.append(line)
        return line[:-2]

    def _bulk(self, size):
        data = self._input.read(size + 2)
        if len(data) != size + 2:
            raise EOFError("the connection ended within a bulk string")
        self._pieces.append(data)
        return data[:-2]

    def _read_value(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ErrorReply(rest)
        if kind == b":":
            return int(rest)
        if kind in b"$=":
            return None if rest == b"-1" else self._bulk(int(rest))
        if kind in b"*~>":
            if rest == b"-1":
                return None
            items = [self._read_value() for _ in range(int(rest))]
            return Push(items) if kind == b">" else items
        if kind == b"%":
            pairs = [(self._read_value(), self._read_value()) for _ in range(int(rest))]
            return {tuple(k) if isinstance(k, list) else k: v for k, v in pairs}
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        raise ValueError(f"not RESP: {line!r}")


class Process:
    """A program that runs in a directory of its own, unless `cwd` says otherwise, with its standard
    error in a file there."""

    def __init__(self, command, directory, env=None, cwd=None):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self._killed = False
        self.log_name = os.path.join(directory, "stderr.log")
        with open(self.log_name, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=cwd or directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_name, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait(self, seconds=DEADLINE_SECONDS):
        """Returns the exit code."""
        return self.process.wait(timeout=seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def expect_signal(self):
        """That a signal ends the process is nothing to be told of."""
        self._killed = True

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        elif self.process.returncode < 0 and not self._killed:
            print(f"ended by signal {-self.process.returncode}:\n{self.log()}", file=sys.stderr)
        self._killed = True
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


# For a server whose every write is to be acknowledged: nobody is refused for a slow machine's sake.
PATIENT = ("--queue-deadline", "1m")


class Weir(Process):
    """`weir serve` on free ports with its data in `directory`/data, ready when constructed.

    Raises RuntimeError with its log when it ends instead.
    """

    def __init__(self, binary, directory, *flags, config="", env=None, wait=True,
                 listen="127.0.0.1:0", admin="127.0.0.1:0"):
        os.makedirs(directory, exist_ok=True)
        command = [os.path.abspath(binary), "serve", "--listen", listen,
                   "--admin", admin, "--data", "data", *map(str, flags)]
        if config:
            with open(os.path.join(directory, "weir.toml"), "w", encoding="utf-8") as file:
                file.write(config)
            command += ["--config", "weir.toml"]
        super().__init__(command, directory, env)
        self.port = self.admin_port = self.tls_port = 0
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def wait_ready(self):
        def serving():
            found = re.search(r"msg=serving listen=\S+:(\d+) admin=\S+:(\d+).*\n", self.log())
            if not found and self.process.poll() is not None:
                raise RuntimeError(f"weir ended with {self.process.returncode}:\n{self.log()}")
            return found
        found = wait_until(serving, "the server is ready")
        self.port, self.admin_port = int(found[1]), int(found[2])
        over_tls = re.search(r'msg="serving TLS" listen=\S+:(\d+)', self.log())
        if over_tls:
            self.tls_port = int(over_tls[1])

    def client(self, **options):
        return Client(self.port, **options)

    def stop(self, seconds=DEADLINE_SECONDS):
        """Sends SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def http(self, path):
        """Returns status and body of a page of the admin server."""
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def metrics(self):
        """Returns {'name{labels}': value}."""
        values = {}
        for line in self.http("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()


class Redis(Process):
    """Debian's redis-server on a free port, in memory only."""

    def __init__(self, directory, *flags):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        super().__init__(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                          "--save", "", "--appendonly", "no", *flags], directory)
        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"redis-server ended:\n{self.log()}")
            with contextlib.suppress(OSError):
                with Client(self.port) as client:
                    return client.command("PING") == b"PONG"
            return False
        try:
            wait_until(answers, "redis-server answers")
        except BaseException:
            self.kill()
            raise

    def client(self, **options):
        return Client(self.port, **options)


def scratch():
    """Returns a temporary directory, to be used in a `with` statement."""
    return tempfile.TemporaryDirectory(prefix="weir-test-", ignore_cleanup_errors=True)
