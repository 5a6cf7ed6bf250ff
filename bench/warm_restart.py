#!/usr/bin/env python3
"""How soon after a restart as many reads are answered from memory as before.

All keys are read once, and then Zipf-distributed until the hit ratio stands. Then weir is ended and
begun again, and the same reads go on at once, a fixed number a second, so that they alone do not
make the cache warm.

  before    hits of 100 reads, in the end of the first process
  stop      milliseconds from the signal to its end
  first     milliseconds from the start of the new process to its first answer
  at once   hits of 100 in the first fifth of a second after it
  again     seconds after it in which the hits first came to 95 of 100 before, and that for each GiB
            of the cache
  p50, p99  milliseconds in which 100 reads, sent together, were answered until then

    ./dev bench warm_restart [--memory 512MiB] [--keys 2000000] [--seconds 30]
"""
import argparse
import itertools
import os
import random
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import weir_process  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
VALUE = b"v" * 100
LOADED_AT_ONCE = 500
BATCH = 100
READS_PER_SECOND = 5000
PARTS = 5  # Of a second; in each the hits are counted.
INTERVAL_SECONDS = 2
CONFIG = '[cache]\nwarm_restart = %s\nwarm_restart_interval = "%ds"\n'


class Reads:
    """Reads of keys by their rank, from one seed."""

    def __init__(self, keys):
        self.random = random.Random(1)
        self.ranks = range(keys)
        self.weights = list(itertools.accumulate((rank + 1) ** -0.99 for rank in self.ranks))

    def send(self, server, client, count, took=None):
        """Returns the hits of 100. Adds to `took` the milliseconds of each batch."""
        before = server.metrics()
        for _ in range(count // BATCH):
            chosen = self.random.choices(self.ranks, cum_weights=self.weights, k=BATCH)
            commands = [("GET", f"key:{rank:08d}") for rank in chosen]
            began = time.monotonic()
            client.pipeline(commands)
            if took is not None:
                took.append(1000 * (time.monotonic() - began))
        after = server.metrics()
        hits, misses = (after[name] - before[name] for name in (
            "redis_keyspace_hits_total", "redis_keyspace_misses_total"))
        return 100 * hits / (hits + misses)


def settle(server, client, reads):
    """Fills the cache, and reads until the hit ratio stands. Returns it, and the cache's GiB."""
    for begin in range(0, len(reads.ranks), LOADED_AT_ONCE):
        ranks = range(begin, begin + LOADED_AT_ONCE)
        client.command("MGET", *(f"key:{rank:08d}" for rank in ranks))
    last = 0
    while True:
        ratio = reads.send(server, client, 200_000)
        if abs(ratio - last) < 0.5:
            return ratio, server.metrics()["weir_cache_bytes"] / 2**30
        last = ratio


def until_warm(server, client, reads, ratio, seconds):
    """Returns the hits of the first part, the seconds until there are enough, or None, and how
    long batches took until then."""
    began = time.monotonic()
    at_once = None
    took = []
    for part in range(seconds * PARTS):
        hits = reads.send(server, client, READS_PER_SECOND // PARTS, took)
        at_once = hits if at_once is None else at_once
        if hits >= 0.95 * ratio:
            return at_once, time.monotonic() - began, took
        time.sleep(max(began + (part + 1) / PARTS - time.monotonic(), 0))
    return at_once, None, took


def restart(directory, how, reads, options):
    def start():
        config = CONFIG % ("false" if how == "cold" else "true", INTERVAL_SECONDS)
        return weir_process.Weir(WEIR, directory, "--memory", options.memory, config=config)

    with start() as server, server.client() as client:
        ratio, gib = settle(server, client, reads)
        if how == "kill -9":
            time.sleep(2 * INTERVAL_SECONDS)
        began = time.monotonic()
        server.signal(signal.SIGKILL if how == "kill -9" else signal.SIGTERM)
        server.expect_signal()
        server.wait()
        stop = 1000 * (time.monotonic() - began)
    began = time.monotonic()
    with start() as server, server.client() as client:
        client.command("GET", "key:00000000")
        first = 1000 * (time.monotonic() - began)
        at_once, again, took = until_warm(server, client, reads, ratio, options.seconds)
    took.sort()
    said = "  none      " if again is None else f"{again:6.1f} {again / gib:5.1f}"
    print(f"{how:8} {gib:6.2f} {ratio:7.1f} {stop:7.0f} {first:8.0f} {at_once:8.1f} {said} "
          f"{took[len(took) // 2]:7.2f} {took[len(took) * 99 // 100]:7.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", default="512MiB")
    parser.add_argument("--keys", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    reads = Reads(options.keys)
    with weir_process.scratch() as directory:
        with weir_process.Weir(WEIR, directory, "--memory", options.memory, config=CONFIG % (
                "false", INTERVAL_SECONDS)) as server, server.client() as client:
            for begin in range(0, options.keys, LOADED_AT_ONCE):
                client.command("MSET", *(word for rank in range(begin, begin + LOADED_AT_ONCE)
                                         for word in (f"key:{rank:08d}", VALUE)))
            server.stop()
        print(f"# {options.keys} keys of {len(VALUE)} bytes, memory {options.memory}, "
              f"{READS_PER_SECOND} reads a second, Zipf 0.99")
        print("ended by    GiB  before stop/ms first/ms  at once  again s/GiB  p50/ms  p99/ms")
        for how in ("cold", "SIGTERM", "kill -9"):
            restart(directory, how, reads, options)


if __name__ == "__main__":
    main()
