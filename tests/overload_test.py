#!/usr/bin/python3
"""Goal: a server whose database is slow, or frozen, refuses what is too much, in the words that
docs/overload.md promises; serves what is in memory; and is itself again as soon as the database is.

Method: the database is slowed down and frozen by the file of WEIR_SLOW_STORE. How long clients
really wait is for `./dev bench overload`; here only what they are told, and in which order.

    overload_test.py WEIR
"""

import os
import re
import sys
import unittest

import weir_process

WEIR = ""
REFUSAL = re.compile(rb"OVERLOADED retry_after_ms=\d+ shard=\d+ reason=(\w+) : ")


class Overload(unittest.TestCase):
    def start(self, queue_deadline):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.file = os.path.join(scratch.name, "slowness")
        self.slow()
        self.server = weir_process.Weir(WEIR, scratch.name, "--store", "memory",
                                        "--queue-deadline", queue_deadline,
                                        env={**os.environ, "WEIR_SLOW_STORE": self.file})
        self.addCleanup(self.server.stop)

    def slow(self, read_us=0, write_us=0, frozen=0):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(f"readers 1 read_us {read_us} write_us {write_us} frozen {frozen}\n")
        os.rename(self.file + ".new", self.file)

    def metric(self, name, op):
        return sum(value for series, value in self.server.metrics().items()
                   if series.startswith("weir_admission_" + name) and f'op="{op}"' in series)

    def reason(self, reply):
        self.assertIsInstance(reply, weir_process.ErrorReply, reply)
        told = REFUSAL.match(reply)
        self.assertTrue(told, reply)
        return told.group(1)

    def test_a_frozen_database_is_refused_as_such_and_hits_go_on(self):
        self.start("100ms")
        with self.server.client() as client, self.server.client() as stuck:
            client.command("SET", "hot", "v")
            self.slow(frozen=1)
            stuck.send(weir_process.encode("GET", "cold"))
            weir_process.wait_until(lambda: self.metric("circuit_open", "load") == 1,
                                    "the circuit opens")
            self.assertEqual(client.command("GET", "hot"), b"v")
            self.assertEqual(self.reason(stuck.read()), b"circuit", "it need not wait for the thaw")
            self.slow()
            weir_process.wait_until(lambda: client.command("GET", "other") is None,
                                    "reads are served again")

    def test_more_than_it_can_do_is_refused_and_what_it_can_do_is_served(self):
        self.start("1s")
        self.slow(read_us=2000)
        with self.server.client() as client:
            def flood():
                replies = client.pipeline([("GET", f"k{i}") for i in range(1000)])
                told = {self.reason(reply) for reply in replies if reply is not None}
                return replies.count(None) > 0 and told & {b"concurrency", b"queue_deadline"}
            weir_process.wait_until(flood, "some are served and some are refused")
            self.assertGreater(self.metric("refused_total", "load"), 0)
            self.slow()
            weir_process.wait_until(
                lambda: client.pipeline([("GET", f"n{i}") for i in range(50)]) == [None] * 50,
                "all are served again")

    def test_writes_for_a_log_that_does_not_answer_are_refused_and_were_not_applied(self):
        self.start("100ms")
        with self.server.client() as client, self.server.client() as stuck:
            self.slow(write_us=1, frozen=1)
            stuck.send(weir_process.encode("SET", "a", "1"))
            weir_process.wait_until(lambda: self.metric("circuit_open", "commit") == 1,
                                    "the circuit opens")
            self.assertEqual(self.reason(client.command("SET", "b", "1")), b"circuit")
            self.slow()
            self.assertEqual(stuck.read(), b"OK")
            weir_process.wait_until(lambda: client.command("SET", "c", "1") == b"OK",
                                    "writes are taken again")
            self.assertEqual(client.command("MGET", "a", "b", "c"), [b"1", None, b"1"])


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
