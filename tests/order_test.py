#!/usr/bin/python3
"""Goal: every connection sees its own writes in the order sent, and all see one order per key.

Method, each with the cache on, off, and with entries that end after a millisecond:
 * pipelines of random reads and writes of a connection's own keys are answered as a dictionary
   would answer them;
 * two clients send `SET a, GET b` and `SET b, GET a` at the same time: both never miss the write
   of the other (Dekker's algorithm depends on it);
 * many clients read and write a few keys; the history of each key is checked by zones.py, whose
   own power is shown on histories with planted faults.

    order_test.py WEIR
"""

import multiprocessing
import os
import random
import selectors
import sys
import threading
import time
import unittest

import weir_process
import zones

WEIR = ""
SEED = 20261123
PIPELINE_ROUNDS = 500      # Of each of PIPELINE_CLIENTS, in each of MODES.
PIPELINE_CLIENTS = 4
DEKKER_ROUNDS = {"cached": 22_000, "uncached": 22_000}
DEKKER_ROUNDS_OTHERWISE = 5_000
DEKKER_BATCH = 50
HISTORY_SECONDS = 3.0
HISTORY_PROCESSES = 2
HISTORY_CLIENTS = 24       # Of each process.
HISTORY_KEYS = 6
MODES = {
    "cached": "",
    "uncached": "[cache]\nenabled = false\n",
    "keyspace without cache": '[[keyspace]]\nprefix = ""\ncache_ttl = "0ms"\n'
                              'negative_ttl = "0ms"\n',
    "entries of a millisecond": '[cache]\nttl = "1ms"\nnegative_ttl = "1ms"\n',
}


class OwnKeys:
    """Random commands on keys that one connection alone uses, and the replies they must have."""

    def __init__(self, number, seed):
        self.random = random.Random(seed)
        self.keys = [b"own:%d:%d" % (number, i) for i in range(8)]
        self.counters = [b"own:%d:n%d" % (number, i) for i in range(2)]
        self.state = {}
        self.sequence = 0

    def value(self):
        self.sequence += 1
        return b"%d" % self.sequence

    def next_command(self):
        """Returns a command and its reply."""
        kind, key = self.random.randrange(10), self.random.choice(self.keys)
        if kind < 2:
            self.state[key] = self.value()
            return ("SET", key, self.state[key]), b"OK"
        if kind < 5:
            return ("GET", key), self.state.get(key)
        if kind == 5:
            return ("DEL", key), 1 if self.state.pop(key, None) is not None else 0
        if kind == 6:
            counter = self.random.choice(self.counters)
            self.state[counter] = b"%d" % (int(self.state.get(counter, b"0")) + 1)
            return ("INCR", counter), int(self.state[counter])
        if kind == 7:
            pairs = {k: self.value() for k in self.random.sample(self.keys, 3)}
            self.state.update(pairs)
            return ("MSET", *(word for pair in pairs.items() for word in pair)), b"OK"
        if kind == 8:
            keys = self.random.sample(self.keys + self.counters, 4)
            return ("MGET", *keys), [self.state.get(k) for k in keys]
        self.state[key] = self.state.get(key, b"") + b"+"
        return ("APPEND", key, "+"), len(self.state[key])


class WithServer(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def for_each_mode(self, check):
        for mode, config in MODES.items():
            with self.subTest(mode=mode), weir_process.Weir(
                    WEIR, os.path.join(self.directory, mode.replace(" ", "-")), "--threads", 4,
                    *weir_process.PATIENT, config=config) as server:
                check(server, mode)
                self.assertEqual(server.stop(), 0)


class OwnWrites(WithServer):
    def test_set_then_get_in_one_pipeline_answers_what_was_set(self):
        def check(server, _mode):
            with server.client() as client:
                replies = client.pipeline([command for i in range(3000) for command in
                                           (("SET", "k", i), ("GET", "k"))])
                self.assertEqual(replies[1::2], [b"%d" % i for i in range(3000)])
        self.for_each_mode(check)

    def test_a_pipeline_of_reads_and_writes_is_answered_in_the_order_sent(self):
        def run(server, number, wrong):
            keys = OwnKeys(number, SEED + number)
            with server.client() as client:
                for _ in range(PIPELINE_ROUNDS):
                    steps = [keys.next_command() for _ in range(keys.random.randrange(1, 40))]
                    replies = client.pipeline([words for words, _ in steps])
                    wrong += [(words, expected, got) for (words, expected), got
                              in zip(steps, replies) if got != expected]

        def check(server, _mode):
            wrong = []
            threads = [threading.Thread(target=run, args=(server, i, wrong))
                       for i in range(PIPELINE_CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong[:5], [])
        self.for_each_mode(check)


class Dekker(WithServer):
    def rounds(self, server, prefix, fresh, count):
        """Returns in how many rounds both missed the other's write, and in how many both saw it:
        those at least were truly at the same time."""
        missed = saw = 0
        with server.client() as one, server.client() as other:
            for first in range(1, count, DEKKER_BATCH):
                batch = range(first, first + DEKKER_BATCH)
                requests = [[], []]
                for number in batch:
                    x, y = (f"{prefix}:{name}:{number if fresh else 0}" for name in "xy")
                    for client, (mine, its) in enumerate(((x, y), (y, x))):
                        requests[client] += [weir_process.encode("SET", mine, number),
                                             weir_process.encode("GET", its)]
                one.send(b"".join(requests[0]))
                other.send(b"".join(requests[1]))
                replies = [[client.read() for _ in range(2 * DEKKER_BATCH)]
                           for client in (one, other)]
                for at, number in enumerate(batch):
                    seen = [int(reply[2 * at + 1] or 0) >= number for reply in replies]
                    missed += not any(seen)
                    saw += all(seen)
        return missed, saw

    def test_two_clients_never_both_miss_the_write_of_the_other(self):
        def check(server, mode):
            count = DEKKER_ROUNDS.get(mode, DEKKER_ROUNDS_OTHERWISE) // 2
            results = []
            threads = [threading.Thread(target=lambda f=fresh: results.append(
                self.rounds(server, f"dekker:{f}", f, count))) for fresh in (True, False)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"{mode}: (both missed, both saw) of {count} {results}", file=sys.stderr)
            self.assertEqual([missed for missed, _ in results], [0, 0])
            self.assertTrue(all(saw for _, saw in results), "no two commands were concurrent")
        self.for_each_mode(check)


def record_history(port, process, seconds, results):
    """Many clients, one command under way each. Puts a list of (key, Operation) into `results`."""
    choice = random.Random(SEED + process)
    clients = [weir_process.Client(port) for _ in range(HISTORY_CLIENTS)]
    selector = selectors.DefaultSelector()
    history, sequence = [], 0
    end = time.monotonic() + seconds

    def send(client):
        nonlocal sequence
        key = b"key:%d" % choice.randrange(HISTORY_KEYS)
        if choice.random() < 0.3:
            sequence += 1
            value = b"%d:%d" % (process, sequence)
            client.under_way = (key, zones.WRITE, value, time.monotonic_ns())
            client.send(weir_process.encode("SET", key, value))
        else:
            client.under_way = (key, zones.READ, None, time.monotonic_ns())
            client.send(weir_process.encode("GET", key))

    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        send(client)
    while selector.get_map():
        for ready, _ in selector.select(weir_process.DEADLINE_SECONDS):
            client = ready.data
            reply = client.read()
            key, kind, value, called = client.under_way
            value = reply if kind == zones.READ else value
            history.append((key, zones.Operation(kind, value, called, time.monotonic_ns())))
            if time.monotonic() < end:
                send(client)
            else:
                selector.unregister(client.socket)
                client.close()
    results.put(history)


class ManyClients(WithServer):
    def test_the_history_of_each_key_is_linearizable(self):
        self.for_each_mode(self.check_history)

    def check_history(self, server, mode):
        results = multiprocessing.Queue()
        processes = [multiprocessing.Process(target=record_history, args=(
            server.port, i, HISTORY_SECONDS, results)) for i in range(HISTORY_PROCESSES)]
        for process in processes:
            process.start()
        by_key = {}
        for _ in processes:
            for key, operation in results.get(timeout=weir_process.DEADLINE_SECONDS):
                by_key.setdefault(key, []).append(operation)
        for process in processes:
            process.join()
        for key, operations in by_key.items():
            self.assertIsNone(zones.violation(operations), key)
        operations = max(by_key.values(), key=len)
        print(f"{mode}: {sum(map(len, by_key.values()))} operations", file=sys.stderr)
        self.assertIsNotNone(zones.violation(with_stale_read(operations)))
        self.assertIsNotNone(zones.violation(with_lost_write(operations)))


def with_stale_read(operations):
    """Returns the history with one more read, of a value long overwritten."""
    writes = sorted((op for op in operations if op.kind == zones.WRITE), key=lambda op: op.called)
    last = writes[-1].returned
    return operations + [zones.Operation(zones.READ, writes[len(writes) // 2].value,
                                         last + 1, last + 2)]


def with_lost_write(operations):
    """Returns the history with one more write, acknowledged, that nobody sees who reads after."""
    reads = sorted((op for op in operations if op.kind == zones.READ), key=lambda op: op.called)
    middle = reads[len(reads) // 2]
    older = zones.Operation(zones.READ, middle.value, middle.returned + 3, middle.returned + 4)
    return operations + [zones.Operation(zones.WRITE, "lost", middle.returned + 1,
                                         middle.returned + 2), older]


class Checker(unittest.TestCase):
    """The rule itself, on histories of a few operations."""

    def history(self, *rows):
        return zones.violation([zones.Operation(*row) for row in rows])

    def test_it_accepts_what_is_linearizable(self):
        write, read = zones.WRITE, zones.READ
        for rows in (
                [], [(read, None, 1, 2)], [(write, 1, 1, 2), (read, 1, 3, 4)],
                [(write, 1, 1, 9), (read, None, 2, 3), (read, 1, 4, 5)],
                [(write, 1, 1, 9), (write, 2, 1, 9), (read, 2, 2, 3), (read, 1, 4, 5)],
                [(write, 1, 1, zones.FOREVER), (read, None, 5, 6)],
                [(write, 1, 1, zones.FOREVER), (read, None, 2, 3), (read, 1, 5, 6)]):
            self.assertIsNone(self.history(*rows), rows)

    def test_it_rejects_what_is_not(self):
        write, read = zones.WRITE, zones.READ
        for rows in (
                [(write, 1, 1, 2), (read, None, 3, 4)],
                [(read, 1, 1, 2), (write, 1, 3, 4)],
                [(read, 1, 1, 2)],
                [(write, 1, 1, 2), (write, 2, 3, 4), (read, 1, 5, 6)],
                [(write, 1, 1, 9), (read, 1, 2, 3), (read, None, 4, 5)],
                [(write, 1, 1, 9), (write, 2, 1, 9), (read, 2, 2, 3), (read, 1, 4, 5),
                 (read, 2, 6, 7)],
                [(write, 1, 1, zones.FOREVER), (read, 1, 2, 3), (read, None, 5, 6)]):
            self.assertIsNotNone(self.history(*rows), rows)


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
