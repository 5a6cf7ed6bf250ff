#!/usr/bin/env python3
"""How long after its time the memory of an expired entry is free, beside redis-server.

Many keys with times far off are the background. Then 200 probes end 13 ms apart, and the number of
entries is asked for all the time (MEMORY STATS, or DBSIZE of Redis, which counts what it has not
removed). Last, many keys end at one moment. weir's records are in memory, so this is its cache.

  lag      milliseconds from a probe's time until it is gone
  mass     milliseconds from the moment of many until the last is gone
  PING     the longest meanwhile, in milliseconds

    ./dev bench expiry [--background 1000000] [--mass 100000]
"""
import argparse
import os
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import weir_process  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
VALUE = b"v" * 12
PROBES = 200
PROBE_GAP_MS = 13
BATCH = 500
PATIENCE_SECONDS = 60


def now_ms():
    return time.time() * 1000


def entries_of_weir(client):
    stats = client.command("MEMORY", "STATS")
    return stats[stats.index(b"weir.cache.entries") + 1]


def entries_of_redis(client):
    return client.command("DBSIZE")


def fill(client, count, words):
    for start in range(0, count, BATCH):
        client.pipeline([words(n) for n in range(start, min(start + BATCH, count))])


def lags(client, entries):
    """Returns the lag of each probe that went within the time of patience, rising, in ms."""
    base = entries(client)
    first = int(now_ms()) + 1000
    fill(client, PROBES, lambda n: ("SET", f"probe:{n}", VALUE, "PXAT", first + n * PROBE_GAP_MS))
    found = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found) < PROBES and time.monotonic() < deadline:
        left = entries(client) - base
        while len(found) < PROBES - left:
            found.append(now_ms() - (first + len(found) * PROBE_GAP_MS))
        time.sleep(0.0005)
    return sorted(found)


def mass(client, entries, count):
    """Returns the ms until all are gone, or None, and the longest PING in ms."""
    base = entries(client)
    moment = int(now_ms()) + 2000 + count // 25
    fill(client, count, lambda n: ("SET", f"mass:{n}", VALUE, "PXAT", moment))
    while now_ms() < moment:
        time.sleep(0.0002)
    longest = 0
    while now_ms() < moment + PATIENCE_SECONDS * 1000:
        asked = now_ms()
        client.command("PING")
        longest = max(longest, now_ms() - asked)
        if entries(client) <= base:
            return now_ms() - moment, longest
    return None, longest


def cell(ms):
    return f"{f'> {PATIENCE_SECONDS} s' if ms is None else f'{ms:.1f}':>10}"


def measure(name, client, entries, options):
    fill(client, options.background, lambda n: ("SET", f"far:{n}", VALUE, "EX", 3600 + n % 3600))
    found = lags(client, entries)
    row = f"{name:<8}"
    for share in (0.5, 0.99):
        at = int(PROBES * share)
        row += cell(found[at] if at < len(found) else None)
    row += f"{len(found):>8} of {PROBES}"
    took, longest = mass(client, entries, options.mass)
    print(row + cell(took) + cell(longest), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--background", type=int, default=1_000_000)
    parser.add_argument("--mass", type=int, default=100_000)
    options = parser.parse_args()
    print(f"{'':<8}{'lag p50':>10}{'lag p99':>10}{'probes gone':>15}{'mass':>10}{'PING max':>10}")
    with weir_process.scratch() as scratch, \
            weir_process.Weir(WEIR, os.path.join(scratch, "weir"), "--memory", "1GiB",
                              "--store", "memory") as server, server.client() as client:
        measure("weir", client, entries_of_weir, options)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"],
                          stdout=subprocess.DEVNULL) as process:
        try:
            def connect():
                try:
                    return weir_process.Client(port)
                except ConnectionRefusedError:
                    return None
            with weir_process.wait_until(connect, "redis-server listens") as client:
                measure("redis", client, entries_of_redis, options)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
