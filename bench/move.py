#!/usr/bin/env python3
"""What clients notice while a range moves to another directory, and how fast it moves.

One range is filled, then `weir bench` asks at an even rate without a move, and again while the
range moves. Last, writers ask as fast as they are answered while a small range goes there and back.

  asks     latency of requests in ms, from when they were due, by `weir bench`; the last row is the
           one while a range moves over the one without
  copy     MiB a second, until the range has gone over; it is read twice on both sides
  hold     for how long the log was held, by the server's own count
  pause    the longest that a write of the range took around each time it went over, in ms, as a
           histogram; `within` is the bound that moves are made for: 10 ms, or 3 times the fsync
  fsync    what the slowest in a hundred of the same writes took without a move, in ms

    ./dev bench move [--mebibytes 256] [--rate 2000] [--turns 20]
"""
import argparse
import json
import os
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import weir_process  # noqa: E402

WEIR = os.path.join(ROOT, "build", "release", "weir")
VALUE_BYTES = 1024
CONFIG = '[[shard]]\nname = "a"\ndata = "{0}/a"\n[[shard]]\nname = "b"\ndata = "{0}/b"\n'
WRITERS = 4
MIDDLE = "8000000000000000"


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def await_phase(client, move, phase):
    """Returns the move's status when it is in the phase."""
    while True:
        status = next(one for one in client.command("WEIR.SHARD", "STATUS") if one[0] == move)
        if status[5] == phase:
            return status
        if status[12]:
            sys.exit(f"the move met an error: {status[12].decode()}")
        time.sleep(0.002)


def go(client, begin, shard):
    """Moves the range; returns the status once it has gone over, and the seconds that took."""
    began = time.monotonic()
    move = client.command("WEIR.SHARD", "MOVE", begin, shard)
    status = await_phase(client, move, b"follow")
    return status, time.monotonic() - began


def ask(server, options, seconds):
    done = subprocess.run(
        [WEIR, "bench", "--server", f"127.0.0.1:{server.port}", "--rate", str(options.rate),
         "--keys", str(options.mebibytes << 10), "--value-bytes", str(VALUE_BYTES), "--mix",
         "get:1,set:1", "--seconds", str(seconds), "--warmup", "1", "--json"],
        capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def row(name, result):
    cells = [f"{name:<24}"]
    for command in result["commands"]:
        latency = command["latency_us"]
        cells += [f"{latency[part] / 1000:>9.2f}" for part in ("p50", "p99", "max")]
    return "".join(cells) + f"{result['errors'] or result['refused']!s:>8}"


class Writer(threading.Thread):
    """Writes its own keys as fast as they are answered; keeps when each began and what it took."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self._client = server.client()
        self._number = number
        self._ending = False
        self.took = []

    def run(self):
        count = 0
        while not self._ending:
            began = time.monotonic()
            reply = self._client.command("SET", f"writer:{self._number}:{count % 500}", count)
            if reply != b"OK":
                sys.exit(f"a write was answered {reply!r}")
            self.took.append((began, time.monotonic() - began))
            count += 1

    def stop(self):
        self._ending = True
        self.join()
        self._client.close()


def pauses(server, turns):
    """Moves the second range there and back; returns the longest write of each turn, in ms."""
    flips = []
    with server.client() as client:
        writers = [Writer(server, number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(3)
        quiet_until = time.monotonic()
        for turn in range(turns):
            began = time.monotonic()
            status, _ = go(client, MIDDLE, turn % 2)
            flips.append((began, time.monotonic()))
            client.command("WEIR.SHARD", "FINISH", status[0])
            await_phase(client, status[0], b"ended")
        for writer in writers:
            writer.stop()
    took = [each for writer in writers for each in writer.took]
    quiet = [seconds for at, seconds in took if at < quiet_until]
    longest = [max(seconds for at, seconds in took if begin - seconds <= at <= end)
               for begin, end in flips]
    return [seconds * 1000 for seconds in longest], percentile(quiet, 0.99) * 1000


def ratio(moving, quiet):
    cells = [f"{'ratio':<24}"]
    for with_move, without in zip(moving["commands"], quiet["commands"]):
        cells += [f"{with_move['latency_us'][part] / max(without['latency_us'][part], 1):>9.2f}"
                  for part in ("p50", "p99", "max")]
    return "".join(cells)


def holds(server):
    page = server.metrics()
    count = page["weir_moves_holds_total"]
    mean = page["weir_moves_held_seconds_total"] / max(count, 1) * 1000
    longest = page["weir_moves_held_longest_seconds"] * 1000
    return f"hold, {count:.0f} times: mean {mean:.1f}, max {longest:.1f} ms"


def histogram(values):
    lines = []
    edge = 0.5
    below = 0
    while below < len(values):
        count = sum(value < edge for value in values) - below
        below += count
        if below > 0:
            lines.append(f"  < {edge:>6.1f} ms {count:>4} {'#' * count}")
        edge *= 2
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    with weir_process.scratch() as scratch, \
            weir_process.Weir(WEIR, os.path.join(scratch, "weir"), "--memory", "512MiB",
                              config=CONFIG.format(scratch)) as server, \
            server.client() as client:
        subprocess.run([WEIR, "bench", "--server", f"127.0.0.1:{server.port}", "--fill", "--keys",
                        str(options.mebibytes << 10), "--value-bytes", str(VALUE_BYTES),
                        "--mix", "get", "--seconds", "1"], capture_output=True, check=True)
        print(f"{'asks':<24}" + "".join(f"{name:>9}" for name in (
            "GET p50", "p99", "max", "SET p50", "p99", "max")) + f"{'errors':>8}")
        quiet = ask(server, options, 10)
        print(row("without a move", quiet), flush=True)
        result = []
        asking = threading.Thread(target=lambda: result.append(ask(server, options, 10)))
        asking.start()
        time.sleep(2)
        status, seconds = go(client, "0", 1)
        asking.join()
        print(row("while a range moves", result[0]))
        print(ratio(result[0], quiet), flush=True)
        mebibytes = status[10] / (1 << 20)
        print(f"copy: {mebibytes:.0f} MiB in {seconds:.1f} s, {mebibytes / seconds:.0f} MiB/s")
        client.command("WEIR.SHARD", "FINISH", status[0])
        await_phase(client, status[0], b"ended")
        client.command("WEIR.SHARD", "SPLIT", MIDDLE, "AT", "fff0000000000000")
        found, fsync = pauses(server, options.turns)
        found.sort()
        bound = max(10, 3 * fsync)
        print(f"pause, {len(found)} times: p50 {percentile(found, 0.5):.1f}, "
              f"p90 {percentile(found, 0.9):.1f}, p99 {percentile(found, 0.99):.1f}, "
              f"max {found[-1]:.1f} ms; fsync p99 {fsync:.1f} ms, "
              f"within {bound:.1f}: {sum(each <= bound for each in found)}")
        print(histogram(found))
        print(holds(server))


if __name__ == "__main__":
    main()
