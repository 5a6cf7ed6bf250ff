#!/usr/bin/python3
"""Goal: one bit flipped in any file of a move's target, at any stage, costs nothing: either the
range never goes over, or its source stays, or a restart after `finish` finds every record.

Method: the real binary with two directories. In each round a few MB move; at a random stage a bit
of a random log, table or manifest of the target is flipped behind the server's back, mostly while
it runs. Then the move goes on to its end, is finished if it went over, and the server is killed and
started anew. By seed.

    shard_flip_test.py WEIR [ROUNDS [SEED]]
"""

import glob
import os
import random
import shutil
import sys
import unittest

import weir_process

WEIR = ""
SEED = 20261127
ROUNDS = 36
KEYS = 500
VALUE_BYTES = 6000
CONFIG = """
[[shard]]
name = "first"
data = "{0}/a"
[[shard]]
name = "second"
data = "{0}/b"
"""
STAGES = ("copying", "restarted", "in step", "follow")
FILES = ("*.log", "*.sst", "MANIFEST-*")


def value_of(number):
    return random.Random(number).randbytes(VALUE_BYTES)


class Flip(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.directory = os.path.join(scratch.name, "weir")
        self.target = os.path.join(scratch.name, "b", "rocksdb")
        self.config = CONFIG.format(scratch.name)
        self.server = None

    def start(self):
        self.server = weir_process.Weir(WEIR, self.directory, "--memory", "64MiB",
                                        config=self.config)
        self.addCleanup(self.server.kill)

    def status(self, client):
        return client.command("WEIR.SHARD", "STATUS")[-1]

    def begin_anew(self):
        for name in ("a", "b"):
            shutil.rmtree(os.path.join(self.scratch, name), ignore_errors=True)
        self.start()
        with self.server.client() as client:
            for first in range(0, KEYS, 100):
                client.store([("SET", f"key{number}", value_of(number))
                              for number in range(first, first + 100)])

    def go_to(self, client, stage):
        """Begins a move and stops it there, or at what comes after. Returns its number."""
        move = client.command("WEIR.SHARD", "MOVE", "0", 1)
        if stage == "follow":
            weir_process.wait_until(lambda: self.status(client)[5] == b"follow", "it goes over")
            return move
        client.command("WEIR.SHARD", "PAUSE", move)

        def is_there():
            told = self.status(client)
            if stage == "in step":
                return told[6] in (b"verifying", b"in step") or told[5] != b"copy"
            return told[9] > 0
        while not is_there():
            client.pipeline([("WEIR.SHARD", "RESUME", move), ("WEIR.SHARD", "PAUSE", move)])
        return move

    def flip(self, rng):
        """Returns the file, or None if there is none of the kind."""
        files = sorted(glob.glob(os.path.join(self.target, rng.choice(FILES))))
        files = [path for path in files if os.path.getsize(path) > 0]
        if not files:
            return None
        path = rng.choice(files)
        with open(path, "r+b") as file:
            at = rng.randrange(os.path.getsize(path))
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ (1 << rng.randrange(8))]))
        return os.path.basename(path)

    def check(self, client):
        for first in range(0, KEYS, 100):
            numbers = range(first, first + 100)
            got = client.pipeline([("GET", f"key{number}") for number in numbers])
            self.assertEqual([value == value_of(n) for n, value in zip(numbers, got)],
                             [True] * 100)

    def end(self, client, move):
        """Lets the move go on to its end. Returns how it ended."""
        client.command("WEIR.SHARD", "RESUME", move)
        weir_process.wait_until(
            lambda: self.status(client)[5] in (b"follow", b"ended") or
            self.status(client)[6] == b"damaged", "it ends")
        told = self.status(client)
        if told[5] != b"follow":
            self.assertIn(b"is damaged", told[12])
            self.assertIn(b"/b", told[12])
            self.assertEqual(told[3], 0)
            return "refused"
        finished = client.command("WEIR.SHARD", "FINISH", move)
        if isinstance(finished, weir_process.ErrorReply):
            self.assertIn(b"is damaged", finished)
            self.assertEqual(self.status(client)[5], b"follow")
            return "not finished"
        weir_process.wait_until(lambda: self.status(client)[5] == b"ended", "it is cleared")
        return "finished"

    def roll_back(self, client, move):
        self.assertEqual(client.command("WEIR.SHARD", "ROLLBACK", move), b"OK")
        weir_process.wait_until(
            lambda: self.status(client)[5] == b"ended" or self.status(client)[6] == b"damaged",
            "it is back")
        self.assertEqual(self.status(client)[3], 0)

    def one_round(self, rng):
        stage = rng.choice(STAGES)
        self.begin_anew()
        with self.server.client() as client:
            move = self.go_to(client, "copying" if stage == "restarted" else stage)
        if stage == "restarted":
            self.assertEqual(self.server.stop(), 0)
            self.start()
        flipped = self.flip(rng)
        with self.server.client() as client:
            outcome = self.end(client, move)
            self.check(client)
            if outcome == "not finished":
                self.roll_back(client, move)
                self.check(client)
        self.server.kill()
        if outcome == "finished":
            self.start()
            with self.server.client() as client:
                self.check(client)
            self.server.kill()
        return stage, flipped, outcome

    def test_one_flipped_bit_of_the_target_loses_nothing(self):
        rng = random.Random(SEED)
        outcomes = {}
        for _ in range(ROUNDS):
            stage, flipped, outcome = self.one_round(rng)
            print(stage, flipped, outcome, flush=True)
            if flipped is not None:
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        self.assertGreater(outcomes.get("refused", 0), 0)
        self.assertGreater(outcomes.get("not finished", 0), 0)


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    if len(sys.argv) > 1:
        ROUNDS = int(sys.argv.pop(1))
    if len(sys.argv) > 1:
        SEED = int(sys.argv.pop(1))
    unittest.main()
