#!/usr/bin/env python3
"""weir beside redis-server: GET hits, durable SET, INCR of one key.

Both servers run at once, each alone on the measured core while it is asked; the generator
(redis-benchmark, the same for both) has the other core. Rounds alternate between the two, and the
table shows medians over the rounds, with weir / redis as ratio. Server CPU is user + system time of
the whole process, its background threads included, divided by the requests.

    ./dev bench serve [--rounds 5] [--scale 1.0] [--only get|set|incr]
"""
import argparse
import csv
import io
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIR = os.path.join(ROOT, "build", "release", "weir")
SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 50
VALUE_BYTES = 100
GET_KEYS = 1_000_000
SET_KEYS = 100_000
TICKS = os.sysconf("SC_CLK_TCK")

CONFIG = """
[server]
memory = "4GiB"
threads = 1
[[keyspace]]
prefix = "key:"
[[keyspace]]
prefix = "other:"
[[limit]]
name = "per-client"
per = "client"
rate = "100000000/s"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command, **options):
    return subprocess.Popen(["taskset", "-c", str(core)] + command, **options)


class Server:
    def __init__(self, name, command, port, admin=None):
        self.name, self.port, self.admin = name, port, admin
        self.process = pinned(SERVER_CORE, command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit(f"bench: {name} did not start: {' '.join(command)}")
                time.sleep(0.05)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def counter(self, name):
        if self.admin is None:
            return None
        url = f"http://127.0.0.1:{self.admin}/metrics"
        text = urllib.request.urlopen(url).read().decode()
        return sum(float(value) for value in
                   re.findall(rf"^{name}(?:{{.*}})? ([0-9.e+]+)$", text, re.M))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def start_weir(folder):
    config = os.path.join(folder, "weir.toml")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    port, admin = free_port(), free_port()
    return Server("weir", [WEIR, "serve", "--config", config, "--listen", f"127.0.0.1:{port}",
                           "--admin", f"127.0.0.1:{admin}",
                           "--data", os.path.join(folder, "data")], port, admin)


def start_redis(folder, durable):
    port = free_port()
    os.makedirs(folder, exist_ok=True)
    persistence = (["--appendonly", "yes", "--appendfsync", "always",
                    "--auto-aof-rewrite-percentage", "0"] if durable else ["--appendonly", "no"])
    return Server("redis", ["redis-server", "--port", str(port), "--save", "", "--dir", folder]
                  + persistence, port)


def load(server):
    """Stores GET_KEYS values under the names that redis-benchmark asks for."""
    value = b"x" * VALUE_BYTES
    chunk = 1000
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for first in range(0, GET_KEYS, chunk):
            connection.sendall(b"".join(
                b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n" % (i, VALUE_BYTES, value)
                for i in range(first, first + chunk)))
            left = 5 * chunk
            while left > 0:
                left -= len(connection.recv(65536))


def measure(server, command, pipeline, requests, keys):
    """One round: requests a second, p50 and p99 in ms, CPU µs a request, writes an fsync."""
    fsyncs = server.counter("weir_store_fsyncs_total")
    cpu = server.cpu_seconds()
    output = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), "redis-benchmark", "-p", str(server.port),
         "-t", command, "-d", str(VALUE_BYTES), "-r", str(keys), "-c", str(CONNECTIONS),
         "-n", str(requests), "-P", str(pipeline), "--csv"],
        capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - cpu
    row = list(csv.DictReader(io.StringIO(output)))[-1]
    result = {"rps": float(row["rps"]), "p50": float(row["p50_latency_ms"]),
              "p99": float(row["p99_latency_ms"]), "cpu": cpu * 1e6 / requests}
    if fsyncs is not None and server.counter("weir_store_fsyncs_total") > fsyncs:
        # Requests, not records: the writes of one key in a batch share a record.
        result["per_fsync"] = requests / (server.counter("weir_store_fsyncs_total") - fsyncs)
    return result


def compare(title, servers, command, pipeline, requests, keys, rounds):
    results = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            results[server.name].append(measure(server, command, pipeline, requests, keys))
    median = {name: {key: statistics.median(row[key] for row in rows if key in row)
                     for key in rows[0]} for name, rows in results.items()}
    weir, redis = median["weir"], median["redis"]
    ratios = {key: statistics.median(a[key] / b[key] for a, b in
                                     zip(results["weir"], results["redis"]))
              for key in ("rps", "p99", "cpu")}
    per_fsync = f"{weir['per_fsync']:9.1f}" if "per_fsync" in weir else "        –"
    print(f"{title:<22}{weir['rps']:>10.0f}{redis['rps']:>10.0f}{ratios['rps']:>7.2f}"
          f"{weir['p50']:>8.2f}{redis['p50']:>8.2f}{weir['p99']:>8.2f}{redis['p99']:>8.2f}"
          f"{ratios['p99']:>7.2f}{weir['cpu']:>8.2f}{redis['cpu']:>8.2f}{ratios['cpu']:>7.2f}"
          f"{per_fsync}", flush=True)


def header():
    print(f"{'':<22}{'requests a second':^27}{'p50 ms':^16}{'p99 ms':^23}"
          f"{'CPU µs a request':^23}  writes")
    print(f"{'':<22}{'weir':>10}{'redis':>10}{'ratio':>7}{'weir':>8}{'redis':>8}"
          f"{'weir':>8}{'redis':>8}{'ratio':>7}{'weir':>8}{'redis':>8}{'ratio':>7}"
          f"  a fsync", flush=True)


def run(options, folder):
    def times(requests):
        return max(int(requests * options.scale), 1000)

    header()
    if options.only in (None, "get"):
        servers = [start_weir(os.path.join(folder)), start_redis(folder + "/redis-get", False)]
        for server in servers:
            load(server)
        for pipeline, requests in ((1, 200_000), (16, 1_500_000), (64, 3_000_000)):
            compare(f"GET hit, pipeline {pipeline}", servers, "get", pipeline, times(requests),
                    GET_KEYS, options.rounds)
        for server in servers:
            server.stop()
        shutil.rmtree(os.path.join(folder, "data"))
    if options.only in (None, "set", "incr"):
        servers = [start_weir(folder), start_redis(folder + "/redis-set", True)]
        if options.only in (None, "set"):
            for pipeline, requests in ((1, 100_000), (16, 600_000), (64, 1_000_000)):
                compare(f"durable SET, pipeline {pipeline}", servers, "set", pipeline,
                        times(requests), SET_KEYS, options.rounds)
        if options.only in (None, "incr"):
            compare("durable INCR, one key", servers, "incr", 1, times(100_000), 1,
                    options.rounds)
        for server in servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual requests")
    parser.add_argument("--only", choices=("get", "set", "incr"))
    options = parser.parse_args()
    if not os.path.exists(WEIR):
        sys.exit("bench: build/release/weir is missing; run ./dev build")
    version = subprocess.run([WEIR, "version"], capture_output=True, text=True,
                             check=True).stdout.strip()
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True,
                           check=True).stdout.split()[2]
    print(f"{version}; redis {redis}; {options.rounds} rounds, medians; ratio = weir / redis, of "
          f"pairs in the same round; {CONNECTIONS} connections, values of {VALUE_BYTES} B")
    # Beside the build, not in /tmp: that may be memory, where an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=os.path.join(ROOT, "build")) as folder:
        run(options, folder)


if __name__ == "__main__":
    main()
