#!/usr/bin/python3
"""Goal: many clients on several threads, then a stop, without a race or a memory error.

Method: the real binary as a sanitizer build on the memory store; processes of clients send a mix
of everything, clients come and go in mid-command, the admin pages are read, the limiter limits.
Then SIGTERM comes while all of them send. The sanitizer ends the process at its first report, so
the exit code and the log tell.

    many_clients_test.py WEIR SECONDS
"""

import contextlib
import multiprocessing
import os
import random
import sys
import time
import unittest

import weir_process
from weir_process import encode

WEIR = ""
SECONDS = 0.0
SEED = 20261123
PROCESSES = 4
CLIENTS = 16  # Of each process, open at a time.
KEYS = 300
CONFIG = """
[[keyspace]]
prefix = "short:"
cache_ttl = "1ms"
negative_ttl = "1ms"

[[keyspace]]
prefix = "off:"
cache_ttl = "0ms"
negative_ttl = "0ms"

[[limit]]
name = "limited"
key_prefix = "limited:"
rate = "1000/s"
burst = 10
per = "key"
"""


def random_command(choice):
    prefix = choice.choice(("", "", "short:", "off:", "limited:", "{tag}"))
    key = f"{prefix}{choice.randrange(KEYS)}"
    other = f"{choice.randrange(KEYS)}"
    value = "x" * choice.choice((1, 10, 100, 20_000))
    return choice.choice((
        ("GET", key), ("GET", key), ("GET", key), ("SET", key, value), ("SET", key, value),
        ("SET", key, "1", "PX", choice.randrange(1, 200)), ("SET", key, value, "NX", "GET"),
        ("MGET", key, other), ("MSET", key, value, other, "1"), ("DEL", key, other), ("INCR", key),
        ("APPEND", key, "y"), ("EXPIRE", key, 1), ("PERSIST", key), ("TTL", key), ("EXISTS", key),
        ("SCAN", 0, "COUNT", 100), ("DBSIZE",), ("INFO",), ("PING",), ("NO-SUCH", key),
        ("CLIENT", "ID"), ("HELLO", choice.choice((2, 3))), ("COMMAND", "COUNT"),
        ("FLUSHALL",) if choice.random() < 0.02 else ("STRLEN", key)))


def load(port, number, replies):
    """Sends and reads until the server is gone; adds to `replies` as it goes."""
    choice = random.Random(SEED + number)
    clients = []
    with contextlib.suppress(OSError, EOFError):
        while True:
            while len(clients) < CLIENTS:
                clients.append(weir_process.Client(port))
            busy = choice.sample(clients, CLIENTS // 2)
            sizes = [choice.choice((1, 5, 50, 200)) for _ in busy]
            for client, size in zip(busy, sizes):
                client.send(b"".join(encode(*random_command(choice)) for _ in range(size)))
            for client, size in zip(busy, sizes):
                if choice.random() < 0.02:  # Leaves with commands under way.
                    clients.remove(client)
                    client.close()
                    continue
                for _ in range(size):
                    client.read()
                with replies.get_lock():
                    replies.value += size
            if choice.random() < 0.02:  # Leaves within a command.
                clients[0].send(b"*3\r\n$3\r\nSET\r\n$100\r\nab")
                clients.pop(0).close()
    for client in clients:
        client.close()


class ManyClients(unittest.TestCase):
    def test_many_clients_on_four_threads_and_a_stop_leave_no_report(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        server = weir_process.Weir(
            WEIR, os.path.join(scratch.name, "weir"), "--threads", 4, "--store", "memory",
            "--memory", "64MiB", config=CONFIG, env={
                "TSAN_OPTIONS": "ignore_noninstrumented_modules=1:second_deadlock_stack=1:"
                                "halt_on_error=1",
                "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"})
        self.addCleanup(server.kill)
        replies = multiprocessing.Value("q", 0)
        processes = [multiprocessing.Process(target=load, args=(server.port, i, replies))
                     for i in range(PROCESSES)]
        for process in processes:
            process.start()
            self.addCleanup(process.kill)
        end = time.monotonic() + SECONDS
        weir_process.wait_until(
            lambda: server.process.poll() is not None
            or (server.http("/metrics")[0] and time.monotonic() > end),
            "the time passes", seconds=SECONDS + weir_process.DEADLINE_SECONDS, pause=0.05)
        code = server.stop()
        log = server.log()
        self.assertEqual(code, 0, log)
        self.assertNotIn("Sanitizer", log)
        self.assertIn("msg=stopped", log)
        for process in processes:
            process.join(weir_process.DEADLINE_SECONDS)
            self.assertEqual(process.exitcode, 0)
        print(f"{replies.value} replies in {SECONDS:.0f} s", file=sys.stderr)
        self.assertGreater(replies.value, 10_000)


if __name__ == "__main__":
    WEIR, SECONDS = sys.argv.pop(1), float(sys.argv.pop(1))
    unittest.main()
