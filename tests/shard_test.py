#!/usr/bin/python3
"""Goal: ranges are split and merged while clients notice nothing, and survive kill -9.

Method: the real binary with three shards in two directories. A client writes, reads and remembers
while ranges are split and merged at random; then the process is killed. What was acknowledged must
be there, SCAN must return every key exactly once, the ranges must be those last acknowledged, and
`weir verify` must find all in its place. The same while ranges move between the directories, with
orders at random and kills at any point of a move and of a write.

    shard_test.py WEIR
"""

import json
import os
import random
import subprocess
import sys
import threading
import unittest

import weir_process

WEIR = ""
SEED = 20261126
CHANGES = 500
KILL_EVERY = 50
MOVE_STARTS = 12
MOVE_ORDERS = 10
MOVE_LOOKS = 1000  # At the moves, at most, before each order.
MOVED_MIN = 8  # Moves that must have gone over, of all.
POSITION_UNIT = 1 << 24
CONFIG = """
[[shard]]
name = "first"
data = "{0}/a"
[[shard]]
name = "second"
data = "{0}/a"
[[shard]]
name = "third"
data = "{0}/b"
"""


class Ranges(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.config = CONFIG.format(scratch.name)

    def start(self):
        server = weir_process.Weir(WEIR, self.directory, config=self.config)
        self.addCleanup(server.kill)
        return server

    def shard(self, server, *words):
        return subprocess.run([WEIR, "shard", "--server", f"127.0.0.1:{server.port}", *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def list(self, server, *words):
        done = self.shard(server, "list", "--json", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_the_command_line_lists_splits_and_merges(self):
        server = self.start()
        with server.client() as client:
            for number in range(100):
                client.command("SET", f"key{number}", "12345")
        listed = self.list(server)
        self.assertEqual(listed["version"], 0)
        self.assertEqual([os.path.basename(shard["place"]) for shard in listed["shards"]],
                         ["a", "a", "b"])
        self.assertEqual([one["shard"] for one in listed["ranges"]], [0, 1, 2])
        self.assertIsNone(listed["ranges"][0]["keys"])
        done = self.shard(server, "split", "0", "AT", "1234567890abcdef")
        self.assertEqual((done.returncode, done.stdout), (0, "split at 1234567890000000\n"))
        done = self.shard(server, "split", "1234567890000000", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = self.list(server, "--count")
        self.assertEqual(listed["version"], 2)
        self.assertEqual(listed["ranges"][2]["from"], json.loads(done.stdout)["at"])
        self.assertEqual(sum(one["keys"] for one in listed["ranges"]), 100)
        self.assertEqual(sum(one["bytes"] for one in listed["shards"]), 100 * 5 + 10 * 4 + 90 * 5)
        done = self.shard(server, "merge", "1234567890000000")
        self.assertEqual((done.returncode, done.stdout), (0, "merged 1234567890000000\n"))
        self.assertIn("range from        to", self.shard(server, "list").stdout)
        for words, text in ((("merge", "0"), "no range begins at"),
                            (("split", "1"), "no range begins at"),
                            (("split", "x"), "not a position"),
                            (("merge", listed["ranges"][3]["from"]), "different shards")):
            done = self.shard(server, *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(text, done.stderr)
        self.assertEqual(self.shard(server, "split").returncode, 2)

    def test_clients_notice_nothing_and_kill_9_loses_nothing(self):
        rng = random.Random(SEED)
        state = {}  # What was acknowledged.
        ranges = None
        for start in range(CHANGES // KILL_EVERY + 1):
            server = self.start()
            self.check(server, state, ranges)
            if start == CHANGES // KILL_EVERY:
                self.assertEqual(server.stop(), 0)
                break
            writer = Writer(server, state, start)
            writer.start()
            ranges = self.change(server, rng, KILL_EVERY)
            writer.stop()
            self.assertIsNone(writer.error)
            self.assertGreater(writer.commands, 0)
            server.kill()
        self.verify()

    def test_the_command_line_moves_a_range_there_and_back(self):
        server = self.start()
        with server.client() as client:
            for number in range(300):
                client.command("SET", f"key{number}", "12345")
        done = self.shard(server, "move", "0", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"move 1, 0+ in shard 2, copy in 0: follow, in step 100 %")
        self.assertEqual([one["shard"] for one in self.list(server)["ranges"]], [2, 1, 2])
        done = self.shard(server, "rollback", "1")
        self.assertRegex(done.stdout, r"move 1, 0+ in shard 0, copy in 2: ended")
        done = self.shard(server, "move", "0", "2", "--json")
        move = json.loads(done.stdout)
        self.assertEqual((move["shard"], move["phase"], move["error"]), (2, "follow", ""))
        done = self.shard(server, "finish", str(move["move"]))
        self.assertEqual(done.returncode, 0, done.stderr)
        for words, text in ((("move", "0", "2"), "in that shard already"),
                            (("move", "0", "9"), "no such shard"),
                            (("finish", "99"), "no move 99")):
            done = self.shard(server, *words)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(text, done.stderr)
        with server.client() as client:
            self.assertEqual(client.command("DBSIZE"), 300)
        self.assertEqual(server.stop(), 0)
        self.verify()

    def test_ranges_move_under_clients_and_kills(self):
        rng = random.Random(SEED)
        state = {}
        went_over = set()
        in_flight = 0
        writer = None
        for start in range(MOVE_STARTS):
            server = self.start()
            with server.client() as client:
                in_flight += self.settle(client, state, writer)
                for key, value in state.items():
                    self.assertEqual(client.command("GET", key), value)
            writer = Writer(server, state, start)
            writer.start()
            with server.client() as client:
                for _ in range(MOVE_ORDERS):
                    for _ in range(rng.randrange(MOVE_LOOKS)):
                        went_over |= self.followed(client)
                    self.order(client, rng)
            server.kill()  # With a write in its hands.
            writer.join()
            self.assertIsInstance(writer.error, (OSError, EOFError), writer.error)
        self.assertGreater(in_flight, 0)
        self.assertGreaterEqual(len(went_over), MOVED_MIN)
        server = self.start()
        with server.client() as client:
            self.settle(client, state, writer)
            weir_process.wait_until(lambda: self.finish(client), "all moves have ended")
        self.check(server, state, None)
        self.assertEqual(server.stop(), 0)
        self.verify()

    def settle(self, client, state, writer):
        """What was in flight at the kill has happened or not. Returns whether something was."""
        if writer is None or writer.in_flight is None:
            return False
        key, value = writer.in_flight
        found = client.command("GET", key)
        self.assertIn(found, (value, state.get(key)))
        state.pop(key, None)
        if found is not None:
            state[key] = found
        return True

    @staticmethod
    def followed(client):
        """The numbers of the moves that have gone over and can come back."""
        return {one[0] for one in client.command("WEIR.SHARD", "STATUS") if one[5] == b"follow"}

    @staticmethod
    def finish(client):
        """Tells all moves to end. Returns whether they have."""
        moves = [one for one in client.command("WEIR.SHARD", "STATUS") if one[5] != b"ended"]
        for one in moves:
            client.command("WEIR.SHARD", "RESUME", one[0])
            client.command("WEIR.SHARD", "FINISH", one[0])
        return not moves

    @staticmethod
    def order(client, rng):
        """Begins a move or gives an order to one, whatever comes of it."""
        moves = [one for one in client.command("WEIR.SHARD", "STATUS") if one[5] != b"ended"]
        if not moves or rng.random() < 0.3:
            chosen = rng.choice(client.command("WEIR.SHARD", "LIST")[2])
            client.command("WEIR.SHARD", "MOVE", chosen[0], rng.randrange(3))
            return
        order = rng.choice(("CANCEL", "FINISH", "FINISH", "PAUSE", "RESUME", "RESUME", "ROLLBACK"))
        client.command("WEIR.SHARD", order, rng.choice(moves)[0])

    def verify(self):
        with open(f"{self.directory}/verify.toml", "w", encoding="utf-8") as file:
            file.write(self.config)
        done = subprocess.run([WEIR, "verify", "--config", f"{self.directory}/verify.toml"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def change(self, server, rng, count):
        """Splits and merges at random; returns the ranges that were acknowledged last."""
        with server.client() as client:
            for _ in range(count):
                ranges = client.command("WEIR.SHARD", "LIST")[2]
                chosen = rng.choice(ranges)
                if rng.random() < 0.6:
                    reply = client.command("WEIR.SHARD", "SPLIT", chosen[0])
                    self.assertNotIsInstance(reply, weir_process.ErrorReply)
                else:
                    reply = client.command("WEIR.SHARD", "MERGE", chosen[0])
                    if isinstance(reply, weir_process.ErrorReply):
                        self.assertRegex(reply, b"no range begins at|different shards")
            return version_and_ranges(client)

    def check(self, server, state, ranges):
        with server.client() as client:
            if ranges is not None:
                self.assertEqual(version_and_ranges(client), ranges)
            self.assertEqual(client.command("DBSIZE"), len(state))
            for key, value in state.items():
                self.assertEqual(client.command("GET", key), value)
            found = []
            cursor = b"0"
            while True:
                cursor, keys = client.command("SCAN", cursor, "COUNT", 7)
                found += keys
                if cursor == b"0":
                    break
            self.assertEqual(sorted(found), sorted(state))
            bounds = [int(one[0], 16) for one in client.command("WEIR.SHARD", "LIST")[2]]
            self.assertEqual(bounds, sorted(set(bounds)))
            self.assertTrue(all(bound % POSITION_UNIT == 0 for bound in bounds))


class Writer(threading.Thread):
    """Sets, deletes and reads keys of its own, and remembers the last error."""

    def __init__(self, server, state, seed):
        super().__init__()
        self._server = server
        self._state = state
        self._rng = random.Random(seed)
        self._ending = threading.Event()
        self.commands = 0
        self.in_flight = None  # A key that is being written, and to what.
        self.error = None

    def run(self):
        try:
            with self._server.client() as client:
                while not self._ending.is_set():
                    self._one(client)
                    self.commands += 1
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def _one(self, client):
        key = b"k%d" % self._rng.randrange(300)
        draw = self._rng.random()
        if draw < 0.5:
            value = b"%d" % self._rng.randrange(10**6)
            self.in_flight = (key, value)
            self._expect(client.command("SET", key, value), b"OK")
            self._state[key] = value
        elif draw < 0.7:
            self.in_flight = (key, None)
            self._expect(client.command("DEL", key), int(key in self._state))
            self._state.pop(key, None)
        else:
            self._expect(client.command("GET", key), self._state.get(key))
        self.in_flight = None

    @staticmethod
    def _expect(reply, expected):
        if reply != expected:
            raise AssertionError(f"{reply} in place of {expected}")

    def stop(self):
        self._ending.set()
        self.join()


def version_and_ranges(client):
    """What WEIR.SHARD LIST says of the map, without the load."""
    version, _, ranges, _ = client.command("WEIR.SHARD", "LIST")
    return version, [one[:3] for one in ranges]


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
