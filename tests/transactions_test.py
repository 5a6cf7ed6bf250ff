#!/usr/bin/python3
"""Goal: transactions of real clients are whole: nobody sees half of one, optimistic locking loses
no update, and FLUSHALL stands in one place among all that is under way.

Method, on a real weir with the cache on, off, and over two data directories:
 * redis-py's default pipeline() and its WATCH loop, under contention of many threads;
 * threads move money between accounts by WATCH, MULTI and EXEC, others by EXEC alone, while readers
   add up all accounts by MGET and by an EXEC of GETs: the sum never changes;
 * one connection writes thousands of keys as one, others read some of them;
 * one connection empties the database again and again while others write and read.

    transactions_test.py WEIR
"""

import os
import random
import sys
import threading
import unittest

import redis

import weir_process

WEIR = ""
SEED = 20261124
THREADS = 6
INCREMENTS = 60     # Of each thread, by optimistic locking.
ACCOUNTS = 5
START = 100
MOVES = 250         # Of each thread.
READS = 250
LARGE_KEYS = 5000   # More than are published with all lanes locked.
LARGE_ROUNDS = 12
FLUSHES = 60
TWO_DIRECTORIES = '[[shard]]\nname = "a"\ndata = "one"\n\n[[shard]]\nname = "b"\ndata = "two"\n'
MODES = {"cached": "", "uncached": "[cache]\nenabled = false\n", "two databases": TWO_DIRECTORIES}


def in_threads(*runs):
    """Runs all at once; raises the first error of any."""
    errors = []

    def guarded(run):
        try:
            run()
        except BaseException as error:  # Told to the thread that waits.
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class WithServer(unittest.TestCase):
    def for_each_mode(self, check):
        for mode, config in MODES.items():
            with self.subTest(mode=mode), weir_process.scratch() as scratch, weir_process.Weir(
                    WEIR, os.path.join(scratch, "weir"), "--threads", 2, config=config) as server:
                check(server)
                self.assertEqual(server.stop(), 0)


class RedisPy(WithServer):
    def test_the_default_pipeline_is_a_transaction(self):
        def check(server):
            with redis.Redis(port=server.port) as client:
                with client.pipeline() as pipe:
                    pipe.set("{t}k", "v").incr("{t}n").get("{t}k").mget("{t}k", "{t}none")
                    pipe.delete("{t}k").exists("{t}k").ping().expire("{t}n", 100).ttl("{t}n")
                    self.assertEqual(pipe.execute(), [True, 1, b"v", [b"v", None], 1, 0, True,
                                                      True, 100])
                with client.pipeline() as pipe:
                    pipe.set("{t}text", "x").incr("{t}text").get("{t}text")
                    replies = pipe.execute(raise_on_error=False)
                    self.assertEqual((replies[0], replies[2]), (True, b"x"))
                    self.assertIsInstance(replies[1], redis.ResponseError)
                with client.pipeline() as pipe:
                    pipe.set("{t}text", "y").execute_command("SET", "{t}text")
                    with self.assertRaises(redis.ResponseError):
                        pipe.execute()
                self.assertEqual(client.get("{t}text"), b"x", "EXECABORT")
                with client.pipeline() as pipe:
                    for number in range(10_000):
                        pipe.set("{t}%d" % number, number)
                    self.assertEqual(pipe.execute(), [True] * 10_000)
                with client.pipeline(transaction=False) as pipe:
                    for number in range(3000):
                        pipe.get("{t}%d" % number)
                    self.assertEqual(pipe.execute(), [b"%d" % number for number in range(3000)])
        self.for_each_mode(check)

    def test_optimistic_locking_loses_no_update(self):
        def check(server):
            retries = []

            def increment():
                with redis.Redis(port=server.port) as client:
                    for _ in range(INCREMENTS):
                        def run(pipe):
                            retries.append(1)
                            value = int(pipe.get("counter") or 0)
                            pipe.multi()
                            pipe.set("counter", value + 1)
                        client.transaction(run, "counter")

            in_threads(*[increment] * THREADS)
            with redis.Redis(port=server.port) as client:
                self.assertEqual(int(client.get("counter")), THREADS * INCREMENTS)
            self.assertGreater(len(retries), THREADS * INCREMENTS, "nobody was ever in the way")
        self.for_each_mode(check)


class Transfers(WithServer):
    def test_the_sum_of_all_accounts_never_changes(self):
        self.for_each_mode(self.check_sum)

    def check_sum(self, server):
        accounts = [f"{{bank}}:{i}" for i in range(ACCOUNTS)]
        with server.client() as client:
            client.command("MSET", *(word for name in accounts for word in (name, START)))
        seen, refused = set(), []

        def move_blindly(seed):
            choice = random.Random(seed)
            with server.client() as client:
                for _ in range(MOVES):
                    one, two = choice.sample(accounts, 2)
                    replies = client.pipeline([("MULTI",), ("DECRBY", one, 3), ("INCRBY", two, 3),
                                               ("EXEC",)])
                    self.assertEqual(len(replies[-1]), 2)

        def move_watching(seed):
            choice = random.Random(seed)
            with server.client() as client:
                for _ in range(MOVES):
                    one, two = choice.sample(accounts, 2)
                    client.command("WATCH", one, two)
                    held = [int(value) for value in client.command("MGET", one, two)]
                    reply = client.pipeline([("MULTI",), ("SET", one, held[0] - 7),
                                             ("SET", two, held[1] + 7), ("EXEC",)])[-1]
                    if reply is None:
                        refused.append(1)

        def add_up(command):
            with server.client() as client:
                for _ in range(READS):
                    if command == "MGET":
                        values = client.command("MGET", *accounts)
                    else:
                        values = client.pipeline(
                            [("MULTI",), *(("GET", name) for name in accounts), ("EXEC",)])[-1]
                    self.assertEqual(sum(map(int, values)), ACCOUNTS * START, values)
                    seen.add(tuple(values))

        in_threads(lambda: move_blindly(SEED), lambda: move_blindly(SEED + 1),
                   lambda: move_watching(SEED + 2), lambda: move_watching(SEED + 3),
                   lambda: add_up("MGET"), lambda: add_up("EXEC"))
        self.assertGreater(len(seen), 10, "the readers saw nothing move")
        self.assertTrue(refused, "no EXEC was ever in another's way")


class Large(WithServer):
    def test_one_of_thousands_of_keys_is_seen_whole(self):
        self.for_each_mode(self.check_rounds)

    def check_rounds(self, server):
        keys = ["{large}%d" % i for i in range(LARGE_KEYS)]
        stop = threading.Event()
        seen = set()

        def write():
            try:
                with server.client() as client:
                    for number in range(LARGE_ROUNDS):
                        replies = client.pipeline([("MULTI",), *(("SET", k, number) for k in keys),
                                                   ("EXEC",)])
                        self.assertEqual(replies[-1], [b"OK"] * LARGE_KEYS)
            finally:
                stop.set()

        def read(command):
            with server.client() as client:
                while not stop.is_set():
                    some = keys[::LARGE_KEYS // 20]
                    values = client.command("MGET", *some) if command == "MGET" else \
                        client.pipeline([("MULTI",), *(("GET", k) for k in some), ("EXEC",)])[-1]
                    self.assertEqual(len(set(values)), 1, values)
                    seen.add(values[0])

        in_threads(write, lambda: read("MGET"), lambda: read("EXEC"))
        self.assertGreater(len(seen), 1)


class Flushall(WithServer):
    def test_it_takes_what_was_acknowledged_before_and_nothing_after(self):
        self.for_each_mode(self.check_flushes)

    def check_flushes(self, server):
        # Numbers only rise: `sent` of a flush that was asked for, `done` of one acknowledged.
        sent = done = 0
        stop = threading.Event()
        survivors = []

        def flush():
            nonlocal sent, done
            try:
                with server.client() as client:
                    for number in range(FLUSHES):
                        sent += 1
                        inside = number % 2 == 1 and "one" not in os.listdir(server.directory)
                        reply = client.pipeline([("MULTI",), ("FLUSHALL",), ("EXEC",)])[-1][0] \
                            if inside else client.command("FLUSHALL")
                        self.assertEqual(reply, b"OK")
                        done += 1
            finally:
                stop.set()

        def write_and_read(number):
            with server.client() as client, server.client() as other:
                turn = 0
                while not stop.is_set():
                    turn += 1
                    key = f"{number}:{turn % 20}"
                    began = done
                    client.command("SET", key, turn)
                    acknowledged = sent
                    client.send(weir_process.encode("GET", f"{number}:{(turn + 7) % 20}"))
                    before = done
                    value = other.command("GET", key)
                    after = sent
                    client.read()
                    if value is None:
                        self.assertGreater(after, began, "it is gone, and nobody emptied anything")
                    else:
                        self.assertEqual(value, b"%d" % turn)
                        self.assertLessEqual(before, acknowledged, "it outlived a FLUSHALL")
                        survivors.append(1)

        in_threads(flush, *[lambda n=n: write_and_read(n) for n in range(THREADS)])
        self.assertTrue(survivors)
        with server.client() as client:
            client.command("FLUSHALL")
            self.assertEqual(client.command("DBSIZE"), 0)
            self.assertEqual(client.command("SCAN", "0", "COUNT", "1000"), [b"0", []])


class SeveralDatabases(unittest.TestCase):
    def test_keys_go_together_or_one_by_one_as_promised(self):
        with weir_process.scratch() as scratch, weir_process.Weir(
                WEIR, os.path.join(scratch, "weir"), config=TWO_DIRECTORIES) as server:
            with server.client() as client:
                keys = [f"key:{i}" for i in range(64)]
                self.assertEqual(client.command("MSET", *(w for k in keys for w in (k, k))), b"OK")
                self.assertEqual(client.command("MGET", *keys), [k.encode() for k in keys])
                self.assertEqual(client.command("EXISTS", *keys, "none"), 64)
                self.assertEqual(client.command("DEL", *keys[:32], "none"), 32)
                self.assertEqual(client.command("DBSIZE"), 32)
                client.command("MULTI")
                replies = client.pipeline([("INCR", k) for k in keys[:32]])
                self.assertTrue(any(r.startswith(b"CROSSSLOT ") for r in replies), replies)
                self.assertTrue(client.command("EXEC").startswith(b"EXECABORT "))
                for tag in range(16):
                    replies = client.pipeline([("WATCH", f"{{{tag}}}a"), ("MULTI",),
                                               ("INCR", f"{{{tag}}}a"), ("INCR", f"{{{tag}}}b"),
                                               ("EXEC",)])
                    self.assertEqual(replies[-1], [1, 1])
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
