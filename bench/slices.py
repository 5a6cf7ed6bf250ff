#!/usr/bin/env python3
"""How long large values and commands of many keys hold an event loop.

One client sends one request at a time. For each kind, from weir_loop_slice_seconds: how many rounds
of the loops a request took, what part of them took more than 1.05 ms (2^20 ns), how many such there
were for each request, and the bound below which the longest stayed. Rounds are timed by the clock,
so the machine must be quiet; the first line, of small GETs, tells whether it is.

    ./dev bench slices [--memory 1GiB] [--only NAME]
"""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import weir_process  # noqa: E402
from weir_process import encode  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
LONG_SECONDS = 2**20 * 1e-9
MANY = 60_000
WRITABLE = 16_384  # What one write may name.
LARGE = 30_000_000


def slices(server):
    """Returns {upper bound in seconds: rounds that took no longer}."""
    found = {}
    for name, value in server.metrics().items():
        bound = re.fullmatch(r'weir_loop_slice_seconds_bucket\{le="(.*)"\}', name)
        if bound:
            found[float(bound[1])] = value
    return found


def keys(count):
    return [b"key:%d" % i for i in range(count)]


def pairs(count):
    return [word for key in keys(count) for word in (key, b"value")]


def fill(client):
    for begin in range(0, MANY, 10_000):
        client.command("MSET", *[word for i in range(begin, begin + 10_000)
                                 for word in (b"key:%d" % i, b"value")])


def nothing(_):
    pass


def large_value(client):
    client.command("SET", "large", b"x" * LARGE)


# Name, what is there before, the request, how often.
KINDS = (
    ("GET small", lambda client: client.command("SET", "k", "v"), encode("GET", "k"), 2000),
    ("SET 30 MB", nothing, encode("SET", "large", b"x" * LARGE), 20),
    ("GET 30 MB", large_value, encode("GET", "large"), 20),
    ("APPEND 1 byte to 30 MB", large_value, encode("APPEND", "large", "x"), 20),
    (f"EXISTS {MANY} keys", fill, encode("EXISTS", *keys(MANY)), 40),
    (f"MGET {MANY} keys", fill, encode("MGET", *keys(MANY)), 40),
    (f"DEL {MANY} keys, refused", nothing, encode("DEL", *keys(MANY)), 40),
    (f"MSET {MANY} keys, refused", nothing, encode("MSET", *pairs(MANY)), 40),
    (f"DEL {WRITABLE} keys", nothing, encode("DEL", *keys(WRITABLE)), 40),
    (f"MSET {WRITABLE} keys", nothing, encode("MSET", *pairs(WRITABLE)), 40),
)


def measure(server, prepare, request, times):
    with server.client() as client:
        prepare(client)
        client.send(request)
        client.read()
        before = slices(server)
        for _ in range(times):
            client.send(request)
            client.read()
        after = slices(server)
    bounds = sorted(after)
    counts = {bound: after[bound] - before[bound] for bound in bounds}
    total = counts[float("inf")]
    below = max(counts[bound] for bound in bounds if bound <= LONG_SECONDS * 1.01)
    longest = next(bound for bound in bounds if counts[bound] == total)
    return total, total - below, longest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    options = parser.parse_args()
    print(f"{'request':28} {'rounds each':>11} {'> 1 ms each':>11} {'part':>8} {'longest ms':>10}")
    for name, prepare, request, times in KINDS:
        if options.only not in name:
            continue
        with weir_process.scratch() as scratch, weir_process.Weir(
                WEIR, os.path.join(scratch, "weir"), "--memory", options.memory) as server:
            total, over, longest = measure(server, prepare, request, times)
        print(f"{name:28} {total / times:11.1f} {over / times:11.2f} {over / total:8.4f} "
              f"{1000 * longest:10.2f}", flush=True)


if __name__ == "__main__":
    main()
