#!/usr/bin/env python3
"""Goodput against offered load: what a server does whose database is asked for too much.

One server over a database of known capacity (WEIR_SLOW_STORE: so many readers, so long a read),
alone on the first core; the open loop of `weir bench` on the second. Each request needs the
database. Goodput is what is answered within the deadline, as a part of the capacity. Then a step to
ten times the capacity, a freeze and a ramp, while a small steady load is watched reply by reply.

    ./dev bench overload [--seconds 3] [--svg build/overload.svg] [--quick]

The exit code is 1 if a figure of docs/overload.md is not met; --quick only tries two loads.
"""
import argparse
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIR = os.path.join(ROOT, "build", "release", "weir")
SERVER_CORE, CLIENT_CORE = 0, 1
READERS, READ_US, WRITE_US = 4, 2000, 500
CAPACITY = READERS * 1e6 / READ_US  # A second; of writes 1e6 / WRITE_US, which is the same.
DEADLINE_MS = 100
CONNECTIONS = 1000
LOADS = [0.5, 0.9, 1, 1.5, 2, 3, 5, 10, 20]
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command, **options):
    if os.cpu_count() > 1:
        command = ["taskset", "-c", str(core)] + command
    return subprocess.Popen(command, **options)


class Server:
    """weir over a slowed store in memory, with nothing cached."""

    def __init__(self, directory):
        self.file = os.path.join(directory, "slowness")
        self.slow()
        config = os.path.join(directory, "weir.toml")
        self.port = free_port()
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[server]\nlisten = [\"127.0.0.1:{self.port}\"]\n"
                       f"admin = \"127.0.0.1:{free_port()}\"\nstore = \"memory\"\n"
                       "memory = \"512MiB\"\nthreads = 1\nshards = 1\n[cache]\nenabled = false\n")
        self.process = pinned(SERVER_CORE, [WEIR, "serve", "--config", config],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "WEIR_SLOW_STORE": self.file})
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit("bench: weir did not start")
                time.sleep(0.05)

    def slow(self, read_us=READ_US, frozen=0):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(f"readers {READERS} read_us {read_us} write_us {WRITE_US} frozen {frozen}\n")
        os.rename(self.file + ".new", self.file)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def load(self, rate, seconds, mix):
        """Starts an open loop of so many requests a second."""
        return pinned(CLIENT_CORE,
                      [WEIR, "bench", "--server", f"127.0.0.1:{self.port}", "--json",
                       "--mix", mix, "--rate", str(rate), "--arrivals", "poisson",
                       "--connections", str(CONNECTIONS), "--threads", "1", "--keys", "10000000",
                       "--value-bytes", "100", "--deadline-ms", str(DEADLINE_MS),
                       "--warmup", "1.5", "--seconds", str(seconds)],
                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def measure(self, rate, seconds, mix):
        before = self.cpu_seconds()
        done = json.loads(self.load(rate, seconds, mix).communicate()[0])
        # Of the warm-up as well, so that it is divided by what was asked for in all.
        asked = rate * (seconds + 1.5)
        done["cpu_us"] = (self.cpu_seconds() - before) / asked * 1e6
        return done

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Probe(threading.Thread):
    """A small steady load of another client, a tenth of the capacity, whose replies are noted."""

    def __init__(self, port):
        super().__init__()
        self.sockets = [socket.create_connection(("127.0.0.1", port),
                                                 source_address=("127.0.0.2", 0))
                        for _ in range(40)]
        self.replies = []  # When asked, when answered, whether served.
        self.ending = False

    def run(self):
        poll = select.poll()
        asked, idle, by_fd = {}, list(self.sockets), {s.fileno(): s for s in self.sockets}
        for each in self.sockets:
            poll.register(each, select.POLLIN)
        due, pause = time.monotonic(), 1 / (CAPACITY / 10)
        while not self.ending or asked:
            now = time.monotonic()
            if now >= due and not self.ending:
                due += pause
                if idle:
                    each = idle.pop(0)
                    key = b"probe:%09d" % random.randrange(10**9)
                    each.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key))
                    asked[each.fileno()] = now
            wait = 50 if self.ending else max(0, (due - time.monotonic()) * 1000)
            for fd, _ in poll.poll(wait):
                reply = by_fd[fd].recv(4096)
                begun = asked.pop(fd)
                self.replies.append((begun, time.monotonic(), not reply.startswith(b"-")))
                idle.append(by_fd[fd])

    def end(self):
        self.ending = True
        self.join()
        for each in self.sockets:
            each.close()

    def between(self, begin, end):
        """Returns how many were asked for, how many served, and the p99 of these in ms."""
        some = [r for r in self.replies if begin <= r[0] < end]
        took = sorted((r[1] - r[0]) * 1000 for r in some if r[2])
        return len(some), len(took), took[len(took) * 99 // 100] if took else float("inf")


class Findings:
    def __init__(self):
        self.missed = []

    def check(self, what, value, bound, at_least=False):
        met = value >= bound if at_least else value <= bound
        sign = ">=" if at_least else "<="
        print(f"  {'met   ' if met else 'MISSED'}  {what}: {value:.2f} ({sign} {bound:g})")
        if not met:
            self.missed.append(what)


def curve(server, mix, loads, seconds):
    """Prints goodput and latency for each load. Returns rows by load."""
    print(f"\n{mix}: capacity {CAPACITY:.0f}/s, deadline {DEADLINE_MS} ms\n")
    print("offered   offered/s  goodput/s  of capacity   p50 ms   p99 ms  x unloaded  refused/s"
          "  refused p99 ms  CPU us")
    rows = {}
    for load in loads:
        done = server.measure(load * CAPACITY, seconds, mix)
        done["goodput"] = done["in_time_per_second"] / CAPACITY
        rows[load] = done
        latency, unloaded = done["latency_us"], rows[loads[0]]["latency_us"]["p99"]
        late = done["refused_latency_us"]["p99"] / 1000 if done["refused"] else 0
        refused = done["refused"] / done["seconds"]
        print(f"{load:>5}x {load * CAPACITY:>11.0f} {done['in_time_per_second']:>10.0f}"
              f" {done['goodput']:>12.3f} {latency['p50'] / 1000:>8.2f}"
              f" {latency['p99'] / 1000:>8.2f} {latency['p99'] / unloaded:>11.2f} {refused:>10.0f}"
              f" {late:>15.2f} {done['cpu_us']:>7.2f}", flush=True)
    return rows


def judge_curve(rows, findings):
    unloaded = rows[0.5]["latency_us"]["p99"]
    for load, least in ((2, 0.95), (10, 0.9), (20, 0.9)):
        if load in rows:
            findings.check(f"goodput at {load}x", rows[load]["goodput"], least, at_least=True)
            findings.check(f"p99 of the served at {load}x, times unloaded",
                           rows[load]["latency_us"]["p99"] / unloaded, 2)


def refusal_cost(server, rows, seconds, findings):
    """What a refusal costs above a PING, both at the highest load that was tried."""
    load = max(rows)
    rate = load * CAPACITY
    ping = server.measure(rate, seconds, "ping")["cpu_us"]
    served = CAPACITY / rate
    both = rows[load]["cpu_us"]
    refusal = (both - served * rows[0.5]["cpu_us"]) / (1 - served)
    print(f"\nserver CPU at {rate:.0f}/s: PING {ping:.2f} us, a refusal {refusal:.2f} us")
    findings.check("a refusal above a PING, us of CPU", refusal - ping, 2)


def step(server, findings):
    probe = Probe(server.port)
    probe.start()
    time.sleep(2)
    begin = time.monotonic()
    server.load(10 * CAPACITY, 2, "get").wait()
    end = time.monotonic()
    time.sleep(2)
    probe.end()
    _, _, before = probe.between(begin - 1.8, begin)
    asked, served, during = probe.between(begin + 1, end - 0.5)
    print(f"\nstep to 10x and back, seen by a load of 0.1x: p99 {before:.2f} ms before; "
          f"{served} of {asked} served, p99 {during:.2f} ms during")
    findings.check("served of another client's 0.1x during the step", served / asked, 0.95,
                   at_least=True)
    asked, served, after = probe.between(end + 0.05, end + 1.5)
    print(f"  from 50 ms after its end: {served} of {asked} served, p99 {after:.2f} ms")
    findings.check("not served from 50 ms after a 10x step", asked - served, 0)
    findings.check("p99 from 50 ms after a 10x step, times before", after / before, 1.5)


def freeze(server, findings):
    probe = Probe(server.port)
    probe.start()
    time.sleep(1.5)
    begin = time.monotonic()
    server.slow(frozen=1)
    time.sleep(4)
    end = time.monotonic()
    server.slow(frozen=0)
    time.sleep(2)
    probe.end()
    late = [r for r in probe.replies if begin + 1.5 <= r[0] < end - 0.5 and r[1] - r[0] > 0.1]
    asked, served, _ = probe.between(begin + 1.5, end - 0.5)
    print(f"\nfreeze of 4 s: {asked} asked for after 1.5 s of it, {served} served, "
          f"{len(late)} waited for more than 100 ms")
    findings.check("part of these that waited", len(late) / asked, 0.05)
    asked, served, after = probe.between(end + 0.3, end + 1.8)
    print(f"  from 300 ms after its end: {served} of {asked} served, p99 {after:.2f} ms")
    findings.check("not served from 300 ms after a freeze", asked - served, 0)


def ramp(server, findings):
    """The database becomes four times as slow under twice its load, and recovers."""
    load = server.load(2 * CAPACITY, 10, "get")
    probe = Probe(server.port)
    time.sleep(3)
    probe.start()
    for part in (1, 2, 3, 4, 3, 2, 1):
        server.slow(read_us=READ_US * part)
        time.sleep(1)
    probe.end()
    done = json.loads(load.communicate()[0])
    possible = CAPACITY * (3 + sum(1 / part for part in (1, 2, 3, 4, 3, 2, 1))) / 10
    print(f"\nramp to a quarter of the capacity and back at 2x: {done['per_second']:.0f}/s of "
          f"{possible:.0f}/s possible, p99 {done['latency_us']['p99'] / 1000:.2f} ms")
    findings.check("served during the ramp, of what was possible", done["per_second"] / possible,
                   0.85, at_least=True)


def draw(series, path):
    """Goodput against offered load, on a logarithmic axis, as an SVG of plain text."""
    from math import log
    width, height, left, top = 640, 360, 60, 30
    low, high = log(LOADS[0]), log(LOADS[-1])

    def point(load, goodput):
        x = left + (log(load) - low) / (high - low) * (width - left - 20)
        y = top + (1.1 - goodput) / 1.1 * (height - top - 50)
        return f"{x:.1f},{y:.1f}"

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="{left}" y="18">goodput, part of the capacity, against offered load</text>']
    for goodput in (0, 0.25, 0.5, 0.75, 1):
        x, y = point(LOADS[0], goodput).split(",")
        lines.append(f'<line x1="{x}" y1="{y}" x2="{width - 20}" y2="{y}" stroke="#ddd"/>'
                     f'<text x="{left - 8}" y="{y}" text-anchor="end">{goodput}</text>')
    for load in LOADS:
        x, y = point(load, 0).split(",")
        lines.append(f'<text x="{x}" y="{float(y) + 20:.1f}" text-anchor="middle">{load}x</text>')
    ideal = " ".join(point(load, min(load, 1)) for load in LOADS)
    lines.append(f'<polyline points="{ideal}" fill="none" stroke="#999" stroke-dasharray="4"/>')
    for i, (name, colour, rows) in enumerate(series):
        points = " ".join(point(load, row["goodput"]) for load, row in rows.items())
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')
        lines.append(f'<text x="{width - 120}" y="{height - 110 + 18 * i}" fill="{colour}">'
                     f'{name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n</svg>\n")
    print(f"\nthe curve: {path}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--svg", default=os.path.join(ROOT, "build", "overload.svg"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE % os.cpu_count()})
    findings = Findings()
    loads = [0.5, 10] if arguments.quick else LOADS
    with tempfile.TemporaryDirectory() as directory:
        server = Server(directory)
        try:
            reads = curve(server, "get", loads, arguments.seconds)
            judge_curve(reads, findings)
            refusal_cost(server, reads, arguments.seconds, findings)
            writes = curve(server, "set", loads, arguments.seconds)
            judge_curve(writes, findings)
            step(server, findings)
            if not arguments.quick:
                freeze(server, findings)
                ramp(server, findings)
        finally:
            server.stop()
    draw([("reads", "#06c", reads), ("writes", "#c60", writes)], arguments.svg)
    return 1 if findings.missed else 0


if __name__ == "__main__":
    sys.exit(main())
