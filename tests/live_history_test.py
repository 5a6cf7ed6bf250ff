#!/usr/bin/python3
"""Goal: whatever happens to the server, its network, its disk and its clock, what clients were told
is one history: no acknowledged write is lost, none that was refused is seen, no value comes back.

Method: clients, some behind a fault_proxy.py, write unique values to a few keys and read them while
faults come and go. A command that was answered UNKNOWN, or not at all, may have taken effect at any
later time or never. Each key's history must be linearizable (zones.py), and a counter that all
increment must lie between what was acknowledged and what was sent. Faults wait for work done, not
for time. Planted faults show that the checks can fail.

    live_history_test.py WEIR FSYNC_FAULTS.so
"""

import glob
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import fault_proxy
import weir_process
import zones

WEIR = ""
FSYNC_FAULTS = ""
SEED = 20261126
CLIENTS = 8
KEYS = 5
COUNTER = b"counter"
COMMANDS = 50  # On one connection; then a client looks for another way to the server.
CLIENT_TIMEOUT = 0.5  # Seconds; after them a client gives up, and tries a new connection.
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
UNKNOWN = object()


class Workload:
    """Clients that go on whatever happens, and what each of their commands was answered."""

    EXPECTED = (b"UNKNOWN", b"ERR", b"OVERLOADED")  # First words of errors that may come.

    def __init__(self, ports):
        self.ports = ports  # A function: where to connect to now.
        self.lock = threading.Lock()
        self.histories = {b"key:%d" % i: [] for i in range(KEYS)}
        self.answered = self.written = self.refused = self.unknown = 0
        self.increments_acknowledged = self.increments_sent = 0
        self.stopping = threading.Event()
        self.odd = None
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        choice, sequence = random.Random(SEED + number), 0
        client = None
        while not self.stopping.is_set():
            if client is None:
                client = self.connect(choice)
                continue
            sequence += 1
            reply = self.step(client, choice, b"%d:%d" % (number, sequence))
            if reply is UNKNOWN or sequence % COMMANDS == 0:
                client.close()
                client = None
        if client:
            client.close()

    def connect(self, choice):
        try:
            return weir_process.Client(choice.choice(self.ports()), timeout=CLIENT_TIMEOUT)
        except OSError:
            self.stopping.wait(0.01)
            return None

    def step(self, client, choice, value):
        """One command. Returns its reply, or UNKNOWN."""
        key = choice.choice(list(self.histories))
        kind = choice.choice((zones.READ, zones.READ, zones.WRITE, "increment"))
        words = {zones.READ: ("GET", key), zones.WRITE: ("SET", key, value),
                 "increment": ("INCR", COUNTER)}[kind]
        with self.lock:
            self.increments_sent += kind == "increment"
        called = time.monotonic_ns()
        try:
            reply = client.command(*words)
        except (OSError, EOFError):
            reply = UNKNOWN
        self.note(kind, key, value, called, reply)
        return reply

    def note(self, kind, key, value, called, reply):
        returned = time.monotonic_ns()
        error = reply if isinstance(reply, weir_process.ErrorReply) else None
        unknown = reply is UNKNOWN or (error is not None and error.startswith(b"UNKNOWN"))
        with self.lock:
            self.unknown += unknown
            self.refused += error is not None and not unknown
            self.answered += error is None and not unknown
            self.written += error is None and not unknown and kind != zones.READ
            if error is not None and not error.startswith(self.EXPECTED):
                self.odd = error
            if error is not None and not unknown:
                self.increments_sent -= kind == "increment"
            elif kind == "increment":
                self.increments_acknowledged += not unknown
            elif kind == zones.WRITE:
                self.histories[key].append(zones.Operation(
                    kind, value, called, zones.FOREVER if unknown else returned))
            elif not unknown:
                self.histories[key].append(zones.Operation(kind, reply, called, returned))

    def wait_for(self, what, more):
        """Waits until `more` further commands have become `what`: "answered", "written", ..."""
        until = getattr(self, what) + more
        weir_process.wait_until(lambda: getattr(self, what) >= until, f"{more} commands {what}")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class LiveHistory(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.server = self.workload = None
        self.addCleanup(self.end)

    def end(self):
        if self.workload:
            self.workload.stop()
        if self.server:
            self.server.kill()

    def start(self, *flags, **options):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB", *flags,
                                        **options)

    def work(self, ports=None):
        self.workload = Workload(ports or (lambda: [self.server.port]))
        self.workload.wait_for("answered", 200)
        return self.workload

    def check(self, plant=lambda: None):
        """Lets the clients see what is left, and then judges all that they were told."""
        work = self.workload
        work.wait_for("written", 100)
        work.stop()
        plant()
        with self.server.client() as client:
            for key, history in work.histories.items():
                called = time.monotonic_ns()
                history.append(zones.Operation(zones.READ, client.command("GET", key), called,
                                               time.monotonic_ns()))
            count = int(client.command("GET", COUNTER) or b"0")
        for key, history in work.histories.items():
            self.assertIsNone(zones.violation(history), key)
        self.assertGreaterEqual(count, work.increments_acknowledged)
        self.assertLessEqual(count, work.increments_sent)
        self.assertIsNone(work.odd)
        print(f"{self.id().rsplit('.', 1)[-1]}: {work.answered} answered, {work.refused} refused, "
              f"{work.unknown} unknown", file=sys.stderr)

    def test_a_network_that_delays_loses_replies_resets_and_goes_half_open(self):
        self.start()
        with fault_proxy.FaultProxy(self.server.port) as proxy:
            work = self.work(lambda: [self.server.port, proxy.port, proxy.port])
            for mode in fault_proxy.MODES[1:] * 3:
                proxy.mode = mode
                work.wait_for("answered" if mode == fault_proxy.DELAY else "unknown", 5)
                proxy.mode = fault_proxy.PASS
                work.wait_for("answered", 100)
            self.check()
            self.assertNotIn(0, proxy.counts.values())

    def test_a_server_that_is_stopped_and_goes_on(self):
        self.start()
        work = self.work()
        for _ in range(5):
            self.server.signal(signal.SIGSTOP)
            work.wait_for("unknown", CLIENTS)
            self.server.signal(signal.SIGCONT)
            work.wait_for("answered", 200)
        self.check()

    def test_a_server_that_is_killed_and_started_anew(self):
        self.start()
        work = self.work()
        for _ in range(8):
            self.server.kill()
            self.start()
            work.wait_for("answered", 200)
        self.check()

    def test_a_clock_that_jumps_an_hour_back_and_forth(self):
        self.assertTrue(FAKETIME, "install faketime, as tools/packages.txt says")
        clock = os.path.join(os.path.dirname(self.directory), "clock")
        self.set_clock(clock, "+0")
        self.start(env={"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": clock,
                        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        work = self.work()
        with self.server.client() as client:
            client.command("SET", "lease", "v", "EX", "100000")
            for jump in ("-3600", "+3600", "-7200", "+0"):
                self.set_clock(clock, jump)
                work.wait_for("answered", 200)
                self.assertEqual(client.command("GET", "lease"), b"v", jump)
                if jump == "+3600":
                    self.assertLess(client.command("TTL", "lease"), 97_000, "it did not jump")
        self.check()

    @staticmethod
    def set_clock(path, offset):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.rename(path + ".new", path)

    def test_a_disk_that_cannot_sync_for_a_while(self):
        broken = os.path.join(os.path.dirname(self.directory), "broken")
        self.start(env={"LD_PRELOAD": FSYNC_FAULTS, "FSYNC_FAULTS": broken})
        work = self.work()
        for _ in range(5):
            with open(broken, "w", encoding="ascii"):
                pass
            work.wait_for("refused", 20)
            os.unlink(broken)
            work.wait_for("written", 100)
        self.check()
        self.assertGreaterEqual(work.unknown, 5)  # What was under way when it broke.

    def test_a_disk_that_is_full_for_a_while(self):
        self.assertEqual(os.geteuid(), 0, "a file system is mounted here: run this test as root")
        os.makedirs(os.path.join(self.directory, "data"))
        disk = os.path.join(self.directory, "data")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "weir-test", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        self.start()
        work = self.work()
        filler = os.path.join(disk, "filler")
        for _ in range(3):
            with open(filler, "wb") as file:
                room = os.statvfs(disk)
                os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (8 << 20))
            work.wait_for("refused", 50)
            os.unlink(filler)
            work.wait_for("written", 300)
        self.check()
        self.end()  # Before the file system goes.

    def test_clients_that_read_nothing_do_not_disturb_the_others(self):
        self.start()
        with self.server.client() as client:
            client.command("SET", "large", b"x" * (1 << 20))
        slow = []
        for _ in range(20):
            slow.append(socket.create_connection(("127.0.0.1", self.server.port)))
            slow[-1].sendall(weir_process.encode("GET", "large") * 50)
        work = self.work()
        work.wait_for("answered", 2000)
        self.check()
        self.assertLess(self.server.resident_bytes(), 400 << 20)
        for connection in slow:
            connection.close()


    def find_violation(self, *words):
        """What the check says when a stranger has sent a command that no client knows of."""
        self.start()
        self.work()

        def plant():
            with self.server.client() as client:
                client.command(*(word() if callable(word) else word for word in words))
        with self.assertRaises(AssertionError) as caught:
            self.check(plant)
        return str(caught.exception)

    def test_the_check_finds_a_value_that_came_back(self):
        def older():
            writes = [op for op in self.workload.histories[b"key:0"] if op.kind == zones.WRITE]
            return writes[len(writes) // 2].value
        self.assertIn("was current", self.find_violation("SET", "key:0", older))

    def test_the_check_finds_an_increment_that_is_lost(self):
        self.assertIn("not greater", self.find_violation("DECRBY", COUNTER, "1000"))


if __name__ == "__main__":
    WEIR, FSYNC_FAULTS = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main()
