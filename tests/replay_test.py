#!/usr/bin/python3
"""Goal: a server answers of a trace what `weir replay` says it would, within half a point, and says
what another amount of memory would answer.

Method: two generated traces, one skewed, one even, are sent to a server over sockets. A first part
warms it; of the rest its counts of hits are read. `weir replay` is given the same requests, with as
many bytes as the entries of the server take, with and without the rest.

    replay_test.py WEIR
"""

import os
import random
import subprocess
import sys
import unittest

import weir_process

WEIR = ""
KEYS = 120_000
REQUESTS = 150_000
VALUE = b"v" * 500
REPLY_BYTES = len(b"$500\r\n" + VALUE + b"\r\n")
BATCH = 32


def skewed(seed):
    """Keys by rank, the probability of a rank falling as its inverse."""
    draw = random.Random(seed)
    return [int(KEYS ** draw.random()) - 1 for _ in range(REQUESTS)]


def even(seed):
    """Half of the keys, each as likely as any other."""
    draw = random.Random(seed)
    return [draw.randrange(KEYS // 2) for _ in range(REQUESTS)]


def read_exactly(client, count):
    while count > 0:
        data = client.socket.recv(min(count, 1 << 18))
        if not data:
            raise ConnectionError("the server closed the connection")
        count -= len(data)


def send(client, trace):
    """Asks for all keys, in batches in which no key is twice."""
    batch = []
    for key in trace + [None]:
        if key is None or len(batch) == BATCH or key in batch:
            client.socket.sendall(b"".join(weir_process.encode("GET", f"key:{n}") for n in batch))
            read_exactly(client, REPLY_BYTES * len(batch))
            batch = []
        batch.append(key)


def replayed_hits(scratch, trace, size, capacity):
    """Returns how many requests are hits."""
    name = os.path.join(scratch, "trace.txt")
    with open(name, "w", encoding="ascii") as file:
        file.write("".join(f"{key},{size}\n" for key in trace))
    done = subprocess.run([WEIR, "replay", "--trace", name, "--bytes", str(capacity)],
                          check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1].split(",")[3]) / 100 * len(trace)


class Replay(unittest.TestCase):
    def check(self, first, rest):
        with weir_process.scratch() as scratch, \
                weir_process.Weir(WEIR, os.path.join(scratch, "weir"), "--memory", "64MiB",
                                  "--store", "memory") as server, \
                weir_process.Client(server.port) as client:
            for key in range(0, KEYS, BATCH):
                client.pipeline([("SET", f"key:{n}", VALUE) for n in range(key, key + BATCH)])
            send(client, first)
            before = server.metrics()
            send(client, rest)
            after = server.metrics()
            hits = after["weir_cache_hits_total"] - before["weir_cache_hits_total"]
            misses = after["weir_cache_misses_total"] - before["weir_cache_misses_total"]
            self.assertEqual(hits + misses, len(rest))
            # Of the budget, what is remembered of entries that are gone is not for entries.
            capacity = int(after["weir_cache_bytes"])
            size = round(after["weir_cache_bytes"] / after["weir_cache_entries"])
            replayed = (replayed_hits(scratch, first + rest, size, capacity) -
                        replayed_hits(scratch, first, size, capacity))
            self.assertAlmostEqual(100 * hits / len(rest), 100 * replayed / len(rest), delta=0.5)
            self.check_estimate(client, server)

    def check_estimate(self, client, server):
        rows = client.command("WEIR.MRC")
        self.assertEqual(len(rows), 13)
        ratios = [float(row[1]) for row in rows]
        self.assertEqual(ratios, sorted(ratios))
        self.assertEqual(rows[6][0], int(server.metrics()["weir_cache_budget_bytes"]))
        self.assertEqual(client.command("WEIR.MRC", rows[6][0])[0][1], rows[6][1])
        self.assertIn(b"above 0", client.command("WEIR.MRC", "-1"))
        done = subprocess.run([WEIR, "advise", "--server", f"127.0.0.1:{server.port}"],
                              check=True, capture_output=True, text=True)
        self.assertEqual(len([line for line in done.stdout.splitlines() if "iB " in line]), 14)

    def test_skewed_requests(self):
        self.check(skewed(1), skewed(2))

    def test_even_requests(self):
        self.check(even(1), even(2))


if __name__ == "__main__":
    WEIR = sys.argv.pop(1)
    unittest.main()
