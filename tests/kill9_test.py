#!/usr/bin/python3
"""Goal: kill -9 at any moment loses no acknowledged write and half-applies none.

Method: writers on connections of their own pipeline SET, MSET, INCR, DEL and transactions of them
to the real binary (RocksDB, fsync) and remember what was acknowledged and what was only sent. After
a seeded number of acknowledgements the process is killed, now and then again while it recovers, and
started anew. What each writer then finds must be what was acknowledged plus a prefix, in the order
sent, of what was not: so no MSET and no transaction is half there. A counter that all share must
lie between what was acknowledged and what was sent. DBSIZE must be the number of keys that a whole
SCAN returns, and those the keys of the writers. Faults planted by the harness show that each of
these checks can fail.

    kill9_test.py WEIR [CYCLES]
"""

import os
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest

import weir_process

WEIR = ""
CYCLES = 200
SEED = 20261123
WRITERS = 4
KEYS = 24         # Of each writer, for SET and DEL.
GROUPS = 4        # Of each writer, of GROUP_KEYS keys that only ever change together.
GROUP_KEYS = 3
BATCH = 24        # Commands that a writer sends at once; two batches are under way.
SHARED = b"shared"


class Violation(Exception):
    """A promise that was broken."""


def apply(state, words):
    """Does to a writer's `state` ({key: value}) what the command does to the server."""
    if words[0] == "EXEC":
        for step in words[2]:
            apply(state, step)
    elif words[0] == "SET":
        state[words[1]] = words[2]
    elif words[0] == "DEL":
        state.pop(words[1], None)
    elif words[0] == "MSET":
        state.update(zip(words[1::2], words[2::2]))
    elif words[1] != SHARED:
        state[words[1]] = b"%d" % (int(state.get(words[1], b"0")) + 1)


def requests(words):
    """Returns what is sent for a command, or for a transaction ("EXEC", None, steps)."""
    return [("MULTI",), *words[2], ("EXEC",)] if words[0] == "EXEC" else [words]


class Writer:
    """One connection's commands. `acknowledged` is the state that its replies promise."""

    def __init__(self, number, seed):
        self.number, self.random = number, random.Random(seed)
        self.keys = [b"w%d:key:%d" % (number, i) for i in range(KEYS)]
        self.counter = b"w%d:counter" % number
        self.groups = [[b"w%d:group:%d:%d" % (number, g, i) for i in range(GROUP_KEYS)]
                       for g in range(GROUPS)]
        self.all_keys = self.keys + [self.counter] + sum(self.groups, [])
        self.acknowledged = {}
        self.pending = []         # Sent, without a reply so far.
        self.sequence = 0
        self.shared_replies = []
        self.replies = 0
        self.error = None

    def next_command(self):
        if self.random.random() < 0.1:
            return ("EXEC", None, tuple(self.next_step() for _ in range(3)))
        words = self.next_step()
        return ("INCR", SHARED) if words[0] == "INCR" and self.random.random() < 0.5 else words

    def next_step(self):
        self.sequence += 1
        value = b"%d:%d" % (self.number, self.sequence) + b"x" * self.random.randrange(100)
        kind = self.random.random()
        if kind < 0.5:
            return ("SET", self.random.choice(self.keys), value)
        if kind < 0.6:
            return ("DEL", self.random.choice(self.keys))
        if kind < 0.8:
            return ("MSET", *(word for key in self.random.choice(self.groups)
                              for word in (key, value)))
        return ("INCR", self.counter)

    def send_batch(self, client):
        batch = [self.next_command() for _ in range(BATCH)]
        self.pending += batch  # Before the send: how much of it arrives is unknown.
        client.send(b"".join(weir_process.encode(*request) for words in batch
                             for request in requests(words)))

    def read_batch(self, client):
        for _ in range(BATCH):
            replies = [client.read() for _ in requests(self.pending[0])]
            reply = replies[-1]
            words = self.pending.pop(0)
            if isinstance(reply, weir_process.ErrorReply) or (
                    words[0] == "EXEC" and len(reply) != len(words[2])):
                self.error = f"{words[0]} was answered {reply!r}"
                return
            if words[1] == SHARED:
                self.shared_replies.append(reply)
            apply(self.acknowledged, words)
            self.replies += 1

    def run(self, port):
        """Writes until the server is gone."""
        try:
            with weir_process.Client(port) as client:
                self.send_batch(client)
                while self.error is None:
                    self.send_batch(client)
                    self.read_batch(client)
        except (OSError, EOFError):
            pass

    def settle(self, found):
        """Takes over what the server holds. Raises Violation when no prefix of what was sent
        without a reply leads there. Returns how many INCR of SHARED that leaves in the open."""
        unknown = sum(1 for words in self.pending if words[1] == SHARED)
        state = dict(self.acknowledged)
        for applied in range(len(self.pending) + 1):
            if state == found:
                self.acknowledged, self.pending = found, []
                return unknown
            if applied < len(self.pending):
                apply(state, self.pending[applied])
        different = {key: (self.acknowledged.get(key), found.get(key)) for key in self.all_keys
                     if self.acknowledged.get(key) != found.get(key)}
        raise Violation(f"writer {self.number}: of (acknowledged, found) {different}, no prefix of "
                        f"the {len(self.pending)} commands without a reply gives this")


class History:
    """What all writers know, and the comparison of it with a server that has recovered."""

    def __init__(self, seed):
        self.writers = [Writer(i, seed * 100 + i) for i in range(WRITERS)]
        self.shared = 0  # What SHARED held when it was last compared.
        self.cycles = 0
        self.writes = 0

    def run_until_killed(self, server, acknowledgements):
        threads = [threading.Thread(target=w.run, args=(server.port,)) for w in self.writers]
        done_before = sum(w.replies for w in self.writers)
        for thread in threads:
            thread.start()
        weir_process.wait_until(
            lambda: sum(w.replies for w in self.writers) - done_before >= acknowledgements
            or any(w.error for w in self.writers), "writes are acknowledged", pause=0.001)
        server.kill()
        for thread in threads:
            thread.join()
        for writer in self.writers:
            if writer.error:
                raise Violation(writer.error)
        self.cycles += 1
        self.writes = sum(w.replies for w in self.writers)

    def check(self, server):
        with server.client() as client:
            keys = [key for w in self.writers for key in w.all_keys] + [SHARED]
            values = client.command("MGET", *keys)
            found = {key: value for key, value in zip(keys, values) if value is not None}
            self.check_counts(client, found)
            unknown = 0
            for writer in self.writers:
                unknown += writer.settle({key: found[key] for key in writer.all_keys
                                          if key in found})
            self.check_shared(int(found.get(SHARED, b"0")), unknown)

    def check_counts(self, client, found):
        scanned, cursor = [], b"0"
        while True:
            cursor, page = client.command("SCAN", cursor, "COUNT", "1000")
            scanned += page
            if cursor == b"0":
                break
        if sorted(scanned) != sorted(found):
            raise Violation(f"SCAN and MGET differ by {set(scanned) ^ set(found)}, or SCAN repeats")
        size = client.command("DBSIZE")
        if size != len(scanned):
            raise Violation(f"DBSIZE is {size}, SCAN returns {len(scanned)} keys")

    def check_shared(self, value, unknown):
        replies = sorted(reply for w in self.writers for reply in w.shared_replies)
        if len(set(replies)) != len(replies):
            raise Violation("two INCR of one key had the same answer")
        if not self.shared + len(replies) <= value <= self.shared + len(replies) + unknown:
            raise Violation(f"the shared counter is {value}, not {self.shared} + {len(replies)} "
                            f"and at most {unknown} more")
        if replies and value < replies[-1]:
            raise Violation(f"the shared counter is {value} and had been {replies[-1]}")
        self.shared = value
        for writer in self.writers:
            writer.shared_replies = []


class Kill9(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.server = None
        self.addCleanup(lambda: self.server and self.server.kill())

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB")
        return self.server

    def kill_during_recovery(self, choice):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "256MiB", wait=False)
        try:
            self.server.wait(choice.uniform(0.001, 0.06))
        except subprocess.TimeoutExpired:
            self.server.kill()

    def test_no_acknowledged_write_is_lost_in_many_kills(self):
        history, choice = History(SEED), random.Random(SEED)
        began = time.monotonic()
        self.start()
        for cycle in range(CYCLES):
            history.run_until_killed(self.server, choice.randrange(1, 1500))
            if cycle % 5 == 4:
                self.kill_during_recovery(choice)
            history.check(self.start())
        print(f"{history.cycles} kills, {history.writes} acknowledged writes, 0 lost, "
              f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        self.assertEqual(history.cycles, CYCLES)

    def find_violation(self, plant):
        """Runs cycles with a planted fault; returns what the check says."""
        history = History(SEED + 1)
        self.start()
        history.run_until_killed(self.server, 1000)
        history.check(self.start())
        plant(history)
        with self.assertRaises(Violation) as caught:
            history.check(self.server)
        return str(caught.exception)

    def test_the_check_finds_writes_that_a_rolled_back_log_has_lost(self):
        def plant(history):
            self.server.kill()
            saved = self.directory + ".saved"
            shutil.copytree(self.directory, saved)
            history.run_until_killed(self.start(), 300)
            shutil.rmtree(self.directory)
            os.rename(saved, self.directory)
            self.start()
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_a_log_without_its_newest_part(self):
        def plant(history):
            self.server.kill()
            logs = os.path.join(self.directory, "data", "rocksdb")
            history.run_until_killed(self.start(), 1500)
            newest = max((os.path.join(logs, name) for name in os.listdir(logs)
                          if name.endswith(".log")), key=lambda name: int(
                              os.path.splitext(os.path.basename(name))[0]))
            os.truncate(newest, os.path.getsize(newest) * 2 // 3)
            self.start()  # A log that ends too early is what an honest power cut leaves.
        self.assertIn("no prefix", self.find_violation(plant))

    def plant_command(self, *words):
        def plant(history):
            with self.server.client() as client:
                first = history.writers[0]
                client.command(*(word(first) if callable(word) else word for word in words))
        return plant

    def test_the_check_finds_half_an_mset(self):
        plant = self.plant_command("SET", lambda w: w.groups[0][1], "older")
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_half_a_transaction(self):
        def plant(history):
            writer = history.writers[0]
            with self.server.client() as client:
                client.command("SET", writer.keys[0], "new")
            writer.pending.append(("EXEC", None, (("SET", writer.keys[0], b"new"),
                                                  ("SET", writer.keys[1], b"new"))))
        self.assertIn("no prefix", self.find_violation(plant))

    def test_the_check_finds_a_key_that_came_back(self):
        plant = self.plant_command("SET", lambda w: next(k for k in w.keys + ["none"]
                                                         if k not in w.acknowledged), "back")
        self.find_violation(plant)

    def test_the_check_finds_an_increment_applied_twice(self):
        self.assertIn("shared counter", self.find_violation(self.plant_command("INCR", SHARED)))


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        CYCLES = int(sys.argv.pop(1))
    unittest.main()
