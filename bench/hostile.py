#!/usr/bin/env python3
"""What hostile clients do to memory and to another client's latency.

For each attack: the highest resident memory against budget and slack, and the p99 of GETs by
another process, during the attack and before it, with their ratio. Attackers run at the lowest
priority, since they would not share the server's processors.

    ./dev bench hostile [--memory 256MiB] [--attack NAME]
"""
import argparse
import contextlib
import multiprocessing
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import hostile_clients as hostile  # noqa: E402
import weir_process  # noqa: E402
from hostile_clients import MIB  # noqa: E402
from weir_process import encode  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
SECONDS = 4.0


def ask(port, seconds, results):
    """Puts the p99 of GETs, one every millisecond or so, into `results`, in milliseconds."""
    took = []
    with weir_process.Client(port) as client:
        client.command("SET", "good", "value")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            client.command("GET", "good")
            took.append(time.monotonic() - began)
            time.sleep(0.001)
    took.sort()
    results.put(1000 * took[int(len(took) * 0.99)])


def p99_during(port, attack):
    results = multiprocessing.Queue()
    asker = multiprocessing.Process(target=ask, args=(port, SECONDS, results))
    attacker = multiprocessing.Process(target=lambda: (os.nice(19), attack()))
    asker.start()
    attacker.start()
    p99 = results.get()
    asker.join()
    attacker.join()
    return p99


def never_read(server, stack):
    hostile.fill(server.port, "large", 1, MIB)
    sockets = hostile.connect(stack, server.port, 1)
    return lambda: hostile.push(sockets, encode("GET", "large0") * 3000, SECONDS)


def a_thousand_never_read(server, stack):
    keys = hostile.fill(server.port, "large", 100, MIB)
    sockets = hostile.connect(stack, server.port, 1000)
    data = b"".join(encode("GET", key) for key in keys)
    return lambda: hostile.push(sockets, data, SECONDS)


def declare_500_mb(server, stack):
    sockets = hostile.connect(stack, server.port, 100)
    data = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n" + b"x" * 40_000
    return lambda: hostile.push(sockets, data, SECONDS)


def unfinished_uploads(server, stack):
    sockets = hostile.connect(stack, server.port, 100)
    data = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (6 * MIB) + b"x" * (6 * MIB - 10)
    return lambda: hostile.push(sockets, data, SECONDS)


def half_sent(server, stack):
    sockets = hostile.connect(stack, server.port, 1000)
    return lambda: hostile.push(sockets, b"*1\r\n$4\r\nPI", SECONDS)


ATTACKS = (never_read, a_thousand_never_read, declare_500_mb, unfinished_uploads, half_sent)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="256MiB")
    parser.add_argument("--attack", default="", help="only this one")
    options = parser.parse_args()
    weir_process.raise_descriptor_limit(4000)
    attacks = [attack for attack in ATTACKS if options.attack in ("", attack.__name__)]
    print(f"budget {options.memory}, slack {hostile.MEMORY_SLACK // MIB} MiB")
    print(f"{'attack':24} {'peak MiB':>9} {'p99 ms':>8} {'quiet ms':>9} {'ratio':>6}")
    for attack in attacks:
        with weir_process.scratch() as scratch, contextlib.ExitStack() as stack:
            server = stack.enter_context(
                weir_process.Weir(WEIR, os.path.join(scratch, "weir"), "--memory", options.memory))
            quiet = p99_during(server.port, lambda: None)
            with hostile.Watch(server) as watch:
                during = p99_during(server.port, attack(server, stack))
            print(f"{attack.__name__:24} {watch.peak / MIB:9.0f} {during:8.2f} {quiet:9.2f} "
                  f"{during / quiet:6.1f}", flush=True)


if __name__ == "__main__":
    main()
