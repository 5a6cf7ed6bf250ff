#!/usr/bin/python3
"""Goal: a GET that is answered from memory allocates nothing in the live server.

Method: the release binary under a preloaded library that counts allocations into a file mapped by
both. After a warm-up a million pipelined GETs come over several connections; the count may rise no
further than it does while the server idles for as long, which is measured, plus TICKS_MAX for a
periodic task that may fall into the one span and not the other. One allocation in a thousand
GETs would be ten times that. That the counter counts is shown by SET, which must allocate.

    allocations_test.py WEIR ALLOCATION_COUNTER_LIBRARY
"""

import mmap
import os
import struct
import sys
import time
import unittest

import weir_process
from weir_process import encode

WEIR = ""
LIBRARY = ""
GETS = 1_000_000
CONNECTIONS = 4
PIPELINE = 500
KEYS = 1000
VALUE = b"v" * 100
TICKS_MAX = 100  # Allocations of all periodic tasks in the seconds that this takes.


class Allocations(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        name = os.path.join(scratch.name, "count")
        with open(name, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        with open(name, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.addCleanup(self.page.close)
        self.server = weir_process.Weir(
            WEIR, os.path.join(scratch.name, "weir"), "--memory", "256MiB",
            env={"LD_PRELOAD": os.path.abspath(LIBRARY), "WEIR_ALLOCATION_COUNT": name})
        self.addCleanup(self.server.kill)
        self.clients = [self.server.client() for _ in range(CONNECTIONS)]
        for client in self.clients:
            self.addCleanup(client.close)
            client.command("PING")
        self.clients[0].pipeline([("SET", f"key:{i}", VALUE) for i in range(KEYS)])

    def count(self):
        return struct.unpack_from("=Q", self.page)[0]

    def get(self, total):
        """Sends that many GETs of stored keys over all connections; checks their replies."""
        batches = [b"".join(encode("GET", f"key:{(start + i) % KEYS}") for i in range(PIPELINE))
                   for start in range(0, KEYS, PIPELINE)]
        expected = (b"$%d\r\n%b\r\n" % (len(VALUE), VALUE)) * PIPELINE
        buffer = bytearray(len(expected))
        for turn in range(total // (PIPELINE * CONNECTIONS)):
            for client in self.clients:
                client.send(batches[turn % len(batches)])
            for client in self.clients:
                view, got = memoryview(buffer), 0
                while got < len(buffer):
                    got += client.socket.recv_into(view[got:])
                if buffer != expected:
                    self.fail("a GET has a wrong reply")

    def idle(self, seconds):
        """Returns how many allocations the server makes by itself in that time."""
        before, end = self.count(), time.monotonic() + seconds
        weir_process.wait_until(lambda: time.monotonic() >= end, "the time passes", pause=0.05)
        return self.count() - before

    def test_a_million_get_hits_allocate_nothing(self):
        self.get(100_000)
        hits_before = self.server.metrics()["redis_keyspace_hits_total"]
        self.idle(0.5)  # What the metrics page has left behind is over.
        before, began = self.count(), time.monotonic()
        self.get(GETS)
        took, during = time.monotonic() - began, self.count() - before
        by_itself = self.idle(took)
        print(f"{GETS} GETs in {took:.1f} s: {during} allocations; idle for as long: {by_itself}",
              file=sys.stderr)
        hits = self.server.metrics()["redis_keyspace_hits_total"] - hits_before
        self.assertEqual(hits, GETS)
        self.assertLessEqual(during, by_itself + TICKS_MAX)

    def test_the_counter_counts(self):
        before = self.count()
        self.assertGreater(before, 1000)  # The start alone takes more.
        self.clients[0].pipeline([("SET", f"key:{i}", VALUE) for i in range(KEYS)])
        self.assertGreaterEqual(self.count() - before, KEYS)


if __name__ == "__main__":
    WEIR, LIBRARY = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
