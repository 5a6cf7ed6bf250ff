#!/usr/bin/python3
"""Goal: a copy with one damaged byte in its files never takes the range's place.

Method: the real binary with two directories. A move is stopped halfway and the server is started
anew, so that all it has brought over is in files; then one byte of one value there is flipped. The
move must meet that and stay where it is, while clients are answered as if nothing were. The same
with other bytes, one after another; and it must go over when all are right again.

    shard_damage_test.py WEIR
"""

import glob
import os
import random
import sys
import unittest

import weir_process

WEIR = ""
SEED = 20261127
KEYS = 3000
VALUE_BYTES = 10000
BYTES_DAMAGED = 5
CONFIG = """
[[shard]]
name = "first"
data = "{0}/a"
[[shard]]
name = "second"
data = "{0}/b"
"""


def value_of(number):
    return random.Random(number).randbytes(VALUE_BYTES)


class Damage(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = os.path.join(scratch.name, "weir")
        self.copy = os.path.join(scratch.name, "b", "rocksdb")
        self.config = CONFIG.format(scratch.name)

    def start(self):
        server = weir_process.Weir(WEIR, self.directory, config=self.config)
        self.addCleanup(server.kill)
        return server

    def status(self, client):
        return client.command("WEIR.SHARD", "STATUS")[-1]

    def begin(self, client):
        """Stops a move when it has brought something over, but not all."""
        move = client.command("WEIR.SHARD", "MOVE", "0", 1)
        client.command("WEIR.SHARD", "PAUSE", move)
        while self.status(client)[8] == 0:
            client.pipeline([("WEIR.SHARD", "RESUME", move), ("WEIR.SHARD", "PAUSE", move)])
        self.assertEqual(self.status(client)[5], b"copy")
        return move

    def place_of(self, number):
        """Where in the copy's files the value of a key is; None: it was not brought over."""
        value = value_of(number)
        for path in glob.glob(os.path.join(self.copy, "*.sst")):
            with open(path, "rb") as file:
                at = file.read().find(value)
            if at >= 0:
                return path, at
        return None

    @staticmethod
    def flip(path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))

    def test_one_damaged_byte_in_the_files_of_the_copy_is_met_every_time(self):
        rng = random.Random(SEED)
        server = self.start()
        with server.client() as client:
            for first in range(0, KEYS, 100):
                client.store([("SET", f"key{number}", value_of(number))
                              for number in range(first, first + 100)])
            move = self.begin(client)
        self.assertEqual(server.stop(), 0)
        self.start().stop()  # What was in its log is in its files now.
        found = []
        for number in rng.sample(range(KEYS), KEYS):
            place = self.place_of(number)
            found += [] if place is None else [place]
            if len(found) == BYTES_DAMAGED:
                break
        self.assertEqual(len(found), BYTES_DAMAGED)
        for path, begin in found:
            at = begin + rng.randrange(VALUE_BYTES)
            self.flip(path, at)
            self.meets_damage(move, rng)
            self.flip(path, at)
        server = self.start()
        with server.client() as client:
            client.command("WEIR.SHARD", "RESUME", move)
            weir_process.wait_until(lambda: self.status(client)[5] == b"follow",
                                    "the whole copy takes the range")
            self.check(client, range(KEYS))
        self.assertEqual(server.stop(), 0)

    def meets_damage(self, move, rng):
        server = self.start()
        with server.client() as client:
            client.command("WEIR.SHARD", "RESUME", move)
            weir_process.wait_until(lambda: b"damaged" in self.status(client)[12],
                                    "the damage is met")
            self.assertEqual(self.status(client)[5], b"copy")
            self.assertEqual(client.command("WEIR.SHARD", "LIST")[2][0][2], 0)
            self.check(client, rng.sample(range(KEYS), 20))
            client.command("WEIR.SHARD", "PAUSE", move)
        self.assertEqual(server.stop(), 0)

    def check(self, client, numbers):
        for number in numbers:
            self.assertEqual(client.command("GET", f"key{number}"), value_of(number))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
